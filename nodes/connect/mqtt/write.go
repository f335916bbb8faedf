package mqtt

import (
	"context"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file is the kind mqtt.write.

// writer is the kind mqtt.write.
type writer struct {
	Link
	Topic config.Text `yaml:"topic,required" doc:"Where to: a topic as it is, such as alarms/fire, or an expression over the item's fields, such as '\"rooms/\" + room'."`
	QoS   int64       `yaml:"qos" min:"0" max:"2" doc:"0: nobody confirms a message. 1: the broker does, and may get it twice when a connection breaks. 2: it does not get it twice as long as it has the session."`
	message.Writing
	Retain  bool                    `yaml:"retain" doc:"The broker keeps the last message of each topic, for those who subscribe later."`
	Headers config.Map[config.Text] `yaml:"headers" doc:"User properties of a message, with an expression each that gives a text; null leaves one out."`
	Expiry  time.Duration           `yaml:"expiry" min:"1s" doc:"After which time the broker throws a message away that it could not deliver."`

	fixed string // the topic, if it is the same for all
	parts []message.Part
}

var writeDecl = nodes.Kind("mqtt.write", "Publishes items as messages of an MQTT broker.",
	&writer{Link: Link{KeepAlive: 30 * time.Second}, QoS: 1, Writing: message.Writing{Format: message.FormatJSON}},
	nodes.InPort(graph.Port{Name: "in", Doc: "The items."}),
	nodes.Workers(graph.Single),
	nodes.Tries(),
	nodes.Lines("never", "the broker is slow or away", "its input has ended, and the broker has all",
		"the broker refuses the login, another client takes the client id, or the broker is away for longer than retry says; an item that it refuses is a bad item"),
	nodes.Example(graph.Example{
		Title: "Alarms of hot rooms",
		Flow: `flow: alarms
nodes:
  readings: {use: file.read, with: {path: readings.jsonl, as: "{room: string, celsius: float}"}}
  hot:      {use: filter, in: readings, with: {where: celsius > 30}}
  alarms:   {use: mqtt.write, in: hot, with: {url: "mqtt://127.0.0.1:1883", topic: '"alarms/" + room'}}
  out:      {use: file.write, in: hot, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"readings.jsonl": `{"room":"kitchen","celsius":21.5}` + "\n" + `{"room":"attic","celsius":41}` + "\n"},
		Peer:  "Whoever listens with `mosquitto_sub -V 5 -q 1 -v -t 'alarms/#'` sees `alarms/attic {\"room\":\"attic\",\"celsius\":41}`.",
		Want:  map[string]string{"-": `{"room":"attic","celsius":41}` + "\n"},
	}),
)

// Infer implements graph.Inferer.
func (k *writer) Infer(c *graph.Inference) {
	k.check(c)
	in := k.Writing.Infer(c)
	at := c.Node.At
	if k.Topic.YAML != nil {
		at = k.Topic.YAML.Span
	}
	k.parts = nil
	var topic *expr.Expr
	if k.fixed, topic = message.Target(c, in, k.Topic, "topic"); topic != nil {
		k.parts = append(k.parts, message.Part{Name: "topic", Expr: topic})
	} else if why := badTopic(k.fixed); why != "" {
		c.List().Add(diag.WrongValue, at, "%s: %s", c.Node.ID, why).WithHint("such as alarms/fire")
	}
	k.parts = append(k.parts, message.HeaderParts(c, in, k.Headers)...)
	if k.QoS == 0 && k.Expiry > 0 {
		c.List().Warn(diag.Ineffective, c.Node.At, "%s: expiry has little effect on qos: 0", c.Node.ID).WithHint("the broker keeps only messages of qos 1 and 2 for those who are away")
	}
}

// badTopic says why nothing can be published to a topic, "" if it can.
func badTopic(topic string) string {
	switch {
	case topic == "":
		return "the topic is empty"
	case strings.ContainsAny(topic, "+#"):
		return "a message goes to one topic, without + and #"
	case strings.Contains(topic, "\x00"):
		return "the topic has a zero byte"
	case len(topic) > allows:
		return "the topic is longer than MQTT allows"
	}
	return ""
}

// Operator implements nodes.Maker.
func (k *writer) Operator(env *nodes.Env) (nodes.Operator, error) {
	o := &outlet{k: k, env: env, flights: map[*message.Outgoing]*flight{}}
	e, err := k.NewEncoder(env.In("in"), k.parts, nil)
	if err != nil {
		return nil, err
	}
	s := &message.Sink{
		Env: env, What: theBroker, Encoder: e, Lost: lost,
		Connect: func(ctx context.Context) (message.Sender, error) { return o.connect(ctx) },
	}
	return s.Operator(), nil
}

// Channels implements graph.Channeled.
func (k *writer) Channels(func(string) string) []graph.Channel {
	if k.fixed == "" {
		return nil
	}
	return k.channels(k.fixed)
}
