package scheduler

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/redact"
)

// Limits of taps.
const (
	maxTaps      = 8       // of a run, at once
	tapRate      = 10      // items a second, when nobody says
	maxTapRate   = 100     // items a second
	tapRoom      = 32      // samples that wait for a slow reader
	tapTextBytes = 4 << 10 // of a sample that is shown
)

// TapOptions say what a tap gives. The zero value is ten items a second.
type TapOptions struct {
	// PerSecond is the most samples a second, up to 100; 0: 10.
	PerSecond int
	// Hide names fields whose values nobody is to see, besides those that package
	// redact hides everywhere.
	Hide []string
	// Secrets are texts that are hidden wherever they appear.
	Secrets []string
}

// A Sample is one item that went over an edge.
type Sample struct {
	Time   time.Time `json:"time"`
	Item   string    `json:"item"`           // as JSON, secrets hidden; not whole if Cut
	Cut    bool      `json:"cut,omitempty"`  // it was longer
	Passed int64     `json:"passed"`         // items that went over the edge since the tap was opened, this one among them
	Lost   int64     `json:"lost,omitempty"` // samples that the reader was too slow for, since then
}

// A Tap looks at some of the items of an edge. It never holds the flow up: a reader
// that is too slow loses samples. One goroutine reads; Close may be called by any.
type Tap struct {
	e      *edge
	rate   float64
	redact *redact.Redactor
	ready  chan tapped
	over   chan struct{} // closed: no more samples will come
	passed int64         // guarded by mu, as all below
	lost   int64

	mu      sync.Mutex
	allowed float64 // samples that may be taken now
	at      time.Time
	closed  bool // by the reader
	ended   bool // over is closed
}

// tapped is a sample that was not made a text yet: its reader does that, so that it
// costs the flow nothing. It holds a reference to the data.
type tapped struct {
	data   record.Data
	at     time.Time
	passed int64
}

// taps are those of one edge. The sender looks at list once for each envelope; it
// is nil while there is none.
type taps struct {
	list atomic.Pointer[[]*Tap]
	over bool // the edge has ended; guarded by tapping.mu
}

// tapping counts the taps of a run.
type tapping struct {
	mu   sync.Mutex // taken before that of a Tap
	open int
}

// Tap opens a tap on an edge, which is named by its place in the edges of the flow.
// Close it. Of an edge that has ended there is nothing more to see: Next gives
// io.EOF.
func (r *Run) Tap(edge int, o TapOptions) (*Tap, error) {
	switch {
	case edge < 0 || edge >= len(r.edges):
		return nil, fmt.Errorf("the flow has no edge %d", edge)
	case o.PerSecond < 0 || o.PerSecond > maxTapRate:
		return nil, fmt.Errorf("%d items a second: want 1 to %d", o.PerSecond, maxTapRate)
	case o.PerSecond == 0:
		o.PerSecond = tapRate
	}
	e, rate := r.edges[edge], float64(o.PerSecond)
	t := &Tap{
		e: e, rate: rate, redact: redact.New(o.Hide, o.Secrets), allowed: rate, at: time.Now(),
		ready: make(chan tapped, tapRoom), over: make(chan struct{}),
	}
	r.tapping.mu.Lock()
	defer r.tapping.mu.Unlock()
	switch {
	case e.taps.over:
		t.end()
	case r.tapping.open == maxTaps:
		return nil, fmt.Errorf("%d taps look at this run already; close one of them first", maxTaps)
	default:
		r.tapping.open++
		e.taps.set(append(slices.Clone(e.taps.all()), t))
	}
	return t, nil
}

// TapBetween is Tap for an edge that is named by its ports, such as late.out and
// named.left.
func (r *Run) TapBetween(from, to string, o TapOptions) (*Tap, error) {
	for i, e := range r.edges {
		if e.spec.String() == from+" -> "+to {
			return r.Tap(i, o)
		}
	}
	return nil, fmt.Errorf("the flow has no edge %s -> %s", from, to)
}

func (p *taps) all() []*Tap {
	if list := p.list.Load(); list != nil {
		return *list
	}
	return nil
}

func (p *taps) set(list []*Tap) {
	if len(list) == 0 {
		p.list.Store(nil)
		return
	}
	p.list.Store(&list)
}

// offer shows the taps of the edge items [from, to) that go over it. The sender
// calls it, if there are taps.
func (p *taps) offer(d record.Data, from, to int) {
	now := time.Now()
	for _, t := range p.all() {
		t.offer(d, from, to, now)
	}
}

// endTaps says that nothing more will go over the edge.
func (e *edge) endTaps() {
	e.run.tapping.mu.Lock()
	defer e.run.tapping.mu.Unlock()
	e.taps.over = true
	for _, t := range e.taps.all() {
		e.run.tapping.open--
		t.mu.Lock()
		t.end()
		t.mu.Unlock()
	}
	e.taps.set(nil)
}

// endTaps ends those that the ends of edges have left, as in a run that could not
// begin.
func (r *Run) endTaps() {
	for _, e := range r.edges {
		e.endTaps()
	}
}

// end says that no more samples will come. The caller holds mu, or has not shown
// the tap to anybody.
func (t *Tap) end() {
	if !t.ended {
		t.ended = true
		close(t.over)
	}
}

// offer takes as many samples of the items as are allowed by now, evenly spread.
func (t *Tap) offer(d record.Data, from, to int, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	n := to - from
	t.allowed = min(t.rate, t.allowed+t.rate*now.Sub(t.at).Seconds())
	t.at = now
	take := min(n, int(t.allowed))
	t.allowed -= float64(take)
	for i := range take {
		row := from + i*n/take
		s := tapped{d.Slice(row, row+1), now, t.passed + int64(row-from+1)}
		select {
		case t.ready <- s:
		default:
			s.data.Release()
			t.lost++
		}
	}
	t.passed += int64(n)
}

// Next waits for the next sample. It gives io.EOF when the edge has ended or the
// tap was closed, and the cause of ctx when that ends first.
func (t *Tap) Next(ctx context.Context) (Sample, error) {
	for {
		select {
		case s := <-t.ready:
			return t.sample(s), nil
		default:
		}
		select {
		case s := <-t.ready:
			return t.sample(s), nil
		case <-t.over:
			if len(t.ready) == 0 { // nobody sends any more
				return Sample{}, io.EOF
			}
		case <-ctx.Done():
			return Sample{}, context.Cause(ctx)
		}
	}
}

func (t *Tap) sample(s tapped) Sample {
	defer s.data.Release()
	t.mu.Lock()
	lost := t.lost
	t.mu.Unlock()
	text, cut := "", false
	err := guard(func() error { text, cut = t.redact.Item(s.data, firstRow(s.data), tapTextBytes); return nil })
	if err != nil { // how a Go value writes itself is up to its author
		text = string(jsonl.AppendString(nil, "an item that cannot be shown: "+t.redact.Text(err.Error())))
	}
	return Sample{Time: s.at, Item: text, Cut: cut, Passed: s.passed, Lost: lost}
}

// firstRow is where the first item of data is.
func firstRow(d record.Data) int {
	if b, ok := d.(*record.Batch); ok {
		return b.Row(0)
	}
	return 0
}

// Close ends the tap.
func (t *Tap) Close() {
	r := t.e.run
	r.tapping.mu.Lock()
	defer r.tapping.mu.Unlock()
	if list := t.e.taps.all(); slices.Contains(list, t) {
		r.tapping.open--
		t.e.taps.set(slices.DeleteFunc(slices.Clone(list), func(x *Tap) bool { return x == t }))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.end()
	for {
		select {
		case s := <-t.ready:
			s.data.Release()
		default:
			return
		}
	}
}
