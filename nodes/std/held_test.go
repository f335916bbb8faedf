package std_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// holders are settings for each kind that tells what it holds. Items have a number n, a
// key k from 1 on, a span ms from 1 on, and bad is 1 for those that fail, else 0.
var holders = map[string][]string{
	"batch":       {`{count: 1}`, `{count: 7}`, `{count: 60}`, `{count: 40, period: 30ms}`},
	"debounce":    {`{quiet: 20ms}`, `{quiet: 100ms, by: k + bad * ` + over + `}`},
	"delay":       {`{for: 50ms, at_end: send}`, `{for: 'duration(string(ms + bad * ` + over + `) + "ms")', at_end: send}`, `{for: 20ms, pending: 5, at_end: send}`},
	"gather":      {`{id: k + bad * ` + over + `, count: 5}`, `{id: k, count: '3 + bad * ` + over + `', timeout: 60ms}`},
	"sample_time": {`{every: 40ms}`, `{every: 10s, by: k}`, `{every: 100ms, by: k + bad * ` + over + `}`},
	"throttle":    {`{every: 30ms}`, `{every: 30ms, keep: last}`, `{every: 80ms, keep: last, by: k + bad * ` + over + `}`},
}

// eachHolder calls f with the settings of all kinds that say that they return what they
// hold.
func eachHolder(t *testing.T, f func(t *testing.T, kind, with string)) {
	for _, d := range std.Nodes {
		if !d.Spec.Returns {
			continue
		}
		if len(holders[d.Spec.Kind]) == 0 {
			t.Errorf("%s is not tried", d.Spec.Kind)
		}
		for _, with := range holders[d.Spec.Kind] {
			t.Run(d.Spec.Kind+" "+with, func(t *testing.T) { f(t, d.Spec.Kind, with) })
		}
	}
}

// What Held says is as many items as there are from the first on that leaves if the
// input ends now. That is found out by ending it: after each step, of an operator that
// gets the same once more.
func TestHeldIsWhatLeavesLater(t *testing.T) {
	eachHolder(t, func(t *testing.T, kind, with string) {
		seed := rand.New(rand.NewPCG(1, uint64(len(kind+with))))
		for round := range 6 {
			most, every := 20, 1
			if round > 3 {
				most, every = 1000, 9 // enough for what has left to be cleared away
			}
			steps := randomSteps(seed, most)
			some := false
			for upTo := 0; upTo <= len(steps); upTo += every {
				synctest.Test(t, func(t *testing.T) {
					h := newHolder(t, kind, with)
					h.asks = round%2 == 0
					given := h.play(steps[:upTo])
					got := h.parts.Holder.Held()
					h.left = h.left[:0]
					if err := h.parts.Ender.End(t.Context(), nodes.EndedEdge{Last: true}, h); err != nil {
						t.Fatal(err)
					}
					want := 0
					if len(h.left) > 0 {
						want = given - slices.Min(h.left)
					}
					if got != want {
						t.Fatalf("after %d steps Held is %d of %d, want %d", upTo, got, given, want)
					}
					if after := h.parts.Holder.Held(); after != 0 {
						t.Fatalf("after %d steps and its end Held is %d", upTo, after)
					}
					some = some || want > 0
				})
			}
			if !some && with != `{count: 1}` && with != `{every: 30ms}` {
				t.Error("nothing was ever held")
			}
		}
	})
}

// A heldStep is a batch after some time.
type heldStep struct {
	after time.Duration
	items []heldItem
}

type heldItem struct {
	k, ms, bad int64
	chosen     bool // else it is a row of the batch that is no item
}

func randomSteps(r *rand.Rand, most int) []heldStep {
	steps := make([]heldStep, 28)
	for i := range steps {
		s := &steps[i]
		s.after = time.Duration(r.IntN(30)) * time.Millisecond
		s.items = make([]heldItem, r.IntN(most))
		for j := range s.items {
			s.items[j] = heldItem{1 + r.Int64N(6), 1 + r.Int64N(80), int64(max(0, r.IntN(6)-4)), r.IntN(5) > 0}
		}
	}
	return steps
}

// A holder is a kind with an operator whose output is looked at.
type holder struct {
	t     *testing.T
	typ   *graph.Node
	parts nodes.Parts
	asks  bool  // for what is held, after each batch, as cuts do
	left  []int // numbers of items that have left, also as a part of something
}

func newHolder(t *testing.T, kind, with string) *holder {
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	text := "nodes:\n  in: {use: generate, with: {count: 0, set: {n: n, k: n, ms: n, bad: n}}}\n" +
		"  it: {use: " + kind + ", in: in, with: " + with + ", on_error: skip}\n  out: {use: file.write, in: it, with: {path: '-', format: jsonl}}\n"
	flow, list := graph.Load(diag.NewSource("flow.yaml", []byte(text)), registry, graph.Options{})
	if list.HasErrors() {
		t.Fatal(list)
	}
	h := &holder{t: t, typ: flow.Node("it")}
	op, err := registry.Operator(h.typ, &nodes.Env{Node: h.typ, Flow: flow, Workers: 1, Log: slog.New(slog.DiscardHandler), Shared: &nodes.Resources{}})
	if err == nil {
		h.parts, err = nodes.PartsOf(op)
	}
	if err == nil && h.parts.Starter != nil {
		err = h.parts.Starter.Open(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if h.parts.Closer != nil {
			h.parts.Closer.Close()
		}
	})
	return h
}

// play gives the operator some batches, and wakes it when it is due. Items are numbered
// from 0 on.
func (h *holder) play(steps []heldStep) (given int) {
	for _, s := range steps {
		until := time.Now().Add(s.after)
		for timed := h.parts.Timed; timed != nil; {
			due := timed.Due()
			if due.IsZero() || due.After(until) {
				break
			}
			time.Sleep(time.Until(due))
			if err := timed.OnTime(h.t.Context(), time.Now(), h); err != nil {
				h.t.Fatal(err)
			}
		}
		time.Sleep(time.Until(until))
		b, n := h.batch(s.items, given)
		if err := h.parts.Process(h.t.Context(), nodes.Input{Data: b}, h); err != nil {
			h.t.Fatal(err)
		}
		b.Release()
		given += n
		if h.asks {
			h.parts.Holder.Held()
		}
	}
	return given
}

func (h *holder) batch(items []heldItem, first int) (b *record.Batch, n int) {
	b = record.New(h.typ.In[0].Arriving())
	b.Rows = len(items)
	for i := range b.Cols {
		b.Fresh(i)
	}
	b.Sel = make([]uint16, 0, len(items))
	for row, x := range items {
		for i, v := range []int64{int64(first + len(b.Sel)), x.k, x.ms, x.bad} {
			b.Cols[i].Int[row] = v
		}
		if x.chosen {
			b.Sel = append(b.Sel, uint16(row))
		}
	}
	return b, len(b.Sel)
}

// Emit implements nodes.Out.
func (h *holder) Emit(_ int, d record.Data) error {
	defer d.Release()
	h.left = append(h.left, numbersIn(d)...)
	return nil
}

// Bad implements nodes.Out.
func (*holder) Bad(nodes.BadItem) error { return nil }

// Filtered implements nodes.Out.
func (*holder) Filtered(int) {}

var numberText = regexp.MustCompile(`"n":(\d+)`)

// numbersIn gives the numbers of all items in what left.
func numbersIn(d record.Data) (all []int) {
	b := d.(*record.Batch)
	encoder := jsonl.NewEncoder(b.Type)
	for i := range b.Len() {
		for _, found := range numberText.FindAllSubmatch(encoder.AppendRow(nil, b, b.Row(i)), -1) {
			n, _ := strconv.Atoi(string(found[1]))
			all = append(all, n)
		}
	}
	return all
}

// Behind a source that acknowledges, a kind that holds items back may stand: an item is
// acknowledged when it is in the sink, or never comes there, and in the end all are.
func TestHoldersAreAcknowledged(t *testing.T) {
	eachHolder(t, func(t *testing.T, kind, with string) {
		for _, setup := range []nodetest.Setup{{Workers: 3}, {Serial: true}} {
			t.Run(fmt.Sprintf("serial %v", setup.Serial), func(t *testing.T) {
				j := &journal{}
				more := kit.With([]nodes.Decl{
					nodes.ReadFrom("test.source", "Makes items.", &heldSource{j: j}),
					nodes.Kind("test.sink", "Notes what comes.", &heldSink{j: j}, nodes.Workers(graph.Single),
						nodes.InPort(graph.Port{Name: "in", Doc: "Anything."})),
				})
				text := "nodes:\n  in: {use: test.source}\n  it: {use: " + kind + ", in: in, with: " + with + ", on_error: skip}\n  out: {use: test.sink, in: it}\n"
				synctest.Test(t, func(t *testing.T) {
					if r := more.Run(t, text, nil, setup); len(r.Problems) > 0 || r.Err != nil {
						t.Fatal(r.Told())
					}
				})
				j.check(t)
				if j.times < 4 {
					t.Errorf("acknowledged %d times", j.times)
				}
			})
		}
	})
}

// A journal is what came into a sink, and up to where the source was acknowledged, in the
// order in which that happened.
type journal struct {
	mu      sync.Mutex
	entries []entry
	times   int // that it was acknowledged
}

type entry struct {
	taken bool // up to number; else it came
	n     int
}

func (j *journal) note(taken bool, numbers ...int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, n := range numbers {
		j.entries = append(j.entries, entry{taken, n})
	}
}

func (j *journal) check(t *testing.T) {
	last := -1
	for i, e := range j.entries {
		if !e.taken {
			continue
		}
		if e.n <= last {
			t.Errorf("acknowledged up to %d after %d", e.n, last)
		}
		last = e.n
		j.times++
		for _, later := range j.entries[i:] {
			if !later.taken && later.n <= e.n {
				t.Errorf("acknowledged up to %d, and %d came later", e.n, later.n)
			}
		}
	}
	if last != heldItems-1 {
		t.Errorf("acknowledged up to %d of %d", last, heldItems)
	}
}

const heldItems = 400

// A heldSource makes items, some at once and some after a while.
type heldSource struct{ j *journal }

type heldNumber struct{ N, K, Ms, Bad int64 }

func (s *heldSource) ReadFrom(_ context.Context, _ nodes.Position, emit func(heldNumber, nodes.Position) error) error {
	r := rand.New(rand.NewPCG(2, 2))
	for n := range int64(heldItems) {
		if r.IntN(3) == 0 {
			time.Sleep(time.Duration(r.IntN(25)) * time.Millisecond)
		}
		x := heldNumber{n, 1 + r.Int64N(6), 1 + r.Int64N(80), int64(max(0, r.IntN(9)-7))}
		if err := emit(x, fmt.Append(nil, n)); err != nil {
			return err
		}
	}
	return nil
}

func (s *heldSource) Taken(after nodes.Position) error {
	n, err := strconv.Atoi(string(after))
	s.j.note(true, n)
	return err
}

// A heldSink notes what comes.
type heldSink struct{ j *journal }

func (*heldSink) Infer(*graph.Inference) {}

func (s *heldSink) Operator(*nodes.Env) (nodes.Operator, error) {
	return nodes.Serially(func(_ context.Context, in nodes.Input, _ nodes.Out) error {
		s.j.note(false, numbersIn(in.Data)...)
		return nil
	}), nil
}
