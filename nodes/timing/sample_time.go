package timing

import (
	"context"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

var sampleTimeDecl = nodes.Kind("sample_time", "Passes on the newest item at regular times.", &sampleTime{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "The last item of each interval that had one; of each key, with `by`."}),
	nodes.Workers(graph.Single), nodes.Conserves(), nodes.Interleaves(),
	nodes.Lines("an interval ends in which an item arrived", "its output is full", "", "a key cannot be computed for an item and on_error says fail"),
	nodes.Doc(`
Time is cut into intervals of the length `+"`every`"+`, counted from the start of the flow. At the end of each, the last item that arrived in it leaves; an interval without an item gives nothing. When the input ends, what the last interval holds leaves at once. Keys leave in the order in which each had its first item of the interval.

`+"```"+`
in         a-b-----c-d-e---|
every: 4s  ----|---|---|---|
out        ----b-------d---e
`+"```"+`

Throttle begins its span with an item instead, and sample chooses items by their number.

Memory: one item for each key of an interval, about 30 bytes for each key ever seen and the bytes of its text.`),
	nodes.Example(graph.Example{
		Title: "The newest price",
		Flow: `flow: prices
nodes:
  prices: {use: file.read, with: {path: prices.csv}}
  newest: {use: sample_time, in: prices, with: {every: 1h, by: symbol}}
  out:    {use: file.write, in: newest, with: {path: "-", format: csv}}
`,
		Files: map[string]string{"prices.csv": "symbol,price\nIBM,7\nMSFT,3\nIBM,8\n"},
		Want:  map[string]string{"-": "symbol,price\nIBM,8\nMSFT,3\n"},
	}))

type sampleTime struct {
	keyed
	Every time.Duration `yaml:"every,required" min:"1ms" doc:"The length of an interval."`
}

func (k *sampleTime) Program(env *nodes.Env) (*nodes.Program, error) {
	return &nodes.Program{Run: func(ctx context.Context, io *nodes.IO) error {
		in, out := inlet{io.In[0][0], env.In("in")}, io.Out()
		if err := k.run(ctx, in, out); err != nil {
			return err
		}
		return out.Close()
	}}, nil
}

// run holds no timer during an interval without an item.
func (k *sampleTime) run(ctx context.Context, in inlet, out nodes.Out) error {
	start, keys, keep := time.Now(), newNumberer(k.key), newKeep(in.t)
	var held []int32 // keys that have an item, in order
	var until time.Time
	for {
		b, ended, err := in.receive(ctx, until, out)
		if err != nil {
			return err
		}
		now := time.Now()
		if len(held) > 0 && (ended || !now.Before(until)) {
			err = keep.emit(held, out)
			held, until = held[:0], time.Time{}
		}
		if b != nil {
			if err == nil {
				var rows []uint16
				var numbers []int32
				if rows, numbers, err = keys.number(b, out); err == nil {
					out.Filtered(keep.put(b, rows, numbers))
					held = append(held, keep.fresh...)
				}
			}
			b.Release()
		}
		if err != nil || ended {
			return err
		}
		if len(held) > 0 && until.IsZero() {
			until = start.Add((now.Sub(start)/k.Every + 1) * k.Every)
		}
	}
}
