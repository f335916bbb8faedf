package flow

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

var dropDecl = nodes.Kind("drop", "Throws everything away.", &drop{},
	anyIn,
	nodes.Workers(graph.Single), nodes.Pure(),
	nodes.Lines("never", "never", "", "never"),
	nodes.Example(graph.Example{
		Title: "Keep one branch, drop the other",
		Flow: `flow: keep-errors
nodes:
  lines: {use: file.read, with: {path: log.jsonl}}
  level: {use: route, in: lines, with: {cases: {bad: level == "error", fine: level == "info"}}}
  bad:   {use: file.write, in: level.bad, with: {path: "-", format: jsonl}}
  fine:  {use: drop, in: level.fine}
`,
		Files: map[string]string{"log.jsonl": `{"level":"info"}` + "\n" + `{"level":"error"}` + "\n"},
		Want:  map[string]string{"-": `{"level":"error"}` + "\n"},
	}))

type drop struct{}

// Needs implements graph.Needer: no field at all.
func (*drop) Needs(c *graph.Needs) {}

func (*drop) Operator(*nodes.Env) (nodes.Operator, error) {
	return nodes.Serially(func(context.Context, nodes.Input, nodes.Out) error { return nil }), nil
}
