package flow

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/nodes"
)

// An itemLog is an Out that writes down what it gets.
type itemLog struct{ text []byte }

func (l *itemLog) Emit(_ int, d record.Data) error {
	b := d.(*record.Batch)
	l.text = jsonl.NewEncoder(b.Type).AppendBatch(l.text, b)
	b.Release()
	return nil
}

func (l *itemLog) Bad(item nodes.BadItem) error { return item.Err }

func (l *itemLog) Filtered(int) {}

// newGenerateOp makes the operator of a generate with some settings.
func newGenerateOp(t *testing.T, with string) *generateOp {
	t.Helper()
	registry, err := nodes.NewRegistry(Nodes)
	if err != nil {
		t.Fatal(err)
	}
	text := "flow: f\nnodes:\n  g: {use: generate, with: {" + with + "}}\n  l: {use: log, in: g}\n"
	flow, list := graph.Load(diag.NewSource("flow.yaml", []byte(text)), registry, graph.Options{})
	if list.HasErrors() {
		var said strings.Builder
		diag.Print(&said, list, diag.Style{})
		t.Fatal(said.String())
	}
	op, err := registry.Operator(flow.Node("g"), &nodes.Env{Node: flow.Node("g"), Flow: flow, Workers: 1, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	return op.(*generateOp)
}

// made gives the items of each task and the position after it.
func (o *generateOp) made(t *testing.T) (items []string, after []nodes.Position) {
	t.Helper()
	w, err := o.NewWorker(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for {
		p, at, err := o.Next(t.Context())
		if err == io.EOF {
			return items, after
		}
		if err != nil {
			t.Fatal(err)
		}
		var out itemLog
		if _, err := w.Work(t.Context(), nodes.Input{Made: p}, &out); err != nil {
			t.Fatal(err)
		}
		items, after = append(items, string(out.text)), append(after, at)
	}
}

// What generate makes behind a position is what the one that was there would have
// made, at its pace: neither waiting for what it need not make, nor all at once.
func TestGenerateGoesOn(t *testing.T) {
	for _, with := range []string{
		"count: 5000, start: 2026-01-01T00:00:00Z, set: {n: n, random: random, time: time}",
		"count: 7, rate: 1/m, set: {n: n, random: random}",
	} {
		synctest.Test(t, func(t *testing.T) {
			items, after := newGenerateOp(t, with).made(t)
			if len(items) < 5 {
				t.Fatalf("%d tasks show nothing", len(items))
			}
			for k, at := range after {
				again := newGenerateOp(t, with)
				if err := again.Seek(t.Context(), at); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				rest, _ := again.made(t)
				if got, want := strings.Join(rest, ""), strings.Join(items[k+1:], ""); got != want {
					t.Fatalf("%s, after task %d: got\n%.300s\nwant\n%.300s", with, k, got, want)
				}
				if took, most := time.Since(start), time.Duration(len(items)-k)*time.Minute; took > most || strings.Contains(with, "rate") && took < most-2*time.Minute {
					t.Errorf("%s, after task %d: it took %s", with, k, took)
				}
			}
			for _, at := range []string{"", "x", "-1"} {
				if err := newGenerateOp(t, with).Seek(t.Context(), nodes.Position(at)); err == nil {
					t.Errorf("%q is a position", at)
				}
			}
		})
	}
}
