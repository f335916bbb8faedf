package scheduler_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// letters is a sink of the error port; it keeps the items as JSON, without the time and
// the stack of a panic.
func letters(lines *[]string) nodes.Decl {
	return kind("letters", func(*opKind, *nodes.Env) *op {
		return &op{process: func(_ context.Context, in nodes.Input, _ nodes.Out) error {
			b := in.Data.(*record.Batch)
			enc := jsonl.NewEncoder(b.Type)
			for i := range b.Len() {
				var m map[string]any
				if err := json.Unmarshal(enc.AppendRow(nil, b, b.Row(i)), &m); err != nil {
					return err
				}
				if m["time"] == "" || m["time"] == nil {
					return errors.New("an item of the error port has no time")
				}
				delete(m, "time")
				if stack, ok := m["stack"].(string); ok != strings.HasPrefix(m["error"].(string), "panic: ") || ok && !strings.HasPrefix(stack, "goroutine ") {
					return fmt.Errorf("the stack of the item is %v", m["stack"])
				}
				delete(m, "stack")
				line, _ := json.Marshal(m)
				*lines = append(*lines, string(line))
			}
			return nil
		}}
	}, graph.Port{Name: "in"})
}

func TestOnErrorFail(t *testing.T) {
	for _, serial := range []bool{false, true} {
		for _, workers := range []int{1, 2, 7} {
			virtual(t, func(t *testing.T) {
				// Item 40 fails long before item 13 does, and still 13 is the first.
				tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 100}}
  work:   {use: step, in: source, workers: %d, with: {fail: [13, 14, 40, 41], delays: [2s, 1s, 3s, 1s, 1s, 1s]}}
  sink:   {use: keep, in: work}
  other:  {use: collect, in: work}
`, workers), scheduler.Options{Serial: serial})
				report, err := tr.execute(context.Background())
				want := "work (step): a bad item: 13\n  item: {\"n\":13,\"key\":\"b\"}"
				if err == nil || err.Error() != want {
					t.Errorf("%d workers, serial %v: %v, want %s", workers, serial, err, want)
				}
				failure, ok := errors.AsType[*scheduler.Failure](err)
				if !ok || failure.Node != "work" || !errors.Is(err, errBad) {
					t.Errorf("the error is %#v", err)
				}
				if report.Outcome != "failed" || report.Error != err.Error() {
					t.Errorf("the report says %s, %s", report.Outcome, report.Error)
				}
				balanced(t, report)
				if got := tr.store.numbers("sink"); len(got) > 13 || !slices.Equal(got, upTo(len(got))) {
					t.Errorf("the sink got %v, want nothing behind the failure", got)
				}
				if got, want := tr.store.events, []string{"open other", "settle other false"}; !slices.Equal(got, want) {
					t.Errorf("events %q, want %q", got, want)
				}
			})
		}
	}
}

func TestOnErrorSkip(t *testing.T) {
	for _, serial := range []bool{false, true} {
		for _, workers := range []int{1, 3} {
			for _, bad := range []string{"fail: [0, 7, 8, 9, 99]", "panic: [0, 7, 8, 9, 99]"} {
				virtual(t, func(t *testing.T) {
					tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 100}}
  work:   {use: step, in: source, workers: %d, with: {%s}, on_error: skip}
  sink:   {use: keep, in: work}
`, workers, bad), scheduler.Options{Serial: serial})
					report := tr.succeed()
					want := slices.DeleteFunc(upTo(100), func(n int64) bool { return n == 0 || n >= 7 && n <= 9 || n == 99 })
					equal(t, bad, tr.store.numbers("sink"), want)
					if n := node(t, report, "work"); n.Skipped != 5 || n.In != 100 || n.Out != 95 || n.Used != 95 {
						t.Errorf("%s: skipped %d, in %d, out %d, used %d", bad, n.Skipped, n.In, n.Out, n.Used)
					}
					recent := tr.run.RecentErrors("work")
					first := func(e scheduler.ItemError) bool { return e.Item == `{"n":0,"key":"a"}` }
					if len(recent) != 5 || !slices.ContainsFunc(recent, first) { // in the order in which workers met them
						t.Errorf("the recent errors are %v", recent)
					}
				})
			}
		}
	}
}

// costlyHint is an error that counts how often somebody asks for its hint.
type costlyHint struct{ asked *atomic.Int64 }

func (costlyHint) Error() string { return "wrong" }

func (h costlyHint) Hint() diag.Hint {
	h.asked.Add(1)
	return diag.Hint{Text: "do it otherwise"}
}

// The hint of a failed item is made for those that somebody looks at: it may cost more
// than the item.
func TestHintsOfRecentErrors(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var asked atomic.Int64
		fails := kind("fails", func(*opKind, *nodes.Env) *op {
			return &op{process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
				for row := range in.Data.Len() {
					if err := out.Bad(nodes.BadItem{Err: costlyHint{&asked}, Data: in.Data, Row: row}); err != nil {
						return err
					}
				}
				return nil
			}}
		}, graph.Port{Name: "in", Any: true})
		tr := try(t, "\n  source: {use: emit, with: {count: 1000}}\n  fails: {use: fails, in: source, on_error: skip}\n", scheduler.Options{}, fails)
		if report := tr.succeed(); node(t, report, "fails").Skipped != 1000 {
			t.Errorf("skipped %d", node(t, report, "fails").Skipped)
		}
		recent := tr.run.RecentErrors("fails")
		if n := asked.Load(); len(recent) != 5 || recent[4].Hint.String() != "do it otherwise" || n > 5 {
			t.Errorf("%d hints were made for %v", n, recent)
		}
	})
}

// What fails for good goes to the error port. A panic is not tried again.
func TestOnErrorDead(t *testing.T) {
	for _, serial := range []bool{false, true} {
		for _, workers := range []int{1, 4} {
			virtual(t, func(t *testing.T) {
				var lines []string
				tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 10}}
  work:   {use: step, in: source, workers: %d, with: {fail: 8, panic: 3, delays: [1s, 2s]}, retry: {attempts: 2}}
  sink:   {use: keep, in: work}
  dead:   {use: letters, in: work.errors}
`, workers), scheduler.Options{Serial: serial}, letters(&lines))
				report := tr.succeed()
				want := slices.DeleteFunc(upTo(10), func(n int64) bool { return n == 3 || n == 8 })
				equal(t, "the sink", tr.store.numbers("sink"), want)
				wantLines := []string{
					`{"attempts":1,"error":"panic: item 3","file":null,"item":{"key":"a","n":3},"line":null,"node":"work"}`,
					`{"attempts":2,"error":"a bad item: 8","file":null,"item":{"key":"c","n":8},"line":null,"node":"work"}`,
				}
				if !slices.Equal(lines, wantLines) {
					t.Errorf("the error port gave\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(wantLines, "\n"))
				}
				if n := node(t, report, "work"); n.Dead != 2 || n.Retries != 1 || n.Out != 8 {
					t.Errorf("dead %d, retries %d, out %d", n.Dead, n.Retries, n.Out)
				}
			})
		}
	}
}

// More bad items than a batch holds.
func TestManyDead(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var lines []string
		bad := make([]string, 3000)
		for i := range bad {
			bad[i] = fmt.Sprint(i + 500)
		}
		tr := try(t, `
  source: {use: emit, with: {count: 4000}}
  work:   {use: step, in: source, workers: 3, with: {fail: [`+strings.Join(bad, ", ")+`]}}
  sink:   {use: keep, in: work}
  dead:   {use: letters, in: {from: work.errors, capacity: 5}}
`, scheduler.Options{}, letters(&lines))
		tr.succeed()
		if len(lines) != 3000 || !strings.Contains(lines[0], `"n":500`) || !strings.Contains(lines[2999], `"n":3499`) {
			t.Errorf("%d dead items, the first %s, the last %s", len(lines), lines[0], lines[len(lines)-1])
		}
	})
}

// The waits between tries grow as the flow says.
func TestRetry(t *testing.T) {
	for _, c := range []struct {
		retry   string
		tries   int // that fail
		took    time.Duration
		retries int64
		fails   bool
	}{
		{"{attempts: 1}", 1, 0, 0, true},
		{"{attempts: 3, initial_interval: 1s}", 2, 3 * time.Second, 2, false},
		{"{attempts: 3, initial_interval: 1s}", 3, 3 * time.Second, 2, true},
		{"{attempts: 5, initial_interval: 1s, multiplier: 10, max_interval: 20s}", 4, 51 * time.Second, 4, false},
		{"{attempts: 5, initial_interval: 2s, max_interval: 2s}", 4, 8 * time.Second, 4, false},
		{"{attempts: 100, initial_interval: 10s, multiplier: 1, max_elapsed: 35s}", 99, 30 * time.Second, 3, true},
	} {
		virtual(t, func(t *testing.T) {
			tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 5}}
  work:   {use: step, in: source, with: {fail: 2, tries: %d}, retry: %s, on_error: skip}
  sink:   {use: keep, in: work}
`, c.tries, strings.Replace(c.retry, "}", ", jitter: 0}", 1)), scheduler.Options{})
			start := time.Now()
			report := tr.succeed()
			if took := time.Since(start).Round(10 * time.Millisecond); took != c.took {
				t.Errorf("%s takes %s, want %s", c.retry, took, c.took)
			}
			n := node(t, report, "work")
			if n.Retries != c.retries || (n.Skipped == 1) != c.fails {
				t.Errorf("%s: %d retries, %d skipped, want %d, %v", c.retry, n.Retries, n.Skipped, c.retries, c.fails)
			}
		})
	}
}

func TestTimeout(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: emit, with: {count: 5}}
  work:   {use: step, in: source, timeout: 3s, with: {fail: 2, stuck: true, delays: 1s}, retry: {attempts: 2, initial_interval: 1s, jitter: 0}}
  sink:   {use: keep, in: work}
`, scheduler.Options{})
		start := time.Now()
		_, err := tr.execute(context.Background())
		if want := "work (step): no answer within 3s\n  item: {\"n\":2,\"key\":\"c\"}"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		// Items 0 and 1, then two tries of 3 s and 1 s between them.
		if took := time.Since(start).Round(10 * time.Millisecond); took != 9*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// An item that is tried again leaves nothing behind of its failed tries.
func TestRetriedExpanderLeavesNoHalves(t *testing.T) {
	virtual(t, func(t *testing.T) {
		halves := nodes.Expand("halves", "Fails in the middle.", &halveKind{})
		tr := try(t, `
  source: {use: emit, with: {count: 4}}
  work:   {use: halves, in: source, retry: {attempts: 3}, on_error: skip}
  sink:   {use: keep, in: work}
`, scheduler.Options{}, halves)
		tr.succeed()
		equal(t, "the sink", tr.store.numbers("sink"), []int64{0, 0, 1, 1, 3, 3})
	})
}

type halveKind struct{ tries map[int64]int }

func (h *halveKind) Expand(_ context.Context, x item, emit func(item) error) error {
	if h.tries == nil {
		h.tries = map[int64]int{}
	}
	h.tries[x.N]++
	if err := emit(x); err != nil {
		return err
	}
	if x.N == 1 && h.tries[1] < 3 || x.N == 2 {
		return errBad
	}
	return emit(x)
}

// A sink that fails fails whole batches.
func TestFailingSink(t *testing.T) {
	for _, c := range []struct {
		onError string
		want    []int64
	}{{"fail", upTo(3)}, {"skip", upTo(3)}} {
		virtual(t, func(t *testing.T) {
			tr := try(t, `
  source: {use: emit, with: {count: 10}}
  sink:   {use: keep, in: source, on_error: `+c.onError+`, with: {fail: 3}}
`, scheduler.Options{})
			report, err := tr.execute(context.Background())
			if (err != nil) != (c.onError == "fail") {
				t.Errorf("on_error: %s gives %v", c.onError, err)
			}
			balanced(t, report)
			equal(t, "the sink", tr.store.numbers("sink"), c.want)
			if n := node(t, report, "sink"); c.onError == "skip" && n.Skipped != 10 {
				t.Errorf("%d skipped, want the whole batch of 10", n.Skipped)
			}
		})
	}
}

// Of a source and a worker that fail, what comes first in the order of the input
// is reported.
func TestSourceFailureComesAfterItsItems(t *testing.T) {
	for _, workers := range []int{1, 4} {
		for _, failing := range []bool{false, true} {
			virtual(t, func(t *testing.T) {
				source := kind("lines", func(*opKind, *nodes.Env) *op {
					i := -1
					return &op{
						next: func(context.Context) (any, error) {
							if i++; i == 5 {
								return nil, errors.New("the disk is gone")
							}
							return i, nil
						},
						work: func(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
							i := in.Made.(int)
							time.Sleep(time.Duration(10-i) * time.Second)
							if failing && i == 3 {
								return nil, out.Bad(nodes.BadItem{Err: errBad, Raw: "line", File: "x.csv", Line: 4})
							}
							return nil, out.Emit(0, batchOf(item{N: int64(i)}))
						},
					}
				})
				tr := try(t, fmt.Sprintf(`
  source: {use: lines, workers: %d}
  sink:   {use: keep, in: source}
`, workers), scheduler.Options{}, source)
				_, err := tr.execute(context.Background())
				want, n := "source (lines): the disk is gone", 5
				if failing {
					want, n = "source (lines): x.csv:4: a bad item\n  item: \"line\"", 3
				}
				if err == nil || err.Error() != want {
					t.Errorf("%d workers: %v, want %s", workers, err, want)
				}
				if got := tr.store.numbers("sink"); len(got) > n {
					t.Errorf("%d workers: %v came before the failure, want %d items at most", workers, got, n)
				}
			})
		}
	}
}

// Items that do not fit the records that a kind wants are bad items of that kind.
func TestGoValuesThatAreNoRecords(t *testing.T) {
	for _, workers := range []int{1, 4} {
		for _, order := range []string{"strict", "none", "key, key: n"} {
			virtual(t, func(t *testing.T) {
				huge := nodes.Map("huge", "Makes some items too large.", &hugeMap{})
				records := kind("records", func(*opKind, *nodes.Env) *op {
					return &op{work: func(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
						return nil, out.Emit(0, in.Data.(*record.Batch).Retain())
					}}
				}, graph.Port{Name: "in"})
				count := 0
				sink := kind("count", func(*opKind, *nodes.Env) *op {
					return &op{process: func(_ context.Context, in nodes.Input, _ nodes.Out) error {
						count += in.Data.Len()
						return nil
					}}
				}, graph.Port{Name: "in"})
				var lines []string
				if workers == 1 && order != "strict" {
					return
				}
				tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 100}}
  huge:   {use: huge, in: source}
  record: {use: records, in: huge, workers: %d, order: %s}
  sink:   {use: count, in: record}
  dead:   {use: letters, in: record.errors}
`, workers, order), scheduler.Options{}, huge, records, sink, letters(&lines))
				report := tr.succeed()
				if count != 90 || len(lines) != 10 {
					t.Errorf("%d items and %d dead ones, want 90 and 10", count, len(lines))
				}
				if n := node(t, report, "record"); n.In != 100 || n.Dead != 10 || n.Used != 90 {
					t.Errorf("in %d, dead %d, used %d", n.In, n.Dead, n.Used)
				}
			})
		}
	}
}

type hugeMap struct{}

func (*hugeMap) Map(_ context.Context, x item) (struct{ N uint64 }, error) {
	n := uint64(x.N)
	if x.N%10 == 3 {
		n = 1 << 63
	}
	return struct{ N uint64 }{n}, nil
}

// Items that fail only at the end, such as groups, are counted too.
func TestBadItemsAtTheEnd(t *testing.T) {
	for _, serial := range []bool{false, true} {
		virtual(t, func(t *testing.T) {
			late := kind("late", func(*opKind, *nodes.Env) *op {
				var kept *record.Batch
				return &op{
					process: func(_ context.Context, in nodes.Input, _ nodes.Out) error {
						if kept == nil {
							kept = in.Data.Retain().(*record.Batch)
						}
						return nil
					},
					end: func(_ context.Context, _ nodes.EndedEdge, out nodes.Out) error {
						defer kept.Release()
						for range 3 {
							if err := out.Bad(nodes.BadItem{Err: errBad, Data: kept, Row: kept.Row(0)}); err != nil {
								return err
							}
						}
						out.Filtered(2)
						return nil
					},
				}
			}, graph.Port{Name: "in"})
			var lines []string
			tr := try(t, `
  source: {use: emit, with: {count: 10}}
  late:   {use: late, in: source}
  dead:   {use: letters, in: late.errors}
`, scheduler.Options{Serial: serial}, late, letters(&lines))
			report := tr.succeed()
			if n := node(t, report, "late"); n.Dead != 3 || n.Filtered != 2 || n.Used != 5 || len(lines) != 3 {
				t.Errorf("dead %d, filtered %d, used %d, %d lines", n.Dead, n.Filtered, n.Used, len(lines))
			}
		})
	}
}

// What arrives at a port of many edges becomes records of the type of its own edge.
func TestGoValuesOfTwoTypes(t *testing.T) {
	for _, serial := range []bool{false, true} {
		virtual(t, func(t *testing.T) {
			var seen []string
			types := kind("types", func(*opKind, *nodes.Env) *op {
				return &op{process: func(_ context.Context, in nodes.Input, _ nodes.Out) error {
					seen = append(seen, in.Data.(*record.Batch).Type.String())
					return nil
				}}
			}, graph.Port{Name: "in", Arity: graph.Many, ReadOrder: graph.InOrder})
			tr := try(t, `
  source: {use: emit, with: {count: 1}}
  huge:   {use: huge, in: source}
  sink:   {use: types, in: [source, huge]}
`, scheduler.Options{Serial: serial}, types, nodes.Map("huge", "H.", &hugeMap{}))
			tr.succeed()
			if want := []string{"{n: int, key: string}", "{n: int}"}; !slices.Equal(seen, want) {
				t.Errorf("got %q, want %q", seen, want)
			}
		})
	}
}

// What an item was read from is a line of a file, or a place that has no lines.
func TestWhereAnItemIsFrom(t *testing.T) {
	for _, c := range []struct {
		file string
		line int
		want string
	}{{"in.csv", 3, "in.csv:3"}, {"orders@1796072054780-0", 0, "orders@1796072054780-0"}, {"", 0, ""}} {
		e := scheduler.ItemError{File: c.file, Line: c.line}
		f := scheduler.Failure{Node: "in", Kind: "read", File: c.file, Line: c.line, Err: errors.New("wrong")}
		told := "in (read): wrong"
		if c.want != "" {
			told = "in (read): " + c.want + ": wrong"
		}
		if e.From() != c.want || f.Error() != told {
			t.Errorf("%q, %q, want %q", e.From(), f.Error(), c.want)
		}
	}
}
