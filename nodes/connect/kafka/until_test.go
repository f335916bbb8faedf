package kafka

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file has runs that read what there is and end.

const untilTheEnd = ", until: end"

// ended waits for a run that ends by itself.
func (p *process) endedWell(t testing.TB) {
	t.Helper()
	p.wait(t)
	if p.result.Err != nil {
		t.Fatalf("%v\n%s", p.result.Err, p.result.Log)
	}
}

// What the topics hold when the run begins is read, acknowledged and no more, while more comes;
// the next run goes on there.
func TestUntilEnd(t *testing.T) {
	c := newCluster(t)
	const n = 5000
	c.pad = 1000
	topic := c.topic("until", 4, nil) // one partition stays empty
	c.fill(topic, 3, 0, n)
	var begun atomic.Bool
	k := &keeper{after: func(int) { begun.Store(true) }, pause: func(ctx context.Context) { nodes.Sleep(ctx, time.Millisecond) }}
	p := c.start(k.kit(), c.reading(topic, untilTheEnd+c.session()))
	eventually(t, "it reads", begun.Load)
	more := n
	for ; more < n+3000; more += 300 {
		c.fill(topic, 3, more, more+300)
	}
	p.endedWell(t)
	if twice := once(t, n, k.got); twice > 0 || k.len() != n {
		t.Errorf("%d messages were read, %d of them twice", k.len(), twice)
	}
	if at := c.committed(c.group(), topic); sum(at) != n {
		t.Errorf("the positions are %v", at)
	}
	k = &keeper{}
	c.start(k.kit(), c.reading(topic, untilTheEnd+c.session())).endedWell(t)
	if k.len() != more-n || k.has(0) {
		t.Errorf("the second run has read %d messages", k.len())
	}
	k = &keeper{}
	c.start(k.kit(), c.reading(topic, untilTheEnd+c.session())).endedWell(t)
	if at := c.committed(c.group(), topic); k.len() != 0 || sum(at) != int64(more) {
		t.Errorf("the third run has read %d messages, and the positions are %v", k.len(), at)
	}
}

// A topic without messages, a pattern of topics, and a group that begins behind the last message
// and keeps where that is.
func TestUntilEndOfLittle(t *testing.T) {
	c := newCluster(t)
	empty := c.topic("little.none", 3, nil)
	k := &keeper{}
	c.start(k.kit(), c.reading(empty, untilTheEnd)).endedWell(t)
	c.fill(c.topic("little.a", 2, nil), 2, 0, 100)
	c.fill(c.topic("little.b", 1, nil), 1, 100, 150)
	c.start(k.kit(), c.reading("^"+c.prefix+`little\..*`, untilTheEnd)).endedWell(t)
	if twice := once(t, 150, k.got); twice > 0 {
		t.Errorf("%d came twice", twice)
	}
	last := c.topic("last", 1, nil)
	k = &keeper{}
	for round := range 3 {
		c.start(k.kit(), c.reading(last, untilTheEnd+", start: last, group: "+c.prefix+"last")).endedWell(t)
		if k.len() != 10*round {
			t.Errorf("round %d: %d messages were read", round, k.len())
		}
		c.fill(last, 1, 10*round, 10*round+10)
	}
}

// A file that is there only when the run has ended may stand behind such a run, and so may what
// keeps items in memory before it: all is acknowledged when the file is there, and nothing if the
// run fails before.
func TestUntilEndInOneFile(t *testing.T) {
	c := newCluster(t)
	const n = 3000
	topic := c.topic("file", 2, nil)
	c.fill(topic, 2, 0, n)
	flow := `flow: ` + c.prefix + `read
nodes:
  in: {use: kafka.read, with: {brokers: BROKERS, topics: ` + topic + `, as: '{n: int}', until: end` + c.session() + `}}
  sum: {use: group, in: MID, with: {by: {odd: n % 2}, set: {count: count()}}}
  out: {use: file.write, in: sum, with: {path: out.parquet}}
  all: {use: file.write, in: MID, with: {path: all.jsonl}}
`
	p := c.start(kit, strings.ReplaceAll(flow, "MID", "bad")+"  bad: {use: filter, in: in, with: {where: '10 % (n - 2500) < 10'}}\n")
	p.wait(t)
	if p.result.Err == nil || sum(c.committed(c.group(), topic)) != 0 {
		t.Fatalf("%v, and the positions are %v", p.result.Err, c.committed(c.group(), topic))
	}
	p = c.start(kit, strings.ReplaceAll(flow, "MID", "in"))
	p.endedWell(t)
	if at := c.committed(c.group(), topic); sum(at) != n {
		t.Errorf("the positions are %v", at)
	}
	if got := strings.Count(p.result.File("all.jsonl"), "\n"); got != n || p.result.File("out.parquet") == "" {
		t.Errorf("the file has %d rows", got)
	}
}

// Behind a run to the end the check lets a file stand that is there only then; what is acknowledged
// before may not be kept in memory.
func TestUntilEndChecked(t *testing.T) {
	flow := func(until, sink string) string {
		return `flow: f
nodes:
  in: {use: kafka.read, with: {brokers: "h:9092", topics: t, as: '{n: int}', until: ` + until + `}}
  sum: {use: group, in: in, with: {by: n, set: {count: count()}}}
  out: {use: ` + sink + `}
`
	}
	file := "file.write, in: sum, with: {path: out.parquet}"
	if _, list := kit.Load(t, flow(untilEnd, file), nil); list.HasErrors() {
		t.Error(nodetest.Printed(list))
	}
	kit.Refuse(t, flow(untilStopped, file), nil, "E207")
	kit.Refuse(t, flow(untilEnd, `kafka.write, in: sum, with: {brokers: "h:9092", topic: u}`), nil, "E207", "sum (group) keeps")
}

// The ends of transactions lie behind the last message; what was aborted or is open is no
// message.
func TestUntilEndOfTransactions(t *testing.T) {
	for _, isolation := range []string{"committed", "uncommitted"} {
		c := newCluster(t)
		topic := c.topic("tx", 2, nil)
		tx := c.connect(kgo.TransactionalID(c.prefix + isolation))
		n := 0
		send := func(count int) {
			for range count {
				r := &kgo.Record{Topic: topic, Partition: int32(n % 2), Value: fmt.Appendf(nil, `{"n":%d,"pad":""}`, n)}
				n++
				if err := tx.ProduceSync(c.ctx(), r).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
		}
		transaction := func(count int, end kgo.TransactionEndTry) {
			if err := tx.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			send(count)
			if err := tx.EndTransaction(c.ctx(), end); err != nil {
				t.Fatal(err)
			}
		}
		transaction(10, kgo.TryCommit)
		transaction(10, kgo.TryAbort)
		transaction(10, kgo.TryCommit)
		transaction(10, kgo.TryAbort)
		run := func(want int) {
			k := &keeper{}
			c.start(k.kit(), c.reading(topic, untilTheEnd+c.session()+", isolation: "+isolation)).endedWell(t)
			if k.len() != want {
				t.Errorf("%s: %d messages were read, want %d", isolation, k.len(), want)
			}
		}
		run(map[string]int{"committed": 20, "uncommitted": 40}[isolation])
		if at := c.committed(c.group(), topic); sum(at) != 40+2*4 {
			t.Errorf("%s: the positions are %v, and not behind the ends of the transactions", isolation, at)
		}
		if err := tx.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		send(10)
		run(map[string]int{"committed": 0, "uncommitted": 10}[isolation])
		if err := tx.EndTransaction(c.ctx(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		run(map[string]int{"committed": 10, "uncommitted": 0}[isolation])
	}
}

// Processes that share a group end when all of them are through: those that are wait for one that
// is not, and take over what it has when it is killed.
func TestUntilEndTogether(t *testing.T) {
	c := newCluster(t)
	const n = 6000
	topic := c.topic("together", sixParts, nil)
	c.fill(topic, sixParts, 0, n)
	flow := func(name string) string {
		return c.reading(topic, untilTheEnd+c.session()+", rebalance: 4s, instance: "+name)
	}
	stuck, one, two := &keeper{hold: make(chan struct{})}, &keeper{}, &keeper{}
	r := c.start(stuck.kit(), flow("stuck"))
	eventually(t, "the first process is a member", func() bool { return len(members(c)) == 1 })
	p, q := c.start(one.kit(), flow("one")), c.start(two.kit(), flow("two"))
	const waits = "waits until the group is with the others"
	eventually(t, "the others are through, and wait", func() bool { return p.log.has(waits) && q.log.has(waits) })
	if at := sum(c.committed(c.group(), topic)); at == 0 || at == n {
		t.Errorf("%d messages are acknowledged", at)
	}
	r.kill()
	p.endedWell(t)
	q.endedWell(t)
	t.Logf("%d and %d; %d came twice", one.len(), two.len(), once(t, n, one.got, two.got))
	if at := c.committed(c.group(), topic); sum(at) != n {
		t.Errorf("the positions are %v", at)
	}
}

// What a topic throws away while the run waits for it is not waited for.
func TestUntilEndThrownAway(t *testing.T) {
	c := onlyFake(t, kfake.DefaultNumPartitions(1))
	topic := c.topic("thrown", 1, nil)
	c.fill(topic, 1, 0, 100)
	k := &keeper{}
	c.start(k.kit(), c.reading(topic, untilTheEnd+c.session())).endedWell(t)
	c.fill(topic, 1, 100, 200)
	if err := c.fake.DeleteRecords(topic, 0, 200); err != nil {
		t.Fatal(err)
	}
	c.start(k.kit(), c.reading(topic, untilTheEnd+c.session())).endedWell(t)
	if k.len() != 100 {
		t.Errorf("%d messages were read", k.len())
	}
}

// A run that is stopped before its end is no run to its end.
func TestUntilEndStopped(t *testing.T) {
	c := newCluster(t)
	c.pad = 3000 // it is more than may wait for the flow
	topic := c.topic("stopped", 1, nil)
	c.fill(topic, 1, 0, 20_000)
	k := &keeper{hold: make(chan struct{})}
	p := c.start(k.kit(), c.reading(topic, untilTheEnd))
	eventually(t, "it is a member", func() bool { return len(members(c)) == 1 })
	p.stop()
	close(k.hold)
	p.wait(t)
	if p.result.Err == nil || !strings.Contains(p.result.Err.Error(), "stopped") {
		t.Errorf("it has ended with %v", p.result.Err)
	}
}
