package kafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/internal/brokertest"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file has the clusters of the tests: one in this process, or the one that
// FLOWRUN_KAFKA names, as HOST:PORT, or else, if it is set, one that is started.

var real = brokertest.Shared{Brand: brokertest.Kafka, Options: brokertest.Options{Lines: []string{"group.min.session.timeout.ms=1000"}}}

func TestMain(m *testing.M) { real.Main(m) }

// realAt gives the address of a real cluster; "": the tests are to have one in this process.
func realAt(t testing.TB) string {
	t.Helper()
	at := os.Getenv("FLOWRUN_KAFKA")
	if at == "" || strings.Contains(at, ":") {
		return at
	}
	return real.Server(t).URL
}

// A cluster is where a test has its topics.
type cluster struct {
	t      testing.TB
	at     string
	fake   *kfake.Cluster // nil: it is a real one
	client *kgo.Client
	prefix string // of the names of topics and groups
	pad    int    // how much longer messages are, so that fewer come at once
}

func newCluster(t testing.TB, opts ...kfake.Opt) *cluster {
	t.Helper()
	c := &cluster{t: t, at: realAt(t), prefix: fmt.Sprintf("t%d-", time.Now().UnixNano())}
	if c.at == "" {
		c.begin(opts...)
		t.Cleanup(func() { c.fake.Close() })
	}
	c.client = c.connect()
	return c
}

// onlyFake is for what the tests do to a cluster that a real one would not let them.
func onlyFake(t testing.TB, opts ...kfake.Opt) *cluster {
	t.Helper()
	if os.Getenv("FLOWRUN_KAFKA") != "" {
		t.Skip("this needs the cluster in the process")
	}
	return newCluster(t, opts...)
}

func (c *cluster) begin(opts ...kfake.Opt) {
	c.t.Helper()
	var err error
	c.fake, err = kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(time.Second)}, opts...)...)
	if err != nil {
		c.t.Fatal(err)
	}
	c.at = strings.Join(c.fake.ListenAddrs(), ",")
}

func (c *cluster) connect(opts ...kgo.Opt) *kgo.Client {
	c.t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(strings.Split(c.at, ",")...), kgo.DisableClientMetrics(), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression())}, opts...)...)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(client.Close)
	return client
}

func (c *cluster) ctx() context.Context { return context.Background() }

// topic makes one and gives its name.
func (c *cluster) topic(name string, partitions int, settings map[string]string) string {
	c.t.Helper()
	name = c.prefix + name
	req := kmsg.NewPtrCreateTopicsRequest()
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, int32(partitions), 1
	for k, v := range settings {
		x := kmsg.NewCreateTopicsRequestTopicConfig()
		x.Name, x.Value = k, &v
		t.Configs = append(t.Configs, x)
	}
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(c.ctx(), c.client)
	if err == nil {
		err = kerr.ErrorForCode(resp.Topics[0].ErrorCode)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return name
}

// fill sends messages n from up to a number, in turn to the partitions, with their number as key.
func (c *cluster) fill(topic string, partitions, from, to int) {
	c.t.Helper()
	rs := make([]*kgo.Record, 0, to-from)
	pad := strings.Repeat("x", c.pad)
	for n := from; n < to; n++ {
		rs = append(rs, &kgo.Record{Topic: topic, Partition: int32(n % partitions), Key: []byte(strconv.Itoa(n)), Value: fmt.Appendf(nil, `{"n":%d,"pad":"%s"}`, n, pad)})
	}
	if err := c.client.ProduceSync(c.ctx(), rs...).FirstErr(); err != nil {
		c.t.Fatal(err)
	}
}

// all reads what a topic has, until it has some number.
func (c *cluster) all(topic string, n int) []*kgo.Record {
	c.t.Helper()
	client := c.connect(kgo.ConsumeTopics(topic))
	ctx, cancel := context.WithTimeout(c.ctx(), 20*time.Second)
	defer cancel()
	var all []*kgo.Record
	for len(all) < n {
		f := client.PollFetches(ctx)
		if ctx.Err() != nil {
			c.t.Fatalf("%s has %d messages, want %d", topic, len(all), n)
		}
		all = append(all, f.Records()...)
	}
	return all
}

// committed gives the positions of a group in a topic.
func (c *cluster) committed(group, topic string) map[int32]int64 {
	c.t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = group
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	req.Groups = append(req.Groups, g)
	at := map[int32]int64{}
	for _, s := range c.client.RequestSharded(c.ctx(), req) {
		if errors.Is(s.Err, kerr.CoordinatorNotAvailable) { // a broker that has just begun
			return at
		}
		if s.Err != nil {
			c.t.Fatal(s.Err)
		}
		resp := s.Resp.(*kmsg.OffsetFetchResponse)
		for _, g := range resp.Groups {
			for _, t := range g.Topics {
				for _, p := range t.Partitions {
					if t.Topic == topic || t.Topic == "" {
						at[p.Partition] = p.Offset
					}
				}
			}
		}
	}
	return at
}

func sum(at map[int32]int64) (n int64) {
	for _, x := range at {
		n += x
	}
	return n
}

// eventually waits until something holds.
var eventually = brokertest.Await

// A keeper is a sink that keeps the field n of items.
type keeper struct {
	mu    sync.Mutex
	got   []int64
	hold  chan struct{}             // items wait until it is closed; nil: they do not
	after func(n int)               // called with how many there are
	pause func(ctx context.Context) // called for each batch
}

// A keepKind is its kind.
type keepKind struct{ k *keeper }

func (k *keepKind) Infer(c *graph.Inference) { c.Record("in") }

func (k *keepKind) Operator(*nodes.Env) (nodes.Operator, error) { return k.k, nil }

func (k *keeper) Process(ctx context.Context, in nodes.Input, _ nodes.Out) error {
	if k.hold != nil {
		select {
		case <-k.hold:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if k.pause != nil {
		k.pause(ctx)
	}
	b := in.Data.(*record.Batch)
	k.mu.Lock()
	for i := range b.Len() {
		k.got = append(k.got, b.Col("n").Int[b.Row(i)])
	}
	n := len(k.got)
	k.mu.Unlock()
	if k.after != nil {
		k.after(n)
	}
	return nil
}

func (k *keeper) len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.got)
}

func (k *keeper) has(n int64) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Contains(k.got, n)
}

// kit is one whose kind `keep` is the keeper.
func (k *keeper) kit() nodetest.Kit {
	return kit.With([]nodes.Decl{nodes.Kind("keep", "Keeps.", &keepKind{k}, nodes.InPort(graph.Port{Name: "in"}), nodes.Workers(graph.Single))})
}

// A process is a run of a flow.
type process struct {
	stop, kill func()
	ended      chan struct{}
	result     nodetest.Result
	log        logs
}

// mortal is a test whose runs can be killed.
type mortal struct {
	testing.TB
	ctx context.Context
}

func (m mortal) Context() context.Context { return m.ctx }

// logs is a log that others read meanwhile.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logs) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

// start runs a flow; BROKERS stands for the addresses. The flow stops itself when the test ends.
func (c *cluster) start(kit nodetest.Kit, flow string) *process {
	c.t.Helper()
	return c.startWith(kit, nil, flow)
}

// startWith is start with files beside the flow.
func (c *cluster) startWith(kit nodetest.Kit, files map[string]string, flow string) *process {
	c.t.Helper()
	ctx, kill := context.WithCancel(c.ctx())
	p := &process{kill: kill, ended: make(chan struct{})}
	begun := make(chan func(), 1)
	go func() {
		defer close(p.ended)
		p.result = kit.Run(mortal{c.t, ctx}, strings.ReplaceAll(flow, "BROKERS", "'"+c.at+"'"), files, nodetest.Setup{Batch: 100, Log: &p.log, Begun: func(stop func()) { begun <- stop }})
	}()
	select {
	case p.stop = <-begun:
	case <-p.ended:
		p.stop = func() {}
	}
	c.t.Cleanup(func() {
		kill()
		<-p.ended
		if c.t.Failed() {
			c.t.Log(p.result.Err, p.result.Log)
		}
	})
	return p
}

// finish stops a flow and waits for it; it must have gone well.
func (p *process) finish(t testing.TB) {
	t.Helper()
	p.stop()
	p.wait(t)
	if p.result.Err != nil {
		t.Fatalf("%v\n%s", p.result.Err, p.result.Log)
	}
}

// wait waits until a flow has ended.
func (p *process) wait(t testing.TB) {
	t.Helper()
	eventually(t, "the flow ends", func() bool {
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
}

// once reports what is missing of the numbers from 0 up to n, and how many came twice.
func once(t testing.TB, n int, all ...[]int64) (twice int) {
	t.Helper()
	got := slices.Concat(all...)
	seen := make([]int, n)
	for _, x := range got {
		seen[x]++
	}
	missing := 0
	for _, s := range seen {
		if s == 0 {
			missing++
		}
		twice += max(0, s-1)
	}
	if missing > 0 {
		t.Errorf("%d of %d messages are lost", missing, n)
	}
	return twice
}

// reading is a flow that keeps the messages of a topic.
func (c *cluster) reading(topic, more string) string {
	return `flow: ` + c.prefix + `read
nodes:
  in: {use: kafka.read, with: {brokers: BROKERS, topics: '` + topic + `', as: '{n: int, pad: string}'` + more + `}}
  keep: {use: keep, in: in}
`
}

// session is a setting by which processes soon hear of each other. Brokers have a least.
func (c *cluster) session() string {
	if c.fake == nil {
		return ", session: 6s"
	}
	return ", session: 1s"
}

func (c *cluster) group() string { return c.prefix + "read" }

// members are the instances of the group.
func members(c *cluster) (names []string) {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{c.group()}
	for _, s := range c.client.RequestSharded(c.ctx(), req) {
		if s.Err != nil {
			return nil
		}
		for _, g := range s.Resp.(*kmsg.DescribeGroupsResponse).Groups {
			for _, m := range g.Members {
				if g.State == "Stable" && m.InstanceID != nil {
					names = append(names, *m.InstanceID)
				}
			}
		}
	}
	return names
}

// onlyFakeName says why a test is skipped that makes a cluster of its own; "": it is not.
func onlyFakeName() string {
	if os.Getenv("FLOWRUN_KAFKA") != "" {
		return "this needs the cluster in the process"
	}
	return ""
}
