package timing

import (
	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

var skipWhileDecl = nodes.Kind("skip_while", "Leaves items out as long as a condition is true.", &skipWhile{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "The first item for which it is not true, and all after it."}),
	nodes.Conserves(), nodes.Pure(), nodes.Keeps("whether it has begun to pass items on"),
	nodes.Loses("items before the condition is false go no further"),
	nodes.Lines("an item arrives for which the condition is not true, or that comes after such a one", "its output is full", "", "the condition cannot be computed for an item before the cut and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Steps from the third one on",
		Flow: `flow: rest
nodes:
  steps: {use: file.read, with: {path: steps.csv}}
  part:  {use: skip_while, in: steps, with: {where: step < 3}}
  out:   {use: file.write, in: part, with: {path: "-", format: csv}}
`,
		Files: map[string]string{"steps.csv": "step,ok\n1,false\n2,true\n3,true\n4,false\n5,true\n"},
		Want:  map[string]string{"-": "step,ok\n3,true\n4,false\n5,true\n"},
	}))

type skipWhile struct{ cut }

func (k *skipWhile) Operator(*nodes.Env) (nodes.Operator, error) {
	return k.operator(side{at: false, after: true, with: true}), nil
}
