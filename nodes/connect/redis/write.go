package redis

import (
	"context"
	"errors"
	"fmt"

	client "github.com/redis/go-redis/v9"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file is the kind redis.write.

// writer is the kind redis.write.
type writer struct {
	Link
	Mode string `yaml:"mode" enum:"stream|list|pubsub" doc:"What key is: a stream, which gets an entry for each item; a list, which gets an element at its left end; or a channel, where the item is published."`
	Key  string `yaml:"key,required" doc:"The key of the stream or list, or the name of the channel."`
	message.Writing
	MaxLen int64 `yaml:"max_len" min:"1" doc:"Of a stream: about how many entries it keeps. The oldest are taken out, also those that nobody has read."`

	in *types.Type
}

var writeDecl = nodes.Kind("redis.write", "Writes items into a stream, a list or a channel of Redis.",
	&writer{Mode: modeStream, Writing: message.Writing{Format: message.FormatJSON}},
	nodes.InPort(graph.Port{Name: "in", Doc: "The items."}),
	nodes.Workers(graph.Single),
	nodes.Tries(),
	nodes.Lines("never", "Redis is slow, full or away", "its input has ended, and Redis has all",
		"Redis refuses the login, or is away for longer than retry says; an item that it refuses is a bad item"),
	nodes.Example(graph.Example{
		Title: "Orders into a stream",
		Flow: `flow: orders
nodes:
  orders: {use: file.read, with: {path: orders.jsonl, as: "{id: int, item: string}"}}
  stream: {use: redis.write, in: orders, with: {url: "redis://127.0.0.1:6379", key: orders}}
  out:    {use: file.write, in: orders, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"orders.jsonl": `{"id":1,"item":"cup"}` + "\n"},
		Peer:  "Redis has an entry for each order then: `redis-cli XRANGE orders - +`.",
		Want:  map[string]string{"-": `{"id":1,"item":"cup"}` + "\n"},
	}),
)

// Infer implements graph.Inferer.
func (k *writer) Infer(c *graph.Inference) {
	k.check(c)
	if k.MaxLen > 0 && k.Mode != modeStream {
		c.List().Warn(diag.Ineffective, c.Node.At, "%s: max_len has no effect on mode: %s", c.Node.ID, k.Mode).WithHint("it is for streams")
	}
	if k.Mode == modeStream && k.Format != message.FormatJSON {
		c.List().Add(diag.Conflict, c.Node.At, "%s: an entry of a stream has fields, and is not %s", c.Node.ID, k.Format).WithHint("leave out format")
		return
	}
	k.in = k.Writing.Infer(c)
}

// Operator implements nodes.Maker.
func (k *writer) Operator(env *nodes.Env) (nodes.Operator, error) {
	in := env.In("in")
	var body record.RowWriter
	if k.Mode == modeStream {
		body = message.TextWriter(appendFields(in, lengthNames(in)))
	}
	e, err := k.NewEncoder(in, nil, body)
	if err != nil {
		return nil, err
	}
	s := &message.Sink{
		Env: env, What: theServer, Encoder: e, Lost: lost,
		Connect: func(ctx context.Context) (message.Sender, error) {
			c, err := k.open(ctx, env, "")
			if err != nil {
				return nil, err
			}
			return &sender{k: k, c: c}, nil
		},
	}
	return s.Operator(), nil
}

// A sender is a session of redis.write.
type sender struct {
	k *writer
	c *conn
}

// inTransaction is how many commands are one transaction: all are done, or none, so that a
// server that is full for a moment cannot take the later ones of some.
const inTransaction = 1000

var errNoFields = errors.New("an entry of a stream must have a field that is not null")

// Send implements message.Sender.
func (s *sender) Send(ctx context.Context, ms []*message.Outgoing) error {
	defer context.AfterFunc(ctx, func() { s.c.Close() })()
	for len(ms) > 0 {
		n := min(len(ms), inTransaction)
		left := make([]*message.Outgoing, 0, n)
		for _, m := range ms[:n] {
			if m.Err = s.unfit(m); m.Err == nil {
				left = append(left, m)
			}
		}
		for len(left) > 0 {
			var err error
			if left, err = s.transact(context.WithoutCancel(ctx), left); err != nil {
				return s.k.advised(err)
			}
		}
		ms = ms[n:]
	}
	return nil
}

// mostBytes is how long a value may be that Redis takes (proto-max-bulk-len, by default).
const mostBytes = 512 << 20

// unfit says why a message cannot be one of Redis, nil if it can.
func (s *sender) unfit(m *message.Outgoing) error {
	switch {
	case s.k.Mode == modeStream && len(m.Body) == 0:
		return errNoFields
	case len(m.Body) > mostBytes:
		return fmt.Errorf("it has %d bytes, and Redis takes %d", len(m.Body), mostBytes)
	}
	return nil
}

// transact sends messages in one transaction, all or none. If that is refused because of some,
// these have their errors, and the others are left.
func (s *sender) transact(ctx context.Context, ms []*message.Outgoing) (left []*message.Outgoing, err error) {
	p := s.c.TxPipeline()
	of := make([]*client.Cmd, len(ms))
	args := make([]any, 0, 16*len(ms))
	for i, m := range ms {
		from := len(args)
		switch s.k.Mode {
		case modeStream:
			args = append(args, "xadd", s.k.Key)
			if s.k.MaxLen > 0 {
				args = append(args, "maxlen", "~", s.k.MaxLen)
			}
			args = appendArgs(append(args, "*"), m.Body)
		case modeList:
			args = append(args, "lpush", s.k.Key, m.Body)
		default:
			args = append(args, "publish", s.k.Key, m.Body)
		}
		of[i] = p.Do(ctx, args[from:len(args):len(args)]...)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	_, err = p.Exec(ctx)
	if err != nil && !answered(err) {
		return nil, err
	}
	aborted, refused := is(err, "EXECABORT"), false
	for i, c := range of {
		switch err := c.Err(); {
		case err == nil:
			ms[i].Kept = true
		case is(err, "EXECABORT"):
			left = append(left, ms[i])
		case lost(err) || is(err, "NOPERM"):
			return nil, err
		default:
			ms[i].Err, refused = message.Refused(theServer, s.k.of(s.k.Mode, s.k.Key, err)), true
		}
	}
	if aborted && !refused {
		return nil, err
	}
	return left, nil
}

// Close implements message.Sender.
func (s *sender) Close() { s.c.Close() }

// Channels implements graph.Channeled.
func (k *writer) Channels(func(string) string) []graph.Channel { return k.channel(k.Mode, k.Key) }
