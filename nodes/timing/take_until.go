package timing

import (
	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

var takeUntilDecl = nodes.Kind("take_until", "Passes items on until a condition is true.", &takeUntil{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "The items up to the first one for which it is true, and that one."}),
	nodes.Conserves(), nodes.Pure(),
	nodes.Loses("items after the one for which the condition is true go no further"),
	nodes.Lines("an item arrives", "its output is full", "the condition is true for an item, or its input has ended", "the condition cannot be computed for an item before the cut and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Steps to the first that went well",
		Flow: `flow: begin
nodes:
  steps: {use: file.read, with: {path: steps.csv}}
  part:  {use: take_until, in: steps, with: {where: ok}}
  out:   {use: file.write, in: part, with: {path: "-", format: csv}}
`,
		Files: map[string]string{"steps.csv": "step,ok\n1,false\n2,true\n3,true\n4,false\n5,true\n"},
		Want:  map[string]string{"-": "step,ok\n1,false\n2,true\n"},
	}))

type takeUntil struct{ cut }

func (k *takeUntil) Operator(*nodes.Env) (nodes.Operator, error) {
	return k.operator(side{at: true, with: true}), nil
}
