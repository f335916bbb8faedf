package flowtest

import (
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/nodes"
)

// Program implements scheduler.Programs: that of the kind, with faults and taps.
func (c *Case) Program(n *graph.Node, env *nodes.Env) (*nodes.Program, error) {
	p, err := c.program(n, env)
	if err != nil {
		return nil, err
	}
	for _, f := range c.faults {
		if f.node == n.ID {
			p = f.in(p, env)
		}
	}
	return c.bounded(p), nil
}

func (c *Case) program(n *graph.Node, env *nodes.Env) (*nodes.Program, error) {
	switch k := n.Config.(type) {
	case *feedKind, *stubKind, *watchKind, *sinkKind:
		return k.(nodes.Programmer).Program(env)
	}
	p, err := c.file.kinds.Program(n, env)
	if e := c.taps[n.ID]; e != nil && err == nil {
		p = e.log.tap(p)
	}
	return p, err
}

// catalog adds the kinds that stand in place of others. Their names say of which.
type catalog struct {
	real Kinds
	c    *Case
}

const (
	feedPrefix  = "feed of "
	stubPrefix  = "stub of "
	watchPrefix = "watch of "
	sinkPrefix  = "sink of "
)

// Kinds implements graph.Catalog.
func (k *catalog) Kinds() []string { return k.real.Kinds() }

// Spec implements graph.Catalog.
func (k *catalog) Spec(kind string) (*graph.Spec, bool) {
	s := graph.Spec{Kind: kind, Summary: "stands in place of a node in a test"}
	of := ""
	for prefix, settings := range map[string]*config.Schema{feedPrefix: feedSettings, stubPrefix: stubSettings, watchPrefix: watchSettings, sinkPrefix: sinkSettings} {
		if rest, ok := strings.CutPrefix(kind, prefix); ok {
			of, s.Config = rest, settings
		}
	}
	switch s.Config {
	case nil:
		return k.real.Spec(kind)
	case feedSettings:
		s.Workers = graph.Single
	case watchSettings:
		s.Workers, s.In = graph.Single, []graph.Port{{Name: "in", Doc: "What is watched."}}
	default:
		spec, _ := k.real.Spec(of)
		for i, p := range spec.In {
			p.Type, p.Reading = nil, graph.Free
			if i == 0 && len(spec.In) > 1 {
				p.Reading = graph.First // stages read one input after the other
			}
			s.In = append(s.In, p)
		}
	}
	return &s, true
}

// New implements graph.Catalog.
func (k *catalog) New(kind string) any {
	switch {
	case strings.HasPrefix(kind, feedPrefix):
		return &feedKind{c: k.c}
	case strings.HasPrefix(kind, stubPrefix):
		return &stubKind{c: k.c}
	case strings.HasPrefix(kind, watchPrefix):
		return &watchKind{keeper{c: k.c}}
	case strings.HasPrefix(kind, sinkPrefix):
		return &sinkKind{keeper{Slot: -1, c: k.c}}
	}
	return k.real.New(kind)
}
