package kafka

import (
	"context"
	"regexp"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file is the kind kafka.write.

// writer is the kind kafka.write.
type writer struct {
	Link
	Topic config.Text `yaml:"topic,required" doc:"The topic: a name as it is, or an expression that gives one for each item, such as '\"orders-\" + region'. A field alone has parentheses: (topic)."`
	message.Writing
	Key         config.Text             `yaml:"key" doc:"An expression of type string, bytes or int. Messages of one key are in one partition, in their order: the one that Kafka's own clients choose. Without a key, and where it is null, the partitions take turns."`
	Headers     config.Map[config.Text] `yaml:"headers" doc:"Headers with an expression of type string each, such as {kind: '\"order\"'}; null leaves one out."`
	Time        config.Text             `yaml:"time" doc:"An expression of type time: the timestamp of the message. By default the time when it is sent."`
	Create      bool                    `yaml:"create" doc:"Make a topic that is not there, with as many partitions and copies as the brokers make by default."`
	Acks        string                  `yaml:"acks" enum:"all|leader" doc:"Which brokers have a message when it counts as kept: all that are in sync, or the leader alone, which is quicker and loses what that one has not passed on when it fails."`
	Compression string                  `yaml:"compression" enum:"none|gzip|snappy|lz4|zstd" doc:"How batches are packed."`
	Most        config.Size             `yaml:"max_batch" min:"1kB" max:"1GB" doc:"How large a batch may be, and so a message, before it is packed. It is never more than the topic takes (max.message.bytes)."`

	topic *expr.Expr // nil: it is the same for all
	parts []message.Part
	at    struct{ topic, key, time, headers int } // where the parts are; -1: there is none
}

var writeDecl = nodes.Kind("kafka.write", "Writes items into topics of Kafka.",
	&writer{Writing: message.Writing{Format: message.FormatJSON}, Acks: "all", Compression: "none", Most: 1 << 20},
	nodes.InPort(graph.Port{Name: "in", Doc: "The items."}),
	nodes.Workers(graph.Single),
	nodes.Tries(),
	nodes.Lines("never", "Kafka is slow, full or away", "its input has ended, and Kafka has all",
		"Kafka refuses the login or the topic, or is away for longer than retry says; an item that it refuses is a bad item"),
	nodes.Example(graph.Example{
		Title: "Orders into a topic, those of a customer in one partition",
		Flow: `flow: orders
nodes:
  orders: {use: file.read, with: {path: orders.jsonl, as: "{customer: string, item: string}"}}
  topic:  {use: kafka.write, in: orders, with: {brokers: "127.0.0.1:9092", topic: orders, key: customer}}
  out:    {use: file.write, in: orders, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"orders.jsonl": `{"customer":"ann","item":"cup"}` + "\n"},
		Peer:  "Kafka has a topic orders, and a message in it for each order then: `kafka-console-consumer.sh --topic orders --from-beginning`.",
		Want:  map[string]string{"-": `{"customer":"ann","item":"cup"}` + "\n"},
	}),
)

// quotedText is an expression that is nothing but a text.
var quotedText = regexp.MustCompile(`^(?:"([^"\\]*)"|'([^'\\]*)')$`)

// fixed is the name of the topic where it is the same for all.
func (k *writer) fixed() (name string, ok bool) {
	if m := quotedText.FindStringSubmatch(k.Topic.Value); m != nil {
		return m[1] + m[2], true
	}
	return k.Topic.Value, isTopic(k.Topic.Value)
}

// Infer implements graph.Inferer.
func (k *writer) Infer(c *graph.Inference) {
	k.check(c)
	in := k.Writing.Infer(c)
	k.parts, k.topic = nil, nil
	k.at.topic, k.at.key, k.at.time, k.at.headers = -1, -1, -1, -1
	add := func(name string, text config.Text, want *types.Type) int {
		e := c.Expr(text, in)
		if want != nil {
			e.Want(want, name, c.List())
		}
		k.parts = append(k.parts, message.Part{Name: name, Expr: e})
		return len(k.parts) - 1
	}
	if !c.Unread("topic") {
		k.inferTopic(c, in, add)
	}
	if k.Key.YAML != nil {
		k.at.key = add("key", k.Key, nil)
		switch t := k.parts[k.at.key].Expr.Type(); t.Kind {
		case types.KindString, types.KindBytes, types.KindInt, types.KindError:
		default:
			c.List().Add(diag.WrongType, k.Key.YAML.Span, "key must be string, bytes or int, got %s", t).WithHint("string(…) makes a text of it")
		}
	}
	if k.Time.YAML != nil {
		k.at.time = add("time", k.Time, types.Time)
	}
	for _, h := range k.Headers {
		at := add("header "+h.Key, h.Value, types.String.Opt())
		if k.at.headers < 0 {
			k.at.headers = at
		}
	}
	if k.Acks == "leader" {
		c.List().Warn(diag.Ineffective, c.Node.At, "%s: with `acks: leader` a message that is confirmed may be lost when a broker fails", c.Node.ID).WithHint("leave out acks, unless that is meant")
	}
}

func (k *writer) inferTopic(c *graph.Inference, in *types.Type, add func(string, config.Text, *types.Type) int) {
	name, fixed := k.fixed()
	switch {
	case !fixed:
		k.at.topic = add("topic", k.Topic, types.String)
		k.topic = k.parts[k.at.topic].Expr
	case !isTopic(name):
		c.List().Add(diag.WrongValue, c.Node.At, "%s: %q is no name of a topic", c.Node.ID, name).WithHint("names have letters, digits and . _ -, up to 249")
	case in != nil && in.IsRecord() && in.Index(strings.Split(name, ".")[0]) >= 0 && !quotedText.MatchString(k.Topic.Value):
		c.List().Warn(diag.Ineffective, k.Topic.YAML.Span, "%s: the topic has the name %q, and is not what the field %s says", c.Node.ID, name, name).WithHint("write '(%s)' for the field, or '\"%s\"' for the name", name, name)
	}
}

// Operator implements nodes.Maker.
func (k *writer) Operator(env *nodes.Env) (nodes.Operator, error) {
	limits := map[string]int{}
	e, err := k.NewEncoder(env.In("in"), k.parts, nil)
	if err != nil {
		return nil, err
	}
	s := &message.Sink{
		Env: env, What: theServer, Encoder: e, Lost: lost,
		Connect: func(ctx context.Context) (message.Sender, error) { return k.connect(ctx, env, limits) },
	}
	return s.Operator(), nil
}
