package timing

import (
	"context"
	"io"
	"math"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

var tickDecl = nodes.Kind("tick", "Makes items at regular intervals.", &tick{},
	nodes.OutPort(graph.Port{Name: "out", Doc: "An item for each tick: {n: int, time: time}, its number from 0 on and when it was due.", Type: tickType}),
	nodes.Workers(graph.Single),
	nodes.Lines("a tick is due", "its output is full, or no tick is due yet", "`count` ticks are made; without `count`, when the flow is stopped", "never"),
	nodes.Example(graph.Example{
		Title: "Three ticks",
		Flow: `flow: clock
nodes:
  clock: {use: tick, with: {every: 10ms, count: 3}}
  plain: {use: map, in: clock, with: {select: n}}
  out:   {use: file.write, in: plain, with: {path: "-", format: jsonl}}
`,
		Want: map[string]string{"-": `{"n":0}` + "\n" + `{"n":1}` + "\n" + `{"n":2}` + "\n"},
	}))

var tickType = types.Record(types.Field{Name: "n", Type: types.Int}, types.Field{Name: "time", Type: types.Time})

type tick struct {
	Every time.Duration `yaml:"every,required" min:"1ms" doc:"The time between two ticks."`
	Count *int64        `yaml:"count" min:"0" doc:"How many ticks to make. Without it, there is no end."`
	After time.Duration `yaml:"after" min:"0s" doc:"How long after the start of the flow the first tick is due."`
}

// Infer implements graph.Inferer.
func (k *tick) Infer(c *graph.Inference) { c.Out("out", tickType) }

func (k *tick) Operator(env *nodes.Env) (nodes.Operator, error) {
	t := &tickOp{every: k.Every, after: k.After, left: math.MaxInt64, endless: k.Count == nil, needed: env.Needed("out")}
	if k.Count != nil {
		t.left = *k.Count
	}
	return t, nil
}

// ticks are some that are due.
type ticks struct {
	from  int64
	n     int
	first time.Time
}

// A tickOp is a running tick.
type tickOp struct {
	every, after time.Duration
	needed       []bool
	left         int64
	endless      bool
	at           int64     // the number of the next tick
	due          time.Time // when it is due; zero: not started
}

var _ nodes.Puller = (*tickOp)(nil)

// Endless implements nodes.Endless.
func (t *tickOp) Endless() bool { return t.endless }

// Next implements nodes.Puller. It waits for a tick and gives all that are due.
func (t *tickOp) Next(ctx context.Context) (any, nodes.Position, error) {
	if t.left == 0 {
		return nil, nil, io.EOF
	}
	if t.due.IsZero() {
		t.due = time.Now().Add(t.after)
	}
	if err := nodes.Sleep(ctx, time.Until(t.due)); err != nil {
		return nil, nil, err
	}
	n := min(int64(time.Since(t.due)/t.every)+1, t.left, record.MaxRows)
	s := ticks{t.at, int(n), t.due}
	t.at, t.left = t.at+n, t.left-n
	t.due = t.due.Add(time.Duration(n) * t.every)
	return s, nil, nil
}

// Process implements nodes.Operator.
func (t *tickOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	return out.Emit(0, t.batch(in.Made.(ticks)))
}

func (t *tickOp) batch(s ticks) *record.Batch {
	b := record.NewNeeded(tickType, t.needed)
	b.Rows = s.n
	for i, c := range b.Cols {
		if c == nil {
			continue
		}
		c.Resize(s.n)
		for j := range c.Int {
			if i == 0 {
				c.Int[j] = s.from + int64(j)
			} else {
				c.Int[j] = s.first.Add(time.Duration(j) * t.every).UnixNano()
			}
		}
	}
	return b
}
