package scheduler_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// The laws of nodes.Operator: what is called when.

// secondly is a source of n records, one a second.
func secondly(name string, n int) nodes.Decl {
	return kind(name, func(*opKind, *nodes.Env) *op {
		return &op{next: numbering(n), process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
			time.Sleep(time.Second)
			return out.Emit(0, batchOf(item{N: int64(in.Made.(int))}))
		}}
	})
}

var portMany = graph.Port{Name: "in", Any: true, Arity: graph.Many}

// workersAndSerial runs a test for every way to drive a node.
func workersAndSerial(t *testing.T, f func(t *testing.T, workers string, serial bool)) {
	t.Helper()
	for _, workers := range []string{"1", "3", "3, order: none", "3, order: key, key: key"} {
		for _, serial := range []bool{false, true} {
			t.Run(fmt.Sprintf("workers %s, serial %v", workers, serial), func(t *testing.T) {
				virtual(t, func(t *testing.T) { f(t, workers, serial) })
			})
		}
	}
}

// What is due comes before what arrives at the same time, and both before the end of
// the input; then the node lives on for as long as something is due.
func TestDueComesFirst(t *testing.T) {
	for _, parallel := range []bool{false, true} {
		workersAndSerial(t, func(t *testing.T, workers string, serial bool) {
			var start, due time.Time
			var got []string
			note := func(format string, args ...any) {
				got = append(got, fmt.Sprintf("%s: ", time.Since(start))+fmt.Sprintf(format, args...))
			}
			clock := kind("clock", func(*opKind, *nodes.Env) *op {
				o := &op{
					open: func() error { start = time.Now(); due = start; return nil },
					due:  func() time.Time { return due },
					onTime: func(_ context.Context, now time.Time, _ nodes.Out) error {
						if note("tick"); due.After(now) {
							t.Errorf("woken at %s, due at %s", now, due)
						}
						if due = due.Add(time.Second); due.Sub(start) > 5*time.Second {
							due = time.Time{}
						}
						return nil
					},
					process: func(_ context.Context, in nodes.Input, _ nodes.Out) error {
						note("item %d", values(in.Data)[0].N)
						return nil
					},
					end: func(_ context.Context, e nodes.EndedEdge, _ nodes.Out) error { note("end %+v", e); return nil },
				}
				if parallel {
					o.work = func(context.Context, nodes.Input, nodes.Out) (any, error) { return 1, nil }
				}
				return o
			}, graph.Port{Name: "in"})
			tr := try(t, `
  source: {use: secondly}
  clock:  {use: clock, in: source, workers: `+workers+`}
`, scheduler.Options{Serial: serial, Watch: time.Second}, secondly("secondly", 3), clock)
			tr.succeed()
			want := []string{
				"0s: tick", "1s: tick", "1s: item 0", "2s: tick", "2s: item 1", "3s: tick", "3s: item 2",
				"3s: end {Port:0 Edge:0 Last:true}", "4s: tick", "5s: tick",
			}
			if !slices.Equal(got, want) {
				t.Errorf("parallel %v: got\n%s\nwant\n%s", parallel, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// Process, OnTime and End are called one at a time, also where workers send as they
// like: what they share needs no lock, as the race detector sees.
func TestSerialPartIsSerial(t *testing.T) {
	workersAndSerial(t, func(t *testing.T, workers string, serial bool) {
		calls, ended := 0, 0
		var within atomic.Int32
		alone := func() func() {
			if within.Add(1) > 1 {
				t.Error("two calls of the serial part at once")
			}
			calls++
			time.Sleep(time.Millisecond)
			return func() { within.Add(-1) }
		}
		due := time.Unix(1, 0)
		busy := kind("busy", func(*opKind, *nodes.Env) *op {
			return &op{
				work: func(context.Context, nodes.Input, nodes.Out) (any, error) {
					time.Sleep(2 * time.Millisecond)
					return 1, nil
				},
				process: func(context.Context, nodes.Input, nodes.Out) error { defer alone()(); return nil },
				due:     func() time.Time { return due },
				onTime: func(_ context.Context, now time.Time, _ nodes.Out) error {
					defer alone()()
					if due.IsZero() {
						t.Error("woken although nothing is due")
						return nil
					}
					due = now.Add(3 * time.Millisecond)
					return nil
				},
				end: func(_ context.Context, e nodes.EndedEdge, _ nodes.Out) error {
					defer alone()()
					if ended++; e.Last {
						due = time.Time{}
					}
					return nil
				},
			}
		}, graph.Port{Name: "in", Arity: graph.Many})
		tr := try(t, `
  a:    {use: emit, with: {count: 300, every: 5ms}}
  b:    {use: emit, with: {count: 200, every: 5ms}}
  busy: {use: busy, in: [a, b], workers: `+workers+`}
`, scheduler.Options{Serial: serial}, busy)
		tr.succeed()
		if ended != 2 || calls < 500 {
			t.Errorf("%d edges ended, %d calls", ended, calls)
		}
	})
}

// Each edge ends in turn: all that came over it was processed. The last one of a port
// says so, and ports without an edge end before anything else.
func TestEnds(t *testing.T) {
	workersAndSerial(t, func(t *testing.T, workers string, serial bool) {
		var got []string
		seen := map[int]int{}
		ends := nodes.Kind("ends", "Notes ends.", &opKind{make: func(*opKind, *nodes.Env) *op {
			return &op{
				work: func(_ context.Context, in nodes.Input, _ nodes.Out) (any, error) {
					time.Sleep(100 * time.Millisecond)
					return in.Data.Len(), nil
				},
				process: func(_ context.Context, in nodes.Input, _ nodes.Out) error {
					seen[in.Edge] += in.Made.(int)
					return nil
				},
				end: func(_ context.Context, e nodes.EndedEdge, _ nodes.Out) error {
					got = append(got, fmt.Sprintf("%+v after %d", e, seen[e.Edge]))
					return nil
				},
			}
		}}, nodes.InPort(portMany), nodes.InPort(graph.Port{Name: "other", Any: true, Arity: graph.Optional}))
		tr := try(t, `
  a:    {use: emit, with: {count: 3, every: 3s}}
  b:    {use: emit, with: {count: 50}}
  c:    {use: emit, with: {count: 4, every: 5s}}
  ends: {use: ends, in: {in: [a, b, c]}, workers: `+workers+`}
`, scheduler.Options{Serial: serial}, ends)
		tr.succeed()
		want := []string{
			"{Port:1 Edge:-1 Last:true} after 0", "{Port:0 Edge:1 Last:false} after 50", "{Port:0 Edge:0 Last:false} after 3", "{Port:0 Edge:2 Last:true} after 4",
		}
		if serial { // the sources run one after the other
			want[1], want[2] = want[2], want[1]
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// An operator is asked what it wants after each call: here one item of each edge in
// turn.
func TestWantsInTurn(t *testing.T) {
	for _, serial := range []bool{false, true} {
		virtual(t, func(t *testing.T) {
			turns := kind("turns", func(*opKind, *nodes.Env) *op {
				at := 0
				return &op{
					wants: func(_, edge int) bool { return edge == at },
					process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
						at = (in.Edge + 1) % 3
						return out.Emit(0, in.Data.Retain())
					},
					end: func(context.Context, nodes.EndedEdge, nodes.Out) error { return nodes.ErrDone },
				}
			}, portMany)
			tr := try(t, `
  a: {use: secondly}
  b: {use: emit, with: {count: 5000}}
  c: {use: slow}
  turns: {use: turns, in: [a, {from: b, capacity: 1}, c]}
  sink: {use: keep, in: turns}
`, scheduler.Options{Serial: serial, Watch: time.Second}, turns, secondly("secondly", 7), secondly("slow", 5))
			tr.succeed()
			equal(t, "sink", tr.store.numbers("sink"), []int64{0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5})
		})
	}
}

// An operator with a parallel part changes what it wants in End: the workers finish
// with one edge before any of them begins with the next one.
func TestWantsOfWorkers(t *testing.T) {
	workersAndSerial(t, func(t *testing.T, workers string, serial bool) {
		var working [3]atomic.Int32
		var got []int
		turns := kind("turns", func(*opKind, *nodes.Env) *op {
			return inTurnOfEdges(&op{
				work: func(_ context.Context, in nodes.Input, _ nodes.Out) (any, error) {
					working[in.Edge].Add(1)
					defer working[in.Edge].Add(-1)
					for other := range working {
						if other != in.Edge && working[other].Load() > 0 {
							t.Errorf("edges %d and %d at once", in.Edge, other)
						}
					}
					time.Sleep(10 * time.Millisecond)
					return in.Edge, nil
				},
				process: func(_ context.Context, in nodes.Input, _ nodes.Out) error {
					got = append(got, in.Made.(int))
					return nil
				},
			})
		}, portMany)
		tr := try(t, `
  a: {use: emit, with: {count: 20}}
  b: {use: emit, with: {count: 20}}
  c: {use: emit, with: {count: 20}}
  turns: {use: turns, in: [a, b, c], workers: `+workers+`}
`, scheduler.Options{Serial: serial}, turns)
		tr.succeed()
		if !slices.IsSorted(got) || got[len(got)-1] != 2 {
			t.Errorf("the edges were read in the order %v", got)
		}
	})
}

// inTurnOfEdges is inTurn for the edges of one port.
func inTurnOfEdges(o *op) *op {
	at := 0
	o.wants = func(_, edge int) bool { return edge == at }
	o.end = func(context.Context, nodes.EndedEdge, nodes.Out) error { at++; return nil }
	return o
}

// Whoever wants nothing and waits for no time could never go on: that is a failure and
// no silence.
func TestWantsNothing(t *testing.T) {
	for _, serial := range []bool{false, true} {
		virtual(t, func(t *testing.T) {
			full := kind("full", func(*opKind, *nodes.Env) *op {
				return &op{wants: func(int, int) bool { return false }}
			}, portIn)
			tr := try(t, `
  source: {use: emit, with: {count: 3}}
  full:   {use: full, in: source}
`, scheduler.Options{Serial: serial}, full)
			_, err := tr.execute(t.Context())
			if err == nil || err.Error() != "full (full): the operator wants none of its inputs and waits for no time" {
				t.Errorf("serial %v: got %v", serial, err)
			}
		})
	}
}

// Once the flow was told to stop, an operator that only waits for its time is woken
// early, once for each time that it waits for; one that reads goes on.
func TestStopWakesWhoWaits(t *testing.T) {
	for _, c := range []struct {
		name  string
		waits bool // it reads nothing while it holds an item
		hears bool // it lets go when it sees that the flow is stopping
		want  []string
	}{
		{"it waits and lets go", true, true, []string{"10s: tick", "10s: end"}},
		{"it waits and insists", true, false, []string{"10s: tick", "1h0m1s: tick", "1h0m1s: end"}},
		{"its input has ended", false, true, []string{"10s: end", "10s: tick"}},
	} {
		for _, serial := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, serial %v", c.name, serial), func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					var got []string
					var start, due time.Time
					note := func(what string) {
						got = append(got, time.Since(start).Truncate(100*time.Millisecond).String()+": "+what)
					}
					hold := kind("hold", func(_ *opKind, env *nodes.Env) *op {
						return &op{
							open:  func() error { start = time.Now(); return nil },
							wants: func(int, int) bool { return !c.waits || due.IsZero() },
							due:   func() time.Time { return due },
							process: func(context.Context, nodes.Input, nodes.Out) error {
								due = start.Add(time.Hour + time.Second)
								return nil
							},
							onTime: func(context.Context, time.Time, nodes.Out) error {
								note("tick")
								stopping := false
								select {
								case <-env.Stopping():
									stopping = true
								default:
								}
								if stopping && c.hears || !time.Now().Before(due) {
									due = time.Time{}
								}
								return nil
							},
							end: func(context.Context, nodes.EndedEdge, nodes.Out) error { note("end"); return nil },
						}
					}, portIn)
					tr := try(t, `
  source: {use: emit, with: {every: 1s}}
  hold:   {use: hold, in: {from: source, capacity: 1}, batch: {count: 1}}
`, scheduler.Options{Serial: serial, Watch: time.Second}, hold)
					time.AfterFunc(10*time.Second, tr.run.Stop)
					tr.succeed()
					got = slices.Compact(got) // what was on the edge is waited for anew, up to the same time
					if !slices.Equal(got, c.want) {
						t.Errorf("got %q, want %q", got, c.want)
					}
				})
			})
		}
	}
}

// The rest of a batch of which an operator has taken a part waits while it does not
// want the edge: batches may be cut at any place.
func TestRestOfABatchWaits(t *testing.T) {
	virtual(t, func(t *testing.T) {
		zip := kind("zip", func(*opKind, *nodes.Env) *op {
			at := 0
			return &op{
				wants: func(_, edge int) bool { return edge == at },
				process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
					at = 1 - in.Edge
					return out.Emit(0, in.Data.Retain())
				},
				end: func(context.Context, nodes.EndedEdge, nodes.Out) error { return nodes.ErrDone },
			}
		}, portMany)
		tr := try(t, `
  a:    {use: at_once}
  b:    {use: at_once}
  zip:  {use: zip, in: [a, b]}
  sink: {use: keep, in: zip}
`, scheduler.Options{Batch: 1}, zip, atOnce(4))
		tr.succeed()
		equal(t, "sink", tr.store.numbers("sink"), []int64{0, 0, 1, 1, 2, 2, 3, 3})
	})
}
