package flow

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
)

var sampleDecl = nodes.Kind("sample", "Keeps a sample of the items: by chance, or every n-th.", &sample{},
	anyIn, anyOut("The items that were kept, in their order."),
	nodes.Workers(graph.Single), nodes.Conserves(), nodes.Pure(),
	nodes.Loses("items that are not in the sample go no further"),
	nodes.Lines("an item arrives that is kept", "its output is full", "", "never"),
	nodes.Example(graph.Example{
		Title: "Every third item",
		Flow: `flow: thin
nodes:
  numbers: {use: generate, with: {count: 8}}
  third:   {use: sample, in: numbers, with: {every: 3}}
  out:     {use: file.write, in: third, with: {path: "-", format: jsonl}}
`,
		Want: map[string]string{"-": `{"n":0}` + "\n" + `{"n":3}` + "\n" + `{"n":6}` + "\n"},
	}))

type sample struct {
	passThrough
	Rate  *float64 `yaml:"rate" min:"0" max:"1" doc:"The chance of each item to be kept."`
	Every *int     `yaml:"every" min:"1" doc:"Keep every n-th item, instead of choosing by chance."`
	Seed  uint32   `yaml:"seed" doc:"Another seed gives another sample of the same rate."`
}

func (k *sample) Infer(c *graph.Inference) {
	c.Out("out", c.In("in"))
	switch {
	case c.Unread("rate", "every"): // there is a message already
	case k.Rate == nil && k.Every == nil:
		c.List().Add(diag.MissingKey, c.Node.UseAt, "sample needs to know how much to keep").WithHint("add `rate: 0.1` or `every: 10`")
	case k.Rate != nil && k.Every != nil:
		c.List().Add(diag.Conflict, c.Node.UseAt, "rate and every exclude each other")
	}
}

func (k *sample) Operator(env *nodes.Env) (nodes.Operator, error) {
	at, seed := uint64(0), env.Rand("sample").Uint64()+uint64(k.Seed)
	keep := func(i uint64) bool { return nodes.Chance(seed, i) < *k.Rate }
	if k.Every != nil {
		every := uint64(*k.Every)
		keep = func(i uint64) bool { return i%every == 0 }
	}
	var indexes []int
	return nodes.Serially(func(_ context.Context, in nodes.Input, out nodes.Out) error {
		n := in.Data.Len()
		indexes = indexes[:0]
		for i := range n {
			if keep(at + uint64(i)) {
				indexes = append(indexes, i)
			}
		}
		at += uint64(n)
		out.Filtered(n - len(indexes))
		return emitChosen(out, 0, in.Data, indexes)
	}), nil
}
