package flowtest

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// Coverage is what tests of a flow went through. A node is covered if it worked on
// an item itself, not as a stub or a feed; a port if an item left it. A branch is a
// port of a node that has several to choose from, such as those of a route. Ports that
// nobody reads do not count.
type Coverage struct {
	Nodes    []Covered `json:"nodes"`
	Ports    []Covered `json:"ports"`
	Branches []Covered `json:"branches"`
}

// Covered says of a node or a port whether tests went through it.
type Covered struct {
	Name string `json:"name"`
	By   bool   `json:"covered"`
}

// coverageOf reads the report of a run.
func coverageOf(c *Case, r metrics.Report) Coverage {
	worked, carried := map[string]bool{}, map[string]bool{}
	for _, n := range r.Nodes {
		worked[n.ID] = n.In > 0 || n.Out > 0
	}
	for _, e := range r.Edges {
		carried[e.From] = carried[e.From] || e.Sent > 0
	}
	for _, f := range c.feeds {
		if !f.input && !f.byPath {
			worked[f.node] = false
		}
	}
	for _, s := range c.stubs {
		worked[s.node] = false
	}
	var v Coverage
	for _, n := range c.base.Nodes {
		v.Nodes = append(v.Nodes, Covered{n.ID, worked[n.ID]})
		own := 0
		for _, o := range n.Out {
			if o.Name != graph.ErrorPort && !o.Side {
				own++
			}
		}
		for _, o := range n.Out {
			if len(o.Edges) == 0 {
				continue
			}
			port := Covered{n.ID + "." + o.Name, carried[n.ID+"."+o.Name]}
			if own > 1 && o.Name != graph.ErrorPort {
				v.Branches = append(v.Branches, port)
			} else {
				v.Ports = append(v.Ports, port)
			}
		}
	}
	return v
}

// Add joins what other tests of the flow went through.
func (v *Coverage) Add(o Coverage) {
	for _, lists := range [][2]*[]Covered{{&v.Nodes, &o.Nodes}, {&v.Ports, &o.Ports}, {&v.Branches, &o.Branches}} {
		for _, x := range *lists[1] {
			i := slices.IndexFunc(*lists[0], func(y Covered) bool { return y.Name == x.Name })
			if i < 0 {
				*lists[0] = append(*lists[0], x)
			} else if x.By {
				(*lists[0])[i].By = true
			}
		}
	}
}

// String gives the shares in a line.
func (v Coverage) String() string {
	s := "nodes " + share(v.Nodes) + ", ports " + share(v.Ports)
	if len(v.Branches) > 0 {
		s += ", branches " + share(v.Branches)
	}
	return s
}

func share(all []Covered) string {
	n := 0
	for _, c := range all {
		if c.By {
			n++
		}
	}
	return fmt.Sprintf("%d of %d", n, len(all))
}

// Missing lists what no test went through.
func (v Coverage) Missing() []string {
	var names []string
	for _, list := range [][]Covered{v.Nodes, v.Ports, v.Branches} {
		for _, c := range list {
			if !c.By {
				names = append(names, c.Name)
			}
		}
	}
	return names
}
