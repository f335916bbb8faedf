package kafka

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file is the kind kafka.read.

// reader is the kind kafka.read.
type reader struct {
	Link
	Topics []string `yaml:"topics,required" lone:"true" min:"1" doc:"The topics. One that begins with ^ is a regular expression, for all topics with such a name, also those that are made later."`
	message.Reading
	Group     string        `yaml:"group" doc:"Those who share the partitions of the topics, and the name by which Kafka keeps how far they are. By default the name of the flow."`
	Instance  string        `yaml:"instance" doc:"The name of this process in the group (group.instance.id), which it has again after a restart. By default FLOW.NODE, and where another process takes that, FLOW.NODE-2 and so on. One that is given here only one process may have, such as ${env:HOSTNAME}."`
	Start     string        `yaml:"start" enum:"first|last" doc:"Where a new group begins: at the first message there is, or behind the last."`
	Until     string        `yaml:"until" enum:"stopped|end" doc:"When the node ends: when the flow is stopped, or when the group has read what the topics held when the node began."`
	Session   time.Duration `yaml:"session" min:"1s" max:"30m" doc:"After which time a process that shows no sign of life loses its partitions to others (session.timeout.ms)."`
	Rebalance time.Duration `yaml:"rebalance" min:"1s" max:"30m" doc:"How long the group waits for a process to finish what it has taken of partitions that others get (max.poll.interval.ms). Half of it is for the flow."`
	Isolation string        `yaml:"isolation" enum:"uncommitted|committed" doc:"Whether messages of transactions are read before they are committed (isolation.level)."`
	Fetch     config.Size   `yaml:"fetch" min:"64kB" max:"1GB" doc:"How much one broker may give at once. The client holds that much per broker, unpacked, beside what the flow has taken."`

	shape message.Shape
}

var readProperties = []message.Property{
	{Name: "key", Type: types.String.Opt(), Doc: "null if it has none"},
	{Name: "topic", Type: types.String},
	{Name: "partition", Type: types.Int},
	{Name: "offset", Type: types.Int},
	{Name: "time", Type: types.Time, Doc: "that its sender gave it, or when it came to the broker, as the topic says"},
	{Name: message.Headers, Type: types.String.Opt(), Doc: "null if there is none"},
}

var readDecl = nodes.Kind("kafka.read", "Reads the messages of topics of Kafka, as a member of a group.",
	&reader{Reading: message.Reading{Format: message.FormatJSON}, Start: "first", Until: untilStopped, Session: 45 * time.Second, Rebalance: time.Minute, Isolation: "uncommitted", Fetch: 8 << 20},
	nodes.OutPort(graph.Port{Name: "out", Doc: "An item for each message."}),
	nodes.Workers(graph.Single),
	nodes.Interleaves(),
	nodes.Acknowledges(),
	nodes.Tries(),
	nodes.Lines("messages have come", "its output is full, there is nothing to read, or Kafka is away", "the flow is stopped; with until: end when the group has read what there was",
		"Kafka refuses the login or the topic, or is away for longer than retry says; a message that cannot be read is a bad item"),
	nodes.Example(graph.Example{
		Title: "Orders from a topic",
		Flow: `flow: orders
nodes:
  orders: {use: kafka.read, with: {brokers: "127.0.0.1:9092", topics: orders, as: "{id: int, item: string}", meta: {offset: offset}}}
  out:    {use: file.write, in: orders, with: {path: "-", format: jsonl}}
`,
		Peer: "Kafka has a topic with two messages, {\"id\":1,\"item\":\"cup\"} and {\"id\":2,\"item\":\"lamp\"}. Then the flow is stopped.",
		Want: map[string]string{"-": `{"id":1,"item":"cup","offset":0}` + "\n" + `{"id":2,"item":"lamp","offset":1}` + "\n"},
	}),
)

// Infer implements graph.Inferer.
func (k *reader) Infer(c *graph.Inference) {
	k.check(c)
	for _, t := range k.Topics {
		if strings.HasPrefix(t, "^") {
			if _, err := regexp.Compile(t); err != nil {
				c.List().Add(diag.WrongValue, c.Node.At, "%s: topics: %s", c.Node.ID, err)
			}
		} else if !isTopic(t) && !c.Unread("topics") {
			c.List().Add(diag.WrongValue, c.Node.At, "%s: %q is no name of a topic", c.Node.ID, t).WithHint("names have letters, digits and . _ -, up to 249; a regular expression begins with ^")
		}
	}
	if k.Instance != "" && !isTopic(k.Instance) && !c.Unread("instance") {
		c.List().Add(diag.WrongValue, c.Node.At, "%s: %q cannot be an instance", c.Node.ID, k.Instance).WithHint("such a name has letters, digits and . _ -, up to 249")
	}
	k.shape = k.Reading.Infer(c, readProperties)
	c.Out("out", k.shape.Out)
}

// plain are the topics that are named, others whether there are more by patterns.
func (k *reader) plain() (named []string, others bool) {
	for _, t := range k.Topics {
		if strings.HasPrefix(t, "^") {
			others = true
			continue
		}
		named = append(named, t)
	}
	return named, others
}

// Operator implements nodes.Maker.
func (k *reader) Operator(env *nodes.Env) (nodes.Operator, error) {
	d, err := k.NewDecoder(k.shape, env.Needed("out"))
	if err != nil {
		return nil, err
	}
	i := &inlet{k: k, env: env, group: k.Group, notes: &nodes.Notebook{}}
	if i.group == "" {
		i.group = env.Flow.Name
	}
	env.Notes = i.notes.Notes
	i.lag.Store(-1)
	s := &message.Source[token]{
		Env: env, What: theServer, Decoder: d, Connect: i.connect, Lost: lost, Keeps: true, Ends: k.Until == untilEnd,
		Place:    func(t token) string { return fmt.Sprintf("%s/%d@%d", t.of.topic, t.of.id, t.offset) },
		Standing: func() (lag, redelivered int64) { return i.lag.Load(), i.again.Load() },
	}
	return s.Operator(), nil
}

// An inlet makes the sessions of a node, one after the other.
type inlet struct {
	k        *reader
	env      *nodes.Env
	group    string
	notes    *nodes.Notebook
	goals    offsets      // with `until: end`: up to where partitions are read; nil: it is not known yet
	namesake int          // which of the processes with the same name this one is; 0: it has not looked
	lag      atomic.Int64 // messages that wait in the partitions of this process, as far as fetches told; -1: none has
	again    atomic.Int64 // messages that come again, because their partitions went to others
}

// connect makes a session.
func (i *inlet) connect(ctx context.Context) (message.Receiver[token], error) {
	k := i.k
	if err := i.look(ctx); err != nil {
		return nil, k.advised(err)
	}
	s := &session{i: i, health: &health{env: i.env}, parts: map[string]map[int32]*partition{}, assigned: map[string]map[int32]bool{}, positions: offsets{}, most: 500, moved: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	topics, others := k.plain()
	start := kgo.NewOffset().AtStart()
	if k.Start == "last" {
		start = kgo.NewOffset().AtEnd()
	}
	isolation := kgo.ReadUncommitted()
	if k.Isolation == "committed" {
		isolation = kgo.ReadCommitted()
	}
	more := []kgo.Opt{
		kgo.WithContext(s.ctx),
		kgo.WithHooks(s),
		kgo.ConsumerGroup(i.group),
		kgo.InstanceID(i.instance()),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(k.Session),
		kgo.RebalanceTimeout(k.Rebalance),
		kgo.HeartbeatInterval(min(3*time.Second, k.Session/3)),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsRevoked(s.revoked),
		kgo.OnPartitionsLost(s.lost),
		kgo.AdjustFetchOffsetsFn(s.begin),
		kgo.ConsumeStartOffset(start),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), // what is gone is gone, but nothing behind it is left out
		kgo.FetchIsolationLevel(isolation),
		kgo.KeepControlRecords(), // they are no messages, but the group has to get past them
		kgo.FetchMaxBytes(int32(k.Fetch)),
		kgo.FetchMaxPartitionBytes(int32(min(k.Fetch, 1<<20))),
		kgo.BrokerMaxReadBytes(int32(max(2*k.Fetch, 100<<20))),
	}
	if others {
		topics = nil
		for _, t := range k.Topics {
			topics = append(topics, pattern(t))
		}
		more = append(more, kgo.ConsumeRegex())
	}
	if _, err := k.open(ctx, i.env, s.health, append(more, kgo.ConsumeTopics(topics...))...); err != nil {
		s.cancel(nil)
		return nil, err
	}
	return s, nil
}

// look looks before the group is joined: whether the topics are there, and which name is free.
func (i *inlet) look(ctx context.Context) error {
	named, _ := i.k.plain()
	if len(named) == 0 && i.namesake > 0 && (i.goals != nil || i.k.Until != untilEnd) {
		return nil
	}
	h := &health{env: i.env}
	c, err := i.k.open(ctx, i.env, h)
	if err != nil {
		return err
	}
	defer h.end(c)
	_, errs, err := partitionsOf(ctx, c, named)
	if err != nil {
		return err
	}
	for _, t := range named {
		if errs[t] != nil {
			return topicFault(t, errs[t], "READ")
		}
	}
	if err := i.fixGoals(ctx, c); err != nil {
		return err
	}
	switch {
	case i.namesake > 0:
		return nil
	case i.k.Instance != "":
		i.namesake = 1
		return nil
	}
	return i.choose(ctx, c)
}
