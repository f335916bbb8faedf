package scheduler_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// A slow sink holds up the source: no edge ever holds more than its capacity, and
// no more is on its way than edges and workers hold.
func TestBackPressure(t *testing.T) {
	for _, capacity := range []int{1, 3, 64, 1000} {
		for _, workers := range []int{1, 4} {
			virtual(t, func(t *testing.T) {
				tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 5000}}
  work:   {use: step, in: {from: source, capacity: %[1]d}, workers: %[2]d}
  sink:   {use: keep, in: {from: work, capacity: %[1]d}, with: {delay: 1s}}
`, capacity, workers), scheduler.Options{})
				done := make(chan struct{})
				go func() {
					defer close(done)
					tr.succeed()
				}()
				synctest.Wait() // the sink has begun its first item: everything before it is full
				report := tr.run.Stats()
				for _, e := range report.Edges {
					if e.Peak > int64(capacity) || e.Items > int64(capacity) {
						t.Errorf("%s -> %s held %d of %d items", e.From, e.To, e.Peak, capacity)
					}
				}
				sent := node(t, report, "source").Out
				// What is not on an edge is in the hands of a worker: pieces of up to a batch.
				if limit := int64(2*capacity + (workers+2)*min(capacity, record.MaxRows) + record.MaxRows); sent > limit {
					t.Errorf("capacity %d, %d workers: the source has sent %d items to a sink that has taken none, want at most %d", capacity, workers, sent, limit)
				}
				<-done
				equal(t, "the sink", tr.store.numbers("sink"), upTo(5000))
				for _, e := range tr.run.Stats().Edges {
					if e.Peak > int64(capacity) {
						t.Errorf("%s -> %s held %d of %d items", e.From, e.To, e.Peak, capacity)
					}
				}
			})
		}
	}
}

// The bound in bytes holds too, but lets a single item pass that is larger.
func TestBackPressureInBytes(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: emit, with: {count: 3000}}
  sink:   {use: keep, in: {from: source, bytes: 1KB}, with: {delay: 1s}}
`, scheduler.Options{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			tr.succeed()
		}()
		synctest.Wait()
		if e := tr.run.Stats().Edges[0]; e.Bytes > 1000 || e.Bytes < 500 {
			t.Errorf("the edge holds %d bytes", e.Bytes)
		}
		<-done
		equal(t, "the sink", tr.store.numbers("sink"), upTo(3000))
	})
}

// Both readers of a broadcast see the very same batch, and when both are through
// with it, it is released (virtual looks at that).
func TestBroadcastCopiesNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: tens}
  a:      {use: collect, in: source}
  b:      {use: collect, in: source}
  c:      {use: collect, in: source}
`, scheduler.Options{}, tens(5))
		report := tr.succeed()
		for i, d := range tr.store.data["a"] {
			if d != tr.store.data["b"][i] || d != tr.store.data["c"][i] {
				t.Errorf("batch %d was copied", i)
			}
		}
		equal(t, "c", tr.store.numbers("c"), upTo(50))
		if got := node(t, report, "source").Out; got != 50 {
			t.Errorf("the source counts %d items out, want 50: each once", got)
		}
	})
}

// One branch that wants no more does not disturb the other.
func TestBroadcastWithOneRefusal(t *testing.T) {
	for _, workers := range []int{1, 3} {
		virtual(t, func(t *testing.T) {
			tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 5000}}
  work:   {use: step, in: source, workers: %d}
  cut:    {use: first, in: work, with: {count: 10}}
  some:   {use: keep, in: cut}
  all:    {use: keep, in: work, with: {delay: 1ms}}
`, workers), scheduler.Options{})
			report := tr.succeed()
			equal(t, "all", tr.store.numbers("all"), upTo(5000))
			equal(t, "some", tr.store.numbers("some"), upTo(10))
			e := edge(t, report, "work.out", "cut.in")
			if e.Sent != 5000 || e.Unwanted == 0 {
				t.Errorf("sent %d, unwanted %d", e.Sent, e.Unwanted)
			}
		})
	}
}

// When nobody wants more, everything upstream ends, at once: also where it waits
// for an item that would take an hour, or would never come.
func TestNobodyWantsMore(t *testing.T) {
	for _, serial := range []bool{false, true} {
		for _, c := range []struct{ name, source, work string }{
			{"fast", "{}", "{}"},
			{"slow", "{every: 1h}", "{}"},
			{"slow work", "{}", "{delays: 1s}"},
		} {
			for _, workers := range []string{"1", "4", "4, order: none", "4, order: key, key: key"} {
				virtual(t, func(t *testing.T) {
					tr := try(t, `
  source: {use: emit, with: `+c.source+`}
  a:      {use: step, in: source, workers: `+workers+`, with: `+c.work+`}
  b:      {use: step, in: a}
  cut:    {use: first, in: b, with: {count: 3}}
  sink:   {use: keep, in: cut}
`, scheduler.Options{Serial: serial})
					start := time.Now()
					tr.succeed()
					if got := len(tr.store.numbers("sink")); got != 3 {
						t.Errorf("%s, %s workers: %d items", c.name, workers, got)
					}
					limit := 10 * time.Second
					if c.name == "slow" {
						limit += 3 * time.Hour
					}
					if took := time.Since(start); took > limit {
						t.Errorf("%s, %s workers: it took %s to end", c.name, workers, took)
					}
				})
			}
		}
	}
}

// A node with two outputs ends when both are refused, and not before.
func TestBothOutputsRefused(t *testing.T) {
	split := nodes.Kind("split", "Splits.", &opKind{make: func(*opKind, *nodes.Env) *op {
		return &op{process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
			var sides [2][]item
			for _, x := range values(in.Data) {
				sides[x.N%2] = append(sides[x.N%2], x)
			}
			for port, side := range sides {
				if err := out.Emit(port, record.Wrap(side)); err != nil {
					return err
				}
			}
			return nil
		}}
	}}, nodes.Conserves(), nodes.InPort(portIn), nodes.OutPort(portOut("left")), nodes.OutPort(portOut("right")))
	for _, serial := range []bool{false, true} {
		virtual(t, func(t *testing.T) {
			tr := try(t, `
  source: {use: emit, with: {every: 1us}}
  split:  {use: split, in: source}
  few:    {use: first, in: split.left, with: {count: 5}}
  more:   {use: first, in: split.right, with: {count: 500}}
  a:      {use: keep, in: few}
  b:      {use: keep, in: more}
`, scheduler.Options{Serial: serial}, split)
			tr.succeed()
			if a, b := len(tr.store.numbers("a")), len(tr.store.numbers("b")); a != 5 || b != 500 {
				t.Errorf("serial %v: got %d and %d items, want 5 and 500", serial, a, b)
			}
		})
	}
}

// A Go kind may make any number of items at once; batches stay small all the same.
func TestHugeOutput(t *testing.T) {
	virtual(t, func(t *testing.T) {
		records := kind("records", func(*opKind, *nodes.Env) *op {
			return &op{work: func(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
				return nil, out.Emit(0, in.Data.Retain())
			}}
		}, graph.Port{Name: "in"})
		largest := 0
		whole := kind("whole", func(*opKind, *nodes.Env) *op {
			return &op{process: func(_ context.Context, in nodes.Input, _ nodes.Out) error {
				largest = max(largest, in.Data.Len())
				return nil
			}}
		}, portIn)
		tr := try(t, `
  source: {use: emit, with: {count: 2}}
  many:   {use: copies, in: {from: source}, with: {times: 70000}}
  record: {use: records, in: {from: many, capacity: 1000000}}
  sink:   {use: collect, in: record}
  whole:  {use: whole, in: {from: many, capacity: 1000000}}
`, scheduler.Options{}, records, whole)
		tr.succeed()
		want := make([]int64, 140000)
		for i := 70000; i < len(want); i++ {
			want[i] = 1
		}
		equal(t, "the sink", tr.store.numbers("sink"), want)
		if largest != record.MaxRows {
			t.Errorf("the largest batch has %d items", largest)
		}
	})
}

// What workers made before one of them said that it is done still leaves, in
// order; what comes after it does not.
func TestDoneInAWorker(t *testing.T) {
	for _, workers := range []int{1, 4} {
		for _, serial := range []bool{false, true} {
			virtual(t, func(t *testing.T) {
				until := nodes.Kind("until", "Ends at item 20.", &opKind{make: func(*opKind, *nodes.Env) *op {
					return &op{work: func(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
						for i, x := range values(in.Data) {
							if x.N != 20 { // it has to wait for those before it
								time.Sleep(time.Minute)
							}
							if err := out.Emit(0, in.Data.Slice(i, i+1)); err != nil {
								return nil, err
							}
							if x.N == 20 {
								return nil, nodes.ErrDone
							}
						}
						return nil, nil
					}}
				}}, nodes.Conserves(), nodes.InPort(portIn), nodes.OutPort(portOut("out")))
				tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 100}}
  until:  {use: until, in: source, workers: %d}
  sink:   {use: keep, in: until}
`, workers), scheduler.Options{Serial: serial}, until)
				tr.succeed()
				equal(t, fmt.Sprintf("%d workers, serial %v", workers, serial), tr.store.numbers("sink"), upTo(21))
			})
		}
	}
}

// A node with a Many port reads all its edges in turn, however fast one of them is.
func TestNoEdgeIsStarved(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  a:    {use: tens}
  b:    {use: tens}
  c:    {use: tens}
  all:  {use: merge, in: [{from: a, capacity: 10}, {from: b, capacity: 10}, {from: c, capacity: 10}]}
  sink: {use: keep, in: all}
`, scheduler.Options{}, slowMerge, tens(100))
		time.AfterFunc(90*time.Second, func() {
			for _, e := range tr.run.Stats().Edges[:3] {
				if e.Received < 120 {
					t.Errorf("%s -> %s: %d items were taken in 90 s, want about 150", e.From, e.To, e.Received)
				}
			}
		})
		tr.succeed()
	})
}
