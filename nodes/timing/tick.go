package timing

import (
	"context"
	"io"
	"math"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

var tickDecl = nodes.Kind("tick", "Makes items at regular intervals, or by a schedule.", &tick{Zone: utc, Missed: missedOne},
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
	Every  time.Duration `yaml:"every" min:"1ms" doc:"The time between two ticks."`
	Cron   string        `yaml:"cron" doc:"When ticks are due, in place of every: minute, hour, day, month and day of the week, such as 30 2 * * mon-fri, or @daily. A sixth field before them is the second."`
	Zone   string        `yaml:"zone" doc:"Of cron: the time zone of its clock, such as Europe/Berlin; Local is that of the machine."`
	Missed string        `yaml:"missed" enum:"skip|one|all" doc:"Of cron: what becomes of ticks that could not be given when they were due. skip leaves them out, one gives the last of them, all gives each."`
	Count  *int64        `yaml:"count" min:"0" doc:"How many ticks to make. Without it, there is no end."`
	After  time.Duration `yaml:"after" min:"0s" doc:"Of every: how long after the start of the flow the first tick is due."`

	schedule *schedule
}

// Infer implements graph.Inferer.
func (k *tick) Infer(c *graph.Inference) {
	c.Out("out", tickType)
	wrong := func(code diag.Code, hint, format string, args ...any) {
		c.List().Add(code, c.Node.At, format, args...).WithHint("%s", hint)
	}
	switch {
	case k.Every == 0 && k.Cron == "":
		if !c.Unread("every", "cron") {
			wrong(diag.MissingKey, "write every: 1m or cron: '30 2 * * *'", "the key %q or %q is required", "every", "cron")
		}
		return
	case k.Every != 0 && k.Cron != "":
		wrong(diag.Conflict, "keep one of them", "every and cron exclude each other")
		return
	case k.Cron == "":
		if k.Zone != utc || k.Missed != missedOne {
			c.List().Warn(diag.Ineffective, c.Node.At, "%s: zone and missed are for cron, not for every", c.Node.ID)
		}
		return
	}
	if k.After != 0 {
		wrong(diag.Conflict, "leave after out", "after is for every: cron says when the first tick is due")
	}
	zone, err := time.LoadLocation(k.Zone)
	if err != nil || k.Zone == "" {
		wrong(diag.WrongValue, "write a name of the IANA database, such as Europe/Berlin", "%q is no time zone", k.Zone)
		return
	}
	switch k.schedule, err = parseSchedule(k.Cron, zone); {
	case err == errOwnZone:
		wrong(diag.WrongValue, "write zone: Europe/Berlin beside it", "%q has a time zone in it", k.Cron)
	case err == errInterval:
		wrong(diag.WrongValue, "write every: 5m in place of cron", "%q is an interval", k.Cron)
	case err != nil:
		wrong(diag.WrongValue, "write minute, hour, day, month and day of the week, such as cron: '30 2 * * mon-fri'", "%q is no schedule: %s", k.Cron, err)
	}
}

// utc is the zone of a schedule that does not say.
const utc = "UTC"

func (k *tick) Operator(env *nodes.Env) (nodes.Operator, error) {
	if k.schedule != nil {
		o := &cronOp{schedule: k.schedule, missed: k.Missed, left: math.MaxInt64, endless: k.Count == nil, needed: env.Needed("out")}
		if k.Count != nil {
			o.left = *k.Count
		}
		return o, nil
	}
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
