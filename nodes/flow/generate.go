package flow

import (
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

var generateDecl = nodes.Kind("generate", "Generates numbered items.", &generate{Step: time.Second},
	nodes.OutPort(graph.Port{Name: "out", Doc: "The items: {n: int}, or the fields in `set`."}),
	nodes.Workers(graph.PerCore),
	nodes.Lines("an item is due", "its output is full, or no item is due yet", "`count` items are made; without `count`, when the flow is stopped, or after the year 2262", "an expression cannot be computed for an item and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Readings of a sensor, a minute apart",
		Flow: `flow: sensor
nodes:
  readings:
    use: generate
    with:
      count: 3
      start: 2026-01-01T00:00:00Z
      step: 1m
      set: {at: time, sensor: '"s" + string(n % 2)', value: 20 + n / 2}
  out: {use: file.write, in: readings, with: {path: "-", format: jsonl}}
`,
		Want: map[string]string{"-": `{"at":"2026-01-01T00:00:00Z","sensor":"s0","value":20}` + "\n" +
			`{"at":"2026-01-01T00:01:00Z","sensor":"s1","value":20.5}` + "\n" + `{"at":"2026-01-01T00:02:00Z","sensor":"s0","value":21}` + "\n"},
	}))

type generate struct {
	Count *int64                  `yaml:"count" min:"0" doc:"How many items to make. Without it, there is no end."`
	Rate  pace                    `yaml:"rate" doc:"How many items to make in a second or, as 100/m, in another span. Without it, as many as possible."`
	Set   config.Map[config.Text] `yaml:"set" doc:"The fields of an item, each with its expression over n, random and time."`
	Start moment                  `yaml:"start" doc:"The time of the first item."`
	Step  time.Duration           `yaml:"step" doc:"The time between two items, with start."`
	Seed  uint32                  `yaml:"seed" doc:"Another seed gives other random numbers."`

	env   *types.Type // of the expressions
	exprs []*expr.Expr
	out   *types.Type
}

// The fields that expressions see.
const (
	numberField = "n"
	randomField = "random"
	timeField   = "time"
)

func (k *generate) Infer(c *graph.Inference) {
	k.env = types.Record(types.Field{Name: numberField, Type: types.Int, Origin: c.Origin("generated", c.Node.At)},
		types.Field{Name: randomField, Type: types.Float, Origin: c.Origin("generated", c.Node.At)})
	if !k.Start.IsZero() {
		k.env.Fields = append(k.env.Fields, types.Field{Name: timeField, Type: types.Time, Origin: c.Origin("generated", k.Start.at)})
	}
	k.out = types.Record()
	if len(k.Set) == 0 {
		k.Set = config.Map[config.Text]{{Key: numberField, Value: config.Text{Value: numberField}}}
		if !k.Start.IsZero() {
			k.Set = append(k.Set, config.Pair[config.Text]{Key: timeField, Value: config.Text{Value: timeField}})
		}
	}
	graph.Makes(c, k.Set)
	for _, s := range k.Set {
		e := c.Expr(s.Value, k.env)
		k.exprs = append(k.exprs, e)
		k.out.Fields = append(k.out.Fields, types.Field{Name: s.Key, Type: e.Type(), Origin: c.Origin("set", s.At)})
	}
	c.Out("out", k.out)
}

func (k *generate) Operator(env *nodes.Env) (nodes.Operator, error) {
	cols, needed := columns.New(), env.Needed("out")
	for i, f := range k.out.Fields {
		if needed[i] {
			cols.Compute(f, k.exprs[i], k.env)
		} else {
			cols.Omit(f)
		}
	}
	m := &maker{k: k, needed: cols.Needs().Mask(k.env), seed: env.Rand("generate").Uint64() + uint64(k.Seed)}
	clock := clockwork{pace: float64(k.Rate), left: math.MaxInt64}
	if k.Count != nil {
		clock.left = *k.Count
	}
	if !k.Start.IsZero() {
		clock.left = min(clock.left, k.times())
	}
	worker := func(context.Context) (nodes.Worker, error) {
		computer := cols.Computer()
		return nodes.WorkFunc(func(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
			numbers := m.batch(in.Made.(stretch))
			defer numbers.Release()
			b, err := computer.Batch(numbers, out)
			if err != nil {
				return nil, err
			}
			return nil, out.Emit(0, b)
		}), nil
	}
	return &generateOp{worker, clock, k.Count == nil}, nil
}

// A generateOp counts, and its workers make items of the numbers.
type generateOp struct {
	nodes.Spread
	clock   clockwork
	endless bool
}

var (
	_ nodes.Parallel = (*generateOp)(nil)
	_ nodes.Puller   = (*generateOp)(nil)
	_ nodes.Seeker   = (*generateOp)(nil)
	_ nodes.Endless  = (*generateOp)(nil)
)

// Endless implements nodes.Endless.
func (o *generateOp) Endless() bool { return o.endless }

// Next implements nodes.Puller. The position is the number that comes next, in
// decimal.
func (o *generateOp) Next(ctx context.Context) (any, nodes.Position, error) {
	s, err := o.clock.next(ctx)
	if err != nil {
		return nil, nil, err
	}
	return s, strconv.AppendInt(nil, o.clock.at, 10), nil
}

// Seek implements nodes.Seeker.
func (o *generateOp) Seek(_ context.Context, after nodes.Position) error {
	at, err := strconv.ParseInt(string(after), 10, 64)
	if err != nil || at < 0 {
		return fmt.Errorf("%q is not a position of generate: want the number of the next item", after)
	}
	o.clock.seek(at)
	return nil
}

// times is how many times there are from start on that 64 bits can hold.
func (k *generate) times() int64 {
	start, step := k.Start.UnixNano(), int64(k.Step)
	room, stride := uint64(math.MaxInt64)-uint64(start), uint64(step)
	if step < 0 {
		room, stride = uint64(start)-uint64(1<<63), -stride
	}
	if step == 0 || room/stride >= math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(room/stride) + 1
}

// A stretch of numbers is the task of a generate.
type stretch struct {
	from int64
	n    int
}

// A clockwork says which numbers are due. One goroutine at a time uses it.
type clockwork struct {
	pace  float64 // items in a second; 0: as many as can be
	left  int64
	at    int64 // the next number
	first int64 // the number that was due at start
	start time.Time
}

// seek goes on with a number, before anything is due.
func (c *clockwork) seek(at int64) {
	c.left = max(0, c.left-at)
	c.at, c.first = at, at
}

const (
	shortestNap = time.Millisecond // bounds how often a fast pace wakes up
	catchUp     = time.Second      // what is made up for of a time in which nothing could leave
)

func (c *clockwork) next(ctx context.Context) (stretch, error) {
	if c.left == 0 {
		return stretch{}, io.EOF
	}
	n := min(c.left, record.MaxRows)
	if c.pace > 0 {
		due, err := c.due(ctx)
		if err != nil {
			return stretch{}, err
		}
		n = min(n, due)
	}
	s := stretch{c.at, int(n)}
	c.at += n
	c.left -= n
	return s, nil
}

// due waits until at least one item is due.
func (c *clockwork) due(ctx context.Context) (int64, error) {
	if c.start.IsZero() {
		c.start = time.Now()
	}
	made := c.at - c.first
	for {
		elapsed := time.Since(c.start)
		// What was held up for long, by a full edge or a pause, does not come all at once.
		if behind := elapsed - time.Duration(float64(made)/c.pace*float64(time.Second)); behind > catchUp {
			c.start = c.start.Add(behind - catchUp)
			elapsed -= behind - catchUp
		}
		if due := int64(elapsed.Seconds()*c.pace) + 1 - made; due > 0 {
			return due, nil
		}
		at := time.Duration(math.Ceil(float64(made) / c.pace * float64(time.Second)))
		if err := nodes.Sleep(ctx, max(at-elapsed, shortestNap)); err != nil {
			return 0, err
		}
	}
}

// A maker makes what the expressions see.
type maker struct {
	k      *generate
	needed []bool
	seed   uint64
}

func (m *maker) batch(s stretch) *record.Batch {
	b := record.NewNeeded(m.k.env, m.needed)
	b.Rows = s.n
	for i, c := range b.Cols {
		if c == nil {
			continue
		}
		c.Resize(s.n)
		switch m.k.env.Fields[i].Name {
		case numberField:
			for j := range c.Int {
				c.Int[j] = s.from + int64(j)
			}
		case randomField:
			for j := range c.Float {
				c.Float[j] = nodes.Chance(m.seed, uint64(s.from)+uint64(j))
			}
		case timeField:
			start, step := m.k.Start.UnixNano(), int64(m.k.Step)
			for j := range c.Int {
				c.Int[j] = start + (s.from+int64(j))*step
			}
		}
	}
	return b
}
