package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file stops sources of every kind: what their sinks see of it, and what the run says.

// A stoppable is a source of pieces of one item, one a second: 0, 1, ...
type stoppable struct {
	count   int  // pieces; 0: there is no end of them
	endless bool // it says so
	deaf    bool // it looks at no context, and its pieces hold data
	lingers bool // it has given its last piece and waits, before it finds that this was the last
	hoards  bool // it has three more in its hands when it is stopped
	boom    bool // it panics when it is asked once more
}

// A deafPiece is to be released, also where it is thrown away.
type deafPiece struct {
	*record.Batch
	number int
}

func (p deafPiece) String() string { return fmt.Sprint(p.number) }

func (s stoppable) decl(name string, taken func(id, after string)) nodes.Decl {
	return kind(name, func(_ *opKind, env *nodes.Env) *op {
		at, lingered, drained := 0, !s.lingers, 0
		give := func() any {
			at++
			if s.deaf {
				return deafPiece{batchOf(item{N: int64(at - 1)}), at - 1}
			}
			return at - 1
		}
		o := &op{
			endless: s.endless,
			next: func(ctx context.Context) (any, error) {
				switch {
				case s.deaf:
					time.Sleep(time.Second)
				case at < s.count || s.count == 0:
					select {
					case <-time.After(time.Second):
					case <-ctx.Done():
						if s.boom {
							panic("asked once more")
						}
						return nil, ctx.Err()
					}
				case !lingered:
					lingered = true
					<-ctx.Done()
					return nil, ctx.Err()
				}
				if at == s.count && s.count > 0 {
					return nil, io.EOF
				}
				return give(), nil
			},
			work: func(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
				if p, ok := in.Made.(deafPiece); ok {
					return nil, out.Emit(0, p.Batch)
				}
				return nil, out.Emit(0, batchOf(item{N: int64(in.Made.(int))}))
			},
			taken: func(after nodes.Position) error { taken(env.Node.ID, string(after)); return nil },
		}
		if s.hoards {
			o.drain = func(context.Context) (any, error) {
				if drained++; drained > 3 {
					return nil, io.EOF
				}
				return give(), nil
			}
		}
		return o
	})
}

// vault is a sink that tells all it is asked, and takes a minute to make safe what it has.
func vault(s **store) nodes.Decl {
	return kind("vault", func(_ *opKind, env *nodes.Env) *op {
		note := func(what string) error { (*s).event("%s %s", what, env.Node.ID); return nil }
		return &op{
			process: func(_ context.Context, in nodes.Input, _ nodes.Out) error {
				(*s).keep(env.Node.ID, values(in.Data)...)
				return nil
			},
			seal:   func() error { time.Sleep(time.Minute); return note("seal") },
			commit: func() error { return note("commit") },
			abort:  func() error { return note("abort") },
			keep:   func() error { return note("keep") },
		}
	}, portIn)
}

// A stopCase is a flow that is stopped after 30.5 s, while one of its sources has more, or
// a sink makes safe what it has.
type stopCase struct {
	name  string
	flow  string // of the sources a and b and the sinks out and other; %s: engine settings
	whole bool   // no source was cut short
	read  int    // items of out, unless the run is serial; 0: depends
	taken string // the sources that learn of what was taken, when sinks commit
}

const (
	toOut   = "\n  slow: {use: step, in: a, with: {delays: [900ms, 100ms]}%s}\n  out: {use: vault, in: slow}\n"
	toOther = "  other: {use: vault, in: b}\n"
)

var stopCases = []stopCase{
	{"bounded", "  a: {use: bounded%s}" + toOut, false, 30, "a"},
	{"bounded, deaf", "  a: {use: deaf%s}" + toOut, false, 31, "a"},
	{"bounded, panics when asked once more", "  a: {use: boom%s}" + toOut, false, 30, "a"},
	{"bounded, of Go", "  a: {use: emit, with: {count: 1000, every: 1s}}" + toOut, false, 30, ""},
	{"endless", "  a: {use: steady%s}" + toOut, true, 30, "a"},
	{"endless, of Go", "  a: {use: emit, with: {every: 1s}}" + toOut, true, 30, ""},
	{"both", "  a: {use: steady%s}\n  b: {use: bounded%s}" + toOut + toOther, false, 30, "ab"},
	{"both, the other way round", "  a: {use: bounded%s}\n  b: {use: steady%s}" + toOut + toOther, false, 30, "ab"},
	{"both, of Go", "  a: {use: emit, with: {every: 1s}}\n  b: {use: emit, with: {count: 1000, every: 1s}}" + toOut + toOther, false, 30, ""},
	{"at its end", "  a: {use: short%s}" + toOut, true, 5, "a"},
	{"at its end, beside an endless one", "  a: {use: short%s}\n  b: {use: steady%s}" + toOut + toOther, true, 5, "ab"},
	{"at its end, beside a bounded one", "  a: {use: short%s}\n  b: {use: bounded%s}" + toOut + toOther, false, 5, "ab"},
	{"at its end and not aware of it", "  a: {use: lingering%s}" + toOut, true, 5, "a"},
	{"nobody wants more", "  a: {use: bounded%s}\n  few: {use: first, in: a, with: {count: 3}}\n  out: {use: vault, in: few}\n", true, 3, ""},
	{"nobody wants more of one that is deaf", "  a: {use: deaf%s}\n  few: {use: first, in: a, with: {count: 30}}\n  out: {use: vault, in: few}\n", true, 30, ""},
	{"drains, bounded", "  a: {use: hoard%s}" + toOut, false, 33, "a"},
	{"drains, endless", "  a: {use: endless_hoard%s}" + toOut, true, 33, "a"},
	{"drains, at its end", "  a: {use: short_hoard%s}" + toOut, true, 5, "a"},
}

// stoppables are the sources of the cases.
var stoppables = map[string]stoppable{
	"bounded": {count: 1000}, "deaf": {count: 1000, deaf: true}, "boom": {count: 1000, boom: true},
	"steady": {endless: true}, "short": {count: 5}, "lingering": {count: 5, lingers: true},
	"hoard": {count: 1000, hoards: true}, "endless_hoard": {endless: true, hoards: true}, "short_hoard": {count: 5, hoards: true},
}

// A source that was stopped before its end makes the run a part of what it should have been:
// ErrStopped, and no sink commits, unless Partial says so. Where all sources had come to
// their end, or have none, or nobody wants more of them, the run is a whole one. With
// Discard no sink commits what a stopped run has. Sources learn of what was committed, and
// of nothing else. In any case all that was read arrives.
func TestStopOfEveryKind(t *testing.T) {
	setups := map[string]scheduler.Options{
		"": {}, ", workers: 3": {}, ", workers: 3, order: none": {}, "serial": {Serial: true},
	}
	for _, c := range stopCases {
		for engine, options := range setups {
			for _, kept := range []string{"", "Partial", "Discard", "Partial and Discard"} {
				t.Run(strings.Join([]string{c.name, engine, kept}, "/"), func(t *testing.T) {
					options.Partial, options.Discard = strings.Contains(kept, "Partial"), strings.Contains(kept, "Discard")
					virtual(t, func(t *testing.T) { c.run(t, strings.TrimPrefix(engine, "serial"), options) })
				})
			}
		}
	}
}

func (c stopCase) run(t *testing.T, engine string, options scheduler.Options) {
	var s *store
	extra := []nodes.Decl{vault(&s)}
	for name, source := range stoppables {
		extra = append(extra, source.decl(name, func(id, after string) { s.event("taken %s %s", id, after) }))
	}
	tr := try(t, strings.ReplaceAll(c.flow, "%s", engine), options, extra...)
	s = tr.store
	time.AfterFunc(30500*time.Millisecond, tr.run.Stop)
	var report metrics.Report
	if c.whole {
		report = tr.succeed()
	} else {
		report = tr.cutShort()
	}
	commits := (c.whole || options.Partial) && !options.Discard
	var end, sealed, taken []string
	for source, sink := range map[string]string{"a": "out", "b": "other"} {
		if tr.flow.Node(source) == nil {
			continue
		}
		got, gave := tr.store.numbers(sink), int(node(t, report, source).Out)
		slices.Sort(got) // for those without order
		if equal(t, sink, got, upTo(len(got))); !strings.Contains(c.name, "nobody wants more") && len(got) != gave {
			t.Errorf("%s got %d items of %d", sink, len(got), gave)
		}
		if sink == "out" && c.read > 0 && !options.Serial && len(got) != c.read || len(got) == 0 && sink == "out" {
			t.Errorf("%s got %d items, want %d", sink, len(got), c.read)
		}
		end = append(end, map[bool]string{true: "commit ", false: "abort "}[commits]+sink)
		sealed = append(sealed, "seal "+sink)
		if commits && strings.Contains(c.taken, source) && gave > 0 {
			taken = append(taken, fmt.Sprintf("taken %s %d", source, gave-1))
		}
	}
	events := slices.DeleteFunc(slices.Clone(tr.store.events), func(e string) bool { return strings.HasPrefix(e, "keep ") })
	c.compareEvents(t, events, commits, sealed, end, taken)
	c.compareKept(t, tr.store.events, !c.whole && !options.Partial && !options.Discard, len(end))
}

// compareKept expects that all sinks were asked to keep what they can, before any was told to
// take back what it has, or none.
func (c stopCase) compareKept(t *testing.T, got []string, keeps bool, sinks int) {
	t.Helper()
	kept := 0
	for _, e := range got {
		switch {
		case strings.HasPrefix(e, "keep "):
			kept++
		case strings.HasPrefix(e, "abort ") && keeps && kept < sinks:
			t.Errorf("%s came before all had kept what they can: %q", e, got)
		}
	}
	if keeps && kept != sinks || !keeps && kept != 0 {
		t.Errorf("%d of %d sinks were asked to keep what they can", kept, sinks)
	}
}

// compareEvents compares what sinks and sources were told: what is committed was sealed
// before, and only when all sinks have committed do sources learn of it.
func (c stopCase) compareEvents(t *testing.T, got []string, commits bool, sealed, end, taken []string) {
	t.Helper()
	parts := map[string][]string{}
	var order []string
	for _, e := range got {
		what, _, _ := strings.Cut(e, " ")
		if order = append(order, what); what == "abort" {
			what = "commit"
		}
		parts[what] = append(parts[what], e)
	}
	for _, list := range [][]string{parts["seal"], parts["commit"], parts["taken"], sealed, end, taken} {
		slices.Sort(list)
	}
	if !commits { // whatever was sealed by then
		sealed = parts["seal"]
	}
	if !slices.Equal(parts["seal"], sealed) || !slices.Equal(parts["commit"], end) || !slices.Equal(parts["taken"], taken) {
		t.Errorf("they were told %q, want %q, %q, %q", got, sealed, end, taken)
	}
	if order = slices.Compact(order); commits && !slices.IsSortedFunc(order, func(a, b string) int {
		steps := []string{"seal", "commit", "taken"}
		return slices.Index(steps, a) - slices.Index(steps, b)
	}) {
		t.Errorf("they were told in this order: %q", got)
	}
}

// A failure is the error of the run, also of one that was stopped before; and a sink that
// cannot commit makes a failure of a stop that was none.
func TestStopAndFailure(t *testing.T) {
	for _, source := range []string{"steady", "bounded"} {
		for _, c := range []struct{ flow, want string }{
			{"  work: {use: step, in: source, with: {delays: [5s], fail: [7]}}\n  sink: {use: collect, in: work}\n", "work"},
			{"  sink: {use: stubborn, in: source}\n", "sink"},
		} {
			virtual(t, func(t *testing.T) {
				stubborn := kind("stubborn", func(*opKind, *nodes.Env) *op {
					return &op{commit: func() error { return errBad }}
				}, portIn)
				tr := try(t, "  source: {use: "+source+"}\n"+c.flow, scheduler.Options{Partial: true}, stubborn,
					stoppables[source].decl(source, func(id, after string) { t.Errorf("%s learns of %s", id, after) }))
				time.AfterFunc(10500*time.Millisecond, tr.run.Stop)
				report, err := tr.execute(t.Context())
				f, ok := errors.AsType[*scheduler.Failure](err)
				if !ok || f.Node != c.want || !errors.Is(err, errBad) || errors.Is(err, scheduler.ErrStopped) || report.Outcome != "failed" {
					t.Errorf("%s: %s %v", source, report.Outcome, err)
				}
				balanced(t, report)
			})
		}
	}
}

// rated is a source of two pieces of four items, and then of nothing until it is stopped.
// One that hoards gives what is left then, and a third piece.
func rated(name string, endless, hoards bool) nodes.Decl {
	return kind(name, func(*opKind, *nodes.Env) *op {
		at := 0
		o := &op{
			endless: endless,
			next: func(ctx context.Context) (any, error) {
				if at == 2 {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				at++
				return at - 1, nil
			},
			work: func(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
				from := 4 * in.Made.(int)
				return nil, out.Emit(0, record.Wrap(numbered(from, from+4)))
			},
		}
		if hoards {
			o.drain = func(context.Context) (any, error) {
				if at++; at > 3 {
					return nil, io.EOF
				}
				return at - 1, nil
			}
		}
		return o
	})
}

// Nothing leaves a source faster than its rate, also once it was stopped. What one without
// an end has read all leaves; of one that had more nothing does, and the run ends at once.
func TestStopHoldsTheRate(t *testing.T) {
	const step = 100 * time.Millisecond
	for _, c := range []struct {
		name            string
		endless, hoards bool
		engine          string
		want            int
	}{
		{"bounded", false, false, "", 3},
		{"bounded, several workers", false, false, ", workers: 3", 3},
		{"bounded, no order", false, false, ", workers: 3, order: none", 3},
		{"endless", true, false, "", 4}, // the second piece is taken when the first has left
		{"endless, several workers", true, false, ", workers: 3", 8},
		{"endless, no order", true, false, ", workers: 3, order: none", 8},
		{"drains", false, true, "", 12},
		{"drains, several workers", false, true, ", workers: 3", 12},
		{"drains, endless", true, true, ", workers: 3, order: none", 12},
	} {
		for _, serial := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, serial %v", c.name, serial), func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					tr := try(t, "  in: {use: rated, rate: 10/s"+c.engine+"}\n  out: {use: keep, in: in}\n",
						scheduler.Options{Serial: serial}, rated("rated", c.endless, c.hoards))
					time.AfterFunc(250*time.Millisecond, tr.run.Stop)
					var report metrics.Report
					if c.endless {
						report = tr.succeed()
					} else {
						report = tr.cutShort()
					}
					want := c.want
					if serial && want == 8 { // it takes one piece at a time
						want = 4
					}
					got := tr.store.numbers("out")
					slices.Sort(got)
					if strings.Contains(c.engine, "none") && !c.endless && !c.hoards { // which of them leave first is open
						got = upTo(len(slices.Compact(got)))
					}
					equal(t, "items", got, upTo(want))
					sameTimes(t, "times", tr.store.times["out"], ticks(want, step))
					over := time.Duration(want-1) * step
					if !c.endless && !c.hoards {
						over = 250 * time.Millisecond
					}
					if report.Took != over {
						t.Errorf("it took %s, want %s", report.Took, over)
					}
				})
			})
		}
	}
}
