package metrics

import (
	"slices"
	"strings"
	"testing"
)

func TestRaise(t *testing.T) {
	var e Edge
	for _, depth := range []int64{3, 1, 7, 5} {
		e.Raise(depth)
	}
	if got := e.Peak.Load(); got != 7 {
		t.Errorf("the peak is %d", got)
	}
}

func TestBalance(t *testing.T) {
	good := func() *Report {
		return &Report{Outcome: "done",
			Nodes: []NodeReport{{ID: "s", Source: true, Out: 10}, {ID: "n", In: 10, Out: 6, Used: 6, Filtered: 1, Skipped: 1, Dead: 2, Conserves: true}},
			Edges: []EdgeReport{{From: "s.out", To: "n.in", Sent: 12, Received: 10, Unwanted: 1, Dropped: 1}}}
	}
	for name, c := range map[string]struct {
		change func(*Report)
		want   string
	}{
		"balanced":              {func(r *Report) {}, ""},
		"used too few":          {func(r *Report) { r.Nodes[1].Used-- }, "n took 10 items, but used 5"},
		"gave too few on":       {func(r *Report) { r.Nodes[1].Out-- }, "n took 10 items and gave 5 on"},
		"gave too few, stopped": {func(r *Report) { r.Nodes[1].Out--; r.Outcome = "stopped" }, ""},
		"an edge lost one":      {func(r *Report) { r.Edges[0].Received-- }, "edge s.out -> n.in got 12 items, but 9 were received"},
		"left on an edge":       {func(r *Report) { r.Edges[0].Unwanted, r.Edges[0].Items = 0, 1 }, "edge s.out -> n.in has ended and still holds 1"},
		"left, killed":          {func(r *Report) { r.Edges[0].Unwanted, r.Edges[0].Items = 0, 1; r.Outcome = "failed" }, ""},
		"held":                  {func(r *Report) { r.Nodes[1].Used, r.Nodes[1].Out, r.Nodes[1].Held = 5, 5, 1 }, "n has ended and still holds 1 items"},
		"a source that reads":   {func(r *Report) { r.Nodes[0].In = 99 }, ""},
	} {
		r := good()
		c.change(r)
		got := strings.Join(r.Balance(), "\n")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	r := good()
	r.Outcome = "running"
	r.Nodes[1].Used = 0
	if r.Close(); len(r.Unbalanced) > 0 {
		t.Errorf("the books of a run that goes on are %q", r.Unbalanced)
	}
}

func TestBottleneck(t *testing.T) {
	for _, c := range []struct {
		nodes []NodeReport
		want  string
	}{
		{nil, ""},
		{[]NodeReport{{ID: "alone", Busy: 1}}, ""},
		{[]NodeReport{{ID: "a", Busy: 0.1}, {ID: "b", Busy: 0.2}}, ""},
		{[]NodeReport{{ID: "a", Busy: 0.4, Workers: 1}, {ID: "b", Busy: 0.86, Workers: 1}}, "b bounds the flow"},
		{[]NodeReport{{ID: "a", Busy: 0.97, Workers: 4}, {ID: "b", Busy: 0.5, Workers: 1}}, "a bounds the flow"},
	} {
		r := Report{Nodes: c.nodes}
		if r.Close(); !strings.HasPrefix(r.Bottleneck, c.want) || (r.Bottleneck == "") != (c.want == "") {
			t.Errorf("%v: %q, want %q", c.nodes, r.Bottleneck, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	n := NodeReport{Skipped: 1, Dead: 2, Failed: 3}
	if got := n.Errors(); got != 6 {
		t.Errorf("%d errors", got)
	}
	if !slices.Equal((&Report{}).Balance(), nil) {
		t.Error("an empty report does not balance")
	}
}
