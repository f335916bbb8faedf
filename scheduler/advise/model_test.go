package advise

import (
	"math"
	"strings"
	"testing"
)

// Hand-computed: times are ns for an item of the sources.
func TestPredict(t *testing.T) {
	for name, c := range map[string]struct {
		m     Model
		span  float64
		bound Bound
		node  int
		says  string
	}{
		"nothing is known": {Model{Cores: 2, Nodes: []Node{{ID: "a", Workers: 1}}}, 0, NoBound, -1, "not known"},
		"the slowest node": {Model{Cores: 4, Nodes: []Node{
			{ID: "a", Workers: 1, Busy: 100, CPU: 100, Visits: 1, Clear: true},
			{ID: "b", Workers: 2, Busy: 500, CPU: 500, Visits: 1, Clear: true},
			{ID: "c", Workers: 1, Busy: 200, CPU: 200, Visits: 1, Clear: true},
		}}, 250, Workers, 1, "b bounds the flow: its 2 workers take 500 ns for an item, computing"},
		"few items reach the dear node": {Model{Cores: 2, Nodes: []Node{
			{ID: "a", Workers: 1, Busy: 100, CPU: 10, Visits: 1},
			{ID: "b", Workers: 1, Busy: 0.01 * 5000, CPU: 0, Visits: 0.01, Clear: true},
		}}, 100, Workers, 0, "a bounds the flow: its worker takes 100 ns for an item"},
		"the cores": {Model{Cores: 2, Nodes: []Node{
			{ID: "a", Workers: 8, Busy: 4000, CPU: 3000, Visits: 1, Clear: true},
			{ID: "b", Workers: 1, Busy: 900, CPU: 500, Visits: 1, Clear: true},
		}, Overhead: 500}, 2000, CPUs, -1, "its 2 cores compute 4 µs for an item of the sources; a uses 75 % of it"},
		"a serial part": {Model{Cores: 8, Nodes: []Node{
			{ID: "a", Workers: 4, Busy: 1000, Serial: 600, CPU: 1000, Visits: 1, Clear: true},
		}}, 600, Serial, 0, "60 % of it is done by one worker at a time"},
		"a node that waits": {Model{Cores: 1, Nodes: []Node{
			{ID: "a", Workers: 10, Busy: 3e6, CPU: 1000, Visits: 1, Clear: true},
			{ID: "b", Workers: 1, Busy: 2e5, CPU: 2e5, Visits: 1, Clear: true},
		}}, 3e5, Workers, 0, "take 3 ms for an item, nearly all of it waiting"},
		"limits.workers": {Model{Cores: 4, AtOnce: 2, Nodes: []Node{
			{ID: "a", Workers: 4, Busy: 300, Visits: 1}, {ID: "b", Workers: 4, Busy: 100, Visits: 1},
		}}, 200, Limits, -1, "2 tasks"},
		"a rate": {Model{Cores: 4, Nodes: []Node{
			{ID: "a", Workers: 4, Visits: 1, Busy: 100}, {ID: "b", Workers: 4, Visits: 0.5, Busy: 10, Pace: 5e6},
		}}, 5e6, Rate, 1, "b bounds the flow: its rate lets an item through every 10 ms"},
		"a slow source": {Model{Cores: 4, Nodes: []Node{
			{ID: "a", Workers: 1, Fixed: true, Source: true, Busy: 1e6, Serial: 1e6, Visits: 1, Clear: true}, {ID: "b", Workers: 1, Busy: 100, Visits: 1},
		}}, 1e6, Workers, 0, "the source gives an item every 1 ms"},
	} {
		p := c.m.Predict()
		if math.Abs(p.Span-c.span) > 1e-6 || p.Bound != c.bound || p.Node != c.node {
			t.Errorf("%s: %+v, want %v by %q of %d", name, p, c.span, c.bound, c.node)
		}
		if c.span > 0 && math.Abs(p.Rate*c.span-1e9) > 1 {
			t.Errorf("%s: rate %v for a span of %v", name, p.Rate, c.span)
		}
		if got := c.m.Say(); !strings.Contains(got, c.says) {
			t.Errorf("%s: says %q, want %q", name, got, c.says)
		}
	}
}

func TestPropose(t *testing.T) {
	computing := func(id string, busy float64) Node {
		return Node{ID: id, Workers: 1, Busy: busy, CPU: busy, Visits: 1, Known: true, Clear: true, Split: true}
	}
	waiting := func(id string, busy float64) Node {
		n := computing(id, busy)
		n.CPU = 0
		return n
	}
	fixed := func(n Node) Node {
		n.Fixed, n.Serial = true, n.Busy
		return n
	}
	serial := func(n Node, part float64) Node {
		n.Serial = part
		return n
	}
	for name, c := range map[string]struct {
		m     Model
		want  []Change // Node, From, To, Gain
		total float64
	}{
		"up to the next node":      {Model{Cores: 2, Nodes: []Node{waiting("a", 9000), fixed(waiting("b", 3000))}}, []Change{{Node: "a", To: 3, Gain: 3}}, 3},
		"computing, free cores":    {Model{Cores: 4, Nodes: []Node{computing("a", 4000), fixed(computing("b", 400))}}, []Change{{Node: "a", To: 4, Gain: 4000.0 / 1100}}, 4000.0 / 1100},
		"computing, one core":      {Model{Cores: 1, Nodes: []Node{computing("a", 4000), fixed(computing("b", 400))}}, nil, 1},
		"computing, little free":   {Model{Cores: 2, Nodes: []Node{computing("a", 4000), computing("b", 3900)}}, nil, 1},
		"two that bound together":  {Model{Cores: 1, Nodes: []Node{waiting("a", 1000), waiting("b", 1000), fixed(waiting("c", 250))}}, []Change{{Node: "a", To: 4, Gain: 1}, {Node: "b", To: 4, Gain: 4}}, 4},
		"one after the other":      {Model{Cores: 1, Nodes: []Node{waiting("a", 1000), waiting("b", 4000), fixed(waiting("c", 500))}}, []Change{{Node: "b", To: 8, Gain: 4}, {Node: "a", To: 2, Gain: 2}}, 8},
		"no further than is asked": {Model{Cores: 1, Nodes: []Node{waiting("a", 1e9)}}, []Change{{Node: "a", To: 10, Gain: 10}}, 10},
		"a serial part":            {Model{Cores: 8, Nodes: []Node{serial(computing("a", 1000), 500)}}, []Change{{Node: "a", To: 2, Gain: 2}}, 2},
		"the rest stays":           {Model{Cores: 2, Rest: 1000, Nodes: []Node{waiting("a", 9000), fixed(waiting("b", 3000))}}, []Change{{Node: "a", To: 3, Gain: 2.5}}, 2.5},
		"a rate bounds":            {Model{Cores: 2, Nodes: []Node{{ID: "a", Workers: 1, Busy: 4000, Pace: 3000, Known: true}}}, []Change{{Node: "a", To: 2, Gain: 4.0 / 3}}, 4.0 / 3},
		"the source bounds":        {Model{Cores: 2, Nodes: []Node{fixed(waiting("a", 5000)), waiting("b", 3000)}}, nil, 1},
		"limits.workers":           {Model{Cores: 2, AtOnce: 2, Nodes: []Node{waiting("a", 9000), waiting("b", 1000)}}, []Change{{Node: "a", To: 2, Gain: 9000.0 / 5000}}, 1.8},
		"enough workers already":   {Model{Cores: 2, Nodes: []Node{{ID: "a", Workers: 6, Busy: 9000, Known: true}, fixed(waiting("b", 3000))}}, nil, 1},
	} {
		got := c.m.Propose(10)
		total := 1.0
		for i := range got {
			total = got[i].Total
			if i < len(c.want) && (got[i].Node != c.want[i].Node || got[i].To != c.want[i].To || math.Abs(got[i].Gain-c.want[i].Gain) > 0.01) {
				t.Errorf("%s: %+v, want %+v", name, got[i], c.want[i])
			}
		}
		if len(got) != len(c.want) || math.Abs(total-c.total) > 0.01 {
			t.Errorf("%s: %+v gain %v in all, want %+v gain %v", name, got, total, c.want, c.total)
		}
		if len(got) == 0 {
			continue
		}
		if after := c.m.With(got).Predict().Span; math.Abs(c.m.Faster(c.m.Predict().Span, after)-total) > 1e-9 {
			t.Errorf("%s: with the changes the span is %v", name, after)
		}
	}
}

// Four stages in a row and one beside them: the first item takes the longest way.
func TestIdeal(t *testing.T) {
	m := Model{Cores: 4, Nodes: []Node{
		{ID: "a", Workers: 1, Busy: 10, Visits: 1},
		{ID: "b", Workers: 1, Busy: 40, Visits: 1, before: []int{0}},
		{ID: "c", Workers: 2, Busy: 30, Visits: 0.5, before: []int{0}},
		{ID: "d", Workers: 1, Busy: 5, Visits: 1, before: []int{1, 2}},
	}}
	if got := m.Fill(); got != 75 { // a, c with 60 for an item of its own, d
		t.Errorf("the pipe fills in %v", got)
	}
	if got := m.Ideal(1000); got != 1000*40+75 {
		t.Errorf("1000 items take %v at best", got)
	}
}

func TestDuration(t *testing.T) {
	for ns, want := range map[float64]string{0: "0 ns", 35: "35 ns", 999.7: "1 µs", 1240: "1.24 µs", 3e6: "3 ms", 123456789: "123 ms", 5.5e9: "5.5 s", 100e9: "1m40s"} {
		if got := Duration(ns); got != want {
			t.Errorf("%v ns is %q, want %q", ns, got, want)
		}
	}
}
