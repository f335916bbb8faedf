package nats

import (
	"context"
	"sync/atomic"
	"time"

	client "github.com/nats-io/nats.go"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file is the kind nats.read.

// The modes of nats.read and nats.write.
const (
	modeStream = "jetstream"
	modeCore   = "core"
	modeKV     = "kv"
)

// reader is the kind nats.read.
type reader struct {
	Link
	Mode    string `yaml:"mode" enum:"jetstream|core|kv" doc:"Where messages come from: a stream of JetStream, a subject that nobody keeps, or the changes of a bucket of keys and values. By default what stream, durable or bucket say, else core."`
	Subject string `yaml:"subject" doc:"Which messages: a subject such as orders.new, orders.* or orders.>. Of a stream all, if it is left out."`
	Stream  string `yaml:"stream" doc:"The stream. By default the one that has the subject."`
	Durable string `yaml:"durable" doc:"Of jetstream and kv: the durable by which the messages are read, and which is made if it is not there. Processes with the same durable share the messages. By default FLOW-NODE."`
	message.Reading
	Start         string        `yaml:"start" enum:"first|last" doc:"Of jetstream and kv: where a new durable begins: with the first message, or the present values of the keys; or behind the last, with what comes from now on."`
	AckWait       time.Duration `yaml:"ack_wait" min:"1s" doc:"Of a new durable: after which time without a sign of life what a process has under way is handed out again."`
	MaxAckPending int           `yaml:"max_ack_pending" min:"1" doc:"Of a new durable: how many messages may be under way with all processes together."`
	Queue         string        `yaml:"queue" doc:"Of core: those who share the messages, of which each goes to one. Without it each process gets all."`
	Bucket        string        `yaml:"bucket" doc:"Of kv: the bucket."`
	Key           string        `yaml:"key" doc:"Of kv: which keys, such as sensors.*. By default all."`

	shape message.Shape
}

var readDecl = nodes.Kind("nats.read", "Reads the messages of a stream or a subject of NATS, or the changes of a bucket.",
	&reader{Link: Link{Sync: syncAlways}, Reading: message.Reading{Format: message.FormatJSON}, Start: "first", AckWait: 5 * time.Second, MaxAckPending: 65_536},
	nodes.OutPort(graph.Port{Name: "out", Doc: "An item for each message, or change."}),
	nodes.Workers(graph.Single),
	nodes.Interleaves(),
	nodes.Acknowledges(),
	nodes.Lines("messages have come", "its output is full, there is nothing to read, or NATS is away", "the flow is stopped",
		"NATS refuses the login, the stream is not there, or NATS is away for longer than retry says; a message that cannot be read is a bad item"),
	nodes.Example(graph.Example{
		Title: "Orders from a stream",
		Flow: `flow: orders
nodes:
  orders: {use: nats.read, with: {url: "nats://127.0.0.1:4222", stream: ORDERS, as: "{id: int, item: string}", meta: {seq: seq}}}
  out:    {use: file.write, in: orders, with: {path: "-", format: jsonl}}
`,
		Peer: "NATS has a stream ORDERS of two messages: `nats pub orders.new '{\"id\": 1, \"item\": \"cup\"}'`, and one of a lamp. Then the flow is stopped.",
		Want: map[string]string{"-": `{"id":1,"item":"cup","seq":1}` + "\n" + `{"id":2,"item":"lamp","seq":2}` + "\n"},
	}),
)

var (
	subjectProperty = message.Property{Name: "subject", Type: types.String, Doc: "that it was published to"}
	headerProperty  = message.Property{Name: message.Headers, Type: types.String.Opt(), Doc: "a header; null if it has none of that name"}
	timeProperty    = message.Property{Name: "time", Type: types.Time, Doc: "when the server has got it"}

	coreProperties = []message.Property{subjectProperty,
		{Name: "reply_to", Type: types.String, Doc: "the subject at which an answer is expected; empty if none is"}, headerProperty}
	streamProperties = []message.Property{subjectProperty,
		{Name: "stream", Type: types.String, Doc: "that has it"},
		{Name: "seq", Type: types.Int, Doc: "its number in the stream"}, timeProperty,
		{Name: "delivered", Type: types.Int, Doc: "how often it was handed out, with this time"},
		{Name: "id", Type: types.String.Opt(), Doc: "by which the server knows it again (Nats-Msg-Id)"}, headerProperty}
	kvProperties = []message.Property{
		{Name: "key", Type: types.String, Doc: "of the value"},
		{Name: "revision", Type: types.Int, Doc: "of the value, which counts the changes of the bucket"},
		{Name: "operation", Type: types.String, Doc: "put, delete or purge"}, timeProperty}
)

// mode is what the settings say, or mean.
func modeOf(mode, stream, bucket string) string {
	switch {
	case mode != "":
		return mode
	case bucket != "":
		return modeKV
	case stream != "":
		return modeStream
	}
	return modeCore
}

func (k *reader) mode() string { return modeOf(k.Mode, k.Stream+k.Durable, k.Bucket) }

func (k *reader) properties() []message.Property {
	switch k.mode() {
	case modeStream:
		return streamProperties
	case modeKV:
		return kvProperties
	}
	return coreProperties
}

// kvPrefix is in front of the name of a bucket in that of its stream, and with $ in front of
// its keys in their subjects.
const kvPrefix = "KV_"

// where gives the stream and the subject of the messages; the stream is "" if the subject
// says which.
func (k *reader) where() (stream, subject string) {
	if k.mode() != modeKV {
		return k.Stream, k.Subject
	}
	if k.Key != "" {
		subject = keySubject(k.Bucket, k.Key)
	}
	return kvPrefix + k.Bucket, subject
}

func keySubject(bucket, key string) string { return "$KV." + bucket + "." + key }

// Infer implements graph.Inferer.
func (k *reader) Infer(c *graph.Inference) {
	k.check(c)
	mode := k.mode()
	warn := func(idle bool, key, what string) {
		if idle {
			c.List().Warn(diag.Ineffective, c.Node.At, "%s: %s has no effect on mode: %s", c.Node.ID, key, mode).WithHint("it is for %s", what)
		}
	}
	need := func(missing bool, key, hint string) {
		if missing && !c.Unread(key) {
			c.List().Add(diag.MissingKey, c.Node.At, "%s: the key %q is required with mode: %s", c.Node.ID, key, mode).WithHint("%s", hint)
		}
	}
	warn(k.Queue != "" && mode != modeCore, "queue", "mode: core; processes with the same durable share the messages of a stream")
	warn(k.Stream != "" && mode != modeStream, "stream", "mode: jetstream")
	warn(k.Durable != "" && mode == modeCore, "durable", "mode: jetstream and kv")
	warn(k.Bucket != "" && mode != modeKV, "bucket", "mode: kv")
	warn(k.Key != "" && mode != modeKV, "key", "mode: kv")
	warn(k.Subject != "" && mode == modeKV, "subject", "the others; here it is `key`")
	need(mode == modeCore && k.Subject == "", "subject", "subject: orders.>, or for the messages of a stream stream: ORDERS")
	need(mode == modeStream && k.Subject == "" && k.Stream == "", "stream", "stream: ORDERS")
	need(mode == modeKV && k.Bucket == "", "bucket", "bucket: settings")
	if why := badSubject(k.Subject, true); k.Subject != "" && why != nil {
		c.List().Add(diag.WrongValue, c.Node.At, "%s: the subject %q %s", c.Node.ID, k.Subject, why)
	}
	if why := badDurable(k.Durable); k.Durable != "" && why != nil {
		c.List().Add(diag.WrongValue, c.Node.At, "%s: the durable %q %s", c.Node.ID, k.Durable, why)
	}
	k.shape = k.Reading.Infer(c, k.properties())
	if k.deletes() && k.Format != message.FormatRaw {
		for _, f := range k.shape.Body.Fields {
			if !f.Type.Nullable && f.Type.Kind != types.KindError {
				c.List().Add(diag.WrongType, c.Node.At, "%s: a key that is deleted has no value, and the field %q is not null", c.Node.ID, f.Name).
					WithHint("write %s: %s?; or leave operation out of meta, and with it the deletions", f.Name, f.Type)
				break
			}
		}
	}
	c.Out("out", k.shape.Out)
}

// deletes reports whether deletions are items: that is so where somebody asks what has
// happened.
func (k *reader) deletes() bool {
	if k.mode() != modeKV || k.shape.Body == nil {
		return false
	}
	for _, p := range k.shape.Asked {
		if p.Name == "operation" {
			return true
		}
	}
	return false
}

// Acks implements graph.Acker: nobody keeps what is published to a plain subject.
func (k *reader) Acks() bool { return k.mode() != modeCore }

// Operator implements nodes.Maker.
func (k *reader) Operator(env *nodes.Env) (nodes.Operator, error) {
	d, err := k.NewDecoder(k.shape, env.Needed("out"))
	if err != nil {
		return nil, err
	}
	i := &inlet{k: k, env: env, notes: &nodes.Notebook{}}
	env.Notes = i.notes.Notes
	s := &message.Source[token]{
		Env: env, What: theServer, Decoder: d, Connect: i.connect, Lost: lost, Keeps: k.Acks(),
		Place: func(t token) string { return t.place(k.Subject) },
	}
	if k.Acks() {
		i.lag.Store(-1)
		s.Standing = func() (lag, redelivered int64) { return i.lag.Load(), i.again.Load() }
	}
	return s.Operator(), nil
}

// An inlet makes the sessions of a node, one after the other.
type inlet struct {
	k     *reader
	env   *nodes.Env
	notes *nodes.Notebook
	lag   atomic.Int64 // messages that wait for the durable, as the last one said
	again atomic.Int64 // messages that were handed out again
	been  bool         // there was a session
	left  []string     // how to say of what was under way with the last one that it was not done
}

// connect makes a session.
func (i *inlet) connect(ctx context.Context) (message.Receiver[token], error) {
	c, err := i.k.open(ctx, i.env)
	if err != nil {
		return nil, err
	}
	var r message.Receiver[token]
	if i.k.Acks() {
		r, err = i.consume(ctx, c)
	} else {
		r, err = i.subscribe(ctx, c)
	}
	if err != nil {
		c.Close()
		return nil, i.k.advised(err)
	}
	i.been = true
	return r, nil
}

// content makes a message.
func (i *inlet) content(m *client.Msg, t token) message.Message[token] {
	if t.stream != "" {
		i.lag.Store(t.pending)
		if t.delivered > 1 {
			i.again.Add(1)
		}
	}
	x := message.Message[token]{Token: t, Content: message.Content{Body: m.Data}}
	if len(i.k.shape.Asked) == 0 {
		return x
	}
	x.Props = make([]message.Value, len(i.k.shape.Asked))
	for p, asked := range i.k.shape.Asked {
		v := &x.Props[p]
		switch asked.Name {
		case "subject":
			v.Text = m.Subject
		case "reply_to":
			v.Text = m.Reply
		case "stream":
			v.Text = t.stream
		case "seq", "revision":
			v.Int = int64(t.seq)
		case "time":
			v.Int = t.time
		case "delivered":
			v.Int = int64(t.delivered)
		case "id":
			*v = headerOf(m, client.MsgIdHdr)
		case "key":
			v.Text = keyOf(m.Subject)
		case "operation":
			v.Text = operationOf(m)
		default:
			*v = headerOf(m, asked.Name[len(message.Headers):])
		}
	}
	return x
}

// headerOf gives a header, whose name is as it is written.
func headerOf(m *client.Msg, name string) message.Value {
	if vs := m.Header[name]; len(vs) > 0 {
		return message.Value{Text: vs[0]}
	}
	return message.Value{Null: true}
}
