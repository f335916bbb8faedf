package scheduler_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// later gives what it takes five seconds later.
type later struct {
	opKind
	note func(string)
}

func (k *later) Operator(*nodes.Env) (nodes.Operator, error) { return &laterOp{note: k.note}, nil }

type laterOp struct {
	note func(string)
	due  time.Time
	kept []item
}

func (o *laterOp) Due() time.Time { return o.due }
func (o *laterOp) Held() int      { return len(o.kept) }

func (o *laterOp) Process(_ context.Context, in nodes.Input, _ nodes.Out) error {
	o.kept, o.due = append(o.kept, values(in.Data)...), time.Now().Add(5*time.Second)
	return nil
}

func (o *laterOp) OnTime(_ context.Context, _ time.Time, out nodes.Out) error {
	o.note(fmt.Sprint("gives ", len(o.kept)))
	b := batchOf(o.kept...)
	o.kept, o.due = nil, time.Time{}
	return out.Emit(0, b)
}

func laterKind(note func(string)) nodes.Decl {
	return nodes.Kind("later", "Gives later.", &later{note: note}, nodes.InPort(portIn), nodes.OutPort(graph.Port{Name: "out", Any: true}),
		nodes.OutPort(graph.Port{Name: "other", Any: true, Side: true}), nodes.Returns())
}

// What is due while a source waits for something to give is done then, in a serial run too.
func TestDueWhileASourceWaits(t *testing.T) {
	for _, serial := range []bool{false, true} {
		virtual(t, func(t *testing.T) {
			start := time.Now()
			var got []string
			note := func(what string) {
				got = append(got, fmt.Sprintf("%s: %s", time.Since(start).Round(time.Second), what))
			}
			tr := try(t, `
  source: {use: emit, with: {count: 3, every: 1h}}
  later:  {use: later, in: source}
  again:  {use: later, in: later}
  sink:   {use: keep, in: again}
`, scheduler.Options{Serial: serial}, laterKind(note))
			tr.succeed()
			want := []string{
				"1h0m5s: gives 1", "1h0m10s: gives 1", "2h0m5s: gives 1", "2h0m10s: gives 1", "3h0m5s: gives 1", "3h0m10s: gives 1",
			}
			if !slices.Equal(got, want) {
				t.Errorf("serial %v: got %q, want %q", serial, got, want)
			}
		})
	}
}

// A source that ends only when its last piece was acknowledged ends, although the piece is
// held behind it for a while.
func TestSourceWaitsForItsAcknowledgement(t *testing.T) {
	for _, serial := range []bool{false, true} {
		virtual(t, func(t *testing.T) {
			start := time.Now()
			tr := try(t, `
  source: {use: acker, with: {count: 3, every: 1s, waits: true}}
  held:   {use: later, in: source}
  sink:   {use: got, in: held}
`, scheduler.Options{Serial: serial}, append(ackKinds(func(string, int64) error { return nil }, func(string, int64) {}), laterKind(func(string) {}))...)
			tr.succeed()
			if took := time.Since(start); took < 8*time.Second || took > 9*time.Second {
				t.Errorf("serial %v: it took %s", serial, took)
			}
		})
	}
}
