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

var tickDecl = nodes.Kind("tick", "Makes an item at regular times.", &tick{},
	nodes.OutPort(graph.Port{Name: "out", Doc: "An item for each tick: {n: int, time: time}, its number from 0 on and when it was due.", Type: tickType}),
	nodes.Workers(graph.Single),
	nodes.Lines("a tick is due", "its output is full, or no tick is due yet", "`count` ticks are made; without `count`, when the flow is stopped", "never"),
	nodes.Doc(`
The first tick is due when the flow starts, or `+"`after`"+` later, the others every `+"`every`"+` from there on. A tick that was held up, because the output was full, is made up for and has the time when it was due: none is lost, and their number is that of the time that has passed.`),
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

func (k *tick) Program(env *nodes.Env) (*nodes.Program, error) {
	t := &ticking{every: k.Every, after: k.After, left: math.MaxInt64, needed: env.Needed("out")}
	if k.Count != nil {
		t.left = *k.Count
	}
	return &nodes.Program{Stages: []nodes.Stage{{
		Next: t.next,
		Worker: func(context.Context) (nodes.Work, error) {
			return func(_ context.Context, _ record.Data, piece any, out nodes.Out) (any, error) {
				return nil, out.Emit(0, t.batch(piece.(ticks)))
			}, nil
		},
	}}}, nil
}

// ticks are some that are due.
type ticks struct {
	from  int64
	n     int
	first time.Time
}

// A ticking is a running tick.
type ticking struct {
	every, after time.Duration
	needed       []bool
	left         int64
	at           int64     // the number of the next tick
	due          time.Time // when it is due; zero: not started
}

// next waits for a tick and gives all that are due.
func (t *ticking) next(ctx context.Context) (any, error) {
	if t.left == 0 {
		return nil, io.EOF
	}
	if t.due.IsZero() {
		t.due = time.Now().Add(t.after)
	}
	if err := sleep(ctx, t.due); err != nil {
		return nil, err
	}
	n := min(int64(time.Since(t.due)/t.every)+1, t.left, record.MaxRows)
	s := ticks{t.at, int(n), t.due}
	t.at, t.left = t.at+n, t.left-n
	t.due = t.due.Add(time.Duration(n) * t.every)
	return s, nil
}

func (t *ticking) batch(s ticks) *record.Batch {
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
