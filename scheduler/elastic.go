package scheduler

import (
	"math"
	"runtime"
	"time"

	"github.com/flowrun/flowrun/graph"
)

// This file decides how many workers a node with `workers: {min, max}` has.
//
// A look every 100 ms. The workers that a node needs are, by Little's law, the
// items that come in a second times the seconds that one of them takes; with room
// to spare, and more while a backlog waits. A full queue hides how much would come,
// so it doubles the crew. Growing is quick, shrinking waits a second for the most
// that were needed meanwhile, so that bursts do not make the number swing.
//
// More workers do not always do more: the cores may all be busy, or whatever the
// workers wait for may serve no more at once. So growth that did not pay is taken
// back, and not tried again for a while: the number stays at the knee, where more
// workers would only add waiting. A node that waits for those downstream never
// grows, nor does any while the cores have no time left.

const (
	lookEvery   = 100 * time.Millisecond
	shrinkAfter = time.Second     // of needing fewer
	spare       = 0.85            // workers are to be busy this share of the time
	drainIn     = time.Second     // how soon a backlog is to be worked off
	blockedMost = 0.3             // share of a look spent waiting for room downstream
	coresFull   = 0.95            // share of the cores in use above which nobody grows
	trialLooks  = 5               // looks after which growth must have paid
	payShare    = 0.25            // of the gain that as many more workers promise
	ceilingLow  = 5 * time.Second // how long growth that did not pay is not tried again
	ceilingHigh = time.Minute
)

// A look is what happened to a node since the look before.
type look struct {
	now     time.Time
	done    int64         // items worked on to the end
	busy    time.Duration // of all workers
	blocked time.Duration // waiting for room, or held back by its rate or its breaker
	inside  int64         // items on the input edges and in the node
	full    bool          // an input edge is, or nearly
	workers int           // now
	cores   float64       // share of the processors that the process uses; 0: not known
}

// A scaler finds the number of workers of one node. It is not safe for use by
// several goroutines.
type scaler struct {
	low, high int

	last   time.Time
	inside int64
	cost   float64 // seconds of work for an item, a moving average; 0: not known
	rate   float64 // items in a second that come, a moving average

	fewer time.Time // since when fewer workers would do; zero: they would not
	most  int       // that were needed since then

	trial   trial
	ceiling int       // growth past it did not pay; 0: none is known
	until   time.Time // when that may be tried again
	again   time.Duration
}

// A trial is growth that has not shown yet whether it pays.
type trial struct {
	from  int           // workers before; 0: there is no trial
	to    int           // and after
	cost  float64       // seconds of work for an item before
	looks int           // so far
	items int64         // in them
	busy  time.Duration // in them
}

// next gives the number of workers from now on.
func (s *scaler) next(l look) int {
	if s.last.IsZero() {
		s.last, s.inside = l.now, l.inside
		return l.workers
	}
	seconds := l.now.Sub(s.last).Seconds()
	if seconds <= 0 {
		return l.workers
	}
	came := float64(l.done+l.inside-s.inside) / seconds
	s.last, s.inside = l.now, l.inside
	if l.held() { // its input is full, and comes in bursts as large as there is room
		came = min(came, float64(l.done)/seconds)
	}
	s.rate = blend(s.rate, max(0, came))
	if l.done > 0 {
		if cost := l.busy.Seconds() / float64(l.done); s.cost == 0 {
			s.cost = cost
		} else {
			s.cost = blend(s.cost, cost)
		}
	}
	if n, ended := s.judge(l); ended {
		return n
	}
	need := s.need(l)
	if need > l.workers {
		return s.grow(l, need)
	}
	return s.shrink(l, need)
}

// blend is a moving average over about three looks.
func blend(old, now float64) float64 { return old + (now-old)*0.4 }

// held reports whether more workers would only wait: for those downstream, or for
// a processor.
func (l *look) held() bool {
	return l.blocked.Seconds() > blockedMost*lookEvery.Seconds() || l.cores > coresFull
}

// waiting is how many items nobody works on.
func (l *look) waiting() int64 { return max(0, l.inside-int64(l.workers)) }

// need is the number of workers that the load asks for. While the node is held, a
// backlog is none of its doing.
func (s *scaler) need(l look) int {
	need := s.rate * s.cost / spare
	if !l.held() {
		need += float64(l.waiting()) * s.cost / drainIn.Seconds()
		if l.full || s.cost == 0 && l.waiting() > 0 {
			need = max(need, float64(2*l.workers))
		}
	}
	need = math.Ceil(need - 1e-9)
	return int(min(max(need, float64(s.low)), float64(s.high)))
}

func (s *scaler) grow(l look, need int) int {
	s.fewer = time.Time{}
	need = min(need, 2*l.workers) // what was measured may not hold for many more
	if s.ceiling > 0 && l.now.After(s.until) {
		s.ceiling = 0
	}
	if s.ceiling > 0 {
		need = min(need, max(s.ceiling, l.workers))
	}
	if l.held() || s.trial.from > 0 || need <= l.workers {
		return l.workers
	}
	s.trial = trial{from: l.workers, to: need, cost: s.cost}
	return need
}

// judge looks, once a trial has had its time, whether it paid. It reports whether
// it took the growth back.
func (s *scaler) judge(l look) (n int, taken bool) {
	t := &s.trial
	if t.from == 0 {
		return 0, false
	}
	if t.looks++; t.looks > 1 { // the workers were still beginning in the first look
		t.items += l.done
		t.busy += l.busy
	}
	measured := t.items >= int64(t.to)
	switch {
	case l.waiting() == 0 && !l.full: // it has caught up: there is nothing to compare
	case measured && s.paid():
		s.again = 0
	case !measured || t.looks < trialLooks:
		return 0, false
	default:
		s.again = min(max(ceilingLow, 2*s.again), ceilingHigh)
		s.ceiling, s.until = t.from, l.now.Add(s.again)
		n, taken = t.from, true
	}
	*t = trial{}
	return n, taken
}

// paid reports whether more workers can do more: if all that came of them is that
// each item takes longer, whatever they share is at its limit.
func (s *scaler) paid() bool {
	t := &s.trial
	if t.cost == 0 {
		return true
	}
	cost := t.busy.Seconds() / float64(t.items)
	want := 1 + payShare*(float64(t.to)/float64(t.from)-1)
	return float64(t.to)/cost >= want*float64(t.from)/t.cost
}

func (s *scaler) shrink(l look, need int) int {
	if need == l.workers {
		s.fewer = time.Time{}
		return need
	}
	if s.fewer.IsZero() {
		s.fewer, s.most = l.now, need
	}
	s.most = max(s.most, need)
	if l.now.Sub(s.fewer) < shrinkAfter {
		return l.workers
	}
	s.fewer = time.Time{}
	return s.most
}

// scale follows the load of every elastic node until over is closed.
func (r *Run) scale(over <-chan struct{}) {
	var crews []*scaled
	for _, n := range r.nodes {
		if n.workers.Elastic() {
			crews = append(crews, &scaled{n: n})
		}
	}
	if len(crews) == 0 {
		return
	}
	cores := coreMeter{used: r.options.cpu}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-over:
			return
		case <-r.ctx.Done():
			return
		case <-ticker.C:
		}
		share := cores.share(time.Now())
		for _, c := range crews {
			c.look(share)
		}
	}
}

// A scaled node is a node with its scaler and what it had counted at the last look.
type scaled struct {
	n      *node
	port   *graph.Input // that was read at the last look
	scaler scaler

	done, busy, blocked int64
}

func (c *scaled) look(cores float64) {
	p := c.n.workforce()
	if p == nil {
		return
	}
	reads := c.n.intake.reads.Load()
	if reads == nil || len(*reads) == 0 {
		return
	}
	count := &c.n.count
	if port := (*reads)[0].spec.ToPort; port != c.port { // other inputs have other costs
		high := c.n.workers.Max
		if limit := c.n.run.flow.Limits.Workers; limit > 0 {
			high = max(c.n.workers.Min, min(high, limit)) // more would only wait to be let in
		}
		c.port, c.scaler = port, scaler{low: c.n.workers.Min, high: high}
		c.done, c.busy, c.blocked = count.Done(), count.Busy.Load(), count.Blocked.Load()+count.Limited.Load()
	}
	l := look{now: time.Now(), workers: p.staying(), cores: cores}
	done, busy, blocked := count.Done(), count.Busy.Load(), count.Blocked.Load()+count.Limited.Load()
	l.done, c.done = done-c.done, done
	l.busy, c.busy = time.Duration(busy-c.busy), busy
	if l.blocked, c.blocked = time.Duration(blocked-c.blocked), blocked; c.n.heldBack.Load() {
		l.blocked = lookEvery // for longer than a look, perhaps
	}
	for _, e := range *reads {
		items := e.count.Items.Load()
		l.inside += items
		l.full = l.full || e.waiting.Load() || items*10 >= e.capacity*9
	}
	l.inside += max(0, count.In.Load()-done)
	before := l.workers
	if n := c.scaler.next(l); n != before && p.resize(n) {
		count.Resized.Add(1)
		count.Most.Store(max(count.Most.Load(), int64(n)))
		c.n.run.options.Events.Info("workers changed", "node", c.n.spec.ID, "from", before, "to", n, "waiting", l.waiting())
	}
}

// A coreMeter measures how much of the processors the process uses.
type coreMeter struct {
	used func() time.Duration // processor time of the process
	at   time.Time
	last time.Duration
}

// share is the share since the call before; 0 if it is not known.
func (m *coreMeter) share(now time.Time) float64 {
	used, at := m.used(), m.at
	took := used - m.last
	m.last, m.at = used, now
	if at.IsZero() || !now.After(at) {
		return 0
	}
	return took.Seconds() / now.Sub(at).Seconds() / float64(runtime.GOMAXPROCS(0))
}
