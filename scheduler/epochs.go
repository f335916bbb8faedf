package scheduler

import (
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/scheduler/metrics"
	"github.com/flowrun/flowrun/scheduler/queue"
)

// This file draws the cuts of a run: it begins them, and finds out that all nodes have
// met one.

const (
	ackEvery   = 50 * time.Millisecond
	cutTimeout = time.Minute
	stagedMost = 64 << 20
)

// The epochs of a run are its cuts: this is who decides when there is one, begins it at
// the sources, and is told by every node that has met it. There is one at a time.
//
//	begin      the sources are cut, each where it is
//	complete   all nodes have met the cut, or ended, and flushed: sources acknowledge
//	given up   the node that it waits for has done nothing for too long: what others have
//	           still to do for it they leave, and the next one acknowledges what this one
//	           would have. One that waits for a node which is slow is not given up: the
//	           next would fare no better.
//
// A cut that was given up harms nobody: see intake.aligning and node.sendCut.
type epochs struct {
	*topology
	life    *lifetime
	events  *slog.Logger
	fail    func(n *node, err error)
	serial  func() // cuts all nodes of a serial run, which rests, or soon will; nil: it is none
	every   time.Duration
	timeout time.Duration
	most    int64
	always  bool // not only for acknowledgement

	flight               // the epoch that is under way
	staged atomic.Int64  // bytes since the last cut began
	asked  atomic.Bool   // somebody wants a cut
	news   chan struct{} // wakes who coordinates
	acking []*driver     // the sources that acknowledge by cuts

	// Of who coordinates.
	moved int64 // the progress of the run when the last complete cut began
	stall stall // of the epoch that is under way

	mu     sync.Mutex
	number uint64 // of the last epoch that was begun
	began  time.Time
	left   int           // nodes that have not come to it
	low    uint64        // see queue.Mark: of all nodes that have
	flush  time.Duration // the longest
	report metrics.CutReport
	at     time.Time // when the last complete one began

	aligning, flushing, acknowledging metrics.Histogram
}

// newEpochs gives nil if the run has no cuts.
func newEpochs(t *topology, life *lifetime, options *Options, fail func(n *node, err error)) *epochs {
	o := options.Cuts
	c := &epochs{
		topology: t, life: life, events: options.Events, fail: fail,
		every: o.Every, timeout: o.Timeout, most: o.Staged, always: o.Every > 0,
		flight: flight{observe: options.seeCuts, misaligned: options.misaligned},
		news:   make(chan struct{}, 1), moved: math.MinInt64,
	}
	withheld := t.withheld()
	for _, n := range t.nodes {
		if options.Discard || options.NoAcks {
			break
		}
		if n.parts.Acknowledger != nil && !n.acksEarly() && !withheld[n] {
			c.acking = append(c.acking, n)
		}
	}
	if !c.always && len(c.acking) == 0 {
		return nil
	}
	if c.every == 0 {
		c.every = ackEvery
	}
	if c.timeout == 0 {
		c.timeout = cutTimeout
	}
	if c.most == 0 {
		c.most = stagedMost
	}
	for _, e := range t.edges {
		e.cuts, e.brake = &c.flight, func(on bool) { c.brake(e, on) }
	}
	for _, n := range t.nodes {
		n.cuts = &cutLink{&c.flight, func(at cut) { c.met(n, at) }, c.flushed, func() { c.ended(n) }}
	}
	return c
}

// coordinate draws cuts until over is closed.
func (c *epochs) coordinate(over <-chan struct{}) {
	timer := time.NewTimer(c.every)
	defer timer.Stop()
	next := time.Now().Add(c.every)
	for {
		select {
		case <-over:
			return
		case <-c.life.ctx.Done():
			return
		case <-c.news:
		case <-timer.C:
		}
		if c.life.ctx.Err() != nil {
			return
		}
		now := time.Now()
		if c.epoch.Load() != 0 && !c.end(now) {
			timer.Reset(c.timeout / 2)
			continue
		}
		if now = time.Now(); c.asked.Load() || !now.Before(next) {
			if c.asked.Swap(false) || c.due() {
				c.begin(now)
			}
			next = now.Add(c.every)
		}
		timer.Reset(next.Sub(now))
		if c.epoch.Load() != 0 {
			poke(c.news) // it may be complete, or its deadline is what comes next
		}
	}
}

// A stall is whom a cut waits for.
type stall struct {
	by    metrics.CutHolder
	moved int64     // what the node had done then
	since time.Time // it has done nothing
}

// look sees whether a node has done nothing for so long.
func (s *stall) look(by metrics.CutHolder, moved int64, now time.Time, timeout time.Duration) bool {
	if by != s.by || moved != s.moved {
		if s.by.Node != "" { // else it is the first look
			s.since = now
		}
		s.by, s.moved = by, moved
	}
	return now.Sub(s.since) >= timeout
}

// due reports whether there is a reason for a cut.
func (c *epochs) due() bool {
	if c.always {
		return true
	}
	return slices.ContainsFunc(c.acking, (*driver).owes) && c.progress() != c.moved
}

// ask makes a cut as soon as none is under way.
func (c *epochs) ask() {
	if c != nil {
		c.asked.Store(true)
		poke(c.news)
	}
}

// stage counts what a sink has staged.
func (c *epochs) stage(bytes int64) {
	if c != nil && c.staged.Add(bytes) > c.most {
		c.ask()
	}
}

// begin draws a cut: sources are cut where they are.
func (c *epochs) begin(now time.Time) {
	moved := c.progress()
	c.mu.Lock()
	c.number++
	c.began, c.low, c.flush, c.left = now, queue.NoLow, 0, 0
	var alive []*driver
	for _, n := range c.nodes {
		if !n.over {
			alive = append(alive, n)
		}
	}
	c.left = len(alive)
	number := c.number
	c.mu.Unlock()
	c.staged.Store(0)
	c.moved, c.stall = moved, stall{since: now}
	c.epoch.Store(number)
	for _, n := range c.acking {
		if !slices.Contains(alive, n) { // its last pieces are still on their way
			c.reached(n, number, n.at())
		}
	}
	if c.serial != nil {
		c.serial()
		return
	}
	for _, n := range alive {
		if n.source() {
			c.reached(n, number, n.order.cutSource(n.node, cut{number, number}))
		} else {
			n.bell.ring() // it may have to do something before the cut comes: see intake.approach
		}
	}
}

// reached notes how far a source was at a cut.
func (c *epochs) reached(n *driver, epoch uint64, at headway) {
	if slices.Contains(c.acking, n) {
		n.acks.cut(epoch, at)
	}
	if c.observe != nil {
		c.observe(seenCut{source: n.spec, epoch: epoch, position: at.position})
	}
}

// end ends the epoch that is under way if it is complete, or its time is over.
func (c *epochs) end(now time.Time) bool {
	c.mu.Lock()
	complete := c.left == 0
	number, began, low, flush := c.number, c.began, c.low, c.flush
	c.mu.Unlock()
	if c.life.ctx.Err() != nil {
		return true // nodes may have ended by that, and what was on its way was thrown away
	}
	switch {
	case complete:
		c.epoch.Store(0)
		c.mu.Lock()
		c.report.Epoch, c.at = number, began
		c.report.Complete++
		c.mu.Unlock()
		c.flushing.Add(flush)
		c.aligning.Add(max(0, now.Sub(began)-flush))
		c.acknowledge(low)
		c.acknowledging.Add(time.Since(now))
	default:
		last, moved := c.holder()
		if !c.stall.look(last, moved, now, c.timeout) {
			return false
		}
		c.epoch.Store(0)
		c.mu.Lock()
		c.report.GivenUp++
		c.report.Last = &last
		c.mu.Unlock()
		c.moved = math.MinInt64
		c.events.Warn("cut given up", "epoch", number, "node", last.Node, "input", last.Input, "seconds", now.Sub(began).Seconds())
		for _, n := range c.nodes {
			n.bell.ring()
		}
	}
	return true
}

// flushed is told how long a flush took.
func (c *epochs) flushed(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flush = max(c.flush, took)
}

// met is told that a node has met a cut: it has sent it on and flushed.
func (c *epochs) met(n *driver, at cut) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.epoch != c.number || n.epoch == at.epoch || c.epoch.Load() != at.epoch {
		return
	}
	n.epoch, c.low = at.epoch, min(c.low, at.low)
	c.come()
}

// ended is told that a node has ended, which has come to every cut.
func (c *epochs) ended(n *driver) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n.over {
		return
	}
	n.over = true
	if n.epoch != c.number && c.number > 0 {
		c.come()
	}
}

// come counts a node. The caller holds mu.
func (c *epochs) come() {
	if c.left--; c.left == 0 {
		poke(c.news)
	}
}

// holder says who the epoch that is under way waits for: the first node in the order of
// the flow that has not met its cut, and the input that has not come to it. All before that
// node have met it, so its inputs have been sent it. If it waits for room, it is the one
// that does not take.
//
// moved changes with all that the node does.
func (c *epochs) holder() (h metrics.CutHolder, moved int64) {
	c.mu.Lock()
	number := c.number
	at := slices.IndexFunc(c.nodes, func(n *driver) bool { return !n.over && n.epoch != number })
	c.mu.Unlock()
	if at < 0 {
		return h, 0 // it has just become complete
	}
	n := c.nodes[at]
	h = metrics.CutHolder{Node: n.spec.ID, Input: n.holds(number)}
	for at := n.sendsTo(); at >= 0; at = n.sendsTo() {
		e := c.edges[at]
		n = c.reader(e)
		h = metrics.CutHolder{Node: n.spec.ID, Input: e.spec.ToPort.Name}
	}
	return h, n.count.In.Load() + n.count.Batches.Load()
}

// stats tells what there is to know of the cuts of a run that has taken so long; nil
// without any.
func (c *epochs) stats(took time.Duration) *metrics.CutReport {
	if c == nil {
		return nil
	}
	waits, _ := c.holder()
	c.mu.Lock()
	defer c.mu.Unlock()
	rep := c.report
	if !c.at.IsZero() {
		rep.Age = max(0, took-c.at.Sub(c.life.started))
	}
	if flight := c.epoch.Load(); flight != 0 && waits.Node != "" {
		rep.Flight, rep.For, rep.Waits = flight, time.Since(c.began), &waits
	}
	rep.Align, rep.Flush, rep.Acknowledge = c.aligning.Snapshot(), c.flushing.Snapshot(), c.acknowledging.Snapshot()
	return &rep
}

// mark tells how far the cut has come: in the reports of all nodes.
func (c *epochs) mark(reports []metrics.NodeReport) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, n := range c.nodes {
		reports[i].Epoch = n.epoch
	}
}

// acknowledge tells sources up to where everything was delivered: to all sinks, and
// flushed. Of those that nobody wants more of, some was thrown away.
func (c *epochs) acknowledge(low uint64) {
	var wanted map[*driver]bool
	for _, n := range c.acking {
		if len(n.acks.cuts) == 0 || n.acks.cuts[0].epoch > low || n.shed.Load() {
			continue
		}
		if wanted == nil {
			wanted = c.wanted()
		}
		if !wanted[n] {
			continue
		}
		if err := n.acknowledge(n.acks.upTo(low)); err != nil {
			c.fail(n.node, err)
			return
		}
	}
}

// acknowledges reports whether any source does so by cuts.
func (c *epochs) acknowledges() bool { return c != nil && len(c.acking) > 0 }

// brake slows down, or no longer, whoever leads to an edge that holds more than its
// capacity because of a cut: see brake.go.
func (c *epochs) brake(e *edge, on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.braking.Swap(on) == on {
		return
	}
	if on && (e.count.Items.Load() <= e.capacity || e.isRefused()) { // the reader was quicker, and has not seen it
		e.braking.Store(false)
		return
	}
	seen := map[*driver]bool{}
	var walk func(n *driver)
	walk = func(n *driver) {
		if seen[n] {
			return
		}
		seen[n] = true
		if n.brake.turn(e, on) {
			n.bell.ring()
		}
		for _, edges := range n.in {
			for _, e := range edges {
				if e.spec.Contract.Blocks() {
					walk(c.sender(e))
				}
			}
		}
	}
	walk(c.sender(e))
}
