package flowtest

import (
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/nodes"
)

// This file gives the nodes of a case their operators.

// Operator implements scheduler.Operators: that of the kind, with faults and taps. What
// the wall allows is looked at first, and what is kept is what the node itself gets.
func (c *Case) Operator(n *graph.Node, env *nodes.Env) (nodes.Operator, error) {
	op, err := c.operator(n, env)
	if err != nil {
		return nil, err
	}
	env.Intercept(nodes.Intercept{Around: c.bounded})
	for _, f := range c.faults {
		if f.node == n.ID {
			env.Intercept(f.intercept(env))
		}
	}
	if e := c.taps[n.ID]; e != nil && c.isReal(n) {
		env.Intercept(e.log.tap(n))
	}
	return op, nil
}

func (c *Case) operator(n *graph.Node, env *nodes.Env) (nodes.Operator, error) {
	if c.isReal(n) {
		return c.file.kinds.Operator(n, env)
	}
	return n.Config.(nodes.Maker).Operator(env)
}

// isReal reports whether a node is of a kind of the program, and not of this package.
func (c *Case) isReal(n *graph.Node) bool {
	switch n.Config.(type) {
	case *feedKind, *stubKind, *watchKind, *sinkKind:
		return false
	}
	return true
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
		s.Workers, s.In = graph.Single, []graph.Port{{Name: "in", Doc: "What is watched.", Any: true}}
	default:
		spec, _ := k.real.Spec(of)
		for _, p := range spec.In {
			p.Type, p.ReadOrder, p.Go, p.Any = nil, graph.Free, false, true
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
