package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler/advise"
)

// This file puts together and prints what the verb plan finds.

// The JSON of `plan --json`. Costs and rates are there if they are known.
type (
	flowPlan struct {
		Flow   string     `json:"flow"`
		Cores  int        `json:"cores"`
		Nodes  []planNode `json:"nodes"` // in the order in which items pass them
		Exprs  []planExpr `json:"expressions"`
		Edges  []planEdge `json:"edges"`
		Memory planMemory `json:"memory"`
		Rate   *planRate  `json:"rate,omitempty"`
	}
	planNode struct {
		ID      string        `json:"id"`
		Kind    string        `json:"kind"`
		Workers string        `json:"workers"` // "4", or "1-8" where they follow the load
		Alone   bool          `json:"one_worker"`
		Items   float64       `json:"items"` // for each item of the sources
		Cost    time.Duration `json:"cost_ns,omitempty"`
		Waits   float64       `json:"waits"` // the share of the cost
		Most    float64       `json:"most_per_second,omitempty"`
		Use     float64       `json:"use,omitempty"` // the share of the time that it is at work at the highest rate
		Holds   string        `json:"holds,omitempty"`
		Ack     string        `json:"ack,omitempty"` // of a source that acknowledges: sinks or early
		known   bool          // the cost is
		clear   bool          // whether it waits is
	}
	planExpr struct {
		Node string `json:"node"`
		Text string `json:"text"`
		By   string `json:"computed_by"` // kernel or closure
	}
	planEdge struct {
		From     string `json:"from"`
		To       string `json:"to"`
		Capacity int    `json:"capacity"`
		Bytes    int64  `json:"bytes"`
		OnFull   string `json:"on_full"`
	}
	planMemory struct {
		Edges   int64    `json:"edges_bytes"`     // at most, on all edges together
		Limit   bool     `json:"limited"`         // by limits.memory
		Spills  []string `json:"spills"`          // edges whose overflow goes to a file
		Growing []string `json:"grow_with_input"` // nodes that hold what no setting of the graph bounds
	}
	planRate struct {
		PerSecond  float64 `json:"per_second"` // items of all sources together
		Bound      string  `json:"bound"`      // workers, serial, cpus, limits or rate
		Node       string  `json:"node,omitempty"`
		Bottleneck string  `json:"bottleneck"`
		Unknown    int     `json:"nodes_without_cost,omitempty"`
	}
)

// newFlowPlan puts together what is known of a flow before it runs.
func newFlowPlan(registry *nodes.Registry, flow *graph.Flow, p *planFlags) (*flowPlan, error) {
	o, err := p.options(nil)
	if err != nil {
		return nil, err
	}
	o.Alone = aloneNodes(registry, flow)
	m, err := p.model(flow, o)
	if err != nil {
		return nil, err
	}
	plan := &flowPlan{Flow: flow.Name, Cores: m.Cores, Exprs: []planExpr{}, Edges: []planEdge{}, Memory: planMemory{Spills: []string{}, Growing: []string{}}}
	plan.predict(m)
	acks := acksOf(flow)
	for i, n := range flow.Nodes {
		plan.Nodes[i].Holds, plan.Nodes[i].Ack = n.Spec.Holds, acks[n.ID]
		if w := n.Workers(); w.Elastic() && !plan.Nodes[i].Alone && (o.Workers == 0 || n.Engine.Workers.Elastic()) {
			plan.Nodes[i].Workers = w.String()
		}
		if n.Spec.Holds != "" {
			plan.Memory.Growing = append(plan.Memory.Growing, n.ID)
		}
		for _, e := range n.Exprs {
			x := planExpr{n.ID, redact.Text(e.String()), e.Compile().Rung()}
			if !slices.Contains(plan.Exprs, x) { // mean(x) and max(x) both have x
				plan.Exprs = append(plan.Exprs, x)
			}
		}
	}
	for _, e := range flow.Edges {
		k := &e.Contract
		edge := planEdge{e.From.ID + "." + e.FromPort.Name, e.To.ID + "." + e.ToPort.Name, k.Capacity, int64(k.Bytes), k.OnFull}
		plan.Edges = append(plan.Edges, edge)
		plan.Memory.Edges += edge.Bytes
		if k.OnFull == "spill" {
			plan.Memory.Spills = append(plan.Memory.Spills, edge.From+" -> "+edge.To)
		}
	}
	if limit := int64(flow.Limits.Memory); limit > 0 && limit < plan.Memory.Edges {
		plan.Memory.Edges, plan.Memory.Limit = limit, true
	}
	return plan, nil
}

// predict takes over what the model says.
func (plan *flowPlan) predict(m *advise.Model) {
	p := m.Predict()
	unknown := 0
	for i := range m.Nodes {
		n := &m.Nodes[i]
		node := planNode{ID: n.ID, Kind: n.Kind, Workers: fmt.Sprint(n.Workers), Alone: n.Fixed, Items: n.Visits, known: n.Known, clear: n.Clear}
		if !n.Known {
			unknown++
		}
		if limit := n.Limit(); limit > 0 {
			node.Cost, node.Waits = time.Duration(n.Cost()), n.Waits()
			node.Most, node.Use = 1e9/limit, limit/p.Span
		}
		plan.Nodes = append(plan.Nodes, node)
	}
	if p.Bound == advise.NoBound {
		return
	}
	plan.Rate = &planRate{PerSecond: p.Rate, Bound: string(p.Bound), Bottleneck: m.Say(), Unknown: unknown}
	if p.Node >= 0 {
		plan.Rate.Node = m.Nodes[p.Node].ID
	}
}

// write prints the plan for people.
func (plan *flowPlan) write(w io.Writer, on ink) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s, %s\n\n", on.bold(plan.Flow), plural(len(plan.Nodes), "node"), plural(len(plan.Edges), "edge"), plural(plan.Cores, "core"))
	section := func(title string, t *table) {
		if len(t.rows) == 0 {
			return
		}
		if title != "" {
			fmt.Fprintf(&b, "\n%s\n", on.bold(title))
		}
		for _, line := range t.lines("  ", 0, on) {
			b.WriteString(line + "\n")
		}
	}
	section("", plan.nodeTable(on))
	section("Expressions", plan.exprTable())
	section("Edges", plan.edgeTable())
	plan.writeMemory(&b, on)
	plan.writeAcks(&b, on)
	fmt.Fprintf(&b, "\n%s\n", on.bold("Speed"))
	if plan.Rate == nil {
		b.WriteString("  not known: no cost was given; --report takes costs from an earlier run, --cost and --wait give them\n")
	} else {
		fmt.Fprintf(&b, "  at most %s items of the sources a second: %s\n", short(plan.Rate.PerSecond), plan.Rate.Bottleneck)
		if plan.Rate.Unknown > 0 {
			fmt.Fprintf(&b, "  %s\n", on.dim(plural(plan.Rate.Unknown, "node")+" without a cost may bound it further"))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (plan *flowPlan) nodeTable(on ink) *table {
	t := &table{heads: []head{
		{text: "node"}, {text: "kind"}, {text: "workers", right: true}, {text: "items", right: true}, {text: "cost", right: true},
		{text: "waiting", right: true}, {text: "most/s", right: true}, {text: "in use", right: true},
	}}
	for _, n := range plan.Nodes {
		row := plainRow(n.ID, n.Kind, n.Workers, "", "", "", "", "")
		if plan.Rate != nil {
			row[3].text = digits(n.Items, true)
		}
		if n.known {
			row[4].text = advise.Duration(float64(n.Cost))
		}
		if n.clear {
			row[5].text = percent(n.Waits)
		}
		if n.Most > 0 {
			row[6].text, row[7].text = short(n.Most), percent(n.Use)
		}
		if plan.Rate != nil && n.ID == plan.Rate.Node {
			row[7].paint = on.yellow
		}
		t.add(row...)
	}
	return t
}

func (plan *flowPlan) exprTable() *table {
	t := &table{heads: []head{{text: "node"}, {text: "expression"}, {text: "computed by"}}}
	for _, e := range plan.Exprs {
		t.add(plainRow(e.Node, fit(strings.Join(strings.Fields(e.Text), " "), maxTypeText), "a "+e.By)...)
	}
	return t
}

func (plan *flowPlan) edgeTable() *table {
	t := &table{heads: []head{{text: "from"}, {text: "to"}, {text: "items", right: true}, {text: "bytes", right: true}, {text: "when full"}}}
	for _, e := range plan.Edges {
		t.add(plainRow(e.From, e.To, count(int64(e.Capacity)), octets(e.Bytes), e.OnFull)...)
	}
	return t
}

// writeAcks says when sources acknowledge, if any does.
func (plan *flowPlan) writeAcks(b *strings.Builder, on ink) {
	title := "\n" + on.bold("Acknowledgement") + "\n"
	for _, n := range plan.Nodes {
		if n.Ack == "" {
			continue
		}
		what := "gives"
		if n.Ack == graph.AckEarly {
			what = "takes"
		}
		fmt.Fprintf(b, "%s  %s (%s) acknowledges what it %s %s\n", title, n.ID, n.Kind, what, ackWords(n.Ack))
		title = ""
	}
}

// writeMemory says what the flow holds at most, and what has no bound.
func (plan *flowPlan) writeMemory(b *strings.Builder, on ink) {
	m := &plan.Memory
	fmt.Fprintf(b, "\n%s\n", on.bold("Memory"))
	if m.Limit {
		fmt.Fprintf(b, "  at most %s wait on all edges together, by limits.memory\n", octets(m.Edges))
	} else {
		fmt.Fprintf(b, "  at most %s wait on %s, besides a batch in the hands of each worker\n", octets(m.Edges), plural(len(plan.Edges), "edge"))
	}
	for _, e := range m.Spills {
		fmt.Fprintf(b, "  what %s cannot hold goes to a temporary file, without a bound\n", e)
	}
	for _, n := range plan.Nodes {
		if n.Holds != "" {
			fmt.Fprintf(b, "  %s (%s) holds %s: that grows with the input\n", n.ID, n.Kind, n.Holds)
		}
	}
}
