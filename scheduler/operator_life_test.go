package scheduler_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// How operators begin and end.

// ErrDone of any call ends the node, and with it those that only feed it.
func TestDoneInAnyCall(t *testing.T) {
	done := func() error { return nodes.ErrDone }
	idle := nodes.WorkFunc(func(context.Context, nodes.Input, nodes.Out) (any, error) { return nil, nil })
	for name, make := range map[string]func() *op{
		"Process": func() *op {
			return &op{process: func(context.Context, nodes.Input, nodes.Out) error { return done() }}
		},
		"Work": func() *op {
			return &op{work: func(context.Context, nodes.Input, nodes.Out) (any, error) { return nil, done() }}
		},
		"End": func() *op {
			return &op{end: func(context.Context, nodes.EndedEdge, nodes.Out) error { return done() }}
		},
		"End with workers": func() *op {
			return &op{work: idle, end: func(context.Context, nodes.EndedEdge, nodes.Out) error { return done() }}
		},
		"OnTime": func() *op {
			return &op{
				due:    func() time.Time { return time.Unix(1, 0) },
				onTime: func(context.Context, time.Time, nodes.Out) error { return done() },
			}
		},
		"OnTime with workers": func() *op {
			return &op{
				work:   idle,
				due:    func() time.Time { return time.Unix(1, 0) },
				onTime: func(context.Context, time.Time, nodes.Out) error { return done() },
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			workersAndSerial(t, func(t *testing.T, workers string, serial bool) { doneOperator(t, make(), workers, serial) })
		})
	}
}

// doneOperator runs a flow with an operator that is done.
func doneOperator(t *testing.T, o *op, workers string, serial bool) {
	closed, ended := false, 0
	end := o.end
	o.end = func(ctx context.Context, e nodes.EndedEdge, out nodes.Out) error {
		if ended++; end != nil {
			return end(ctx, e, out)
		}
		return nil
	}
	o.close = func() error { closed = true; return nil }
	tr := try(t, `
  few:  {use: emit, with: {count: 1, every: 1s}}
  more: {use: emit, with: {every: 1s}}
  done: {use: done, in: [few, more], workers: `+workers+`}
  sink: {use: collect, in: done}
`, scheduler.Options{Serial: serial}, kind("done", func(*opKind, *nodes.Env) *op { return o }, portMany))
	start := time.Now()
	tr.succeed()
	if took := time.Since(start); took > 5*time.Second || !closed || ended > 1 {
		t.Errorf("it ended after %s, closed %v, told of %d ends", took, closed, ended)
	}
	if want := []string{"open sink", "settle sink true"}; !slices.Equal(tr.store.events, want) {
		t.Errorf("events %q", tr.store.events)
	}
}

// So does that of Next: the source has no more.
func TestDoneSource(t *testing.T) {
	for _, workers := range []int{1, 3} {
		for _, serial := range []bool{false, true} {
			virtual(t, func(t *testing.T) {
				tr := try(t, fmt.Sprintf(`
  source: {use: some, workers: %d}
  sink:   {use: keep, in: source}
`, workers), scheduler.Options{Serial: serial}, kind("some", func(*opKind, *nodes.Env) *op {
					next := numbering(5)
					return &op{
						next: func(ctx context.Context) (any, error) {
							piece, err := next(ctx)
							if err == io.EOF {
								err = nodes.ErrDone
							}
							return piece, err
						},
						work: func(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
							return nil, out.Emit(0, batchOf(item{N: int64(in.Made.(int))}))
						},
					}
				}))
				if _, err := tr.execute(t.Context()); err != nil {
					t.Errorf("%d workers, serial %v: %v", workers, serial, err)
				}
				equal(t, fmt.Sprintf("ErrDone of Next, %d workers, serial %v", workers, serial), tr.store.numbers("sink"), upTo(5))
			})
		}
	}
}

// A madeThing is made by Work, and given back if it is never processed.
type madeThing struct{ live *atomic.Int32 }

func (m *madeThing) Release() { m.live.Add(-1) }

// What Work made and nobody processes any more is released: after the end of the node,
// a failure, a kill.
func TestMadeIsReleased(t *testing.T) {
	for _, how := range []string{"done", "failed", "killed"} {
		t.Run(how, func(t *testing.T) {
			workersAndSerial(t, func(t *testing.T, workers string, serial bool) {
				var live atomic.Int32
				made, processed := 0, 0
				makes := kind("makes", func(*opKind, *nodes.Env) *op {
					return &op{
						work: func(context.Context, nodes.Input, nodes.Out) (any, error) {
							time.Sleep(time.Millisecond)
							live.Add(1)
							return &madeThing{&live}, nil
						},
						process: func(ctx context.Context, in nodes.Input, _ nodes.Out) error {
							made++
							in.Made.(*madeThing).Release()
							if processed++; processed < 10 {
								return nil
							}
							switch how {
							case "done":
								return nodes.ErrDone
							case "failed":
								return errBad
							}
							<-ctx.Done()
							return context.Cause(ctx)
						},
					}
				}, portIn)
				tr := try(t, `
  source: {use: emit, with: {count: 1000}}
  makes:  {use: makes, in: source, workers: `+workers+`}
`, scheduler.Options{Serial: serial, Batch: 1}, makes)
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errBad)
				defer cancel()
				if _, err := tr.execute(ctx); (how == "done") != (err == nil) || err != nil && !errors.Is(err, errBad) {
					t.Errorf("got %v", err)
				}
				if live.Load() != 0 || processed != 10 {
					t.Errorf("%d things are left, %d were processed", live.Load(), processed)
				}
			})
		})
	}
}

// An operator is opened before anything is read, sealed and closed when its node has
// ended, and settled when the flow has: with its output if all went well, and else with what it keeps in any case.
func TestLifeOfAnOperator(t *testing.T) {
	for _, fails := range []bool{false, true} {
		workersAndSerial(t, func(t *testing.T, workers string, serial bool) {
			var got []string
			say := func(what string) func() error {
				return func() error { got = append(got, what); return nil }
			}
			whole := kind("whole", func(*opKind, *nodes.Env) *op {
				return &op{
					open: say("open"), close: say("close"), seal: say("seal"), commit: say("commit"), abort: say("abort"), keep: say("keep"),
					worker: func(context.Context) (nodes.Worker, error) {
						return nodes.WorkFunc(func(context.Context, nodes.Input, nodes.Out) (any, error) { return 1, nil }), say("worker")()
					},
					process: func(context.Context, nodes.Input, nodes.Out) error {
						say("process")()
						if fails {
							return errBad
						}
						return nil
					},
					end: func(context.Context, nodes.EndedEdge, nodes.Out) error { return say("end")() },
				}
			}, portIn)
			tr := try(t, `
  source: {use: emit, with: {count: 1}}
  whole:  {use: whole, in: source, workers: `+workers+`}
`, scheduler.Options{Serial: serial}, whole)
			if _, err := tr.execute(t.Context()); (err != nil) != fails {
				t.Errorf("got %v", err)
			}
			got = slices.Compact(got) // a worker each
			want := []string{"open", "worker", "process", "end", "seal", "close", "commit"}
			if fails {
				want = []string{"open", "worker", "process", "close", "keep", "abort"}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// aheadKind is a source that gives five pieces, one a second, and then either ends or waits
// with three more in its hands.
func aheadKind(waits, endless bool, taken func(after nodes.Position)) nodes.Decl {
	return kind("ahead", func(*opKind, *nodes.Env) *op {
		next, at := numbering(5), 4
		return &op{
			endless: endless,
			next: func(ctx context.Context) (any, error) {
				time.Sleep(time.Second)
				piece, err := next(ctx)
				if err == io.EOF && waits {
					<-ctx.Done()
					err = ctx.Err()
				}
				return piece, err
			},
			drain: func(context.Context) (any, error) {
				if at++; at == 8 {
					return nil, io.EOF
				}
				return at, nil
			},
			taken: func(after nodes.Position) error { taken(after); return nil },
			process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
				return out.Emit(0, batchOf(item{N: int64(in.Made.(int))}))
			},
		}
	})
}

// A source that was told to stop gives what it has taken already, and nothing more; it
// learns how far all of it was taken for good, once outputs are visible. One that might have
// had more is not told: nothing was.
func TestDrain(t *testing.T) {
	for _, how := range []string{"ends", "stopped", "cut short", "killed", "unwanted"} {
		for _, serial := range []bool{false, true} {
			virtual(t, func(t *testing.T) {
				var tr *trial
				source := aheadKind(how != "ends", how == "stopped", func(after nodes.Position) { tr.store.event("taken %s", after) })
				count := 100
				if how == "unwanted" {
					count = 3
				}
				tr = try(t, fmt.Sprintf(`
  source: {use: ahead}
  cut:    {use: first, in: source, with: {count: %d}}
  sink:   {use: collect, in: cut}
`, count), scheduler.Options{Serial: serial}, source)
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Minute, func() {
					if how == "stopped" || how == "cut short" {
						tr.run.Stop()
					}
					cancel(errBad)
				})
				if how != "killed" {
					ctx = t.Context()
				}
				report, err := tr.execute(ctx)
				balanced(t, report)
				end := map[string]struct {
					err     error
					outcome string
				}{"killed": {errBad, "failed"}, "cut short": {scheduler.ErrStopped, "stopped"}}[how]
				if end.outcome = cmp.Or(end.outcome, "done"); err != end.err || report.Outcome != end.outcome {
					t.Errorf("%s, serial %v: %s %v", how, serial, report.Outcome, err)
				}
				want := map[string]int{"ends": 5, "stopped": 8, "cut short": 8, "killed": 5, "unwanted": 3}[how]
				equal(t, fmt.Sprintf("%s, serial %v", how, serial), tr.store.numbers("sink"), upTo(want))
				events := []string{"open sink", "settle sink true", fmt.Sprintf("taken %d", want-1)}
				if end.err != nil {
					events = []string{"open sink", "settle sink false"}
				}
				if how == "unwanted" { // it may have been asked for one more by then
					events, tr.store.events = events[:2], tr.store.events[:2]
				}
				if !slices.Equal(tr.store.events, events) {
					t.Errorf("%s, serial %v: events %q, want %q", how, serial, tr.store.events, events)
				}
			})
		}
	}
}

// A flushed is a sink that holds back, and bears some calls at once.
type flushed struct {
	Most  int `yaml:"most" doc:"Calls at once; 0: one after the other."`
	s     *store
	calls *atomic.Int32
	peak  *atomic.Int32
}

func (k *flushed) Write(context.Context, []item) error {
	k.peak.Store(max(k.peak.Load(), k.calls.Add(1)))
	defer k.calls.Add(-1)
	time.Sleep(time.Second)
	return nil
}

func (k *flushed) MaxInFlight() int { return k.Most }

func (k *flushed) Flush(context.Context) error {
	k.s.event("flush with %d calls under way", k.calls.Load())
	return nil
}

// MaxInFlight bounds the workers of a sink, and is their number if nobody says; Flush
// comes when the last call has returned.
func TestMaxInFlight(t *testing.T) {
	for _, c := range []struct {
		node    string
		options scheduler.Options
		want    int32
	}{
		{"", scheduler.Options{}, 4},
		{", workers: 2", scheduler.Options{}, 2},
		{", workers: 9", scheduler.Options{}, 4},
		{", workers: {min: 2, max: 9}", scheduler.Options{}, 4},
		{"", scheduler.Options{Workers: 3}, 3},
		{"", scheduler.Options{Workers: 9}, 4},
		{"", scheduler.Options{Serial: true}, 1},
	} {
		virtual(t, func(t *testing.T) {
			s := &store{}
			k := &flushed{s: s, calls: new(atomic.Int32), peak: new(atomic.Int32)}
			tr := try(t, `
  source: {use: emit, with: {count: 40}}
  sink:   {use: flushed, in: source, with: {most: 4}`+c.node+`}
`, scheduler.Options{Workers: c.options.Workers, Serial: c.options.Serial, Batch: 1}, nodes.Write("flushed", "Holds back.", k))
			tr.succeed()
			if got := k.peak.Load(); got != c.want {
				t.Errorf("%s, %d workers of the run: %d calls at once, want %d", c.node, c.options.Workers, got, c.want)
			}
			if want := []string{"flush with 0 calls under way"}; !slices.Equal(s.events, want) {
				t.Errorf("events %q, want %q", s.events, want)
			}
		})
	}
}
