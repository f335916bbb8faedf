package flowrun

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
)

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

// compile makes a flow of the graph. If there is anything to say it does so once
// more, with the text of the program at hand.
func (g *Graph) compile() (*graph.Flow, *operators, diag.List) {
	flow, ops, list := g.build(newProgram(false))
	if len(list) > 0 {
		flow, ops, list = g.build(newProgram(true))
	}
	return flow, ops, list
}

func (g *Graph) build(text *program) (*graph.Flow, *operators, diag.List) {
	registry, wrong := nodes.NewRegistry(g.packs...)
	ops := &operators{own: map[*graph.Node]*node{}, registry: registry}
	b := graph.NewBuilder(g.name, registry, text.span(g.at, g.name))
	b.SetLimits(g.limits)
	built := map[*node]*graph.Node{}
	var list diag.List
	if wrong != nil {
		list.Add(diag.Conflict, text.span(g.at, g.name), "the packs: %v", wrong)
	}
	if wrong := g.limits.Wrong(); wrong != "" {
		list.Add(diag.WrongValue, text.span(g.at, g.name), "%s", wrong)
	}
	for _, n := range g.nodes {
		at := text.span(n.at, n.id)
		for _, wrong := range n.wrong {
			list.Add(diag.WrongValue, at, "%s: %s", n.id, wrong)
		}
		engine := text.mapping(n.engine, at)
		if wrong, where := n.wrongFailures(); wrong != "" {
			list.Add(diag.TypeMismatch, text.word(where, "Failures"), "%s: %s", n.id, wrong)
		}
		if n.kind != "" {
			settings := text.settings(n, &list)
			built[n] = b.Use(n.id, n.kind, settings, engine, at, text.span(n.at, n.kind))
		} else {
			built[n] = b.Own(n.id, &n.spec, engine, at)
			ops.own[built[n]] = n
		}
		g.connect(b, built, n, text, &list)
	}
	flow, found := b.Build()
	list = append(list, found...)
	for i := range list {
		g.explain(&list[i])
	}
	text.locate(list)
	list.Sort()
	return flow, ops, list
}

// connect adds the edges that a node reads.
func (g *Graph) connect(b *graph.Builder, built map[*node]*graph.Node, n *node, text *program, list *diag.List) {
	if len(n.wires) == 0 && len(n.contract) > 0 {
		o := n.contract[0]
		list.Warn(diag.Ineffective, text.word(o.at, o.name), "%s reads nothing, so %s has no effect", n.id, o.name)
	}
	for _, w := range n.wires {
		from := built[w.from.n]
		at := text.span(w.at, n.id)
		for _, o := range w.idle {
			list.Warn(diag.Ineffective, text.word(o.at, o.name), "%s has no effect on an edge of %s: it is an option of the node", o.name, n.id).
				WithHint("give it to Use, not to In")
		}
		if from == nil {
			list.Add(diag.UnknownNode, at, "%s reads %s, which belongs to another graph", n.id, w.from.n.id).
				WithNote(text.span(w.from.n.at, w.from.n.id), "%s was made here", w.from.n.id)
			b.Connect(nil, "", built[n], w.in, nil, at)
			continue
		}
		b.Connect(from, w.from.name, built[n], w.in, text.mapping(slices.Concat(n.contract, w.contract), at), at)
	}
}

// mapping writes what options say as a flow file holds it, at the place of a node
// or an edge. A later option of the same key wins.
func (p *program) mapping(all []setting, at diag.Span) *config.Node {
	tree := &config.Node{Kind: config.Mapping, Span: at}
	for _, s := range all {
		at := p.word(s.at, s.name)
		value, err := toNode(s.value, at)
		if err != nil {
			panic(fmt.Sprintf("flowrun: option %s: %v", s.name, err)) // options have types that can be written
		}
		if e := tree.Entry(s.key); e != nil {
			e.Value = value
			continue
		}
		tree.Entries = append(tree.Entries, config.Entry{Key: s.key, KeySpan: at, Value: value})
	}
	return tree
}

// optionOf is what stands in a Go program for a key of a flow file, with the hint if
// that of a flow file would not help.
var optionOf = map[string]struct{ name, hint string }{
	"workers": {"Workers", ""}, "order": {"Unordered", ""}, "timeout": {"Timeout", ""}, "retry": {"Retry", ""},
	"on_error": {"OnError", ""}, "breaker": {"Breaker", ""}, "ack": {"AckEarly", ""}, "aging": {"Aging", "give Priority as well, or leave Aging out"},
}

// ackEarly is how a hint names AckEarly in the words of a flow file.
var ackEarly = regexp.MustCompile("write `ack: early` on (\\S+)")

// explain gives hints in the words of a Go program where those of a flow file
// would not help.
func (g *Graph) explain(d *diag.Diagnostic) {
	switch d.Code {
	case diag.UnknownKind:
		if len(g.packs) == 0 {
			d.Hint = "give the graph the packs that have it: flowrun.New(name, std.Nodes)"
		}
	case diag.PortUnwired:
		d.Hint = `give Use a stream, or several, each as flowrun.In("port", stream)`
	case diag.UnusedOutput:
		d.Hint = "read it, or end it with flowrun.Drop"
	case diag.UnknownPort:
		if d.Hint != "" {
			d.Hint += `; ports are named by flowrun.In("port", stream) and records.Port("port")`
		}
	case diag.Deadlock:
		d.Hint = "leave out OnFull(Block) there: the edge then holds more than its capacity"
	case diag.LostByCrash:
		d.Hint = ackEarly.ReplaceAllString(d.Hint, "give the option AckEarly to $1")
	case diag.Ineffective:
		key, rest, _ := strings.Cut(d.Message, " has no effect on ")
		if o, ok := optionOf[key]; ok && rest != "" {
			d.Message, d.Hint = o.name+" has no effect on "+rest, cmp.Or(o.hint, d.Hint)
		}
	case diag.Conflict:
		if strings.HasPrefix(d.Message, "initial_interval ") {
			words := strings.NewReplacer("initial_interval", "InitialInterval", "max_interval", "MaxInterval")
			d.Message, d.Hint = words.Replace(d.Message), words.Replace(d.Hint)
		}
	case diag.TypeMismatch:
		if d.Hint == "" {
			d.Hint = "fields are paired by name: that of the tag `flow` or `json`, else the Go name in snake case"
		}
	}
}
