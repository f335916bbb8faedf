package timing

import (
	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

var skipUntilDecl = nodes.Kind("skip_until", "Leaves items out until a condition is true.", &skipUntil{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "All items after the first one for which it is true."}),
	nodes.Conserves(), nodes.Pure(), nodes.Keeps("whether it has begun to pass items on"),
	nodes.Loses("items before the condition is true go no further"),
	nodes.Lines("an item arrives after one for which the condition is true", "its output is full", "", "the condition cannot be computed for an item before the cut and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Steps after the first that went well",
		Flow: `flow: rest
nodes:
  steps: {use: file.read, with: {path: steps.csv}}
  part:  {use: skip_until, in: steps, with: {where: ok}}
  out:   {use: file.write, in: part, with: {path: "-", format: csv}}
`,
		Files: map[string]string{"steps.csv": "step,ok\n1,false\n2,true\n3,true\n4,false\n5,true\n"},
		Want:  map[string]string{"-": "step,ok\n3,true\n4,false\n5,true\n"},
	}))

type skipUntil struct{ cut }

func (k *skipUntil) Operator(*nodes.Env) (nodes.Operator, error) {
	return k.operator(side{at: true, after: true}), nil
}
