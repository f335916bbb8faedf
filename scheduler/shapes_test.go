package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// A doubleKind is a Processor: it fails a batch in which it finds its item.
type doubleKind struct {
	Fail  int  `yaml:"fail" doc:"The item that fails the batch it is in; 0: none."`
	Panic bool `yaml:"panic" doc:"Panics instead."`
}

func (d *doubleKind) Process(_ context.Context, in, out []item) ([]item, error) {
	for _, x := range in {
		if d.Fail > 0 && x.N == int64(d.Fail) {
			if d.Panic {
				panic("a bad batch")
			}
			return out, errBad
		}
		out = append(out, item{2 * x.N, x.Key})
	}
	return out, nil
}

// A batch that fails fails as a whole; with one item a batch that is one item.
func TestProcess(t *testing.T) {
	process := nodes.Process("double", "Doubles.", &doubleKind{})
	for _, panics := range []bool{false, true} {
		for _, workers := range []int{1, 3} {
			virtual(t, func(t *testing.T) {
				tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 10}}
  work:   {use: double, in: source, workers: %d, with: {fail: 4, panic: %v}, on_error: skip}
  sink:   {use: keep, in: work}
`, workers, panics), scheduler.Options{Batch: 1}, process)
				report := tr.succeed()
				equal(t, "the sink", tr.store.numbers("sink"), []int64{0, 2, 4, 6, 10, 12, 14, 16, 18})
				if n := node(t, report, "work"); n.Skipped != 1 {
					t.Errorf("%d skipped", n.Skipped)
				}
			})
		}
	}
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: emit, with: {count: 10}}
  work:   {use: double, in: source, with: {fail: 4}, on_error: skip}
  sink:   {use: keep, in: work}
`, scheduler.Options{}, process)
		if n := node(t, tr.succeed(), "work"); n.Skipped != 10 || n.Out != 0 {
			t.Errorf("%d skipped and %d out, want the whole batch", n.Skipped, n.Out)
		}
	})
}

// A runKind is a Folder: a running sum of each key, and at the end its last value.
type runKind struct {
	Fail      int64 `yaml:"fail" doc:"The item that fails; 0: none."`
	CloseFail bool  `yaml:"close_fail" doc:"Fails at the end of the second key."`
}

func (*runKind) Key(x item) string { return x.Key }

func (r *runKind) Fold(_ context.Context, sum *int64, x item, emit func(item)) error {
	if r.Fail > 0 && x.N == r.Fail {
		return errBad
	}
	*sum += x.N
	emit(item{*sum, x.Key})
	return nil
}

func (r *runKind) Close(_ context.Context, key string, sum *int64, emit func(item)) error {
	emit(item{-*sum, key})
	if r.CloseFail && key == "b" {
		return errBad
	}
	return nil
}

func TestFold(t *testing.T) {
	fold := nodes.Fold("run", "Runs.", &runKind{})
	for _, serial := range []bool{false, true} {
		for _, batch := range []int{1, 4, 1024} {
			virtual(t, func(t *testing.T) {
				tr := try(t, `
  source: {use: emit, with: {count: 9}}
  work:   {use: run, in: source, workers: 4, with: {fail: 4}, on_error: skip}
  sink:   {use: keep, in: work}
`, scheduler.Options{Serial: serial, Batch: batch}, fold)
				report := tr.succeed()
				// a: 0 3 6, b: 1 (4) 7, c: 2 5 8.
				equal(t, "the sink", tr.store.numbers("sink"), []int64{0, 1, 2, 3, 7, 9, 8, 15, -9, -8, -15})
				if n := node(t, report, "work"); n.Skipped != 1 || n.Used != 8 {
					t.Errorf("skipped %d, used %d", n.Skipped, n.Used)
				}
			})
		}
	}
}

// A fold that fails at its end has sent what it emitted before, and nothing later:
// no timer of its own may fire when the flow is gone.
func TestFoldThatFailsAtTheEnd(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: emit, with: {count: 9}}
  work:   {use: run, in: source, with: {close_fail: true}}
  sink:   {use: collect, in: work}
`, scheduler.Options{}, nodes.Fold("run", "Runs.", &runKind{}))
		if _, err := tr.execute(t.Context()); !errors.Is(err, errBad) {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Second)
	})
}

// An openKind counts how often it is opened and closed.
type openKind struct {
	Fail  int `yaml:"fail" doc:"The worker that cannot open; 0: none."`
	s     *store
	count *int
	me    int
}

func (o *openKind) Open(_ context.Context, env *nodes.Env) error {
	*o.count++
	if o.me = *o.count; o.me == o.Fail {
		return errBad
	}
	o.s.event("open %d in %s", o.me, env.Node.ID)
	return nil
}

func (o *openKind) Map(_ context.Context, x item) (item, error) {
	if o.me == 0 {
		return x, errors.New("it is not open")
	}
	return x, nil
}

func (o *openKind) Close() error { o.s.event("close %d", o.me); return nil }

// Open comes once for each worker, on a copy of its own; Close for each that was opened:
// of those who stay to the end in the same order, once all have ended.
func TestOpenAndClose(t *testing.T) {
	for _, order := range []string{"strict", "none", "key, key: key"} {
		for _, fail := range []int{0, 2} {
			virtual(t, func(t *testing.T) {
				events := &store{}
				tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 9}}
  work:   {use: open, in: source, workers: 3, order: %s, with: {fail: %d}}
  sink:   {use: keep, in: work}
`, order, fail), scheduler.Options{}, nodes.Map("open", "Opens.", &openKind{s: events, count: new(int)}))
				_, err := tr.execute(t.Context())
				want := []string{"open 1 in work", "open 2 in work", "open 3 in work", "close 1", "close 2", "close 3"}
				if fail > 0 {
					want = []string{"open 1 in work", "close 1"}
				}
				if (err != nil) != (fail > 0) || !slices.Equal(events.events, want) {
					t.Errorf("order %s: %v, events %q, want %q", order, err, events.events, want)
				}
			})
		}
	}
}

// An input that is not wanted any more is not read: its sender waits until the node has
// ended. In a serial run its items wait in memory.
func TestUnwantedInput(t *testing.T) {
	for _, serial := range []bool{false, true} {
		for _, count := range []int{5, 50000} {
			virtual(t, func(t *testing.T) {
				var taken [2]int
				picky := nodes.Kind("picky", "Takes some.", &opKind{make: func(*opKind, *nodes.Env) *op {
					return &op{
						wants: func(port, _ int) bool { return (port == 1) == (taken[0] >= 3) },
						process: func(_ context.Context, in nodes.Input, _ nodes.Out) error {
							taken[in.Port] += in.Data.Len()
							return nil
						},
						end: func(_ context.Context, e nodes.EndedEdge, _ nodes.Out) error {
							if e.Port == 1 {
								return nodes.ErrDone
							}
							return nil
						},
					}
				}}, nodes.InPort(graph.Port{Name: "left", Any: true}), nodes.InPort(graph.Port{Name: "right", Any: true}))
				tr := try(t, fmt.Sprintf(`
  some: {use: emit, with: {count: %d}}
  all:  {use: emit, with: {count: 1000}}
  work: {use: picky, in: {left: {from: some, capacity: 2}, right: all}}
`, count), scheduler.Options{Serial: serial}, picky)
				report := tr.succeed()
				if taken[0] < 3 || taken[0] > 5 || taken[1] != 1000 {
					t.Errorf("serial %v: %d of the one and %d of the other", serial, taken[0], taken[1])
				}
				if e := edge(t, report, "some.out", "work.left"); e.Sent != e.Received+e.Unwanted || count > 5 && !serial && node(t, report, "some").Out == int64(count) {
					t.Errorf("serial %v: sent %d, received %d, unwanted %d; the source did not end", serial, e.Sent, e.Received, e.Unwanted)
				}
			})
		}
	}
}

// A refusal reaches a sender that waits for a place on the channel.
func TestRefusedWhileSending(t *testing.T) {
	virtual(t, func(t *testing.T) {
		patient := kind("patient", func(*opKind, *nodes.Env) *op {
			return &op{process: func(context.Context, nodes.Input, nodes.Out) error {
				time.Sleep(time.Hour) // until the channel is full of single items
				return nodes.ErrDone
			}}
		}, portIn)
		tr := try(t, `
  source: {use: emit, with: {every: 1s}}
  sink:   {use: patient, in: source}
`, scheduler.Options{}, patient)
		start := time.Now()
		tr.succeed()
		if took := time.Since(start); took > time.Hour+2*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// An item in a message is cut, between characters; on the error port it is whole.
func TestLongItems(t *testing.T) {
	virtual(t, func(t *testing.T) {
		long := nodes.Map("long", "Makes long texts.", &longMap{})
		bad := nodes.Map("bad", "Fails.", &failKind{})
		var lines []string
		tr := try(t, `
  source: {use: emit, with: {count: 1}}
  long:   {use: long, in: source}
  bad:    {use: bad, in: long}
  sink:   {use: keep, in: bad}
  dead:   {use: letters, in: bad.errors}
`, scheduler.Options{}, long, bad, letters(&lines))
		tr.succeed()
		recent := tr.run.RecentErrors("bad")
		if len(recent) != 1 || len(recent[0].Item) > 510 || !strings.HasSuffix(recent[0].Item, "ü…") {
			t.Errorf("the message has %+v", recent)
		}
		if len(lines) != 1 || strings.Count(lines[0], "ü") != 1000 {
			t.Errorf("the item on the error port has %d characters", len(lines[0]))
		}
		if tr.run.RecentErrors("nobody") != nil {
			t.Error("a node that is not there has errors")
		}
	})
}

type longMap struct{}

func (longMap) Map(_ context.Context, x item) (item, error) {
	return item{x.N, strings.Repeat("ü", 1000)}, nil
}

type failKind struct{}

func (failKind) Map(context.Context, item) (item, error) { return item{}, errBad }

// The number of workers: what the flow says, else what the run says, else what the
// kind does.
func TestNumberOfWorkers(t *testing.T) {
	for _, c := range []struct {
		node    string
		options int
		want    int
	}{{"", 0, 1}, {", workers: 3", 0, 3}, {"", 5, 5}, {", workers: 3", 5, 3}} {
		virtual(t, func(t *testing.T) {
			tr := try(t, `
  source: {use: emit, with: {count: 10}}
  work:   {use: step, in: source`+c.node+`}
  sink:   {use: keep, in: work}
`, scheduler.Options{Workers: c.options})
			if got := node(t, tr.succeed(), "work").Workers; got != c.want {
				t.Errorf("%q with --workers %d: %d workers, want %d", c.node, c.options, got, c.want)
			}
		})
	}
}
