package flow

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/nodes"
)

var balanceDecl = nodes.Kind("balance", "Deals items out to several outputs in rotation.", &balance{Run: 1},
	anyIn,
	nodes.Workers(graph.Single), nodes.Conserves(), nodes.Pure(),
	nodes.Passes(),
	nodes.Lines("an item arrives", "the output whose turn it is is full", "", "never"),
	nodes.Example(graph.Example{
		Title: "Two halves",
		Flow: `flow: halves
nodes:
  numbers: {use: generate, with: {count: 5}}
  deal:    {use: balance, in: numbers, with: {outputs: [even, odd]}}
  even:    {use: file.write, in: deal.even, with: {path: even.jsonl}}
  odd:     {use: file.write, in: deal.odd, with: {path: odd.jsonl}}
`,
		Want: map[string]string{
			"even.jsonl": `{"n":0}` + "\n" + `{"n":2}` + "\n" + `{"n":4}` + "\n",
			"odd.jsonl":  `{"n":1}` + "\n" + `{"n":3}` + "\n",
		},
	}))

type balance struct {
	Ports []config.Name `yaml:"outputs,required" min:"1" doc:"The names of the outputs."`
	Run   int           `yaml:"run" min:"1" doc:"How many items in a row go to the same output."`
}

func (k *balance) Outputs() []graph.Port { return branches(k.Ports) }

func (k *balance) Infer(c *graph.Inference) { inferBranches(c, k.Ports) }

func (k *balance) Needs(c *graph.Needs) { needBranches(c, k.Ports) }

func (k *balance) Operator(*nodes.Env) (nodes.Operator, error) {
	at, ports := 0, len(k.Ports)
	indexes := make([][]int, ports)
	return nodes.Serially(func(_ context.Context, in nodes.Input, out nodes.Out) error {
		for p := range indexes {
			indexes[p] = indexes[p][:0]
		}
		for i := range in.Data.Len() {
			p := at / k.Run % ports
			indexes[p] = append(indexes[p], i)
			if at++; at == k.Run*ports {
				at = 0
			}
		}
		for p := range indexes {
			if len(indexes[p]) > 0 {
				if err := emitChosen(out, p, in.Data, indexes[p]); err != nil {
					return err
				}
			}
		}
		return nil
	}), nil
}
