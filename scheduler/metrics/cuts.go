package metrics

import "time"

// A CutReport is what there is to know of the cuts that a run draws through all of its
// streams, so that sources can acknowledge.
type CutReport struct {
	Epoch    uint64        `json:"epoch"`            // the number of the last complete cut; 0: there was none
	Age      time.Duration `json:"age_ns,omitempty"` // since that began
	Complete int64         `json:"complete"`
	GivenUp  int64         `json:"given_up"`
	Last     *CutHolder    `json:"last_given_up,omitempty"` // whom the last one that was given up had waited for

	Flight uint64        `json:"flight,omitempty"` // the cut that is under way; 0: none
	For    time.Duration `json:"for_ns,omitempty"` // since that began
	Waits  *CutHolder    `json:"waits,omitempty"`  // whom it waits for

	// Align is the time until all nodes have met a cut, Flush the longest flush of a sink in
	// it, Acknowledge the time that sources took to hear of it.
	Align       Distribution `json:"-"`
	Flush       Distribution `json:"-"`
	Acknowledge Distribution `json:"-"`
}

// A CutHolder is whom a cut waits for: a node, and the input that has not come to it, or
// over which something came that is still in work. A source has none.
type CutHolder struct {
	Node  string `json:"node"`
	Input string `json:"input,omitempty"`
}

// String is node.input.
func (h CutHolder) String() string {
	if h.Input == "" {
		return h.Node
	}
	return h.Node + "." + h.Input
}

// families are the measurements of cuts; of a run without cuts there are none.
func (c *CutReport) families(flow []Label) []Family {
	if c == nil {
		return nil
	}
	one := func(v float64) []Point { return []Point{{Labels: flow, Value: v}} }
	phase := func(name string, d *Distribution) Point {
		return Point{Labels: append(flow[:1:1], Label{"phase", name}), Spread: d}
	}
	all := []Family{
		{"epoch", "", Gauge, "", "The number of the last complete cut.", one(float64(c.Epoch))},
		{"epoch", "age_seconds", Gauge, "seconds", "Time since the last complete cut began.", one(c.Age.Seconds())},
		{"epoch", "given_up", Counter, "", "Cuts that took too long and were given up.", one(float64(c.GivenUp))},
		{"epoch", "seconds", Spread, "seconds", "Time that a complete cut takes: until all nodes have met it, for the longest flush in it, for sources to acknowledge.", []Point{
			phase("align", &c.Align), phase("flush", &c.Flush), phase("acknowledge", &c.Acknowledge),
		}},
	}
	if w := c.Waits; w != nil {
		labels := append(flow[:1:1], Label{"node", w.Node}, Label{"input", w.Input})
		all = append(all, Family{"epoch", "waits_seconds", Gauge, "seconds", "How long the cut that is under way waits for a node, by its input.", []Point{{Labels: labels, Value: c.For.Seconds()}}})
	}
	return all
}
