package web

import (
	"fmt"
	"math"

	"github.com/flowrun/flowrun/scheduler/history"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file puts two runs side by side.

// A pairPage is two runs side by side.
type pairPage struct {
	A, B  runHead
	Facts []pairFact
	Chart *chart
	Nodes []pairNode
}

// A pairFact is a figure of both, and what became of it.
type pairFact struct {
	Name, A, B string
	Change     string // "−31 %"; "" if there is nothing to say
	Good       bool   // the change is for the better
	Plain      bool   // or it is neither
}

// A pairNode is a node of one or both.
type pairNode struct {
	ID, Kind string
	Only     string // "first" or "second": the other run has no such node
	Facts    []pairFact
}

func newPairPage(a, b *history.Run) pairPage {
	p := pairPage{A: newRunHead(a.Head), B: newRunHead(b.Head)}
	p.Facts = []pairFact{
		{Name: "outcome", A: p.A.Outcome, B: p.B.Outcome},
		ratio("duration", p.A.Length(), p.B.Length(), a.Took.Seconds(), b.Took.Seconds(), false),
		plain(ratio("items read", p.A.Count(), p.B.Count(), float64(a.Items), float64(b.Items), true)),
		ratio("items a second", p.A.Rate(), p.B.Rate(), p.A.rate(), p.B.rate(), true),
		ratio("errors", p.A.Failed(), p.B.Failed(), float64(a.Errors), float64(b.Errors), false),
	}
	ta, tb := newTrace(a), newTrace(b)
	if ta.points() > 1 && tb.points() > 1 {
		p.Chart = newChart("Items read a second by both runs", ta.read("c-a", "first"), tb.read("c-b", "second"))
	}
	p.Nodes = pairNodes(&a.Report, &b.Report)
	return p
}

// pairNodes has the nodes of the second run, then those of the first alone.
func pairNodes(a, b *metrics.Report) []pairNode {
	first := map[string]*metrics.NodeReport{}
	for i := range a.Nodes {
		first[a.Nodes[i].ID] = &a.Nodes[i]
	}
	var all []pairNode
	for i := range b.Nodes {
		n := &b.Nodes[i]
		row := pairNode{ID: n.ID, Kind: n.Kind, Only: "second"}
		if was := first[n.ID]; was != nil {
			row.Only = ""
			row.Facts = pairFacts(was, n, a.Took.Seconds(), b.Took.Seconds())
			delete(first, n.ID)
		}
		all = append(all, row)
	}
	for i := range a.Nodes {
		if n := &a.Nodes[i]; first[n.ID] != nil {
			all = append(all, pairNode{ID: n.ID, Kind: n.Kind, Only: "first"})
		}
	}
	return all[:min(len(all), maxRunRows)]
}

func pairFacts(a, b *metrics.NodeReport, took, tookB float64) []pairFact {
	moved := func(n *metrics.NodeReport, seconds float64) float64 {
		items := n.In
		if n.Source {
			items = n.Out
		}
		return float64(items) / max(seconds, 1e-3)
	}
	points := func(name string, x, y float64) pairFact {
		f := pairFact{Name: name, A: percentage(x), B: percentage(y), Plain: true}
		if d := math.Round(100*y) - math.Round(100*x); d != 0 {
			f.Change = fmt.Sprintf("%+.0f", d)
		}
		return f
	}
	ra, rb := moved(a, took), moved(b, tookB)
	return []pairFact{
		{Name: "workers", A: fmt.Sprint(a.Workers), B: fmt.Sprint(b.Workers)},
		ratio("items a second", figure(ra), figure(rb), ra, rb, true),
		points("busy", a.Busy, b.Busy), points("blocked", a.Blocked, b.Blocked), points("starved", a.Starved, b.Starved),
		ratio("errors", thousands(a.Errors()), thousands(b.Errors()), float64(a.Errors()), float64(b.Errors()), false),
	}
}

// ratio compares two figures, of which more is better or worse. Less than two
// percent is noise.
func ratio(name, a, b string, x, y float64, moreIsBetter bool) pairFact {
	f := pairFact{Name: name, A: a, B: b}
	switch {
	case x == y:
	case x == 0:
		f.Change, f.Good = "new", moreIsBetter
	case math.Abs(y/x-1) >= 0.02:
		f.Change, f.Good = fmt.Sprintf("%+.0f %%", 100*(y/x-1)), (y > x) == moreIsBetter
		if y/x >= 10 {
			f.Change = fmt.Sprintf("× %.0f", y/x)
		}
	}
	return f
}

// plain is a figure of which neither more nor less is better.
func plain(f pairFact) pairFact {
	f.Plain = true
	return f
}
