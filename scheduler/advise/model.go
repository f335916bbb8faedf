package advise

import "math"

// A Model says what an item of the sources costs. Times are nanoseconds for each
// such item.
type Model struct {
	Nodes    []Node  // in the order of the flow
	Cores    int     // of the machine
	Free     float64 // cores that other programs leave; 0: all of them
	AtOnce   int     // tasks at once in the whole flow, its limits.workers; 0: no bound
	Overhead float64 // processor time of no node: the scheduler, the garbage collector
	Rest     float64 // time that no bound explains
	Items    int64   // that the sources gave in the run that was measured; 0: none was
}

// A Node is what a node of the flow costs.
type Node struct {
	ID      string
	Kind    string
	Workers int  // goroutines at work, at least 1
	Fixed   bool // it works on one goroutine whatever the flow says
	Source  bool
	Sink    bool

	Visits float64 // items that it works on; of a source: that it makes
	Busy   float64 // at work, over all workers
	Serial float64 // the part of Busy that one worker at a time does
	Pace   float64 // what a rate lets through one item in, whoever works; 0: there is none
	CPU    float64 // the part of Busy in which a processor computes
	Queued float64 // the part of Busy in which it could compute, but others had the processor
	Known  bool    // Busy was measured or given
	Split  bool    // Serial was measured
	Clear  bool    // CPU was measured or given: it is known whether the node computes or waits

	before []int // the nodes that it reads from
}

// Limit is the least time between two items of the sources that the node allows.
func (n *Node) Limit() float64 {
	return max(n.Busy/float64(max(n.Workers, 1)), n.Serial, n.Pace)
}

// Cost is the time for an item of its own, on one worker.
func (n *Node) Cost() float64 {
	if n.Visits <= 0 {
		return 0
	}
	return n.Busy / n.Visits
}

// Waits is the share of its time in which it has nothing to compute.
func (n *Node) Waits() float64 {
	if n.Busy <= 0 {
		return 0
	}
	return min(1, max(0, 1-(n.CPU+n.Queued)/n.Busy))
}

// CPU is the processor time of everything together.
func (m *Model) CPU() float64 {
	sum := m.Overhead
	for i := range m.Nodes {
		sum += m.Nodes[i].CPU
	}
	return sum
}

// Busy is the time at work of everything together.
func (m *Model) Busy() float64 {
	sum := 0.0
	for i := range m.Nodes {
		sum += m.Nodes[i].Busy
	}
	return sum
}

// cores are those that compute for the flow.
func (m *Model) cores() float64 {
	if m.Free > 0 {
		return m.Free
	}
	return float64(max(m.Cores, 1))
}

// A Bound is what makes a flow as fast as it is.
type Bound string

// What bounds a flow.
const (
	NoBound Bound = ""        // no cost is known
	Workers Bound = "workers" // all workers of a node are busy
	Serial  Bound = "serial"  // the part of a node that one worker at a time does
	CPUs    Bound = "cpus"    // the cores of the machine
	Limits  Bound = "limits"  // the limits.workers of the flow
	Rate    Bound = "rate"    // the rate of a node
)

// A Prediction is how fast a flow can be.
type Prediction struct {
	Rate  float64 // items of the sources a second; 0: not known
	Span  float64 // ns between two of them
	Bound Bound
	Node  int // the node that bounds, -1 if none does
}

// Predict applies the law of the package.
func (m *Model) Predict() Prediction {
	p := Prediction{Node: -1}
	for i := range m.Nodes {
		n := &m.Nodes[i]
		limit := n.Limit()
		if limit <= p.Span {
			continue
		}
		p.Span, p.Node, p.Bound = limit, i, Workers
		switch {
		case n.Pace >= limit:
			p.Bound = Rate
		case !n.Fixed && n.Serial >= limit && n.Serial < n.Busy:
			p.Bound = Serial
		}
	}
	// Nodes that compute on all cores reach this limit together with the cores;
	// then it is the cores, for more workers would not help.
	if cpu := m.CPU() / m.cores(); cpu > 0 && cpu >= 0.95*p.Span && p.Bound != Rate {
		p.Span, p.Bound, p.Node = max(p.Span, cpu), CPUs, -1
	}
	if limit := m.Busy() / float64(max(m.AtOnce, 1)); m.AtOnce > 0 && limit > 0 && limit >= p.Span {
		p.Span, p.Bound, p.Node = limit, Limits, -1
	}
	if p.Span > 0 {
		p.Rate = 1e9 / p.Span
	}
	return p
}

// Faster is how many times faster a run is that has a span of after and not of
// before, given that the rest stays as it is.
func (m *Model) Faster(before, after float64) float64 {
	if after+m.Rest <= 0 {
		return 1
	}
	return (before + m.Rest) / (after + m.Rest)
}

// Fill is how long the first item takes through the flow, less what it spends in
// the node that bounds: the longest path, in nanoseconds.
func (m *Model) Fill() float64 {
	bound := m.Predict().Node
	until := make([]float64, len(m.Nodes))
	longest := 0.0
	for i := range m.Nodes { // in topological order
		for _, j := range m.Nodes[i].before {
			until[i] = max(until[i], until[j])
		}
		if i != bound {
			until[i] += m.Nodes[i].Cost()
		}
		longest = max(longest, until[i])
	}
	return longest
}

// Ideal is how long n items of the sources take at best: the slowest part for each
// of them, and once the way through the others.
func (m *Model) Ideal(n int64) float64 {
	return math.Round(float64(n)*m.Predict().Span + m.Fill())
}
