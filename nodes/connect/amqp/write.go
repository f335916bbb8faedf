package amqp

import (
	"context"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file is the kind amqp.write.

// writer is the kind amqp.write.
type writer struct {
	Link
	Exchange   string      `yaml:"exchange" doc:"Where to. Without it, to the queue of which routing_key is the name."`
	RoutingKey config.Text `yaml:"routing_key" doc:"By what the exchange finds queues: a text as it is, such as orders.eu, or an expression over the item's fields, such as '\"orders.\" + country'."`
	message.Writing
	Mandatory  bool                    `yaml:"mandatory" doc:"A message that goes to no queue is a bad item. With false the broker throws it away."`
	Persistent bool                    `yaml:"persistent" doc:"The broker writes messages to disk. Those of durable queues are there after a restart then."`
	Headers    config.Map[config.Text] `yaml:"headers" doc:"Headers of a message, with an expression each that gives a text; null leaves one out."`
	ID         config.Text             `yaml:"id" doc:"The message id, an expression of type string, by which readers know a message again."`
	Time       config.Text             `yaml:"time" doc:"The time of the message, an expression of type time; the broker keeps whole seconds."`
	Expiry     time.Duration           `yaml:"expiry" min:"1ms" doc:"After which time in a queue the broker throws a message away."`

	fixed        string // the routing key, if it is the same for all
	keyed        bool   // it is the first of the parts
	idAt, timeAt int    // of the parts; -1: there is none
	headersFrom  int
	parts        []message.Part
}

var writeDecl = nodes.Kind("amqp.write", "Publishes items as messages to RabbitMQ, or to another broker of AMQP 0-9-1.",
	&writer{Link: Link{Heartbeat: 10 * time.Second}, Mandatory: true, Persistent: true, Writing: message.Writing{Format: message.FormatJSON}},
	nodes.InPort(graph.Port{Name: "in", Doc: "The items."}),
	nodes.Workers(graph.Single),
	nodes.Tries(),
	nodes.Lines("never", "the broker is slow, full or away", "its input has ended, and the broker has confirmed all",
		"the broker refuses the login or the exchange, or is away for longer than retry says; an item that it refuses, or that goes to no queue, is a bad item"),
	nodes.Example(graph.Example{
		Title: "Orders to a queue",
		Flow: `flow: orders
nodes:
  orders: {use: file.read, with: {path: orders.jsonl, as: "{id: int, item: string}"}}
  queue:  {use: amqp.write, in: orders, with: {url: "amqp://127.0.0.1:5672", routing_key: orders, id: string(id)}}
  out:    {use: file.write, in: orders, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"orders.jsonl": `{"id":1,"item":"cup"}` + "\n"},
		Peer:  "RabbitMQ has a message for each order in the queue `orders` then: `amqp-get -q orders` shows one.",
		Want:  map[string]string{"-": `{"id":1,"item":"cup"}` + "\n"},
	}),
)

// Infer implements graph.Inferer.
func (k *writer) Infer(c *graph.Inference) {
	k.check(c)
	in := k.Writing.Infer(c)
	k.parts, k.fixed, k.keyed, k.idAt, k.timeAt = nil, "", false, -1, -1
	part := func(text config.Text, t *types.Type, what string) int {
		if text.Value == "" {
			return -1
		}
		e := c.Expr(text, in)
		e.Want(t, what, c.List())
		k.parts = append(k.parts, message.Part{Name: what, Expr: e})
		return len(k.parts) - 1
	}
	if k.RoutingKey.Value != "" {
		var key *expr.Expr
		if k.fixed, key = message.Target(c, in, k.RoutingKey, "routing_key"); key != nil {
			k.keyed = true
			k.parts = append(k.parts, message.Part{Name: "routing_key", Expr: key})
		}
	} else if k.Exchange == "" && !c.Unread("routing_key") {
		c.List().Add(diag.MissingKey, c.Node.At, "%s: without an exchange there must be a routing_key, the name of a queue", c.Node.ID).WithHint("routing_key: orders")
	}
	k.idAt = part(k.ID, types.String.Opt(), "id")
	k.timeAt = part(k.Time, types.Time.Opt(), "time")
	k.headersFrom = len(k.parts)
	k.parts = append(k.parts, message.HeaderParts(c, in, k.Headers)...)
}

// Operator implements nodes.Maker.
func (k *writer) Operator(env *nodes.Env) (nodes.Operator, error) {
	e, err := k.NewEncoder(env.In("in"), k.parts, nil)
	if err != nil {
		return nil, err
	}
	s := &message.Sink{
		Env: env, What: theServer, Encoder: e, Lost: lost,
		Connect: func(ctx context.Context) (message.Sender, error) { return k.connect(ctx, env) },
	}
	return s.Operator(), nil
}

// Channels implements graph.Channeled.
func (k *writer) Channels(func(string) string) []graph.Channel {
	if k.Exchange != "" {
		return k.channel("exchange", k.Exchange)
	}
	return k.channel("queue", k.fixed)
}
