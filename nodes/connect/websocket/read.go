package websocket

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file is the kind websocket.read.

// reader is the kind websocket.read.
type reader struct {
	Link
	message.Reading
	MaxMessage config.Size `yaml:"max_message" min:"1B" max:"1GiB" doc:"How long a message may be. A longer one is a bad item."`

	shape message.Shape
}

var properties = []message.Property{{Name: "binary", Type: types.Bool, Doc: "whether it came as bytes, not as a text"}}

var readDecl = nodes.Kind("websocket.read", "Receives the messages of a WebSocket.",
	&reader{Link: Link{Ping: 30 * time.Second}, Reading: message.Reading{Format: message.FormatJSON}, MaxMessage: 32 << 20},
	nodes.OutPort(graph.Port{Name: "out", Doc: "An item for each message."}),
	nodes.Workers(graph.Single),
	nodes.Interleaves(),
	nodes.Lines("messages have come", "its output is full, there are none, or the server is away", "the flow is stopped",
		"the server refuses the connection, or is away for longer than retry says; a message that cannot be read is a bad item"),
	nodes.Example(graph.Example{
		Title: "Trades as they happen",
		Flow: `flow: trades
nodes:
  trades: {use: websocket.read, with: {url: "ws://feed.example/trades", send: '{"subscribe": "BTC"}', as: "{pair: string, price: float}"}}
  out:    {use: file.write, in: trades, with: {path: "-", format: jsonl}}
`,
		Peer: "The server gets `{\"subscribe\": \"BTC\"}`, and sends `{\"pair\": \"BTC\", \"price\": 64000.5}` and then `{\"pair\": \"BTC\", \"price\": 64001}`. Then the flow is stopped.",
		Want: map[string]string{"-": `{"pair":"BTC","price":64000.5}` + "\n" + `{"pair":"BTC","price":64001}` + "\n"},
	}),
)

// Infer implements graph.Inferer.
func (k *reader) Infer(c *graph.Inference) {
	k.check(c)
	k.shape = k.Reading.Infer(c, properties)
	c.Out("out", k.shape.Out)
}

// Operator implements nodes.Maker.
func (k *reader) Operator(env *nodes.Env) (nodes.Operator, error) {
	d, err := k.NewDecoder(k.shape, env.Needed("out"))
	if err != nil {
		return nil, err
	}
	s := &message.Source[struct{}]{
		Env: env, What: theServer, Decoder: d, Lost: lost,
		Connect: func(ctx context.Context) (message.Receiver[struct{}], error) { return k.connect(ctx, env) },
		Place:   func(struct{}) string { return k.URL.String() },
	}
	return s.Operator(), nil
}

const (
	// mostQueued is how many bytes of messages wait for the flow; behind them the server does.
	mostQueued = 4 << 20
	// overhead is what a message takes beside its body, in bytes, about.
	overhead = 200
)

// A receiver is a session of websocket.read.
type receiver struct {
	k *reader
	w *wire

	mu    sync.Mutex
	queue []message.Message[struct{}]
	bytes int
	more  chan struct{} // something is in the queue
	room  chan struct{} // something has left the queue
}

func (k *reader) connect(ctx context.Context, env *nodes.Env) (*receiver, error) {
	r := &receiver{k: k, more: make(chan struct{}, 1), room: make(chan struct{}, 1)}
	w, err := k.open(ctx, env, r.take)
	r.w = w
	return r, err
}

// take puts a message into the queue, on the goroutine of the wire. It waits while that is full.
func (r *receiver) take(w *wire, binary bool, from io.Reader) error {
	var m message.Message[struct{}]
	body, err := io.ReadAll(io.LimitReader(from, int64(r.k.MaxMessage)+1))
	if err != nil {
		return err
	}
	if m.Body = body; len(body) > int(r.k.MaxMessage) {
		m.Err = fmt.Errorf("the message has more than %d bytes, which is max_message", r.k.MaxMessage)
		if _, err := io.Copy(io.Discard, from); err != nil {
			return err
		}
	}
	m.Props = make([]message.Value, len(r.k.shape.Asked)) // there is one property
	if binary {
		for i := range m.Props {
			m.Props[i].Int = 1
		}
	}
	r.mu.Lock()
	for r.bytes > mostQueued {
		r.mu.Unlock()
		w.busy.Store(true)
		select {
		case <-r.room:
		case <-w.ctx.Done():
			return w.why()
		}
		w.busy.Store(false)
		r.mu.Lock()
	}
	r.queue = append(r.queue, m)
	r.bytes += len(body) + overhead
	r.mu.Unlock()
	poke(r.more)
	return nil
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Receive implements message.Receiver.
func (r *receiver) Receive(ctx context.Context) ([]message.Message[struct{}], error) {
	for {
		over := r.w.ctx.Err() != nil
		r.mu.Lock()
		ms := r.queue
		r.queue, r.bytes = nil, 0
		r.mu.Unlock()
		if len(ms) > 0 {
			poke(r.room)
			return ms, nil
		}
		if over {
			return nil, r.w.why()
		}
		select {
		case <-r.more:
		case <-r.w.ctx.Done():
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Ack implements message.Receiver; it is never called.
func (r *receiver) Ack(context.Context, []struct{}) error { return nil }

// Close implements message.Receiver.
func (r *receiver) Close() { r.w.close() }

// Examine implements nodes.Examiner.
func (k *reader) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.examine(ctx, env)
}
