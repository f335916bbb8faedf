package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A view is the live picture of a run on a terminal, a function of two reports:
// the one before and the one of now, whose difference gives the rates.
type view struct {
	before, now   *metrics.Report
	note          string // "" or what there is to say
	width, height int    // of the room for it, in cells and lines
	ink           ink
}

// lines draws the view.
func (v *view) lines() []string {
	took := clock(v.now.Took)
	lines := []string{v.ink.bold(fit(v.now.Flow, v.width-gap-len(took))) + "  " + took}
	tail := v.totals()
	if dropped := dropTotal(v.now.Drops()); dropped != "" {
		tail = append(tail, v.ink.yellow(fit("  "+dropped, v.width)))
	}
	if v.note != "" {
		tail = append(tail, v.ink.yellow(fit(v.note, v.width)))
	}
	shown, hidden := v.choose(v.height - len(lines) - len(tail) - 2) // the head of the table, the line of the hidden
	lines = append(lines, v.table(shown).lines("  ", v.width, v.ink)...)
	if hidden != "" {
		lines = append(lines, v.ink.dim(fit("  "+hidden, v.width)))
	}
	lines = append(lines, tail...)
	return lines[:min(len(lines), max(v.height, 1))]
}

// choose picks the nodes that there is room for: those still at work first, the
// busiest of them first.
func (v *view) choose(room int) (shown []*metrics.NodeReport, hidden string) {
	room = max(room, 1)
	if len(v.now.Nodes) <= room+1 { // the line of the hidden is free then
		room++
	}
	shown, rest := foremost(v.now.Nodes, room, func(a, b *metrics.NodeReport) int {
		return cmp.Or(cmp.Compare(doneLast(a), doneLast(b)), cmp.Compare(b.Busy, a.Busy))
	})
	if len(rest) == 0 {
		return shown, ""
	}
	done := 0
	for _, n := range rest {
		done += doneLast(n)
	}
	return shown, fmt.Sprintf("and %s more, %d of them done", plural(len(rest), "node"), done)
}

// foremost picks the first so many nodes by an order, and the rest. What is picked
// keeps the order of the flow.
func foremost(all []metrics.NodeReport, room int, order func(a, b *metrics.NodeReport) int) (shown, rest []*metrics.NodeReport) {
	place := map[*metrics.NodeReport]int{}
	for i := range all {
		shown = append(shown, &all[i])
		place[&all[i]] = i
	}
	if len(shown) <= room {
		return shown, nil
	}
	slices.SortStableFunc(shown, order)
	shown, rest = shown[:room], shown[room:]
	slices.SortFunc(shown, func(a, b *metrics.NodeReport) int { return cmp.Compare(place[a], place[b]) })
	return shown, rest
}

func doneLast(n *metrics.NodeReport) int {
	if n.State == "done" {
		return 1
	}
	return 0
}

// table has a line for each node.
func (v *view) table(shown []*metrics.NodeReport) *table {
	t := &table{heads: []head{
		{text: "node"}, {text: "state", rank: 2, least: 7}, {text: "workers", right: true, rank: 8}, {text: "items", right: true, rank: 6, least: 5},
		{text: "a second", right: true, rank: 1}, {text: "queue", rank: 7}, {right: true, rank: 5, least: 5}, {text: "busy", right: true, rank: 4, least: 5},
		{text: "errors", right: true, rank: 3}, {text: "dropped", right: true, rank: 3},
	}}
	earlier := nodesByID(v.before)
	in, out := edgesByNode(v.now)
	for _, n := range shown {
		before := earlier[n.ID]
		items, rate := n.In, n.In-before.In
		if n.Source {
			items, rate = n.Out, n.Out-before.Out
		}
		state := stateOf(n, rate, in[n.ID], out[n.ID])
		bar, full := "", ""
		if e := fullest(in[n.ID]); e != nil && n.State != "done" {
			bar, full = gauge(fill(e), 10), percent(fill(e))
		}
		perSec, busy := short(perSecond(rate, v.now.Took-v.before.Took)), percent(busyShare(v.before, v.now, &before, n))
		if n.State == "done" {
			perSec, busy = "", ""
		}
		row := plainRow(n.ID, state, fmt.Sprint(n.Workers), short(float64(items)), perSec, bar, full, busy, short(float64(n.Errors())), droppedBefore(in[n.ID]))
		row[9].paint = v.ink.yellow
		row[1].paint = v.paintOf(state)
		if n.Errors() > 0 {
			row[8].paint = v.ink.red
		}
		t.add(row...)
	}
	return t
}

func (v *view) paintOf(state string) func(string) string {
	switch state {
	case "working":
		return v.ink.green
	case "blocked":
		return v.ink.yellow
	case "paused":
		return v.ink.blue
	}
	return v.ink.dim
}

// stateOf says what a node does: it has ended, something moves, it cannot send, or
// it has nothing to do.
func stateOf(n *metrics.NodeReport, moved int64, in, out []metrics.EdgeReport) string {
	const full = 0.95
	switch {
	case n.State == "done", n.State == "paused":
		return n.State
	case moved > 0:
		return "working"
	case slices.ContainsFunc(out, func(e metrics.EdgeReport) bool { return fill(&e) >= full }):
		return "blocked"
	case !n.Source && !slices.ContainsFunc(in, func(e metrics.EdgeReport) bool { return e.Items > 0 }) && n.Held == 0:
		return "waiting"
	}
	return "working"
}

// totals shows how much of the files is read, if anything is known of it.
func (v *view) totals() []string {
	done, whole := bytesRead(v.now)
	if whole <= 0 {
		return nil
	}
	share := float64(done) / float64(whole)
	text := fmt.Sprintf("  read %s %s  %s of %s", gauge(share, 24), percent(share), octets(done), octets(whole))
	if v.now.Took > 0 {
		text += fmt.Sprintf("  %s/s", octets(int64(perSecond(done, v.now.Took))))
	}
	if done < whole {
		text += "  " + timeLeft(done, whole, v.now.Took) + " left"
	}
	return []string{fit(text, v.width)}
}

// bytesRead sums up the sources that know how much there is to read. One that
// does not know, while it runs, makes an estimate worthless.
func bytesRead(r *metrics.Report) (done, whole int64) {
	for i := range r.Nodes {
		n := &r.Nodes[i]
		switch {
		case !n.Source:
		case n.Total > 0:
			done += min(n.Done, n.Total)
			whole += n.Total
		case n.State != "done":
			return 0, 0
		}
	}
	return done, whole
}

// timeLeft estimates the rest from what was read so far.
func timeLeft(done, whole int64, took time.Duration) string {
	if done <= 0 {
		return "?"
	}
	left := time.Duration(float64(took) * (float64(whole)/float64(done) - 1))
	if left > 100*time.Hour {
		return "days"
	}
	return clock(left.Round(time.Second))
}

// gauge is a bar of a number of cells. Anything above nothing shows.
func gauge(share float64, cells int) string {
	n := int(share*float64(cells) + 0.5)
	if share > 0 {
		n = max(n, 1)
	}
	n = min(max(n, 0), cells)
	return strings.Repeat("█", n) + strings.Repeat("░", cells-n)
}

// fill is how full an edge is: in items or in bytes, whichever is the tighter
// bound cannot be told from here, so it is that in items.
func fill(e *metrics.EdgeReport) float64 {
	return min(1, float64(e.Items)/float64(max(e.Capacity, 1)))
}

// fullest gives the fullest edge, nil if there is none.
func fullest(edges []metrics.EdgeReport) *metrics.EdgeReport {
	var most *metrics.EdgeReport
	for i := range edges {
		if most == nil || fill(&edges[i]) > fill(most) {
			most = &edges[i]
		}
	}
	return most
}

// droppedBefore is how many items the edges to a node have dropped, "" if none: a column
// of zeros says nothing.
func droppedBefore(in []metrics.EdgeReport) string {
	var n int64
	for i := range in {
		n += in[i].Dropped
	}
	if n == 0 {
		return ""
	}
	return short(float64(n))
}

func edgeWords(e *metrics.EdgeReport) string { return e.From + " -> " + e.To }

// busyShare is the share of the time between two reports in which the workers of
// a node were in the code of its kind.
func busyShare(before, now *metrics.Report, was, is *metrics.NodeReport) float64 {
	passed := now.Took - before.Took
	if passed <= 0 || is.State == "done" {
		return 0
	}
	busy := is.Busy*float64(now.Took) - was.Busy*float64(before.Took)
	return min(1, max(0, busy/float64(passed)))
}

func nodesByID(r *metrics.Report) map[string]metrics.NodeReport {
	all := make(map[string]metrics.NodeReport, len(r.Nodes))
	for _, n := range r.Nodes {
		all[n.ID] = n
	}
	return all
}

// edgesByNode finds the edges that lead to and from each node.
func edgesByNode(r *metrics.Report) (in, out map[string][]metrics.EdgeReport) {
	in, out = map[string][]metrics.EdgeReport{}, map[string][]metrics.EdgeReport{}
	for _, e := range r.Edges {
		from, _, _ := strings.Cut(e.From, ".")
		to, _, _ := strings.Cut(e.To, ".")
		in[to], out[from] = append(in[to], e), append(out[from], e)
	}
	return in, out
}
