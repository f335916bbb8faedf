package nats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	client "github.com/nats-io/nats.go"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file is the kind nats.write.

// writer is the kind nats.write.
type writer struct {
	Link
	Mode    string      `yaml:"mode" enum:"jetstream|core|kv" doc:"Where messages go: into a stream of JetStream, which confirms that it has them; to whoever listens at a subject now; or into a bucket of keys and values. By default what stream, id or bucket say, else core."`
	Subject config.Text `yaml:"subject" doc:"The subject: as it is, such as orders.new; or an expression that gives it for each item, such as reply_to or \"orders.\" + region: that is what begins with the name of a field, or has quotes."`
	ReplyTo config.Text `yaml:"reply_to" doc:"Of core: the subject at which answers are expected, as it is or as an expression; an item that gives an empty one expects none."`
	Stream  string      `yaml:"stream" doc:"The stream that must have the subject."`
	message.Writing
	Drop    []config.Name           `yaml:"drop" lone:"true" doc:"Of format json: fields that are not part of the message, such as those that its subject or its headers are made of."`
	Headers config.Map[config.Text] `yaml:"headers" doc:"Headers of the message, with an expression each that gives a text; null leaves one out."`
	ID      config.Text             `yaml:"id" doc:"Of jetstream: an expression of type string, by which the server knows a message again that it has got within the window of the stream, and does not keep it twice."`
	Bucket  string                  `yaml:"bucket" doc:"Of kv: the bucket."`
	Key     config.Text             `yaml:"key" doc:"Of kv: an expression of type string, the key of the item."`
	Delete  config.Text             `yaml:"delete" doc:"Of kv: an expression of type bool: whether the key is deleted, in place of getting the item as its value."`

	Create   bool          `yaml:"create" doc:"Of jetstream and kv: make the stream or the bucket if it is not there. One that is there stays as it is."`
	Subjects []string      `yaml:"subjects" lone:"true" doc:"Of a new stream: its subjects. By default subject, if that is no expression."`
	MaxBytes config.Size   `yaml:"max_bytes" min:"1" doc:"Of a new stream or bucket: how large it gets. One that is full takes nothing more, and the node waits."`
	MaxAge   time.Duration `yaml:"max_age" min:"1s" doc:"Of a new stream or bucket: how old its messages get."`
	Replicas int           `yaml:"replicas" min:"1" max:"5" doc:"Of a new stream or bucket: how many servers of a cluster keep it."`
	Window   time.Duration `yaml:"window" min:"1s" doc:"Of a new stream: for how long it knows the ids of messages."`
	History  int           `yaml:"history" min:"1" max:"64" doc:"Of a new bucket: how many values it keeps of a key."`

	in    *types.Type
	kept  []int  // the fields that are part of the message; nil: all
	fixed string // the subject, if it is the same for all items
	reply string // the same of reply_to
	parts []message.Part
	at    struct{ subject, reply, id, key, delete, headers int } // their places within parts; -1: there is none
}

var writeDecl = nodes.Kind("nats.write", "Publishes items to a stream or a subject of NATS, or puts them into a bucket.",
	&writer{Link: Link{Sync: syncAlways}, Writing: message.Writing{Format: message.FormatJSON}, Replicas: 1, Window: 2 * time.Minute, History: 1},
	nodes.InPort(graph.Port{Name: "in", Doc: "The items."}),
	nodes.Workers(graph.Single),
	nodes.Tries(),
	nodes.Lines("never", "NATS is slow or away, or the stream is full", "its input has ended, and NATS has all",
		"NATS refuses the login, no stream has the subject, or NATS is away for longer than retry says; an item that it refuses is a bad item"),
	nodes.Example(graph.Example{
		Title: "Orders into a stream",
		Flow: `flow: orders
nodes:
  orders: {use: file.read, with: {path: orders.jsonl, as: "{id: int, item: string}"}}
  stream: {use: nats.write, in: orders, with: {url: "nats://127.0.0.1:4222", stream: ORDERS, subject: orders.new, create: true}}
  out:    {use: file.write, in: orders, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"orders.jsonl": `{"id":1,"item":"cup"}` + "\n"},
		Peer:  "NATS has a message for each order then: `nats stream view ORDERS`.",
		Want:  map[string]string{"-": `{"id":1,"item":"cup"}` + "\n"},
	}),
)

func (k *writer) mode() string {
	known := k.Stream
	if k.ID.YAML != nil {
		known += "."
	}
	return modeOf(k.Mode, known, k.Bucket)
}

// Infer implements graph.Inferer.
func (k *writer) Infer(c *graph.Inference) {
	k.check(c)
	mode := k.mode()
	k.in = c.Record("in")
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
	warn(k.Stream != "" && mode != modeStream, "stream", "mode: jetstream")
	warn(k.ID.YAML != nil && mode != modeStream, "id", "mode: jetstream")
	warn(k.ReplyTo.YAML != nil && mode != modeCore, "reply_to", "mode: core")
	warn(k.Create && mode == modeCore, "create", "mode: jetstream and kv")
	warn(k.Bucket != "" && mode != modeKV, "bucket", "mode: kv")
	warn(k.Key.YAML != nil && mode != modeKV, "key", "mode: kv")
	warn(k.Delete.YAML != nil && mode != modeKV, "delete", "mode: kv")
	warn(k.Subject.YAML != nil && mode == modeKV, "subject", "the others; here it is `key`")
	need(mode == modeKV && k.Bucket == "", "bucket", "bucket: settings")
	need(mode == modeKV && k.Key.YAML == nil, "key", "key: id")
	need(mode != modeKV && k.Subject.YAML == nil, "subject", "subject: orders.new")
	k.plan(c, mode)
	k.drop(c)
	k.Check(c, k.part(k.in))
	need(mode == modeStream && k.Create && k.Stream == "", "stream", "the name of the stream that is made: stream: ORDERS")
	if mode == modeStream && k.Create && k.at.subject >= 0 && len(k.Subjects) == 0 {
		c.List().Add(diag.MissingKey, c.Node.At, "%s: each item gives a subject, so the stream that is made must be told which it has", c.Node.ID).WithHint("subjects: orders.>")
	}
}

// plan checks what expressions make of the items.
func (k *writer) plan(c *graph.Inference, mode string) {
	k.parts = nil
	k.at.subject, k.at.reply, k.at.id, k.at.key, k.at.delete = -1, -1, -1, -1, -1
	part := func(name string, text config.Text, want *types.Type) int {
		e := c.Expr(text, k.in)
		e.Want(want, name, c.List())
		k.parts = append(k.parts, message.Part{Name: name, Expr: e})
		return len(k.parts) - 1
	}
	subject := func(text config.Text, name string) (fixed string, at int) {
		fixed, e := message.Target(c, k.in, text, name)
		if e != nil {
			k.parts = append(k.parts, message.Part{Name: name, Expr: e})
			return "", len(k.parts) - 1
		}
		if why := badSubject(fixed, false); why != nil {
			c.List().Add(diag.WrongValue, text.YAML.Span, "the subject %q %s", fixed, why)
		}
		return fixed, -1
	}
	if k.Subject.YAML != nil && mode != modeKV {
		k.fixed, k.at.subject = subject(k.Subject, "subject")
	}
	if k.ReplyTo.YAML != nil && mode == modeCore {
		k.reply, k.at.reply = subject(k.ReplyTo, "reply_to")
	}
	if k.ID.YAML != nil && mode == modeStream {
		k.at.id = part("id", k.ID, types.String)
	}
	if mode == modeKV && k.Key.YAML != nil {
		k.at.key = part("key", k.Key, types.String)
		if k.Delete.YAML != nil {
			k.at.delete = part("delete", k.Delete, types.Bool)
		}
	}
	k.at.headers = len(k.parts)
	for _, h := range k.Headers {
		if why := badHeader(h.Key); why != nil {
			c.List().Add(diag.WrongValue, h.At, "%s", why)
		}
	}
	k.parts = append(k.parts, message.HeaderParts(c, k.in, k.Headers)...)
}

// drop finds the fields that are part of the message.
func (k *writer) drop(c *graph.Inference) {
	k.kept = nil
	if len(k.Drop) == 0 || k.in == nil || !k.in.IsRecord() {
		return
	}
	if k.Format == message.FormatRaw {
		c.List().Add(diag.Conflict, c.Node.At, "%s: a raw message is one field, and drop leaves fields out", c.Node.ID).WithHint("leave out drop")
		return
	}
	for _, name := range k.Drop {
		c.Field(name, k.in)
	}
	for i, f := range k.in.Fields {
		if !slices.ContainsFunc(k.Drop, func(n config.Name) bool { return n.Value == f.Name }) {
			k.kept = append(k.kept, i)
		}
	}
}

// part is the type of the fields that are part of the message.
func (k *writer) part(in *types.Type) *types.Type {
	if len(k.Drop) == 0 || k.Format == message.FormatRaw || in == nil {
		return in
	}
	part := &types.Type{Kind: types.KindRecord}
	for _, i := range k.kept {
		part.Fields = append(part.Fields, in.Fields[i])
	}
	return part
}

// body writes the fields that are part of the message; nil: all of them.
func (k *writer) body(in *types.Type) (record.RowWriter, error) {
	if len(k.Drop) == 0 {
		return nil, nil
	}
	w, err := k.Body(k.part(in))
	if err != nil {
		return nil, err
	}
	view := &record.Batch{Cols: make([]*record.Column, len(k.kept))}
	return partWriter{k.kept, view, w}, nil
}

// A partWriter makes bodies of some fields of items. One goroutine uses it.
type partWriter struct {
	kept []int
	view *record.Batch
	w    record.RowWriter
}

// AppendRow implements record.RowWriter.
func (p partWriter) AppendRow(dst []byte, b *record.Batch, row int) ([]byte, error) {
	for to, from := range p.kept {
		p.view.Cols[to] = b.Cols[from]
	}
	return p.w.AppendRow(dst, p.view, row)
}

func badHeader(name string) error {
	if name == "" || strings.ContainsAny(name, ": \t\r\n") || strings.HasPrefix(name, "Nats-") || strings.HasPrefix(name, "KV-") {
		return fmt.Errorf("%q is no header that a message may have: those of the server begin with Nats- and KV-", name)
	}
	return nil
}

// usable leaves out parts of which the check has told already.
func usable(parts []message.Part) bool {
	for _, p := range parts {
		if p.Expr.Type().Kind == types.KindError {
			return false
		}
	}
	return true
}

// Operator implements nodes.Maker.
func (k *writer) Operator(env *nodes.Env) (nodes.Operator, error) {
	if !usable(k.parts) {
		return nil, errors.New("the settings have errors")
	}
	body, err := k.body(env.In("in"))
	if err != nil {
		return nil, err
	}
	e, err := k.NewEncoder(env.In("in"), k.parts, body)
	if err != nil {
		return nil, err
	}
	o := &outlet{k: k, env: env, notes: &nodes.Notebook{}, window: mostUnanswered}
	env.Notes = o.notes.Notes
	s := &message.Sink{
		Env: env, What: theServer, Encoder: e, Lost: lost, Connect: o.connect,
	}
	return s.Operator(), nil
}

// An outlet makes the sessions of a node, one after the other.
type outlet struct {
	k      *writer
	env    *nodes.Env
	notes  *nodes.Notebook
	been   bool // there was a session
	window int  // how many messages may be unanswered now
}

// connect makes a session.
func (o *outlet) connect(ctx context.Context) (message.Sender, error) {
	c, err := o.k.open(ctx, o.env)
	if err != nil {
		return nil, err
	}
	s := &sender{o: o, k: o.k, c: c}
	if o.k.mode() != modeCore {
		if err = o.find(ctx, c); err == nil {
			err = s.listen()
		}
	}
	if err != nil {
		c.Close()
		return nil, o.k.advised(err)
	}
	o.been = true
	return s, nil
}

// A sender is a session of nats.write.
type sender struct {
	o *outlet
	k *writer
	c *conn
	answers
}

// Send implements message.Sender.
func (s *sender) Send(ctx context.Context, ms []*message.Outgoing) error {
	if s.k.mode() == modeCore {
		return s.shout(ctx, ms)
	}
	return s.store(ctx, ms)
}

// Close implements message.Sender.
func (s *sender) Close() { s.c.Close() }

// publish makes a message and hands it to the client. If it cannot be one, it has its error.
func (s *sender) publish(m *message.Outgoing, reply string) error {
	x := client.Msg{Reply: reply, Data: m.Body}
	if x.Subject, m.Err = s.subject(m); m.Err != nil {
		return nil
	}
	if reply == "" {
		if x.Reply, m.Err = s.replyTo(m); m.Err != nil {
			return nil
		}
	}
	size := len(m.Body)
	set := func(name, value string) {
		if x.Header == nil {
			x.Header = client.Header{}
			size += len("NATS/1.0\r\n\r\n")
		}
		x.Header[name] = []string{value}
		size += len(name) + len(value) + 4
	}
	k := s.k
	if k.at.id >= 0 {
		id := m.Props[k.at.id].Text
		if strings.ContainsAny(id, "\r\n") {
			m.Err = errors.New("its id has a line break in it")
			return nil
		}
		set(client.MsgIdHdr, id)
	}
	if k.at.delete >= 0 && m.Props[k.at.delete].Int != 0 {
		x.Data, size = nil, 0
		set(kvHeader, "DEL")
	}
	for i, h := range k.Headers {
		v := m.Props[k.at.headers+i]
		switch {
		case v.Null:
		case strings.ContainsAny(v.Text, "\r\n"):
			m.Err = fmt.Errorf("the header %s has a line break in it", h.Key)
			return nil
		default:
			set(h.Key, v.Text)
		}
	}
	if most := s.c.MaxPayload(); most > 0 && int64(size) > most {
		m.Err = fmt.Errorf("it has %d bytes, and the server takes %d (max_payload)", size, most)
		return nil
	}
	if x.Header == nil {
		if x.Reply == "" {
			return s.c.Publish(x.Subject, x.Data)
		}
		return s.c.PublishRequest(x.Subject, x.Reply, x.Data)
	}
	return s.c.PublishMsg(&x)
}

var errNoSubject = errors.New("its subject is empty")

// subject gives that of a message.
func (s *sender) subject(m *message.Outgoing) (string, error) {
	k := s.k
	switch {
	case k.at.key >= 0:
		key := m.Props[k.at.key].Text
		return keySubject(k.Bucket, key), badKey(key)
	case k.at.subject < 0:
		return k.fixed, nil
	case m.Props[k.at.subject].Text == "":
		return "", errNoSubject
	}
	subject := m.Props[k.at.subject].Text
	if why := badSubject(subject, false); why != nil {
		return "", fmt.Errorf("the subject %q %w", subject, why)
	}
	return subject, nil
}

// replyTo gives the subject at which an answer to a message is expected.
func (s *sender) replyTo(m *message.Outgoing) (string, error) {
	if s.k.at.reply < 0 {
		return s.k.reply, nil
	}
	reply := m.Props[s.k.at.reply].Text
	if reply == "" {
		return "", nil
	}
	if why := badSubject(reply, false); why != nil {
		return "", fmt.Errorf("the subject %q %w", reply, why)
	}
	return reply, nil
}
