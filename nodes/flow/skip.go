package flow

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

var skipDecl = nodes.Kind("skip", "Leaves the first items out.", &skip{},
	anyIn, anyOut("All but the first of them."),
	nodes.Workers(graph.Single), nodes.Conserves(), nodes.Pure(),
	nodes.Loses("the first `count` items go no further"),
	nodes.Lines("an item arrives after the first `count`", "its output is full", "", "never"),
	nodes.Example(graph.Example{
		Title: "All but the first line",
		Flow: `flow: tail
nodes:
  lines: {use: file.read, with: {path: log.jsonl}}
  rest:  {use: skip, in: lines, with: {count: 1}}
  out:   {use: file.write, in: rest, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"log.jsonl": `{"level":"start"}` + "\n" + `{"level":"info"}` + "\n" + `{"level":"error"}` + "\n"},
		Want:  map[string]string{"-": `{"level":"info"}` + "\n" + `{"level":"error"}` + "\n"},
	}))

type skip struct {
	passThrough
	Count int `yaml:"count,required" min:"0" doc:"How many items to leave out."`
}

func (k *skip) Operator(*nodes.Env) (nodes.Operator, error) {
	left := k.Count
	return nodes.Serially(func(_ context.Context, in nodes.Input, out nodes.Out) error {
		n := in.Data.Len()
		dropped := min(left, n)
		left -= dropped
		out.Filtered(dropped)
		switch dropped {
		case 0:
			return out.Emit(0, in.Data.Retain())
		case n:
			return nil
		}
		return out.Emit(0, in.Data.Slice(dropped, n))
	}), nil
}
