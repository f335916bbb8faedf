package metrics

import (
	"strings"
	"time"
)

// This file lists what a report has measured, under the names that systems that watch
// know it by.

// A Shape is what kind of number a measurement is.
type Shape string

// The shapes, by their names in Prometheus.
const (
	Counter Shape = "counter" // only grows
	Gauge   Shape = "gauge"   // goes up and down
	Spread  Shape = "histogram"
)

// A Family is all measurements of one kind in a report, for systems that watch:
// package metrics writes them for Prometheus, package otlp sends them to a
// collector. Names follow from Of and Name: flowrun_node_in_total there,
// flowrun.node.in here.
type Family struct {
	Of, Name string // node, in; no name: epoch
	Shape    Shape
	Unit     string // seconds, bytes, ratio; "": a number of things
	Help     string
	Points   []Point
}

// Path is its name with a separator: node.in.
func (f *Family) Path(separator string) string {
	if f.Name == "" {
		return f.Of
	}
	return f.Of + separator + f.Name
}

// A Point is one measurement.
type Point struct {
	Labels []Label
	Value  float64
	Spread *Distribution // of a Spread, in place of Value
}

// A Label tells points of a family apart. Its value is valid UTF-8.
type Label struct{ Name, Value string }

// Families gives everything that a report measures, in seconds and bytes. What a
// report of a run has, later ones of it have too, but for whom a cut waits for;
// families without points are left out.
func (r *Report) Families() []Family {
	flow := []Label{{"flow", strings.ToValidUTF8(r.Flow, "\uFFFD")}}
	all := []Family{
		{"run", "seconds", Gauge, "seconds", "Time since the run began.", []Point{{Labels: flow, Value: r.Took.Seconds()}}},
		{"run", "state", Gauge, "", "1 for what the run is doing, 0 for everything else.", states(flow, r.Phase())},
	}
	all = append(all, r.Cuts.families(flow)...)
	for _, f := range nodeFamilies {
		family := Family{"node", f.name, f.shape, f.unit, f.help, nil}
		for i := range r.Nodes {
			if p, ok := f.point(&r.Nodes[i]); ok {
				p.Labels = append(flow[:1:1], Label{"node", r.Nodes[i].ID})
				family.Points = append(family.Points, p)
			}
		}
		if len(family.Points) > 0 {
			all = append(all, family)
		}
	}
	for _, f := range edgeFamilies {
		family := Family{"edge", f.name, f.shape, f.unit, f.help, nil}
		for i := range r.Edges {
			e := &r.Edges[i]
			for _, p := range f.points(e) {
				p.Labels = append(append(flow[:1:1], Label{"from", e.From}, Label{"to", e.To}), p.Labels...)
				family.Points = append(family.Points, p)
			}
		}
		if len(family.Points) > 0 {
			all = append(all, family)
		}
	}
	return all
}

// states has a point for every phase, of which one is 1.
func states(flow []Label, now Phase) []Point {
	var points []Point
	for _, p := range phases {
		point := Point{Labels: append(flow[:1:1], Label{"state", string(p)})}
		if p == now {
			point.Value = 1
		}
		points = append(points, point)
	}
	return points
}

type nodeFamily struct {
	name  string
	shape Shape
	unit  string
	help  string
	point func(*NodeReport) (p Point, ok bool)
}

var nodeFamilies = []nodeFamily{
	{"in", Counter, "", "Items taken.", ofNode(func(n *NodeReport) float64 { return float64(n.In) })},
	{"out", Counter, "", "Items emitted, once each however many edges lead away.", ofNode(func(n *NodeReport) float64 { return float64(n.Out) })},
	{"errors", Counter, "", "Items that failed for good.", ofNode(func(n *NodeReport) float64 { return float64(n.Errors()) })},
	{"dropped", Counter, "", "Items left out on purpose.", ofNode(func(n *NodeReport) float64 { return float64(n.Filtered) })},
	{"fields_dropped", Counter, "", "Values of fields that a source left out, because its type does not have them.", func(n *NodeReport) (Point, bool) {
		var values int64
		for _, of := range n.FieldsDropped {
			values += of
		}
		return Point{Value: float64(values)}, values > 0
	}},
	{"retries", Counter, "", "Tries after the first.", ofNode(func(n *NodeReport) float64 { return float64(n.Retries) })},
	{"held", Gauge, "", "Items taken and not finished yet.", ofNode(func(n *NodeReport) float64 { return float64(n.Held) })},
	{"workers", Gauge, "", "Workers.", ofNode(func(n *NodeReport) float64 { return float64(n.Workers) })},
	{"seconds", Spread, "seconds", "Time that a task takes in the code of the kind.", func(n *NodeReport) (Point, bool) { return Point{Spread: &n.Latency}, true }},
	{"busy_seconds", Counter, "seconds", "Time of all workers in the code of the kind.", ofNode(func(n *NodeReport) float64 { return n.BusyTime.Seconds() })},
	{"blocked_seconds", Counter, "seconds", "Time of all workers waiting for room on an edge.", ofNode(func(n *NodeReport) float64 { return n.BlockedTime.Seconds() })},
	{"starved_seconds", Counter, "seconds", "Time of all workers waiting for input.", ofNode(func(n *NodeReport) float64 { return n.StarvedTime.Seconds() })},
	{"busy_ratio", Gauge, "ratio", "Share of its workers' time in the code of the kind, since the start.", ofNode(func(n *NodeReport) float64 { return n.Busy })},
	{"blocked_ratio", Gauge, "ratio", "Share of its workers' time waiting for room on an edge, since the start.", ofNode(func(n *NodeReport) float64 { return n.Blocked })},
	{"starved_ratio", Gauge, "ratio", "Share of its workers' time waiting for input, since the start.", ofNode(func(n *NodeReport) float64 { return n.Starved })},
	{"breaker_open", Gauge, "", "1 while the breaker of the node lets no item pass, or one to find out.", func(n *NodeReport) (Point, bool) {
		open := 0.0
		if n.Breaker == Open || n.Breaker == Trying {
			open = 1
		}
		return Point{Value: open}, n.Breaker != NoBreaker
	}},
	{"epoch", Gauge, "", "The number of the last cut that the node has met.", func(n *NodeReport) (Point, bool) {
		return Point{Value: float64(n.Epoch)}, n.Epoch > 0
	}},
	{"broker_lag", Gauge, "", "Messages that wait at the broker for the node and others of its group, if it tells.", func(n *NodeReport) (Point, bool) {
		if n.Standing == nil || n.Standing.Lag < 0 {
			return Point{}, false
		}
		return Point{Value: float64(n.Standing.Lag)}, true
	}},
	{"broker_pending", Gauge, "", "Messages that have come and are not acknowledged, or are to be sent and are not confirmed.", withBroker(func(s *Standing) float64 { return float64(s.Pending) })},
	{"broker_redelivered", Counter, "", "Messages that the broker gave again.", withBroker(func(s *Standing) float64 { return float64(s.Redelivered) })},
	{"broker_missed", Counter, "", "Messages that were done and could not be acknowledged, so that they come again.", withBroker(func(s *Standing) float64 { return float64(s.Missed) })},
	{"broker_resent", Counter, "", "Messages that were sent again, because nothing was known of them.", withBroker(func(s *Standing) float64 { return float64(s.Resent) })},
	{"broker_reconnects", Counter, "", "How often a session with the broker was made anew.", withBroker(func(s *Standing) float64 { return float64(s.Reconnects) })},
	{"broker_age_seconds", Gauge, "seconds", "How long the oldest message that is pending has been so.", withBroker(func(s *Standing) float64 { return s.Age.Seconds() })},
	{"progress_ratio", Gauge, "ratio", "Share of its input that a source has read, if it knows.", func(n *NodeReport) (Point, bool) {
		return Point{Value: min(1, float64(n.Done)/float64(max(n.Total, 1)))}, n.Total > 0
	}},
}

func ofNode(value func(*NodeReport) float64) func(*NodeReport) (Point, bool) {
	return func(n *NodeReport) (Point, bool) { return Point{Value: value(n)}, true }
}

// withBroker is of nodes that have a broker.
func withBroker(value func(*Standing) float64) func(*NodeReport) (Point, bool) {
	return func(n *NodeReport) (Point, bool) {
		if n.Standing == nil {
			return Point{}, false
		}
		return Point{Value: value(n.Standing)}, true
	}
}

type edgeFamily struct {
	name   string
	shape  Shape
	unit   string
	help   string
	points func(*EdgeReport) []Point // with the labels that an edge's own do not tell
}

var edgeFamilies = []edgeFamily{
	{"items", Gauge, "", "Items that wait.", ofEdge(func(e *EdgeReport) float64 { return float64(e.Items) })},
	{"bytes", Gauge, "bytes", "Memory of the items that wait.", ofEdge(func(e *EdgeReport) float64 { return float64(e.Bytes) })},
	{"capacity", Gauge, "", "Items that may wait.", ofEdge(func(e *EdgeReport) float64 { return float64(e.Capacity) })},
	{"sent", Counter, "", "Items put on the edge.", ofEdge(func(e *EdgeReport) float64 { return float64(e.Sent) })},
	{"received", Counter, "", "Items taken off the edge.", ofEdge(func(e *EdgeReport) float64 { return float64(e.Received) })},
	{"spilled", Counter, "", "Items that went through the overflow.", ofEdge(func(e *EdgeReport) float64 { return float64(e.Spilled) })},
	{"dropped", Counter, "", "Items that nobody got: the edge was full, or its reader wanted no more.", func(e *EdgeReport) []Point {
		return []Point{{Labels: []Label{{"reason", "full"}}, Value: float64(e.Dropped)}, {Labels: []Label{{"reason", "unwanted"}}, Value: float64(e.Unwanted)}}
	}},
	{"wait_seconds", Spread, "seconds", "Time that a batch waits on the edge.", func(e *EdgeReport) []Point { return []Point{{Spread: &e.Wait}} }},
	{"oldest_seconds", Gauge, "seconds", "How long the item that waits longest has waited.", ofEdge(func(e *EdgeReport) float64 { return e.Oldest.Seconds() })},
}

func ofEdge(value func(*EdgeReport) float64) func(*EdgeReport) []Point {
	return func(e *EdgeReport) []Point { return []Point{{Value: value(e)}} }
}

// shown are the first and the last bucket whose bound is told to others: from 16 µs
// to 67 s, by doublings, is what every system that watches can take for a thousand
// nodes.
const shownFrom, shownTo, shownStep = 9, 53, 2

// Shown gives the distribution in the 23 buckets that systems that watch get, by
// their upper bounds; over counts what is longer than the last.
func (d *Distribution) Shown() (bounds []time.Duration, counts []int64, over int64) {
	var n int64
	for i, c := range d.Counts {
		n += c
		if i >= shownFrom && i <= shownTo && (i-shownFrom)%shownStep == 0 {
			bounds, counts, n = append(bounds, Bound(i)), append(counts, n), 0
		}
	}
	return bounds, counts, n
}
