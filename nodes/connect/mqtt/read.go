package mqtt

import (
	"context"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file is the kind mqtt.read.

// reader is the kind mqtt.read.
type reader struct {
	Link
	Topics []string `yaml:"topics,required" lone:"true" min:"1" doc:"Which messages: topics, in which + stands for one level and # for all that follow. With $share/GROUP/ before one, all processes of the group share its messages."`
	QoS    int64    `yaml:"qos" min:"0" max:"2" doc:"0: what is under way when something fails is lost. 1: it comes again, and may come twice. 2: the same, but the broker sends nothing twice on its own account."`
	message.Reading
	SessionExpiry time.Duration `yaml:"session_expiry" min:"1s" doc:"How long the broker keeps messages while the flow does not run. Afterwards they are lost."`
	Clean         bool          `yaml:"clean" doc:"Begin with a new session: what the broker has kept for this one is thrown away, and so are topics of before."`
	ReceiveMax    int64         `yaml:"receive_max" min:"1" max:"65535" doc:"How many messages of QoS 1 and 2 may be under way without being acknowledged. The broker may have a smaller limit of its own."`

	shape message.Shape
}

var properties = []message.Property{
	{Name: "topic", Type: types.String, Doc: "where it was published"},
	{Name: "retained", Type: types.Bool, Doc: "whether it was there before the subscription was"},
	{Name: "duplicate", Type: types.Bool, Doc: "whether the broker may have sent it before"},
	{Name: "qos", Type: types.Int, Doc: "0, 1 or 2"},
	{Name: "content_type", Type: types.String.Opt(), Doc: "such as application/json"},
	{Name: "response_topic", Type: types.String.Opt(), Doc: "where an answer is awaited"},
	{Name: message.Headers, Type: types.String.Opt(), Doc: "a user property"},
}

var readDecl = nodes.Kind("mqtt.read", "Reads the messages of topics of an MQTT broker.",
	&reader{Link: Link{KeepAlive: 30 * time.Second}, QoS: 1, Reading: message.Reading{Format: message.FormatJSON}, SessionExpiry: time.Hour, ReceiveMax: 1000},
	nodes.OutPort(graph.Port{Name: "out", Doc: "An item for each message."}),
	nodes.Workers(graph.Single),
	nodes.Interleaves(),
	nodes.Acknowledges(),
	nodes.Lines("messages have come", "its output is full, there are none, or the broker is away", "the flow is stopped",
		"the broker refuses the login or a topic, another client takes the client id, or the broker is away for longer than retry says; a message that cannot be read is a bad item"),
	nodes.Example(graph.Example{
		Title: "Readings of all rooms",
		Flow: `flow: rooms
nodes:
  readings: {use: mqtt.read, with: {url: "mqtt://127.0.0.1:1883", topics: "rooms/+/climate", as: "{celsius: float}", meta: {topic: topic}}}
  out:      {use: file.write, in: readings, with: {path: "-", format: jsonl}}
`,
		Peer: "A sensor publishes twice: `mosquitto_pub -V 5 -q 1 -t rooms/kitchen/climate -m '{\"celsius\": 21.5}'`, and the same for `rooms/attic/climate` with 17. Then the flow is stopped.",
		Want: map[string]string{"-": `{"celsius":21.5,"topic":"rooms/kitchen/climate"}` + "\n" + `{"celsius":17,"topic":"rooms/attic/climate"}` + "\n"},
	}),
)

// Infer implements graph.Inferer.
func (k *reader) Infer(c *graph.Inference) {
	k.check(c)
	for _, t := range k.Topics {
		if why := badFilter(t); why != "" {
			c.List().Add(diag.WrongValue, c.Node.At, "%s: %q is no topic to subscribe to: %s", c.Node.ID, t, why).
				WithHint("such as sensors/kitchen, sensors/+/climate, sensors/# or $share/GROUP/sensors/#")
		}
	}
	k.shape = k.Reading.Infer(c, properties)
	c.Out("out", k.shape.Out)
}

// badFilter says what is wrong with a filter, "" if nothing is.
func badFilter(filter string) string {
	if rest, ok := strings.CutPrefix(filter, sharePrefix); ok {
		group, topic, _ := strings.Cut(rest, "/")
		if group == "" || strings.ContainsAny(group, "+#") || topic == "" {
			return "behind $share/ there must be a name and a topic"
		}
		filter = topic
	}
	levels := strings.Split(filter, "/")
	for i, level := range levels {
		switch {
		case filter == "" || strings.Contains(level, "\x00"):
			return "it is empty, or has a zero byte"
		case level != "+" && strings.Contains(level, "+"):
			return "+ stands for a whole level"
		case strings.Contains(level, "#") && (level != "#" || i < len(levels)-1):
			return "# stands for all levels that follow, at the end"
		}
	}
	return ""
}

const sharePrefix = "$share/"

// Acks implements graph.Acker: of QoS 0 the broker keeps nothing.
func (k *reader) Acks() bool { return k.QoS > 0 }

// Operator implements nodes.Maker.
func (k *reader) Operator(env *nodes.Env) (nodes.Operator, error) {
	d, err := k.NewDecoder(k.shape, env.Needed("out"))
	if err != nil {
		return nil, err
	}
	i := &inlet{k: k, env: env, clean: k.Clean || k.QoS == 0}
	env.Notes = i.notes.Notes
	s := &message.Source[token]{
		Env: env, What: theBroker, Decoder: d, Lost: lost, Keeps: k.Acks(),
		Connect: func(ctx context.Context) (message.Receiver[token], error) { return i.connect(ctx) },
		Place:   func(t token) string { return t.topic },
	}
	s.Standing = func() (lag, redelivered int64) { return -1, i.again.Load() }
	return s.Operator(), nil
}

// Channels implements graph.Channeled.
func (k *reader) Channels(func(string) string) []graph.Channel { return k.channels(k.Topics...) }
