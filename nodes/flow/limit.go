package flow

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

var limitDecl = nodes.Kind("limit", "Passes the first items on and ends.", &limit{},
	anyIn, anyOut("The first of them."),
	nodes.Workers(graph.Single), nodes.Conserves(), nodes.Pure(),
	nodes.Loses("items behind the first `count` go no further"),
	nodes.Lines("an item arrives that still counts", "its output is full", "it has passed `count` items on, or its input has ended", "never"),
	nodes.Example(graph.Example{
		Title: "The first two lines of a file",
		Flow: `flow: head
nodes:
  lines: {use: file.read, with: {path: cities.csv}}
  first: {use: limit, in: lines, with: {count: 2}}
  out:   {use: file.write, in: first, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"cities.csv": "city,people\nRome,2750000\nParis,2100000\nBern,134000\n"},
		Want:  map[string]string{"-": `{"city":"Rome","people":2750000}` + "\n" + `{"city":"Paris","people":2100000}` + "\n"},
	}))

type limit struct {
	passThrough
	Count int `yaml:"count,required" min:"0" doc:"How many items to pass on."`
}

func (k *limit) Operator(*nodes.Env) (nodes.Operator, error) {
	left := k.Count
	return nodes.Serially(func(_ context.Context, in nodes.Input, out nodes.Out) error {
		n := in.Data.Len()
		if n < left {
			left -= n
			return out.Emit(0, in.Data.Retain())
		}
		out.Filtered(n - left)
		if left > 0 {
			if err := out.Emit(0, in.Data.Slice(0, left)); err != nil {
				return err
			}
			left = 0
		}
		return nodes.ErrDone
	}), nil
}
