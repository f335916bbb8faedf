package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file draws the table of the verb top.

// A remoteState is the answer of /api/v1/state.
type remoteState struct {
	Flow    string
	Outcome string
	Paused  bool
	Error   string
	Seconds float64
	Verdict struct{ Level, Node, Head, Text string }
	Nodes   []remoteNode
	Edges   []struct {
		Fill  float64
		Total metrics.EdgeReport
	}
}

type remoteNode struct {
	State    string
	In       float64 `json:"in_per_second"`
	Out      float64 `json:"out_per_second"`
	Busy     float64
	Blocked  float64
	Starved  float64
	P99      float64 `json:"p99_seconds"`
	Progress float64
	Total    metrics.NodeReport
}

// A topView is the table of top, a function of one state.
type topView struct {
	state         *remoteState
	sort          string // a name of topColumns
	turned        bool   // the order is the other way round
	keys          bool   // a person can press some
	note          string
	width, height int // of the room for it; 0: as much as it takes
	ink           ink

	fills map[string]float64 // of the fullest queue before each node that has one
}

// topColumns can be sorted by, in the order in which a key goes through them.
var topColumns = []string{"state", "busy", "in", "out", "queue", "errors", "node", "flow"}

// topOrders say who comes first; equals keep the order of the flow.
var topOrders = map[string]func(v *topView, a, b *remoteNode) int{
	"state": func(_ *topView, a, b *remoteNode) int {
		return cmp.Or(cmp.Compare(signOf(a.State).rank, signOf(b.State).rank), cmp.Compare(b.Busy+b.Blocked, a.Busy+a.Blocked))
	},
	"busy":   func(_ *topView, a, b *remoteNode) int { return cmp.Compare(b.Busy, a.Busy) },
	"in":     func(_ *topView, a, b *remoteNode) int { return cmp.Compare(b.In, a.In) },
	"out":    func(_ *topView, a, b *remoteNode) int { return cmp.Compare(b.Out, a.Out) },
	"queue":  func(v *topView, a, b *remoteNode) int { return cmp.Compare(v.fill(b), v.fill(a)) },
	"errors": func(_ *topView, a, b *remoteNode) int { return cmp.Compare(b.Total.Errors(), a.Total.Errors()) },
	"node":   func(_ *topView, a, b *remoteNode) int { return cmp.Compare(a.Total.ID, b.Total.ID) },
	"flow":   func(*topView, *remoteNode, *remoteNode) int { return 0 },
}

// A sign is how a state shows besides its word: as on the page, worst first.
type sign struct {
	text  string
	rank  int
	paint func(ink, string) string
}

var signs = map[string]sign{
	"failed": {"✕", 0, ink.red}, "bottleneck": {"▲", 1, ink.red}, "errors": {"!", 2, ink.yellow}, "back-pressured": {"↑", 3, ink.yellow},
	"paused": {"‖", 4, ink.blue}, "running": {"●", 5, ink.green}, "idle": {"○", 6, ink.dim}, "done": {"✓", 7, ink.dim},
}

func signOf(state string) sign {
	if s, ok := signs[state]; ok {
		return s
	}
	return sign{"?", 5, ink.dim}
}

// press obeys a key; it reports whether that ends the view.
func (v *topView) press(key byte) (quit bool) {
	const ctrlC, ctrlD = 3, 4
	switch key {
	case 'q', 'Q', ctrlC, ctrlD:
		return true
	case 's':
		v.sort, v.turned = topColumns[(slices.Index(topColumns, v.sort)+1)%len(topColumns)], false
	case 'r':
		v.turned = !v.turned
	}
	return false
}

// lines draws the view.
func (v *topView) lines() []string {
	v.measure()
	lines := append(append([]string{v.head()}, v.verdict()...), v.losses()...)
	var tail []string
	if v.note != "" {
		tail = append(tail, v.ink.yellow(v.fit(v.note)))
	}
	if v.keys {
		order := "by " + v.sort
		if v.turned {
			order += ", the other way round"
		}
		tail = append(tail, v.ink.dim(v.fit("  q quit · s sort, now "+order+" · r turn round")))
	}
	nodes := v.order()
	hidden := ""
	if room := v.height - len(lines) - len(tail) - 2; v.height > 0 && len(nodes) > max(room, 1) {
		hidden = fmt.Sprintf("  and %s more", plural(len(nodes)-max(room, 1), "node"))
		nodes = nodes[:max(room, 1)]
	}
	lines = append(lines, v.table(nodes).lines("  ", v.width, v.ink)...)
	if hidden != "" {
		lines = append(lines, v.ink.dim(v.fit(hidden)))
	}
	lines = append(lines, tail...)
	if v.height > 0 {
		lines = lines[:min(len(lines), v.height)]
	}
	return lines
}

func (v *topView) fit(s string) string {
	if v.width <= 0 {
		return s
	}
	return fit(s, v.width)
}

// head is the line about the flow as a whole.
func (v *topView) head() string {
	s := v.state
	into, out, queued, errs := 0.0, 0.0, int64(0), int64(0)
	leaves := map[string]bool{}
	for i := range s.Edges {
		queued += s.Edges[i].Total.Items
		from, _, _ := strings.Cut(s.Edges[i].Total.From, ".")
		leaves[from] = true
	}
	for i := range s.Nodes {
		n := &s.Nodes[i]
		errs += n.Total.Errors()
		if n.Total.Source {
			into += n.Out
		}
		if !leaves[n.Total.ID] && !n.Total.Source {
			out += n.In
		}
	}
	word := s.Outcome
	if s.Paused {
		word = "paused"
	}
	rest := fmt.Sprintf("%s %s  in %s/s  out %s/s  queued %s  errors %s", word, clock(time.Duration(s.Seconds*float64(time.Second))),
		short(into), short(out), short(float64(queued)), short(float64(errs)))
	name := s.Flow
	if v.width > 0 {
		name = fit(name, max(8, v.width-gap-cellsOf(rest)))
		rest = fit(rest, max(1, v.width-gap-cellsOf(name)))
	}
	return v.ink.bold(printable(name)) + "  " + rest
}

// verdict is the sentence on what holds the flow up, three lines at most.
func (v *topView) verdict() []string {
	said := v.state.Verdict
	text := map[string]string{"ok": "✓ ", "info": "● ", "warn": "! ", "bad": "▲ "}[said.Level] + said.Head
	if said.Text != "" {
		text += ": " + said.Text
	}
	room := v.width
	if room <= 0 {
		room = proseWidth
	}
	lines := paragraph(strings.Fields(printable(text)), room, "  ")
	lines = lines[:min(len(lines), 3)]
	for i := range lines {
		switch said.Level {
		case "bad":
			lines[i] = v.ink.red(v.fit(lines[i]))
		case "warn":
			lines[i] = v.ink.yellow(v.fit(lines[i]))
		}
	}
	return lines
}

// order gives the nodes in the order of the table.
func (v *topView) order() []*remoteNode {
	var nodes []*remoteNode
	for i := range v.state.Nodes {
		nodes = append(nodes, &v.state.Nodes[i])
	}
	if v.turned {
		slices.Reverse(nodes)
	}
	by := topOrders[v.sort]
	slices.SortStableFunc(nodes, func(a, b *remoteNode) int {
		if v.turned {
			a, b = b, a
		}
		return by(v, a, b)
	})
	return nodes
}

// fill is how full the fullest queue before a node is; -1 if it has none.
func (v *topView) fill(n *remoteNode) float64 {
	if share, ok := v.fills[n.Total.ID]; ok {
		return share
	}
	return -1
}

// measure finds the fullest queue before each node.
func (v *topView) measure() {
	v.fills = map[string]float64{}
	for i := range v.state.Edges {
		to, _, _ := strings.Cut(v.state.Edges[i].Total.To, ".")
		v.fills[to] = max(v.fills[to], v.state.Edges[i].Fill)
	}
}

// edgesBefore gives the edges that lead to each node.
func (v *topView) edgesBefore() map[string][]metrics.EdgeReport {
	in, _ := edgesByNode(v.report())
	return in
}

// report is what the page tells of nodes and edges since the start.
func (v *topView) report() *metrics.Report {
	var r metrics.Report
	for i := range v.state.Nodes {
		r.Nodes = append(r.Nodes, v.state.Nodes[i].Total)
	}
	for i := range v.state.Edges {
		r.Edges = append(r.Edges, v.state.Edges[i].Total)
	}
	return &r
}

// losses are the lines on what the flow has lost by its settings: items on full edges, and
// fields that sources left out.
func (v *topView) losses() []string {
	r := v.report()
	var lines []string
	if dropped := dropTotal(r.Drops()); dropped != "" {
		lines = append(lines, v.ink.yellow(v.fit("! "+printable(dropped))))
	}
	for i := range r.Nodes {
		if left := leftOutWords(&r.Nodes[i]); left != "" {
			lines = append(lines, v.ink.yellow(v.fit("! "+printable(left))))
			break
		}
	}
	return lines
}

func (v *topView) table(nodes []*remoteNode) *table {
	t := &table{heads: []head{
		{text: "node"}, {text: "state", rank: 1, least: 16}, {text: "workers", right: true, rank: 9}, {text: "in/s", right: true, rank: 4, least: 5},
		{text: "out/s", right: true, rank: 5, least: 5}, {text: "p99", right: true, rank: 8, least: 6}, {text: "busy", right: true, rank: 2, least: 5},
		{text: "blocked", right: true, rank: 6}, {text: "starved", right: true, rank: 7}, {text: "queue", rank: 10}, {right: true, rank: 4, least: 5},
		{text: "errors", right: true, rank: 3}, {text: "dropped", right: true, rank: 3},
	}}
	in := v.edgesBefore()
	for _, n := range nodes {
		s := signOf(n.State)
		into, out, late := short(n.In), short(n.Out), "–"
		if n.Total.Source {
			into = "–"
		}
		if n.P99 > 0 {
			late = span(time.Duration(n.P99 * float64(time.Second)))
		}
		bar, full := "", ""
		if share := v.fill(n); share >= 0 {
			bar, full = gauge(share, 8), percent(share)
		}
		row := plainRow(printable(n.Total.ID), s.text+" "+printable(n.State), fmt.Sprint(n.Total.Workers), into, out, late,
			percent(n.Busy), percent(n.Blocked), percent(n.Starved), bar, full, short(float64(n.Total.Errors())), droppedBefore(in[n.Total.ID]))
		row[12].paint = v.ink.yellow
		row[1].paint = func(text string) string { return s.paint(v.ink, text) }
		if n.Total.Errors() > 0 {
			row[11].paint = v.ink.red
		}
		if n.Progress > 0 && n.Total.Source && n.State != "done" { // how far it has read stands where others have a queue
			row[9].text, row[10].text = gauge(n.Progress, 8), percent(n.Progress)
		}
		t.add(row...)
	}
	return t
}
