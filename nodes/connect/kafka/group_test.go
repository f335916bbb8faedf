package kafka

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// This file has what processes do that share a group.

const sixParts = 6

// A process that is killed is followed by one that gets exactly what was not acknowledged.
func TestKilled(t *testing.T) {
	c := newCluster(t)
	const n = 20_000
	topic := c.topic("kill", sixParts, nil)
	c.fill(topic, sixParts, 0, n)
	first := &keeper{pause: func(ctx context.Context) { nodes.Sleep(ctx, 20*time.Millisecond) }}
	p := c.start(first.kit(), c.reading(topic, ""))
	eventually(t, "something is acknowledged, and not all", func() bool { return first.len() > 3000 && sum(c.committed(c.group(), topic)) > 0 })
	p.kill()
	<-p.ended
	acked := sum(c.committed(c.group(), topic))
	if acked == 0 || acked >= n || int(acked) > first.len() {
		t.Fatalf("%d of %d messages are acknowledged, and the sink has %d", acked, n, first.len())
	}
	second := &keeper{}
	p = c.start(second.kit(), c.reading(topic, ""))
	eventually(t, "all is acknowledged", func() bool { return sum(c.committed(c.group(), topic)) == n })
	p.finish(t)
	if got := second.len(); got != n-int(acked) {
		t.Errorf("the second process got %d messages, want %d", got, n-int(acked))
	}
	t.Logf("%d acknowledged, %d came twice", acked, once(t, n, first.got, second.got))
}

// What a process has taken of partitions that another one gets it brings to an end before: so
// nothing is lost, and nothing comes twice.
func TestSharedInMidBatch(t *testing.T) {
	c := newCluster(t)
	const n = 12_000
	c.pad = 3000
	topic := c.topic("share", sixParts, nil)
	c.fill(topic, sixParts, 0, n)
	one, two, joined := &keeper{}, &keeper{}, make(chan struct{})
	one.pause = func(ctx context.Context) {
		if one.len() < 1500 {
			return
		}
		select {
		case <-joined:
		case <-ctx.Done():
		}
	}
	p := c.start(one.kit(), c.reading(topic, ", instance: one"+c.session()))
	eventually(t, "the first process reads", func() bool { return one.len() > 1000 })
	q := c.start(two.kit(), c.reading(topic, ", instance: two"+c.session()))
	eventually(t, "the second process has joined", func() bool { return len(members(c)) == 2 })
	close(joined)
	eventually(t, "all is acknowledged", func() bool { return sum(c.committed(c.group(), topic)) == n })
	p.finish(t)
	q.finish(t)
	if twice := once(t, n, one.got, two.got); twice > 0 || two.len() == 0 {
		t.Errorf("%d messages came twice; the second process got %d\n%s", twice, two.len(), p.result.Log)
	}
	t.Logf("%d and %d", one.len(), two.len())
}

// Processes without a name share a group, too: the newer takes the name of the older, which
// takes another one.
func TestSecondProcessTakesTheName(t *testing.T) {
	c := newCluster(t)
	const n = 12_000
	c.pad = 3000
	topic := c.topic("name", sixParts, nil)
	c.fill(topic, sixParts, 0, n)
	slow := func(ctx context.Context) { nodes.Sleep(ctx, 20*time.Millisecond) }
	one, two, three := &keeper{pause: slow}, &keeper{pause: slow}, &keeper{pause: slow}
	flow := c.reading(topic, c.session())
	p := c.start(one.kit(), flow)
	eventually(t, "the first process reads", func() bool { return one.len() > 1000 })
	q := c.start(two.kit(), flow)
	eventually(t, "the second process reads, and the first goes on", func() bool { return two.len() > 500 && p.log.has("-2") || q.log.has("-2") })
	r := c.start(three.kit(), flow)
	eventually(t, "all is acknowledged", func() bool { return sum(c.committed(c.group(), topic)) == n })
	for _, p := range []*process{p, q, r} {
		p.finish(t)
	}
	t.Logf("%d, %d and %d; %d came twice", one.len(), two.len(), three.len(), once(t, n, one.got, two.got, three.got))
	if two.len() == 0 || three.len() == 0 {
		t.Error("not all have taken part")
	}
}

// An instance that the flow gives is that of one process: the older one ends, and says why.
func TestTwoWithOneInstance(t *testing.T) {
	c := newCluster(t)
	topic := c.topic("fence", 1, nil)
	c.fill(topic, 1, 0, 100)
	one, two := &keeper{}, &keeper{}
	p := c.start(one.kit(), c.reading(topic, ", instance: same"+c.session()))
	eventually(t, "the first process reads", func() bool { return one.len() == 100 })
	q := c.start(two.kit(), c.reading(topic, ", instance: same"+c.session()))
	p.wait(t)
	if err := p.result.Err; err == nil || !strings.Contains(err.Error(), "another process has joined the group under the instance of this one, same") {
		t.Errorf("the first process has ended with %v", err)
	}
	c.fill(topic, 1, 100, 200)
	eventually(t, "the second process reads on", func() bool { return two.has(199) })
	q.finish(t)
}

// A flow that is not through in time gives its partitions back all the same; what it has of
// them it does not acknowledge any more.
func TestGivenBackUnfinished(t *testing.T) {
	c := newCluster(t)
	const n = 600
	topic := c.topic("stuck", 2, nil)
	c.fill(topic, 2, 0, n)
	one, two := &keeper{hold: make(chan struct{})}, &keeper{}
	p := c.start(one.kit(), c.reading(topic, ", instance: one, rebalance: 2s"+c.session()))
	eventually(t, "the first process is a member", func() bool { return p.log.has("") && len(members(c)) == 1 })
	q := c.start(two.kit(), c.reading(topic, ", instance: two, rebalance: 2s"+c.session()))
	eventually(t, "the second process has the half", func() bool { return two.len() >= n/2 })
	if !p.log.has("partitions were given back before the flow was through with them") {
		t.Error("the first process does not tell")
	}
	q.finish(t)
	at := c.committed(c.group(), topic)
	if sum(at) != n/2 {
		t.Errorf("the positions are %v", at)
	}
	close(one.hold)
	eventually(t, "the rest is acknowledged", func() bool { return sum(c.committed(c.group(), topic)) == n })
	p.finish(t)
	if twice := once(t, n, one.got, two.got); twice != n/2 {
		t.Errorf("%d messages came twice, want %d", twice, n/2)
	}
}

// While a process waits long to give partitions back, what comes of the others meanwhile does
// not get lost.
func TestLongGivingBack(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes longer than a session is patient")
	}
	c := newCluster(t)
	const n = 1000
	topic := c.topic("long", 2, nil)
	c.fill(topic, 2, 0, n)
	one, two := &keeper{hold: make(chan struct{})}, &keeper{}
	p := c.start(one.kit(), c.reading(topic, ", instance: one, rebalance: 25s"+c.session()))
	eventually(t, "the first process is a member", func() bool { return len(members(c)) == 1 })
	c.start(two.kit(), c.reading(topic, ", instance: two, rebalance: 25s"+c.session()))
	eventually(t, "a partition is being given back", func() bool { return len(members(c)) == 2 })
	c.fill(topic, 2, n, 2*n)
	eventually(t, "it is given back", func() bool { return two.len() >= n })
	close(one.hold)
	eventually(t, "the rest is acknowledged", func() bool { return sum(c.committed(c.group(), topic)) == 2*n })
	p.finish(t)
	t.Logf("%d came twice", once(t, 2*n, one.got, two.got))
}
