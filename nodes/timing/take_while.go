package timing

import (
	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

var takeWhileDecl = nodes.Kind("take_while", "Passes items on as long as a condition is true.", &takeWhile{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "The items before the first one for which it is not true."}),
	nodes.Conserves(), nodes.Pure(),
	nodes.Loses("items from the first one on for which the condition is not true go no further"),
	nodes.Lines("an item arrives for which the condition is true", "its output is full", "the condition is not true for an item, or its input has ended", "the condition cannot be computed for an item before the cut and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Steps before the third one",
		Flow: `flow: begin
nodes:
  steps: {use: file.read, with: {path: steps.csv}}
  part:  {use: take_while, in: steps, with: {where: step < 3}}
  out:   {use: file.write, in: part, with: {path: "-", format: csv}}
`,
		Files: map[string]string{"steps.csv": "step,ok\n1,false\n2,true\n3,true\n4,false\n5,true\n"},
		Want:  map[string]string{"-": "step,ok\n1,false\n2,true\n"},
	}))

type takeWhile struct{ cut }

func (k *takeWhile) Operator(*nodes.Env) (nodes.Operator, error) {
	return k.operator(side{at: false}), nil
}
