package scheduler_test

import (
	"context"
	"testing"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// A node may ask for a cut, and a sink that has staged much gets one: long before it is time
// for the next.
func TestCutsAskedFor(t *testing.T) {
	for _, c := range []struct {
		name string
		ask  func(env *nodes.Env)
		want int64 // cuts in an hour of an item a minute
	}{
		{"nobody", func(*nodes.Env) {}, 0},
		{"asked for at each item", func(env *nodes.Env) { env.Cut() }, 59},
		{"a megabyte staged with each item, ten are enough", func(env *nodes.Env) { env.Staged(1 << 20) }, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				asks := kind("asks", func(_ *opKind, env *nodes.Env) *op {
					return &op{process: func(context.Context, nodes.Input, nodes.Out) error { c.ask(env); return nil }}
				}, portIn)
				tr := try(t, `
  source: {use: emit, with: {every: 1m}}
  sink:   {use: asks, in: source}
`, scheduler.Options{Cuts: scheduler.Cuts{Every: 100 * time.Hour, Staged: 10 << 20}}, asks)
				time.AfterFunc(time.Hour-time.Second, tr.run.Stop)
				if r := tr.succeed().Cuts; r.Complete != c.want || r.GivenUp > 0 {
					t.Errorf("%d cuts were complete, %d given up, want %d", r.Complete, r.GivenUp, c.want)
				}
			})
		})
	}
}

// What nobody asked for costs nothing: without a reason for cuts there are none, and what
// kinds may ask for does nothing.
func TestNoCuts(t *testing.T) {
	virtual(t, func(t *testing.T) {
		asks := kind("asks", func(_ *opKind, env *nodes.Env) *op {
			return &op{
				process: func(context.Context, nodes.Input, nodes.Out) error {
					env.Cut()
					env.Staged(1 << 40)
					if env.Acknowledges() {
						t.Error("a source is said to acknowledge")
					}
					return nil
				},
				flush: func() error { t.Helper(); return nil },
			}
		}, portIn)
		tr := try(t, `
  source: {use: emit, with: {count: 10, every: 1m}}
  sink:   {use: asks, in: source}
`, scheduler.Options{}, asks)
		if r := tr.succeed(); r.Cuts != nil {
			t.Errorf("there are cuts: %+v", r.Cuts)
		}
	})
}

// While nothing moves there is no reason for another cut.
func TestNoCutsWhileNothingMoves(t *testing.T) {
	virtual(t, func(t *testing.T) {
		hear := func(string, int64) error { return nil }
		tr := try(t, `
  source: {use: acker, with: {piece: 3, every: 10m}}
  sink:   {use: got, in: {from: source, delay: 20m}}
`, scheduler.Options{}, ackKinds(hear, func(string, int64) {})...)
		time.AfterFunc(95*time.Minute, tr.run.Stop)
		r := tr.succeed().Cuts
		if r.Complete < 9 || r.Complete > 40 {
			t.Errorf("%d cuts in 95 minutes, in which something moved some 20 times", r.Complete)
		}
	})
}

// A delay that is full holds its sender up, with cuts as without: they let through what is
// on its way, once.
func TestCutsDoNotFillEdges(t *testing.T) {
	for name, text := range map[string]string{
		"a delay": `
  source: {use: emit, with: {every: 1ms}}
  work:   {use: step, in: {from: source, capacity: 8}, workers: 2}
  sink:   {use: keep, in: {from: work, delay: 1h, capacity: 16}}`,
		"an input that is not read": `
  source: {use: emit, with: {every: 1ms}}
  work:   {use: step, in: {from: source, capacity: 8}, workers: 2}
  other:  {use: emit, with: {every: 1h}}
  sink:   {use: right, with: {mode: right}, in: {left: {from: work, capacity: 16}, right: other}}`,
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				var most int64
				cutsOf(t, text, 0, func(r *scheduler.Run) {
					time.Sleep(20 * time.Second)
					for _, e := range r.Stats().Edges {
						most = max(most, e.Items)
					}
				}, 30*time.Second)
				if most < 16 || most > 16+8+2*8+100 { // what was in the batches of the source is one of them
					t.Errorf("an edge with room for 16 holds %d items after 200 cuts", most)
				}
			})
		})
	}
}
