package flow

import (
	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

var concatDecl = nodes.Kind("concat", "Puts several streams together, one after the other.", &concat{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Streams of types that fit together.", Arity: graph.Many, ReadOrder: graph.InOrder, Any: true}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "The items of the first, then those of the second, and so on.", Any: true}),
	nodes.Conserves(), nodes.Pure(),
	nodes.Passes(),
	nodes.Lines("an item arrives on the input whose turn it is", "its output is full, or the input whose turn it is has nothing", "all its inputs have ended", columns.FailsRounded),
	nodes.Example(graph.Example{
		Title: "The old before the new",
		Flow: `flow: both
nodes:
  old: {use: file.read, with: {path: old.jsonl}}
  new: {use: file.read, with: {path: new.jsonl}}
  all: {use: concat, in: [old, new]}
  out: {use: file.write, in: all, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"old.jsonl": `{"id":2}` + "\n" + `{"id":1}` + "\n", "new.jsonl": `{"id":0}` + "\n"},
		Want:  map[string]string{"-": `{"id":2}` + "\n" + `{"id":1}` + "\n" + `{"id":0}` + "\n"},
	}))

type concat struct{ union }

func (k *concat) Operator(env *nodes.Env) (nodes.Operator, error) { return k.operator(env), nil }
