package graph

import (
	"fmt"

	"github.com/flowrun/flowrun/graph/config"
)

// This file is the pass that reads the limits of the flow.

// Limits bound a flow as a whole. A zero sets no bound.
type Limits struct {
	Workers int         `yaml:"workers" min:"1" max:"10000" doc:"Pieces of work that all nodes together work on at once. Nodes that have something to do take turns."`
	Memory  config.Size `yaml:"memory" min:"64KB" doc:"Bytes that wait on all edges together. Half of it is shared out among the edges; the other half is for whoever needs more."`
}

// Wrong says what is wrong with limits that come from a program: a flow file could
// not have them. It is "" if they are sound.
func (l Limits) Wrong() string {
	switch {
	case l.Workers < 0 || l.Workers > 10000:
		return fmt.Sprintf("the limit of workers is %d, want 1 to 10000, or 0 for none", l.Workers)
	case l.Memory < 0 || l.Memory > 0 && l.Memory < 64_000:
		return fmt.Sprintf("the limit of memory is %d bytes, want at least 64 kB, or 0 for none", int64(l.Memory))
	}
	return ""
}

// declareLimits reads the limits of the flow.
func (c *compiler) declareLimits() {
	if n := c.root.Get("limits"); n != nil && n.Kind == config.Mapping {
		decode(n, &c.flow.Limits, &c.list)
	}
}
