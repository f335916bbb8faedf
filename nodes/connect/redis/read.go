package redis

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file is the kind redis.read.

// The modes of redis.read and redis.write.
const (
	modeStream = "stream"
	modeList   = "list"
	modePubSub = "pubsub"
)

// reader is the kind redis.read.
type reader struct {
	Link
	Mode string `yaml:"mode" enum:"stream|list|pubsub" doc:"What key is: a stream, whose entries a group of consumers shares; a list, whose elements they take from its right end; or a channel, which gives what is published while somebody listens."`
	Key  string `yaml:"key,required" doc:"The key of the stream or list, or the name of the channel."`
	message.Reading
	Group    string        `yaml:"group" doc:"Of a stream or a list: those who share it. By default the name of the flow."`
	Consumer string        `yaml:"consumer" doc:"Of a stream or a list: the name within the group. By default FLOW/NODE. Where another process has the name, a number behind it makes another one."`
	Start    string        `yaml:"start" enum:"first|last" doc:"Of a stream: where a new group begins, at the first entry there is, or behind the last."`
	Claim    time.Duration `yaml:"claim" min:"100ms" doc:"Of a stream or a list: after which time a consumer that shows no sign of life loses what it has taken to another one."`
	Prefetch int64         `yaml:"prefetch" min:"1" doc:"Of a stream or a list: how many messages may have been taken and not be acknowledged. What is more is left to others who share it. By default as many as there is room for on the edges of the flow, thousands."`
	Unsafe   bool          `yaml:"unsafe" doc:"Of a list: take elements out of it at once (BRPOP). What is under way when the process ends is lost."`

	shape message.Shape
}

var streamProperties = []message.Property{
	{Name: "id", Type: types.String, Doc: "of the entry, such as 1526919030474-55"},
	{Name: "time", Type: types.Time, Doc: "when the entry was added, which its id says"},
	{Name: "key", Type: types.String, Doc: "of the stream"},
}

var plainProperties = []message.Property{{Name: "key", Type: types.String, Doc: "of the list, or the name of the channel"}}

func (k *reader) properties() []message.Property {
	if k.Mode == modeStream {
		return streamProperties
	}
	return plainProperties
}

var readDecl = nodes.Kind("redis.read", "Reads the entries of a stream, the elements of a list or the messages of a channel of Redis.",
	&reader{Mode: modeStream, Reading: message.Reading{Format: message.FormatJSON}, Start: "first", Claim: 5 * time.Second},
	nodes.OutPort(graph.Port{Name: "out", Doc: "An item for each entry, element or message."}),
	nodes.Workers(graph.Single),
	nodes.Interleaves(),
	nodes.Acknowledges(), nodes.Tries(),
	nodes.Lines("messages have come", "its output is full, there is nothing to read, or Redis is away", "the flow is stopped",
		"Redis refuses the login, or is away for longer than retry says; a message that cannot be read is a bad item"),
	nodes.Example(graph.Example{
		Title: "Orders from a stream",
		Flow: `flow: orders
nodes:
  orders: {use: redis.read, with: {url: "redis://127.0.0.1:6379", key: orders, as: "{id: int, item: string}", meta: {entry: id}}}
  out:    {use: file.write, in: orders, with: {path: "-", format: jsonl}}
`,
		Peer: "Redis has a stream of two entries: `redis-cli XADD orders '*' id 1 item cup`, and one with `id 2 item lamp`. Then the flow is stopped.",
		Want: map[string]string{"-": `{"id":1,"item":"cup","entry":"1700000000000-0"}` + "\n" + `{"id":2,"item":"lamp","entry":"1700000000000-1"}` + "\n"},
	}),
)

// Infer implements graph.Inferer.
func (k *reader) Infer(c *graph.Inference) {
	k.check(c)
	warn := func(idle bool, key, what string) {
		if idle {
			c.List().Warn(diag.Ineffective, c.Node.At, "%s: %s has no effect on mode: %s", c.Node.ID, key, k.Mode).WithHint("it is for %s", what)
		}
	}
	warn(k.Unsafe && k.Mode != modeList, "unsafe", "mode: list")
	warn(k.Group != "" && k.Mode == modePubSub, "group", "streams and lists")
	warn(k.Consumer != "" && k.Mode == modePubSub, "consumer", "streams and lists")
	if k.Mode == modeStream && k.Format != message.FormatJSON {
		c.List().Add(diag.Conflict, c.Node.At, "%s: an entry of a stream has fields, and is not %s", c.Node.ID, k.Format).WithHint("leave out format, and say in `as` which fields there are")
		c.Out("out", types.Error)
		return
	}
	k.shape = k.Reading.Infer(c, k.properties())
	c.Out("out", k.shape.Out)
}

// Acks implements graph.Acker: what is taken out at once cannot be given back.
func (k *reader) Acks() bool { return k.Mode != modePubSub && !k.Unsafe }

// Operator implements nodes.Maker.
func (k *reader) Operator(env *nodes.Env) (nodes.Operator, error) {
	d, err := k.NewDecoder(k.shape, env.Needed("out"))
	if err != nil {
		return nil, err
	}
	i := &inlet{k: k, env: env, group: k.Group, notes: &nodes.Notebook{}}
	i.lag.n = -1
	if i.group == "" {
		i.group = env.Flow.Name
	}
	env.Notes = i.notes.Notes
	s := &message.Source[string]{
		Env: env, What: theServer, Decoder: d, Connect: i.connect, Lost: lost, Keeps: k.Acks(), Prefetch: k.Prefetch,
		Place: func(id string) string {
			if k.Mode != modeStream {
				return k.Key
			}
			return k.Key + "@" + id
		},
	}
	i.room = s.Room
	if k.Acks() {
		s.Standing = func() (lag, redelivered int64) { return i.lag.entries(), i.again.Load() }
	}
	return s.Operator(), nil
}

// An inlet makes the sessions of a node, one after the other.
type inlet struct {
	k     *reader
	env   *nodes.Env
	group string
	notes *nodes.Notebook
	room  func() int // how many messages may be taken at most
	lag   backlog
	again atomic.Int64 // messages that have come again
	// grouped says that the run has found the group, or has made it.
	grouped bool
	// gapBehind is the entry behind which some are gone that were told of, where the user may not
	// set the group.
	gapBehind string

	// Of the session before.
	last    int64  // its connection, by its number in Redis
	certain bool   // no other process could have the name of the consumer
	working string // its working list
}

// connect makes a session.
func (i *inlet) connect(ctx context.Context) (message.Receiver[string], error) {
	k := i.k
	if k.Mode == modePubSub || k.Unsafe {
		in, err := k.open(ctx, i.env, "")
		if err != nil {
			return nil, err
		}
		if k.Mode == modePubSub {
			return i.subscribe(ctx, in)
		}
		return i.popping(ctx, in)
	}
	in, consumer, err := i.join(ctx)
	if err != nil {
		return nil, err
	}
	acks, err := k.open(ctx, i.env, "")
	if err != nil {
		in.Close()
		return nil, err
	}
	s := session{i: i, in: in, acks: acks, consumer: consumer, most: 16}
	var r message.Receiver[string]
	if k.Mode == modeStream {
		r, err = s.stream(ctx)
	} else {
		r, err = s.list(ctx)
	}
	if err != nil {
		s.Close()
		return nil, k.of(k.Mode, k.Key, err)
	}
	return r, nil
}

// A session is what those of streams and lists share: a connection that waits for messages,
// and one for all else.
type session struct {
	i        *inlet
	in, acks *conn
	consumer string
	most     int // how many messages to ask for: about a megabyte of them
	stop     context.CancelFunc
	beats    chan struct{} // closed when the heart has stopped
}

// Close implements message.Receiver.
func (s *session) Close() {
	if s.stop != nil {
		s.stop()
	}
	s.in.Close()
	s.acks.Close()
	if s.beats != nil {
		<-s.beats
	}
}

// beat calls f three times within the time after which others take over, on a goroutine of its
// own: also while the flow takes nothing.
func (s *session) beat(f func(ctx context.Context)) {
	ctx, stop := context.WithCancel(context.Background())
	s.stop, s.beats = stop, make(chan struct{})
	go func() {
		defer close(s.beats)
		for {
			f(ctx)
			if nodes.Sleep(ctx, s.i.k.Claim/3) != nil {
				return
			}
		}
	}()
}

// waiting runs a command that waits for so long; when ctx ends its connection is cut.
func waiting(ctx context.Context, c *conn, long time.Duration, args ...any) (any, error) {
	defer context.AfterFunc(ctx, func() { c.Close() })()
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), long+answerTime)
	defer cancel()
	return c.Do(own, args...).Result()
}

// learn sets how many messages are asked for next, from how many bytes some had.
func (s *session) learn(n, bytes int) {
	if n == 0 {
		return
	}
	s.most = max(1, min(1000, (1<<20)*n/max(bytes, 1), 4*s.most))
}

// count is how many messages to ask for now.
func (s *session) count() int { return min(s.most, s.i.room()) }

// content makes a message. It is acknowledged by the id of its entry, or by the element itself.
func (i *inlet) content(body []byte, id string) message.Message[string] {
	m := message.Message[string]{Token: id, Content: message.Content{Body: body}}
	if len(i.k.shape.Asked) == 0 {
		return m
	}
	m.Props = make([]message.Value, len(i.k.shape.Asked))
	for p, asked := range i.k.shape.Asked {
		switch asked.Name {
		case "id":
			m.Props[p].Text = id
		case "time":
			m.Props[p].Int = timeOf(id)
		case "key":
			m.Props[p].Text = i.k.Key
		}
	}
	return m
}

// timeOf is the time in an id, as nanoseconds since 1970.
func timeOf(id string) int64 {
	var ms int64
	fmt.Sscanf(id, "%d-", &ms)
	return ms * 1_000_000
}

// Channels implements graph.Channeled.
func (k *reader) Channels(func(string) string) []graph.Channel { return k.channel(k.Mode, k.Key) }
