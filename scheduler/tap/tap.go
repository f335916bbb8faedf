// Package tap looks at some of the items that go over an edge, without ever holding the
// flow up: a reader that is too slow loses samples. While nobody taps, an edge pays one look
// at a pointer for each envelope.
//
//	set := &tap.Set{}             of a run
//	point := tap.NewPoint(set)    of each edge
//	t, err := point.Open(tap.Options{PerSecond: 5})
//	sample, err := t.Next(ctx)
package tap

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
	"github.com/flowrun/flowrun/nodes"
)

// Limits.
const (
	most        = 8       // of a run, at once
	defaultRate = 10      // items a second, when nobody says
	mostRate    = 100     // items a second
	room        = 32      // samples that wait for a slow reader
	textBytes   = 4 << 10 // of a sample that is shown
)

// Options say what a tap gives. The zero value is ten items a second.
type Options struct {
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
	point  *Point
	rate   float64
	redact *redact.Redactor
	ready  chan glimpse
	over   chan struct{} // closed: no more samples will come
	passed int64         // guarded by mu, as all below
	lost   int64

	mu      sync.Mutex
	allowed float64 // samples that may be taken now
	at      time.Time
	closed  bool // by the reader
	ended   bool // over is closed
}

// A glimpse is a sample before it is turned into text: its reader does that, so that it
// costs the flow nothing. It holds a reference to the data.
type glimpse struct {
	data   record.Data
	at     time.Time
	passed int64
}

// A Set counts the taps of a run.
type Set struct {
	mu   sync.Mutex // taken before that of a Tap
	open int
}

// A Point is where the taps of one edge hang. The sender looks at list once for each
// envelope; it is nil while there is none.
type Point struct {
	set  *Set
	list atomic.Pointer[[]*Tap]
	over bool // the edge has ended; guarded by the set's mu
}

// NewPoint makes a point of a set.
func NewPoint(set *Set) *Point { return &Point{set: set} }

// Open opens a tap. Close it. Of an edge that has ended there is nothing more to see: Next
// gives io.EOF. It is an error to ask for more than 100 samples a second, or for more than
// eight taps of a set at once.
func (p *Point) Open(o Options) (*Tap, error) {
	switch {
	case o.PerSecond < 0 || o.PerSecond > mostRate:
		return nil, fmt.Errorf("%d items a second: want 1 to %d", o.PerSecond, mostRate)
	case o.PerSecond == 0:
		o.PerSecond = defaultRate
	}
	rate := float64(o.PerSecond)
	t := &Tap{
		point: p, rate: rate, redact: redact.New(o.Hide, o.Secrets), allowed: rate, at: time.Now(),
		ready: make(chan glimpse, room), over: make(chan struct{}),
	}
	p.set.mu.Lock()
	defer p.set.mu.Unlock()
	switch {
	case p.over:
		t.end()
	case p.set.open == most:
		return nil, fmt.Errorf("%d taps look at this run already; close one of them first", most)
	default:
		p.set.open++
		p.store(append(slices.Clone(p.all()), t))
	}
	return t, nil
}

// Tapped reports whether there are taps, for which Offer is worth its while.
func (p *Point) Tapped() bool { return p.list.Load() != nil }

func (p *Point) all() []*Tap {
	if list := p.list.Load(); list != nil {
		return *list
	}
	return nil
}

func (p *Point) store(list []*Tap) {
	if len(list) == 0 {
		p.list.Store(nil)
		return
	}
	p.list.Store(&list)
}

// Offer shows the taps of the edge items [from, to) that go over it. The sender
// calls it, if there are taps.
func (p *Point) Offer(d record.Data, from, to int) {
	now := time.Now()
	for _, t := range p.all() {
		t.offer(d, from, to, now)
	}
}

// End says that nothing more will go over the edge.
func (p *Point) End() {
	p.set.mu.Lock()
	defer p.set.mu.Unlock()
	p.over = true
	for _, t := range p.all() {
		p.set.open--
		t.mu.Lock()
		t.end()
		t.mu.Unlock()
	}
	p.store(nil)
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
		s := glimpse{d.Slice(row, row+1), now, t.passed + int64(row-from+1)}
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

func (t *Tap) sample(s glimpse) Sample {
	defer s.data.Release()
	t.mu.Lock()
	lost := t.lost
	t.mu.Unlock()
	text, cut := "", false
	err := nodes.Guard(func() error { text, cut = t.redact.Item(s.data, firstRow(s.data), textBytes); return nil })
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
	p := t.point
	p.set.mu.Lock()
	defer p.set.mu.Unlock()
	if list := p.all(); slices.Contains(list, t) {
		p.set.open--
		p.store(slices.DeleteFunc(slices.Clone(list), func(x *Tap) bool { return x == t }))
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
