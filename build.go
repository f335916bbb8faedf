package flowrun

import (
	"slices"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/internal/gosource"
	"github.com/flowrun/flowrun/nodes"
)

// This file makes the flow of a graph: what was said in Go becomes what a flow file
// would say, and is compiled as that.

// compile makes a flow of the graph. If there is anything to say it does so once
// more, with the text of the program at hand.
func compile(g *Graph) (*graph.Flow, *operators, diag.List) {
	flow, ops, list := newCompilation(g, gosource.Unread()).run()
	if len(list) > 0 {
		flow, ops, list = newCompilation(g, gosource.Read()).run()
	}
	return flow, ops, list
}

// A compilation makes one flow of a graph.
type compilation struct {
	g     *Graph
	text  *gosource.Program
	b     *graph.Builder
	ops   *operators
	built map[*node]*graph.Node
	list  diag.List
}

func newCompilation(g *Graph, text *gosource.Program) *compilation {
	c := &compilation{g: g, text: text, built: map[*node]*graph.Node{}}
	registry, wrong := nodes.NewRegistry(g.packs...)
	at := text.Span(g.at, g.name)
	c.ops = &operators{own: map[*graph.Node]*node{}, registry: registry}
	c.b = graph.NewBuilder(g.name, registry, at)
	if wrong != nil {
		c.list.Add(diag.Conflict, at, "the packs: %v", wrong)
	}
	return c
}

func (c *compilation) run() (*graph.Flow, *operators, diag.List) {
	c.b.Words(words)
	c.b.SetLimits(c.g.limits)
	if wrong := c.g.limits.Wrong(); wrong != "" {
		c.list.Add(diag.WrongValue, c.text.Span(c.g.at, c.g.name), "%s", wrong)
	}
	for _, n := range c.g.nodes {
		c.add(n)
		c.connect(n)
	}
	flow, found := c.b.Build()
	c.list = append(c.list, found...)
	for i := range c.list {
		explain(c.g, &c.list[i])
	}
	c.text.Locate(c.list)
	c.list.Sort()
	return flow, c.ops, c.list
}

// add adds a node.
func (c *compilation) add(n *node) {
	at := c.text.Span(n.at, n.id)
	for _, wrong := range n.wrong {
		c.list.Add(diag.WrongValue, at, "%s: %s", n.id, wrong)
	}
	engine, keys := apply(c, graph.DefaultEngine(), n.engine, at)
	if wrong, where := n.wrongFailures(); wrong != "" {
		c.list.Add(diag.TypeMismatch, c.text.Word(where, "Failures"), "%s: %s", n.id, wrong)
	}
	if n.kind != "" {
		c.built[n] = c.b.Use(n.id, n.kind, c.settings(n), engine, keys, at, c.text.Span(n.at, n.kind))
	} else {
		c.built[n] = c.b.Own(n.id, &n.spec, engine, keys, at)
		c.ops.own[c.built[n]] = n
	}
}

// connect adds the edges that a node reads.
func (c *compilation) connect(n *node) {
	if len(n.wires) == 0 && len(n.contract) > 0 {
		o := n.contract[0]
		c.list.Warn(diag.Ineffective, c.text.Word(o.at, o.name), "%s reads nothing, so %s has no effect", n.id, o.name)
	}
	for _, w := range n.wires {
		from := c.built[w.from.n]
		at := c.text.Span(w.at, n.id)
		for _, o := range w.idle {
			c.list.Warn(diag.Ineffective, c.text.Word(o.at, o.name), "%s has no effect on an edge of %s: it is an option of the node", o.name, n.id).
				WithHint("give it to Use, not to In")
		}
		if from == nil {
			c.list.Add(diag.UnknownNode, at, "%s reads %s, which belongs to another graph", n.id, w.from.n.id).
				WithNote(c.text.Span(w.from.n.at, w.from.n.id), "%s was made here", w.from.n.id)
			c.b.Connect(nil, "", c.built[n], w.in, graph.Contract{}, nil, at)
			continue
		}
		contract, keys := apply(c, graph.DefaultContract(), slices.Concat(n.contract, w.contract), at)
		c.b.Connect(from, w.from.name, c.built[n], w.in, contract, keys, at)
	}
}

// settings gives what Use was given as a tree. A text is YAML; anything else is
// written as one.
func (c *compilation) settings(n *node) *config.Value {
	if text, ok := n.settings.(string); ok {
		return config.Parse(c.text.Settings(text, n.id, n.at), &c.list)
	}
	at := c.text.Span(n.at, n.id)
	tree, err := yamlOf(n.settings, at)
	if err != nil {
		c.list.Add(diag.WrongValue, at, "the settings of %s: %v", n.id, err)
		return &config.Value{Kind: config.Null, Bad: true, Span: at}
	}
	return tree
}

// apply sets what options say on top of the defaults, and names the keys that they have
// set. A later option of the same key wins.
func apply[T graph.Engine | graph.Contract](c *compilation, to T, all []setting[T], at diag.Span) (T, *config.Value) {
	keys := &config.Value{Kind: config.Mapping, Span: at}
	for _, s := range all {
		at := c.text.Word(s.at, s.name)
		s.set(&to, at)
		key := config.Entry{Key: s.key, KeySpan: at, Value: &config.Value{Span: at}}
		for _, k := range s.keys {
			key.Value.Entries = append(key.Value.Entries, config.Entry{Key: k, KeySpan: at})
		}
		if e := keys.Entry(s.key); e != nil {
			*e = key
		} else {
			keys.Entries = append(keys.Entries, key)
		}
	}
	return to, keys
}

// operators gives the engine what each node runs.
type operators struct {
	own      map[*graph.Node]*node
	registry *nodes.Registry
}

func (o *operators) Operator(n *graph.Node, env *nodes.Env) (nodes.Operator, error) {
	own := o.own[n]
	if own == nil {
		return o.registry.Operator(n, env)
	}
	env.DeadLetters = own.letters
	return own.operator(env)
}
