package scheduler_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/flowrun/flowrun/scheduler"
)

// However many workers a node has and however long its items take, they leave it
// in the order in which they came; and more workers take less time.
func TestOrderKept(t *testing.T) {
	var before time.Duration
	for _, workers := range []int{1, 2, 4, 16} {
		virtual(t, func(t *testing.T) {
			tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 40}}
  work:   {use: step, in: source, workers: %d, with: {delays: [9s, 1s, 1s, 4s, 1s]}}
  sink:   {use: keep, in: work}
`, workers), scheduler.Options{})
			start := time.Now()
			report := tr.succeed()
			took := time.Since(start)
			equal(t, "the sink", tr.store.numbers("sink"), upTo(40))
			if workers == 1 && took.Round(time.Second) != 128*time.Second {
				t.Errorf("one worker takes %s", took)
			}
			if before > 0 && took > before*9/10 {
				t.Errorf("%d workers take %s, fewer took %s", workers, took, before)
			}
			before = took
			if got := node(t, report, "work").Workers; got != workers {
				t.Errorf("%d workers worked, want %d", got, workers)
			}
		})
	}
}

// Workers that take a second each keep up with a source of one item a second, and
// items do not wait for others behind them.
func TestOrderedWorkersDoNotHoldBack(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: emit, with: {count: 20, every: 1s}}
  work:   {use: step, in: source, workers: 4, with: {delays: 3s}}
  sink:   {use: keep, in: work}
`, scheduler.Options{})
		tr.succeed()
		for i, at := range tr.store.times["sink"] {
			if late := at - tr.store.times["source"][i] - 3*time.Second; late > 5*time.Millisecond {
				t.Errorf("item %d comes %s late", i, late)
			}
		}
	})
}

func TestOrderNone(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: emit, with: {count: 12}}
  work:   {use: step, in: source, workers: 3, order: none, with: {delays: [10s, 1s, 1s]}}
  sink:   {use: keep, in: work}
`, scheduler.Options{})
		tr.succeed()
		got := tr.store.numbers("sink")
		if slices.IsSorted(got) {
			t.Errorf("order: none waited for the slow items: %v", got)
		}
		slices.Sort(got)
		equal(t, "the sink, sorted", got, upTo(12))
	})
}

// Under order: key the items of one key keep their order, and a slow key does not
// hold up the others.
func TestOrderKey(t *testing.T) {
	for _, batch := range []int{1, 3, 1024} {
		virtual(t, func(t *testing.T) {
			tr := try(t, `
  source: {use: tens}
  work:   {use: step, in: source, workers: 4, order: key, key: key, with: {delays: [7s, 1s, 2s]}}
  sink:   {use: keep, in: work}
`, scheduler.Options{Batch: batch}, tens(20))
			tr.succeed()
			last := map[string]int64{}
			for _, x := range tr.store.items["sink"] {
				if before, seen := last[x.Key]; seen && before >= x.N {
					t.Errorf("key %s: %d comes after %d", x.Key, x.N, before)
				}
				last[x.Key] = x.N
			}
			got := tr.store.numbers("sink")
			if slices.IsSorted(got) {
				t.Error("the keys waited for each other")
			}
			slices.Sort(got)
			equal(t, "the sink, sorted", got, upTo(200))
		})
	}
}

// Go values have no fields that the engine could see, but their order by key is
// still kept.
func TestOrderKeyOfGoValues(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: emit, with: {count: 30}}
  work:   {use: step, in: source, workers: 3, order: key, key: key, with: {delays: [3s, 1s]}}
  sink:   {use: keep, in: work}
`, scheduler.Options{})
		tr.succeed()
		equal(t, "the sink", tr.store.numbers("sink"), upTo(30))
	})
}

// Nodes that take a second each work at the same time: N items through K nodes take
// about N + K seconds, and with W workers in each node N/W + K.
func TestPipelining(t *testing.T) {
	for _, c := range []struct{ workers, seconds int }{{1, 42}, {4, 12}, {10, 6}} {
		virtual(t, func(t *testing.T) {
			tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 40}}
  a:      {use: step, in: source, workers: %[1]d, with: {delays: 1s}}
  b:      {use: step, in: a, workers: %[1]d, with: {delays: 1s}}
  c:      {use: step, in: b, workers: %[1]d, with: {delays: 1s}}
  sink:   {use: keep, in: c}
`, c.workers), scheduler.Options{})
			start := time.Now()
			tr.succeed()
			if took := time.Since(start).Round(time.Second); took != time.Duration(c.seconds)*time.Second {
				t.Errorf("%d workers take %s, want %d s", c.workers, took, c.seconds)
			}
			equal(t, "the sink", tr.store.numbers("sink"), upTo(40))
		})
	}
}

// An item that is slow to come is not kept waiting on its way.
func TestFlushWhenIdle(t *testing.T) {
	for _, order := range []string{"strict", "none", "key, key: key"} {
		virtual(t, func(t *testing.T) {
			tr := try(t, `
  source: {use: emit, with: {count: 10, every: 1s}}
  a:      {use: step, in: source, workers: 4, order: `+order+`}
  b:      {use: copies, in: a, with: {times: 1}}
  c:      {use: step, in: b, workers: 2}
  sink:   {use: keep, in: c}
`, scheduler.Options{})
			tr.succeed()
			if len(tr.store.items["sink"]) != 10 {
				t.Fatalf("%d items came", len(tr.store.items["sink"]))
			}
			for i, at := range tr.store.times["sink"] {
				if late := at - tr.store.times["source"][i]; late > 3*time.Millisecond {
					t.Errorf("order %s: item %d was on its way for %s", order, i, late)
				}
			}
		})
	}
}

// Everything is the same on one goroutine.
func TestSerialEqualsConcurrent(t *testing.T) {
	const flow = `
  source: {use: emit, with: {count: 3000}}
  a:      {use: step, in: source, workers: %[1]d, with: {add: 1, fail: [5, 1500]}, on_error: dead}
  twice:  {use: copies, in: a, workers: %[1]d, with: {times: 2}}
  cut:    {use: first, in: twice, with: {count: 4001}}
  sink:   {use: keep, in: cut}
  all:    {use: keep, in: twice}
  bad:    {use: sinkhole, in: a.errors}
`
	serial := try(t, fmt.Sprintf(flow, 1), scheduler.Options{Serial: true}, sinkhole)
	want := serial.succeed()
	for _, workers := range []int{1, 2, 7} {
		for _, batch := range []int{1, 3, 1024} {
			virtual(t, func(t *testing.T) {
				tr := try(t, fmt.Sprintf(flow, workers), scheduler.Options{Batch: batch}, sinkhole)
				report := tr.succeed()
				for _, id := range []string{"sink", "all"} {
					equal(t, id, tr.store.numbers(id), serial.store.numbers(id))
				}
				for _, id := range []string{"a", "bad", "all"} {
					got, want := node(t, report, id), node(t, want, id)
					if got.In != want.In || got.Used != want.Used || got.Dead != want.Dead {
						t.Errorf("%s: in %d, used %d, dead %d, want %d, %d, %d", id, got.In, got.Used, got.Dead, want.In, want.Used, want.Dead)
					}
				}
			})
		}
	}
	equal(t, "the serial sink", serial.store.numbers("sink")[:4], []int64{1, 1, 2, 2})
	if got := len(serial.store.numbers("all")); got != 5996 {
		t.Errorf("%d items, want 5996", got)
	}
}
