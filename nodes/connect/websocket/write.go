package websocket

import (
	"context"
	"errors"
	"io"
	"time"
	"unicode/utf8"

	client "github.com/coder/websocket"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file is the kind websocket.write.

// writer is the kind websocket.write.
type writer struct {
	Link
	message.Writing
	Binary bool `yaml:"binary" doc:"Messages are sent as bytes, not as texts; those of format avro and protobuf always are."`
}

var writeDecl = nodes.Kind("websocket.write", "Sends items as messages over a WebSocket.",
	&writer{Link: Link{Ping: 30 * time.Second}, Writing: message.Writing{Format: message.FormatJSON}},
	nodes.InPort(graph.Port{Name: "in", Doc: "The items."}),
	nodes.Workers(graph.Single),
	nodes.Tries(),
	nodes.Lines("never", "the server is slow or away", "its input has ended, all is sent, and the server has answered the farewell, or does not within five seconds",
		"the server refuses the connection, or is away for longer than retry says"),
	nodes.Example(graph.Example{
		Title: "Positions to a map",
		Flow: `flow: positions
nodes:
  cars: {use: file.read, with: {path: cars.jsonl, as: "{car: int, lat: float, lon: float}"}}
  map:  {use: websocket.write, in: cars, with: {url: "ws://map.example/positions"}}
  out:  {use: file.write, in: cars, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"cars.jsonl": `{"car":1,"lat":52.5,"lon":13.4}` + "\n"},
		Peer:  "The server gets a message for each line: `{\"car\":1,\"lat\":52.5,\"lon\":13.4}`.",
		Want:  map[string]string{"-": `{"car":1,"lat":52.5,"lon":13.4}` + "\n"},
	}),
)

// Infer implements graph.Inferer.
func (k *writer) Infer(c *graph.Inference) {
	k.check(c)
	k.Writing.Infer(c)
}

// Operator implements nodes.Maker.
func (k *writer) Operator(env *nodes.Env) (nodes.Operator, error) {
	e, err := k.NewEncoder(env.In("in"), nil, nil)
	if err != nil {
		return nil, err
	}
	s := &message.Sink{
		Env: env, What: theServer, Encoder: e, Lost: lost,
		Connect: func(ctx context.Context) (message.Sender, error) {
			w, err := k.open(ctx, env, discard)
			return &sender{k, w}, err
		},
	}
	return s.Operator(), nil
}

// discard takes what the server says, which nobody has asked for.
func discard(_ *wire, _ bool, r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// A sender is a session of websocket.write.
type sender struct {
	k *writer
	w *wire
}

var errNotText = errors.New("it is not UTF-8, and cannot be sent as a text: binary: true sends bytes")

// Send implements message.Sender. A message that was written in part is not: the connection
// has ended then.
func (s *sender) Send(ctx context.Context, ms []*message.Outgoing) error {
	kind := client.MessageText
	if s.k.Binary || s.k.Packed() {
		kind = client.MessageBinary
	}
	for _, m := range ms {
		switch {
		case s.w.ctx.Err() != nil:
			return s.w.why()
		case kind == client.MessageText && s.k.Format == message.FormatRaw && !utf8.Valid(m.Body):
			m.Err = errNotText
			continue
		}
		if err := s.w.conn.Write(ctx, kind, m.Body); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			s.w.fail(plain(err))
			return s.w.why()
		}
		m.Kept = true
		s.w.sent.Add(1)
	}
	return nil
}

// Close implements message.Sender.
func (s *sender) Close() { s.w.close() }

// Unsure implements message.Unconfirmed.
func (s *sender) Unsure() int64 { return s.w.unsure() }

// Examine implements nodes.Examiner.
func (k *writer) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.examine(ctx, env)
}

var (
	_ nodes.Examiner = (*reader)(nil)
	_ nodes.Examiner = (*writer)(nil)
)
