package flow

import (
	"context"
	"encoding/json"
	"log/slog"
	"math"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

var logDecl = nodes.Kind("log", "Prints items to the log and passes them on.", &log{Every: 1},
	anyIn, nodes.OutPort(graph.Port{Name: "out", Doc: "The same items.", Type: item, Any: true, Side: true}),
	nodes.Workers(graph.Single), nodes.Conserves(),
	nodes.Passes(),
	nodes.Lines("an item arrives", "its output is full", "", "never"),
	nodes.Example(graph.Example{
		Title: "Look at the first two items",
		Flow: `flow: look
nodes:
  numbers: {use: generate, with: {count: 4}}
  look:    {use: log, in: numbers, with: {label: number, limit: 2}}
  out:     {use: file.write, in: look, with: {path: "-", format: jsonl}}
`,
		Want: map[string]string{"-": `{"n":0}` + "\n" + `{"n":1}` + "\n" + `{"n":2}` + "\n" + `{"n":3}` + "\n"},
	}))

type log struct {
	Label string `yaml:"label" doc:"What to print before each item; without it, the word item."`
	Every int    `yaml:"every" min:"1" doc:"Print only every n-th item."`
	Limit *int   `yaml:"limit" min:"0" doc:"How many items to print at most."`
}

func (k *log) Operator(env *nodes.Env) (nodes.Operator, error) {
	label, left := k.Label, math.MaxInt
	if label == "" {
		label = "item"
	}
	if k.Limit != nil {
		left = *k.Limit
	}
	at, printer := 0, itemPrinter{}
	return nodes.Serially(func(_ context.Context, in nodes.Input, out nodes.Out) error {
		n := in.Data.Len()
		// The first item to print is the next multiple of every.
		for i := (k.Every - at%k.Every) % k.Every; i < n && left > 0; i += k.Every {
			env.Log.Info(label, slog.Any("item", json.RawMessage(redact.JSON(string(printer.text(in.Data, i))))))
			left--
		}
		at = (at + n) % k.Every
		return out.Emit(0, in.Data.Retain())
	}), nil
}

// An itemPrinter gives items as JSON.
type itemPrinter struct {
	t       *types.Type
	encoder *jsonl.Encoder // of t
}

// text gives item i of data.
func (p *itemPrinter) text(d record.Data, i int) []byte {
	switch d := d.(type) {
	case *record.Batch:
		if p.t != d.Type {
			p.t, p.encoder = d.Type, jsonl.NewEncoder(d.Type)
		}
		return p.encoder.AppendRow(nil, d, d.Row(i))
	case record.GoItems:
		if text, err := record.JSON(d.At(i)); err == nil {
			return text
		}
	}
	return []byte(`"an item that is not JSON"`)
}
