package amqp

import (
	"context"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file is the kind amqp.read.

// reader is the kind amqp.read.
type reader struct {
	Link
	Queue    string `yaml:"queue,required" doc:"The queue that messages are taken from."`
	Prefetch int64  `yaml:"prefetch" min:"1" max:"65535" doc:"How many messages may be under way without being acknowledged."`
	message.Reading
	Declare *Declare `yaml:"declare" doc:"Makes the queue if it is not there: {} makes one that is durable, of the type that the broker has by default."`
	Bind    *Bind    `yaml:"bind" doc:"Binds the queue to an exchange, which has to be there."`

	shape message.Shape
}

// Declare says how a queue is made.
type Declare struct {
	Durable    *bool              `yaml:"durable" doc:"It is there after a restart of the broker; true by default."`
	Type       string             `yaml:"type" enum:"|classic|quorum" doc:"classic, on one machine; or quorum, on several that agree."`
	AutoDelete bool               `yaml:"auto_delete" doc:"It goes when its last consumer does."`
	Exclusive  bool               `yaml:"exclusive" doc:"It is for this connection alone, and goes with it."`
	Args       config.Map[string] `yaml:"args" doc:"Arguments of the broker, such as {x-max-length: 100000, x-dead-letter-exchange: dead}."`
}

// Bind says what comes into a queue.
type Bind struct {
	Exchange string   `yaml:"exchange,required" doc:"The exchange."`
	Key      []string `yaml:"key" lone:"true" doc:"The routing keys; of an exchange of type topic, * stands for one word and # for any number. By default all that an exchange of type fanout or topic gets."`
}

var properties = []message.Property{
	{Name: "exchange", Type: types.String, Doc: "where it was published; \"\" if to a queue"},
	{Name: "routing_key", Type: types.String, Doc: "as it was published"},
	{Name: "redelivered", Type: types.Bool, Doc: "whether the broker has given it before"},
	{Name: "time", Type: types.Time.Opt(), Doc: "what its sender says, in whole seconds"},
	{Name: "id", Type: types.String.Opt(), Doc: "the message id"},
	{Name: "type", Type: types.String.Opt(), Doc: "what its sender says"},
	{Name: "content_type", Type: types.String.Opt(), Doc: "such as application/json"},
	{Name: "correlation_id", Type: types.String.Opt(), Doc: "what an answer has to repeat"},
	{Name: "reply_to", Type: types.String.Opt(), Doc: "where an answer is awaited"},
	{Name: "priority", Type: types.Int, Doc: "0 to 9"},
	{Name: message.Headers, Type: types.String.Opt(), Doc: "a header, as a text"},
}

var readDecl = nodes.Kind("amqp.read", "Reads the messages of a queue of RabbitMQ, or of another broker of AMQP 0-9-1.",
	&reader{Link: Link{Heartbeat: 10 * time.Second}, Prefetch: 1000, Reading: message.Reading{Format: message.FormatJSON}},
	nodes.OutPort(graph.Port{Name: "out", Doc: "An item for each message."}),
	nodes.Workers(graph.Single),
	nodes.Interleaves(),
	nodes.Acknowledges(),
	nodes.Lines("messages have come", "its output is full, the queue is empty, or the broker is away", "the flow is stopped",
		"the broker refuses the login or the queue, or is away for longer than retry says; a message that cannot be read is a bad item"),
	nodes.Example(graph.Example{
		Title: "Orders from a queue",
		Flow: `flow: orders
nodes:
  orders: {use: amqp.read, with: {url: "amqp://127.0.0.1:5672", queue: orders, declare: {type: quorum}, as: "{id: int, item: string}", meta: {key: routing_key}}}
  out:    {use: file.write, in: orders, with: {path: "-", format: jsonl}}
`,
		Peer: "RabbitMQ has two messages in the queue `orders`: `amqp-publish -r orders -b '{\"id\": 1, \"item\": \"cup\"}'`, and one with `\"id\": 2` and a lamp. Then the flow is stopped.",
		Want: map[string]string{"-": `{"id":1,"item":"cup","key":"orders"}` + "\n" + `{"id":2,"item":"lamp","key":"orders"}` + "\n"},
	}),
)

// Infer implements graph.Inferer.
func (k *reader) Infer(c *graph.Inference) {
	k.check(c)
	if k.Declare != nil && k.Declare.Type == "quorum" && (k.Declare.Exclusive || k.Declare.AutoDelete || k.Declare.Durable != nil && !*k.Declare.Durable) {
		c.List().Add(diag.Conflict, c.Node.At, "%s: a queue of type quorum is durable, and neither exclusive nor deleted by itself", c.Node.ID).WithHint("type: classic")
	}
	k.shape = k.Reading.Infer(c, properties)
	c.Out("out", k.shape.Out)
}

// Acks implements graph.Acker.
func (k *reader) Acks() bool { return true }

// Operator implements nodes.Maker.
func (k *reader) Operator(env *nodes.Env) (nodes.Operator, error) {
	d, err := k.NewDecoder(k.shape, env.Needed("out"))
	if err != nil {
		return nil, err
	}
	i := &inlet{k: k, env: env}
	i.lag.Store(-1)
	s := &message.Source[uint64]{
		Env: env, What: theServer, Decoder: d, Lost: lost, Keeps: true,
		Connect:  func(ctx context.Context) (message.Receiver[uint64], error) { return i.connect(ctx) },
		Place:    func(uint64) string { return k.Queue },
		Standing: func() (lag, redelivered int64) { return i.lag.Load(), i.again.Load() },
	}
	return s.Operator(), nil
}

// Channels implements graph.Channeled.
func (k *reader) Channels(func(string) string) []graph.Channel {
	all := k.channel("queue", k.Queue)
	if k.Bind != nil {
		all = append(all, k.channel("exchange", k.Bind.Exchange)...)
	}
	return all
}
