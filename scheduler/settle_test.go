package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// A lateOp learns only when it settles that every second item has failed.
type lateOp struct{ held []record.Data }

func (o *lateOp) Process(_ context.Context, in nodes.Input, _ nodes.Out) error {
	o.held = append(o.held, in.Data.Retain())
	return nil
}

func (o *lateOp) Settle(_ context.Context, out nodes.Out) (err error) {
	for _, d := range o.held {
		for i, x := range values(d) {
			if err == nil && x.N%2 == 0 {
				err = out.Bad(nodes.BadItem{Err: errBad, Data: d, Row: i})
			}
		}
		d.Release()
	}
	o.held = nil
	return err
}

func (o *lateOp) End(ctx context.Context, _ nodes.EndedEdge, out nodes.Out) error {
	return o.Settle(ctx, out)
}

func (o *lateOp) Close() error {
	for _, d := range o.held {
		d.Release()
	}
	return nil
}

type lateKind struct{ opKind }

func (k *lateKind) Operator(*nodes.Env) (nodes.Operator, error) { return &lateOp{}, nil }

// An item that turns out to have failed when a cut comes is with its dead letters when the
// source hears of it.
func TestFailedLate(t *testing.T) {
	const n = 300
	for _, serial := range []bool{false, true} {
		for _, onError := range []string{"dead", "skip", "fail"} {
			t.Run(fmt.Sprintf("%s, serial %v", onError, serial), func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					var mu sync.Mutex
					var dead, heard, early int64
					hear := func(_ string, at int64) error {
						mu.Lock()
						defer mu.Unlock()
						if heard = at; at < n {
							early++
						}
						if onError == "dead" && dead < (at+1)/2 {
							t.Errorf("it hears of %d items, and %d have come to the dead letters", at, dead)
						}
						return nil
					}
					kinds := append(ackKinds(hear, func(string, int64) { mu.Lock(); dead++; mu.Unlock() }),
						nodes.Kind("late", "Learns late.", &lateKind{}, nodes.InPort(portIn), nodes.Workers(graph.Single)))
					text := fmt.Sprintf(`
  source: {use: acker, with: {count: %d, piece: 3, every: 40ms}}
  late:   {use: late, in: source, on_error: %s}
`, n, onError)
					if onError == "dead" {
						text += "  dead:   {use: got, in: late.errors}\n"
					}
					tr := try(t, text, scheduler.Options{Serial: serial}, kinds...)
					report, err := tr.execute(t.Context())
					if onError == "fail" {
						if !errors.Is(err, errBad) || heard > 0 {
							t.Errorf("it ended with %v, and the source has heard of %d", err, heard)
						}
						return
					}
					balanced(t, report)
					if late := report.Nodes[1]; err != nil || heard != n || early < 10 || late.Errors() != n/2 {
						t.Errorf("%v: the source has heard of %d items, %d times before the end, and %d have failed", err, heard, early, late.Errors())
					}
				})
			})
		}
	}
}
