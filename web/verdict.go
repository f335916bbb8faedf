package web

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file says in a sentence what holds a flow up.

// A verdict says in a sentence what holds the flow up, and what to do about it.
type verdict struct {
	Level string `json:"level"`          // ok, info, warn, bad
	Node  string `json:"node,omitempty"` // whom it is about
	Head  string `json:"head"`           // "enrich is the bottleneck"
	Text  string `json:"text,omitempty"` // the figures, and a remedy
}

// judge gives the verdict on a snapshot that has its states.
func judge(t *topology, s *snapshot) verdict { return withDrops(judgePace(t, s), s) }

// withDrops adds what full edges have dropped, which is worth a warning however well the
// flow goes.
func withDrops(v verdict, s *snapshot) verdict {
	drops := s.report.Drops()
	if len(drops) == 0 || s.outcome == "failed" { // there the failure is all that matters
		return v
	}
	d := drops[0]
	text := dropWords(d)
	if more := len(drops) - 1; more == 1 {
		text += ", and more on another edge"
	} else if more > 1 {
		text += fmt.Sprintf(", and more on %d other edges", more)
	}
	text += "."
	if v.Level == "bad" || v.Level == "warn" {
		v.Text = joined(v.Text, text)
		return v
	}
	if s.ended() {
		v.Head += ", but items were dropped"
	} else {
		v.Head = d.From + " → " + d.To + " drops items"
	}
	v.Level, v.Node, v.Text = "warn", nodeOf(d.To), joined(text, v.Text)
	return v
}

// joined puts sentences behind each other.
func joined(a, b string) string {
	if a != "" && !strings.HasSuffix(a, ".") {
		a += "."
	}
	return strings.TrimSpace(a + " " + b)
}

// dropWords says what an edge dropped, and why.
func dropWords(d metrics.Drop) string {
	return fmt.Sprintf("%s of %s items dropped on %s → %s: %s", thousands(d.Items), thousands(d.Of), d.From, d.To, d.Why)
}

// judgePace gives the verdict but for what was dropped.
func judgePace(t *topology, s *snapshot) verdict {
	switch {
	case s.outcome == "failed":
		first, _, _ := strings.Cut(s.report.Error, "\n")
		v := verdict{Level: "bad", Head: "The run failed", Text: first}
		if i := firstIn(s, stateFailed); i >= 0 {
			v.Node = t.flow.Nodes[i].ID
		}
		return v
	case s.ended():
		return verdict{Level: "ok", Head: "The run is " + s.outcome, Text: s.report.Bottleneck}
	}
	if s.report.Paused {
		return atRest(s)
	}
	if i := worst(s); i >= 0 {
		return bottleneck(t, s, i)
	}
	if i := firstIn(s, stateErrors); i >= 0 {
		n := t.flow.Nodes[i]
		v := verdict{Level: "warn", Node: n.ID, Head: fmt.Sprintf("%s cannot work on %s", n.ID, items(s.nodes[i].Errors))}
		switch n.Engine.OnError {
		case "skip":
			v.Text = "They are left out (on_error: skip)."
		case "dead":
			v.Text = "They go to " + n.ID + "." + graph.ErrorPort + "."
		}
		return v
	}
	return pace(t, s)
}

func firstIn(s *snapshot, want state) int {
	for i := range s.nodes {
		if s.nodes[i].State == want {
			return i
		}
	}
	return -1
}

// worst is the busiest bottleneck; -1 if there is none.
func worst(s *snapshot) int {
	worst := -1
	for i := range s.nodes {
		if s.nodes[i].State == stateBottleneck && (worst < 0 || s.nodes[i].Busy > s.nodes[worst].Busy) {
			worst = i
		}
	}
	return worst
}

func bottleneck(t *topology, s *snapshot, i int) verdict {
	n := t.flow.Nodes[i]
	text := fmt.Sprintf("%d %% busy", s.nodes[i].Busy)
	fullest := -1
	for _, e := range t.in[i] {
		if fullest < 0 || s.edges[e].Fill > s.edges[fullest].Fill {
			fullest = e
		}
	}
	if e := t.flow.Edges[fullest]; s.edges[fullest].Fill >= 95 {
		text += fmt.Sprintf("; its queue is full (%s %d/%d)", arrow(e), s.edges[fullest].Items, e.Contract.Capacity)
		if !e.Contract.Blocks() && s.edges[fullest].Dropped > 0 {
			text += " and drops items"
		}
	} else if s.edges[fullest].Fill >= fullKeep {
		text += fmt.Sprintf("; its queue is %d %% full (%s)", s.edges[fullest].Fill, arrow(e))
	} else {
		text += "; " + e.From.ID + " waits for it"
	}
	return verdict{Level: "bad", Node: n.ID, Head: n.ID + " is the bottleneck", Text: text + ". " + remedy(n, int(s.nodes[i].Workers))}
}

// remedy is what a person can do about a node that is too slow.
func remedy(n *graph.Node, workers int) string {
	cores := runtime.GOMAXPROCS(0)
	switch {
	case n.Engine.Rate.Bounds():
		return fmt.Sprintf("Its `rate` may be all that holds it: raise that on %s if more is allowed.", n.ID)
	case n.Spec != nil && n.Spec.Workers == graph.Single:
		return fmt.Sprintf("Its kind has one worker: give %s fewer items or fields, by a filter or a map before it.", n.ID)
	case len(n.Out) <= 1 || waits(n.Kind): // it waits for something outside, so cores do not bound it
		return fmt.Sprintf("Try workers: %d on %s.", 2*workers, n.ID)
	case workers < cores:
		return fmt.Sprintf("Try workers: %d on %s.", min(2*workers, cores), n.ID)
	}
	return fmt.Sprintf("All %d cores work on it: filter before %s, or make its settings cheaper.", cores, n.ID)
}

// waits reports whether a kind spends its time on something outside the process.
func waits(kind string) bool {
	return strings.HasPrefix(kind, "http.") || strings.HasPrefix(kind, "sql.") || strings.HasPrefix(kind, "exec")
}

// pace is the verdict on a flow without trouble: who sets its speed.
func pace(t *topology, s *snapshot) verdict {
	fastest, moving := -1, false
	for i := range s.nodes {
		moving = moving || s.nodes[i].In > 0 || s.nodes[i].Out > 0
		if s.nodes[i].State == stateRunning && s.nodes[i].Busy >= busyFrom && (fastest < 0 || s.nodes[i].Busy > s.nodes[fastest].Busy) {
			fastest = i
		}
	}
	switch {
	case moving:
	case s.cuts != nil && s.cuts.Slow != nil:
		return atCut(s)
	default:
		return verdict{Level: "ok", Head: "Waiting for items", Text: "Nothing is on its way."}
	}
	if fastest < 0 {
		return verdict{Level: "ok", Head: "Nothing holds the flow up"}
	}
	n := t.flow.Nodes[fastest]
	text := fmt.Sprintf("%d %% busy; no queue before it is full, so the flow is as fast as it is.", s.nodes[fastest].Busy)
	if len(n.In) == 0 {
		text = fmt.Sprintf("It is busy %d %% of the time, and everything behind it keeps up.", s.nodes[fastest].Busy)
	}
	return verdict{Level: "info", Node: n.ID, Head: n.ID + " sets the pace", Text: text}
}

// atRest is the verdict on a run that is paused.
func atRest(s *snapshot) verdict {
	waiting := int64(0)
	for _, e := range s.edges {
		waiting += e.Items
	}
	text := "The sources take nothing more, and nothing waits on any edge."
	if waiting > 0 {
		text = fmt.Sprintf("The sources take nothing more; %s on edges, and what can goes on.", items(waiting)+" "+map[bool]string{true: "waits", false: "wait"}[waiting == 1])
	}
	return verdict{Level: "info", Head: "The run is paused", Text: text}
}

// atCut is the verdict on a flow in which nothing moves while a cut waits for somebody.
func atCut(s *snapshot) verdict {
	w := s.report.Cuts.Waits
	return verdict{
		Level: "info", Node: w.Node, Head: "A cut waits for " + w.String(),
		Text: "Nothing moves: what came before the cut is not finished there.",
	}
}

func arrow(e *graph.Edge) string { return strings.Replace(e.String(), "->", "→", 1) }

func items(n int64) string {
	if n == 1 {
		return "1 item"
	}
	return fmt.Sprintf("%d items", n)
}
