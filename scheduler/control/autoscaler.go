package control

import (
	"math"
	"runtime"
	"time"
)

// This file decides how many workers a node with `workers: {min, max}` has.
//
// A sample every 100 ms. The workers that a node needs are, by Little's law, the
// items that come in a second times the seconds that one of them takes; with room
// to spare, and more while a backlog waits. A full queue hides how much would come,
// so it doubles the workers. Growing is quick, shrinking waits a second for the most
// that were needed meanwhile, so that bursts do not make the number swing.
//
// More workers do not always do more: the cores may all be busy, or whatever the
// workers wait for may serve no more at once. So growth that did not pay is taken
// back, and not tried again for a while: the number stays at the knee, where more
// workers would only add waiting. A node that waits for those downstream never
// grows, nor does any while the cores have no time left.

const (
	// SampleEvery is how far the samples of an Autoscaler are apart.
	SampleEvery = 100 * time.Millisecond

	shrinkAfter = time.Second     // of needing fewer
	spare       = 0.85            // workers are to be busy this share of the time
	drainIn     = time.Second     // how soon a backlog is to be worked off
	blockedMost = 0.3             // share of a sample spent waiting for room downstream
	coresFull   = 0.95            // share of the cores in use above which nobody grows
	trialLasts  = 5               // samples after which growth must have paid
	payShare    = 0.25            // of the gain that as many more workers promise
	ceilingLow  = 5 * time.Second // how long growth that did not pay is not tried again
	ceilingHigh = time.Minute
)

// A Sample is what happened to a node since the sample before.
type Sample struct {
	Now     time.Time
	Done    int64         // items worked on to the end
	Busy    time.Duration // of all workers
	Blocked time.Duration // waiting for room, or held back by its rate or its breaker
	Inside  int64         // items on the input edges and in the node
	Full    bool          // an input edge is, or nearly
	Workers int           // now
	Cores   float64       // share of the processors that the process uses; 0: not known
}

// An Autoscaler finds the number of workers of one node. It is not safe for use by
// several goroutines.
type Autoscaler struct {
	Low, High int // the fewest and the most

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
	from    int           // workers before; 0: there is no trial
	to      int           // and after
	cost    float64       // seconds of work for an item before
	samples int           // so far
	items   int64         // in them
	busy    time.Duration // in them
}

// Next takes a sample and gives the number of workers from now on.
func (s *Autoscaler) Next(x Sample) int {
	if s.last.IsZero() {
		s.last, s.inside = x.Now, x.Inside
		return x.Workers
	}
	seconds := x.Now.Sub(s.last).Seconds()
	if seconds <= 0 {
		return x.Workers
	}
	came := float64(x.Done+x.Inside-s.inside) / seconds
	s.last, s.inside = x.Now, x.Inside
	if x.held() { // its input is full, and comes in bursts as large as there is room
		came = min(came, float64(x.Done)/seconds)
	}
	s.rate = blend(s.rate, max(0, came))
	if x.Done > 0 {
		if cost := x.Busy.Seconds() / float64(x.Done); s.cost == 0 {
			s.cost = cost
		} else {
			s.cost = blend(s.cost, cost)
		}
	}
	if n, ended := s.judge(x); ended {
		return n
	}
	need := s.need(x)
	if need > x.Workers {
		return s.grow(x, need)
	}
	return s.shrink(x, need)
}

// blend is a moving average over about three samples.
func blend(old, now float64) float64 { return old + (now-old)*0.4 }

// held reports whether more workers would only wait: for those downstream, or for
// a processor.
func (x *Sample) held() bool {
	return x.Blocked.Seconds() > blockedMost*SampleEvery.Seconds() || x.Cores > coresFull
}

// Waiting is how many items nobody works on.
func (x *Sample) Waiting() int64 { return max(0, x.Inside-int64(x.Workers)) }

// need is the number of workers that the load asks for. While the node is held, a
// backlog is none of its doing.
func (s *Autoscaler) need(x Sample) int {
	need := s.rate * s.cost / spare
	if !x.held() {
		need += float64(x.Waiting()) * s.cost / drainIn.Seconds()
		if x.Full || s.cost == 0 && x.Waiting() > 0 {
			need = max(need, float64(2*x.Workers))
		}
	}
	need = math.Ceil(need - 1e-9)
	return int(min(max(need, float64(s.Low)), float64(s.High)))
}

func (s *Autoscaler) grow(x Sample, need int) int {
	s.fewer = time.Time{}
	need = min(need, 2*x.Workers) // what was measured may not hold for many more
	if s.ceiling > 0 && x.Now.After(s.until) {
		s.ceiling = 0
	}
	if s.ceiling > 0 {
		need = min(need, max(s.ceiling, x.Workers))
	}
	if x.held() || s.trial.from > 0 || need <= x.Workers {
		return x.Workers
	}
	s.trial = trial{from: x.Workers, to: need, cost: s.cost}
	return need
}

// judge sees, once a trial has had its time, whether it paid. It reports whether
// it took the growth back.
func (s *Autoscaler) judge(x Sample) (n int, taken bool) {
	t := &s.trial
	if t.from == 0 {
		return 0, false
	}
	if t.samples++; t.samples > 1 { // the workers were still beginning in the first sample
		t.items += x.Done
		t.busy += x.Busy
	}
	measured := t.items >= int64(t.to)
	switch {
	case x.Waiting() == 0 && !x.Full: // it has caught up: there is nothing to compare
	case measured && s.paid():
		s.again = 0
	case !measured || t.samples < trialLasts:
		return 0, false
	default:
		s.again = min(max(ceilingLow, 2*s.again), ceilingHigh)
		s.ceiling, s.until = t.from, x.Now.Add(s.again)
		n, taken = t.from, true
	}
	*t = trial{}
	return n, taken
}

// paid reports whether more workers can do more: if all that came of them is that
// each item takes longer, whatever they share is at its limit.
func (s *Autoscaler) paid() bool {
	t := &s.trial
	if t.cost == 0 {
		return true
	}
	cost := t.busy.Seconds() / float64(t.items)
	want := 1 + payShare*(float64(t.to)/float64(t.from)-1)
	return float64(t.to)/cost >= want*float64(t.from)/t.cost
}

func (s *Autoscaler) shrink(x Sample, need int) int {
	if need == x.Workers {
		s.fewer = time.Time{}
		return need
	}
	if s.fewer.IsZero() {
		s.fewer, s.most = x.Now, need
	}
	s.most = max(s.most, need)
	if x.Now.Sub(s.fewer) < shrinkAfter {
		return x.Workers
	}
	s.fewer = time.Time{}
	return s.most
}

// A CoreMeter measures how much of the processors the process uses.
type CoreMeter struct {
	Used func() time.Duration // processor time of the process
	at   time.Time
	last time.Duration
}

// Share is the share since the call before; 0 if it is not known.
func (m *CoreMeter) Share(now time.Time) float64 {
	used, at := m.Used(), m.at
	took := used - m.last
	m.last, m.at = used, now
	if at.IsZero() || !now.After(at) {
		return 0
	}
	return took.Seconds() / now.Sub(at).Seconds() / float64(runtime.GOMAXPROCS(0))
}
