package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/scheduler/advise"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file judges a flow for the verb advise, and prints what was found.

// shortRun is how long a run must take to be judged by, in nanoseconds.
const shortRun = 200e6

// newAdvice judges a flow by its model and the report that the model was made of.
func newAdvice(flow *graph.Flow, m *advise.Model, r *metrics.Report, most int) *advice {
	p := m.Predict()
	a := &advice{
		Flow: flow.Name, Cores: m.Cores, Items: m.Items, Took: r.Took, Rate: perSecond(m.Items, r.Took),
		Bound: string(p.Bound), Bottleneck: m.Say(), Changes: m.Propose(most), Gain: 1, model: m,
	}
	if r.Took > 0 {
		a.CPU = float64(r.CPU) / float64(r.Took)
	}
	if p.Node >= 0 {
		a.Node = m.Nodes[p.Node].ID
	}
	var table flowPlan
	table.predict(m)
	a.Nodes = table.Nodes
	if len(a.Changes) > 0 {
		a.Gain = a.Changes[len(a.Changes)-1].Total
		a.Then = m.With(a.Changes).Say()
	}
	a.Changes = append(a.Changes, m.Untold(flow, r)...)
	a.note(m, r, p)
	return a
}

// note says what limits the judgement, and what else would help.
func (a *advice) note(m *advise.Model, r *metrics.Report, p advise.Prediction) {
	add := func(format string, args ...any) { a.Notes = append(a.Notes, fmt.Sprintf(format, args...)) }
	if len(a.Changes) == 0 {
		a.Notes = append(a.Notes, m.Remedies()...)
	}
	if rest := m.Rest / max(m.Rest+p.Span, 1e-9); rest > 0.4 {
		add("for %s of the time no part of the flow was full: it started and ended, read one input after the other, handed items over, or waited for a machine that others used too", percent(rest))
	}
	if m.Free > 0 && m.Free < 0.8*float64(m.Cores) {
		add("other programs left %s of the %s to the flow; what is expected assumes that they go on", digits(m.Free, false), plural(m.Cores, "core"))
	}
	if r.Took < shortRun {
		add("the run took %s, which is too short to be sure; give it more data", span(r.Took))
	}
	if r.CPU == 0 {
		add("the processor time of the run is not known, so all nodes are taken to compute")
	}
	computes := slices.ContainsFunc(a.Changes, func(c advise.Change) bool { return c.Setting == "workers" && !c.Waits })
	if share := m.Overhead / max(m.CPU(), 1e-9); computes && share > 0.2 {
		add("%s of the processor time was no node's: the garbage collector and the scheduler. It grows with the workers, so the gain may be much smaller; --try measures it", percent(share))
	}
	for _, c := range a.Changes {
		if c.Setting == "workers" && !c.Sure {
			add("%s may have a part that one worker at a time does, and gain less; %s without --report measures it", c.Node, "advise")
		}
		if c.Waits && c.To > 2*m.Cores {
			add("with %d workers %s makes as many calls at once: see that what it waits for can take them", c.To, c.Node)
		}
	}
}

// write prints the advice for people. What comes before the patch is indented, which
// programs that apply patches pass over.
func (a *advice) write(w io.Writer, on ink) error {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s: %s items in %s, %s a second, on %s of %s\n\n", on.bold(a.Flow), count(a.Items), span(a.Took), short(a.Rate),
		digits(a.CPU, false), plural(a.Cores, "core"))
	plan := flowPlan{Nodes: a.Nodes, Rate: &planRate{Node: a.Node}}
	lines := func(t *table) {
		for _, line := range t.lines("  ", 0, on) {
			b.WriteString(line + "\n")
		}
	}
	lines(plan.nodeTable(on))
	fmt.Fprintf(&b, "\n  %s\n", a.Bottleneck)
	if t := a.changeTable(on); len(t.rows) > 0 {
		b.WriteString("\n")
		lines(t)
	} else {
		b.WriteString("  no number of workers makes it faster\n")
	}
	if a.Then != "" {
		fmt.Fprintf(&b, "\n  then %s\n", a.Then)
	}
	if t := a.Trial; t != nil {
		fmt.Fprintf(&b, "\n  tried: %s in %s, %s items a second: %s\n", a.Flow, span(t.Took), short(t.Rate), on.bold(timesFaster(t.Gain)))
	}
	for i, n := range a.Notes {
		if i == 0 {
			b.WriteString("\n")
		}
		b.WriteString(indent(wrap(n, proseWidth-4), "  "))
	}
	if a.Patch != "" {
		b.WriteString("\n" + a.Patch)
	}
	if a.Written {
		b.WriteString("\n  the file is changed\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (a *advice) changeTable(on ink) *table {
	t := &table{heads: []head{{text: "node"}, {text: "change"}, {text: "expected"}, {text: "in all"}}}
	for i, c := range a.Changes {
		what := fmt.Sprintf("%s %d -> %d", c.Setting, c.From, c.To)
		if c.Edge != "" {
			what += " of the edge from " + c.Edge
		}
		expected, total := "not known before it is tried", ""
		switch {
		case c.Gain == 0 && a.Trial != nil:
			expected = "tried below"
		case c.Gain == 0:
		case c.Gain < 1.005:
			expected = "with the next one"
		default:
			expected = timesFaster(c.Gain)
		}
		if i > 0 && c.Gain > 0 {
			total = timesFaster(c.Total)
		}
		t.add(cell{c.Node, on.bold}, cell{what, nil}, cell{expected, on.green}, cell{total, nil})
	}
	return t
}
