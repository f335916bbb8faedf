package scheduler_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// What is committed must have been sealed. A Func that takes a while to return nil makes
// the run look cut short while another sink seals.
func TestCommitWithoutSeal(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var s *store
		late := nodes.Read("late", "Lets go late.", &lateSource{})
		tr := try(t, `
  a: {use: late}
  b: {use: steady}
  out: {use: vault, in: a}
  work: {use: step, in: b, with: {delays: [300ms]}}
  other: {use: vault, in: work}
`, scheduler.Options{}, late, vault(&s), stoppables["steady"].decl("steady", func(string, string) {}))
		s = tr.store
		time.AfterFunc(5100*time.Millisecond, tr.run.Stop)
		tr.succeed()
		fmt.Println(tr.store.events)
		sealed := map[string]bool{}
		for _, e := range tr.store.events {
			sealed[e] = true
		}
		if !sealed["seal other"] {
			t.Errorf("other was committed and never sealed: %q", tr.store.events)
		}
	})
}

type lateSource struct{}

func (*lateSource) Read(ctx context.Context, emit func(item) error) error {
	emit(item{})
	<-ctx.Done()
	time.Sleep(time.Second) // closes a connection
	return nil
}

// A draining source that nobody wants more of waits for its next token.
func TestDrainAtRateUnwanted(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  in: {use: rated, rate: 1/h}
  f: {use: first, in: in, with: {count: 3}}
  out: {use: keep, in: f}
`, scheduler.Options{}, rated("rated", true, false))
		time.AfterFunc(30*time.Minute, tr.run.Stop)
		report := tr.succeed()
		if report.Took != 2*time.Hour {
			t.Errorf("it took %s, want 2h", report.Took)
		}
	})
}

// With Partial a source learns that items were taken which its rate held back and the
// stop threw away.
func TestTakenOfWhatWasThrownAway(t *testing.T) {
	virtual(t, func(t *testing.T) {
		taken := ""
		src := kind("src", func(*opKind, *nodes.Env) *op {
			next := numbering(100)
			return &op{
				next: next,
				process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
					from := 4 * in.Made.(int)
					return out.Emit(0, record.Wrap(numbered(from, from+4)))
				},
				taken: func(after nodes.Position) error { taken = string(after); return nil },
			}
		})
		tr := try(t, `
  in: {use: src, rate: 1/s}
  out: {use: keep, in: in}
`, scheduler.Options{Partial: true}, src)
		time.AfterFunc(1500*time.Millisecond, tr.run.Stop)
		tr.cutShort()
		if got := tr.store.numbers("out"); len(got) != 2 || taken != "" {
			t.Errorf("%d items of 4 arrived, and the source learns that all up to piece %q was taken", len(got), taken)
		}
	})
}

// A Drainer whose Next says io.EOF while the run is told to stop has come to its end.
func TestEOFDuringStop(t *testing.T) {
	virtual(t, func(t *testing.T) {
		src := kind("src", func(*opKind, *nodes.Env) *op {
			at := 0
			return &op{
				next: func(context.Context) (any, error) {
					time.Sleep(time.Second)
					if at++; at > 3 {
						return nil, io.EOF
					}
					return at - 1, nil
				},
				drain: func(context.Context) (any, error) { return nil, io.EOF },
				process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
					return out.Emit(0, batchOf(item{N: int64(in.Made.(int))}))
				},
			}
		})
		tr := try(t, "  in: {use: src}\n  out: {use: keep, in: in}\n", scheduler.Options{}, src)
		time.AfterFunc(3500*time.Millisecond, tr.run.Stop)
		tr.succeed()
	})
}
