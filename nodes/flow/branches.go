package flow

import (
	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
)

// This file has the outputs that settings name, as route and partition have them.

// branches are output ports that the settings name. Names that cannot be ports are
// left to checkPorts.
func branches(names []config.Name) []graph.Port {
	var ports []graph.Port
	seen := map[string]bool{}
	for _, n := range names {
		if !seen[n.Value] && n.Value != graph.ErrorPort {
			ports = append(ports, graph.Port{Name: n.Value, Any: true})
		}
		seen[n.Value] = true
	}
	return ports
}

// checkPorts reports names that cannot be those of output ports.
func checkPorts(c *graph.Inference, names []config.Name, taken ...string) {
	seen := map[string]bool{}
	for _, n := range names {
		at := n.At
		if at.IsZero() {
			at = c.Node.At
		}
		switch {
		case seen[n.Value]:
			c.List().Add(diag.NameClash, at, "output %q is listed twice", n.Value)
		case n.Value == graph.ErrorPort:
			c.List().Add(diag.BadName, at, "every node already has an output %q, for failed items", n.Value).WithHint("choose another name")
		case !isPortName(n.Value):
			c.List().Add(diag.BadName, at, "output %q: want a lower-case letter, then letters, digits and _", n.Value)
		}
		for _, t := range taken {
			if n.Value == t {
				c.List().Add(diag.BadName, at, "there is already an output %q", n.Value).WithHint("choose another name")
			}
		}
		seen[n.Value] = true
	}
}

// isPortName is the rule for ids of nodes, which stand beside port names.
func isPortName(s string) bool {
	for i, r := range s {
		if !('a' <= r && r <= 'z') && (i == 0 || r != '_' && !('0' <= r && r <= '9')) {
			return false
		}
	}
	return s != ""
}

func inferBranches(c *graph.Inference, names []config.Name) {
	checkPorts(c, names)
	for _, p := range branches(names) {
		c.Out(p.Name, c.In("in"))
	}
}

func needBranches(c *graph.Needs, names []config.Name) {
	for _, p := range branches(names) {
		c.In("in", c.Out(p.Name))
	}
}
