package trial_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler/trial"
)

// try runs a flow of a folder as a trial.
func try(t *testing.T, dir, text string, limits trial.Limits) trial.Result {
	t.Helper()
	registry, err := nodes.NewRegistry(std.Nodes, []nodes.Decl{nodes.Map("sleep", "Takes an hour for an item.", &sleep{})})
	if err != nil {
		t.Fatal(err)
	}
	flow, list := graph.Load(diag.NewSource(filepath.Join(dir, "f.yaml"), []byte(text)), registry, graph.Options{})
	if list.HasErrors() {
		t.Fatal(list)
	}
	return trial.Run(t.Context(), flow, registry, limits)
}

// node finds a node of a result.
func node(t *testing.T, r trial.Result, id string) trial.Node {
	t.Helper()
	for _, n := range r.Nodes {
		if n.ID == id {
			return n
		}
	}
	t.Fatalf("no node %s in %+v", id, r)
	return trial.Node{}
}

func TestSample(t *testing.T) {
	dir := t.TempDir()
	var rows strings.Builder
	rows.WriteString("id,name,unused\n")
	for i := range 5000 {
		fmt.Fprintf(&rows, "%d,%q,x\n", i, strings.Repeat("é", i%300))
	}
	if err := os.WriteFile(filepath.Join(dir, "in.csv"), []byte(rows.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	r := try(t, dir, `
nodes:
  in: {use: file.read, with: {path: in.csv}, workers: 4}
  few: {use: filter, in: in, with: {where: id % 2 == 0}, workers: 3}
  parts: {use: route, in: few, with: {cases: {low: id < 100}}}
  ends: {use: map, in: parts.low, with: {set: {bad: 10 / (id - 50)}}, on_error: dead}
  low: {use: file.write, in: ends, with: {path: low.csv}}
  wrong: {use: file.write, in: ends.errors, with: {path: "-", format: jsonl}}
  rest: {use: file.write, in: parts.else, with: {path: rest.csv, append: true}}
`, trial.Limits{Rows: 200, Text: 9})
	if r.Outcome != "done" || r.Error != "" {
		t.Fatalf("%s: %s", r.Outcome, r.Error)
	}
	in, parts, ends := node(t, r, "in"), node(t, r, "parts"), node(t, r, "ends")
	if !in.Sample || in.Out != 200 || len(in.Ports[0].Rows) != trial.Shown || in.Ports[0].Items != 200 {
		t.Errorf("the source: %+v", in)
	}
	if row := strings.Join(in.Ports[0].Rows[49], " "); row != `49 "éééé… "x"` { // also what nobody reads
		t.Errorf("row 49: %s", row)
	}
	if few := node(t, r, "few"); few.Filtered != 100 || few.Sample {
		t.Errorf("the filter: %+v", few)
	}
	if len(parts.Ports) != 2 || parts.Ports[0].Name != "low" || parts.Ports[0].Items != 50 || parts.Ports[1].Rows[0][0] != "100" {
		t.Errorf("the route: %+v", parts.Ports)
	}
	if ends.Errors != 1 || len(ends.Recent) != 1 || ends.Out != 49 {
		t.Errorf("errors: %+v", ends)
	}
	if low := node(t, r, "low"); !low.Sink || low.In != 49 || low.Ports[0].Items != 49 || low.Ports[0].Columns[3] != "bad" {
		t.Errorf("the sink: %+v", low)
	}
	if wrong := node(t, r, "wrong"); wrong.Ports[0].Items != 1 || !strings.Contains(wrong.Ports[0].Rows[0][1], `"division`[:8]) {
		t.Errorf("the error port: %+v", wrong)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("files were written: %v", entries)
	}
}

// TestLimits ends flows that would not end, and says why.
func TestLimits(t *testing.T) {
	squared := `
nodes:
  a: {use: generate, with: {count: 900, set: {k: 1, x: n}}}
  b: {use: generate, with: {count: 900, set: {k: 1, y: n}}}
  all: {use: join, in: {left: a, right: b}, with: {on: k}}
  out: {use: drop, in: all}
`
	for name, c := range map[string]struct {
		text   string
		limits trial.Limits
		want   string
	}{
		"no end":         {"nodes:\n  a: {use: generate, with: {set: {x: n}}}\n  b: {use: drop, in: a}\n", trial.Limits{}, "done: "},
		"a product":      {squared, trial.Limits{}, "failed: port out has more than 100000 items, which is where a trial ends"},
		"too many bytes": {squared, trial.Limits{Bytes: 1 << 20}, "failed: the flow moves more than 1 MB, which is where a trial ends"},
		"a bad item":     {"nodes:\n  a: {use: generate, with: {set: {x: 1 / (n - 3)}}}\n  b: {use: drop, in: a}\n", trial.Limits{}, "failed: division by zero: 1 / 0"},
	} {
		r := try(t, t.TempDir(), c.text, c.limits)
		if got := r.Outcome + ": " + r.Error; got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if r.Outcome == "failed" && r.Node == "" {
			t.Errorf("%s: no node is named", name)
		}
	}
}

// TestTime ends the sources before the time is over, so that what comes at the end
// comes too. That one of them was cut short is no failure of a trial.
func TestTime(t *testing.T) {
	for _, ticks := range []string{"every: 1s", "every: 1s, count: 1000"} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			r := try(t, "", "nodes:\n  a: {use: tick, with: {"+ticks+"}}\n  n: {use: group, in: a, with: {set: {n: count()}}}\n  out: {use: drop, in: n}\n", trial.Limits{})
			if took := time.Since(start); took != 8*time.Second {
				t.Errorf("%s: it took %s", ticks, took)
			}
			if out := node(t, r, "out"); r.Outcome != "late" || len(out.Ports[0].Rows) != 1 || out.Ports[0].Rows[0][0] != "8" && out.Ports[0].Rows[0][0] != "9" {
				t.Errorf("%s: %s, %+v", ticks, r.Outcome, out)
			}
			if want := "a trial has 10s, so the sources were ended after 8s"; r.Error != want {
				t.Errorf("%s: it says %q, want %q", ticks, r.Error, want)
			}
		})
	}
}

type (
	sleep struct{}
	row   struct{ X int64 }
)

func (*sleep) Map(ctx context.Context, in row) (row, error) {
	select {
	case <-time.After(time.Hour):
		return in, nil
	case <-ctx.Done():
		return in, ctx.Err()
	}
}

// TestSlow kills a flow that does not drain.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := try(t, "", "nodes:\n  a: {use: generate, with: {count: 5, set: {x: n}}}\n  s: {use: sleep, in: a}\n  out: {use: drop, in: s}\n", trial.Limits{})
		if r.Outcome != "late" || r.Took != trial.Time || node(t, r, "a").Out != 5 {
			t.Errorf("%+v", r)
		}
	})
}

func TestCancel(t *testing.T) {
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	flow, _ := graph.Load(diag.NewSource("f.yaml", []byte("nodes:\n  a: {use: tick, with: {every: 1h}}\n  b: {use: drop, in: a}\n")), registry, graph.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := trial.Run(ctx, flow, registry, trial.Limits{}); r.Outcome != "failed" {
		t.Errorf("%+v", r)
	}
}
