package window

import (
	"context"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/aggregate"
	"github.com/flowrun/flowrun/nodes/columns"
)

var windowDecl = nodes.Kind("window", "Computes counts, sums and other aggregates over spans of time.", &window{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items that have a time; several inputs are read in the order of their times.", Arity: graph.Many, ReadOrder: graph.Together}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "A record for each window and key: the key, start, end, then the computed fields."}),
	nodes.OutPort(graph.Port{Name: "late", Doc: "Items that came after their window was closed.", Side: true}),
	nodes.Pure(),
	nodes.Holds("a row for each key of each window that is open"),
	nodes.Lines("the watermark passes the end of a window, or a window of `count` items is full", "its output is full, or an input has nothing", "all its inputs have ended and all windows are sent",
		"a time is null, or a time, a key or a value cannot be computed for an item, or a result for a window, and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Flights an hour, with one that is late",
		Flow: `flow: hourly
nodes:
  flights: {use: file.read, with: {path: flights.csv}}
  hourly:
    use: window
    in: flights
    with: {time: at, size: 1h, lateness: 10m, by: from, set: {flights: count(), delay: mean(delay)}}
  out:  {use: file.write, in: hourly, with: {path: "-", format: csv}}
  late: {use: file.write, in: hourly.late, with: {path: late.csv}}
`,
		Files: map[string]string{"flights.csv": `at,from,delay
2026-01-01T08:05:00Z,JFK,10
2026-01-01T08:50:00Z,LAX,0
2026-01-01T09:05:00Z,JFK,7
2026-01-01T08:58:00Z,JFK,20
2026-01-01T09:10:00Z,LAX,3
2026-01-01T08:59:00Z,LAX,90
`},
		Want: map[string]string{"-": `from,start,end,flights,delay
JFK,2026-01-01T08:00:00Z,2026-01-01T09:00:00Z,2,15
LAX,2026-01-01T08:00:00Z,2026-01-01T09:00:00Z,1,0
JFK,2026-01-01T09:00:00Z,2026-01-01T10:00:00Z,1,7
LAX,2026-01-01T09:00:00Z,2026-01-01T10:00:00Z,1,3
`, "late.csv": "at,from,delay\n2026-01-01T08:59:00Z,LAX,90\n"},
	}))

// outPort is where windows and pairs leave.
const outPort = 0

// The fields that a window adds.
const (
	startField = "start"
	endField   = "end"
)

type window struct {
	Time     config.Text                 `yaml:"time" doc:"The time of an item: a field or an expression. Windows of count items need none."`
	Size     time.Duration               `yaml:"size" min:"1ms" max:"87600h" doc:"The length of a window."`
	Every    stride                      `yaml:"every" doc:"How far apart windows begin: a duration with size, a number of items with count. Without it, each begins where the one before ends."`
	Offset   time.Duration               `yaml:"offset" doc:"Move the start of all windows, such as by 8h for days that begin at 8; with size."`
	Session  time.Duration               `yaml:"session" min:"1ms" max:"87600h" doc:"Put items with less than this from one to the next into one window."`
	Count    int                         `yaml:"count" min:"1" max:"1000000" doc:"Put this many items of a key into one window."`
	By       aggregate.Terms             `yaml:"by" doc:"The key: fields, or names with expressions. Without it, all items of a window are one group."`
	Set      config.Map[aggregate.Value] `yaml:"set" doc:"The fields to compute, each with an expression over aggregates, or {value, where}."`
	Lateness time.Duration               `yaml:"lateness" min:"0s" max:"87600h" doc:"How much older than the newest item an item may be and still be in time."`
	Idle     time.Duration               `yaml:"idle" min:"1ms" doc:"After how long, by the clock, a silent input no longer holds the others back. Without it, it always does."`

	in    *types.Type
	at    *expr.Expr // the time; nil: none
	keys  *columns.Columns
	parts []aggregate.Part
	fails string // which results come to the error port without replies
	set   *aggregate.Set
	out   *types.Type
}

// timed reports whether windows have a start and an end.
func (k *window) timed() bool { return k.at != nil }

// Infer implements graph.Inferer.
func (k *window) Infer(c *graph.Inference) {
	k.in = boundOf(c, "in")
	if k.in == nil {
		return
	}
	c.Out("late", k.in)
	k.checkShape(c)
	if k.Time.Value != "" {
		k.at = columns.Check(c, k.Time, k.in)
		k.at.Want(types.Time.Opt(), "time", c.List())
	}
	k.keys = k.By.Columns(c, k.in)
	k.parts = aggregate.Parts(c, k.Set, k.in)
	k.set = aggregate.NewSet(k.parts, k.in)
	k.out = types.Record()
	for _, f := range k.keys.Type.Fields {
		k.add(c, f)
	}
	if k.timed() {
		k.add(c, types.Field{Name: startField, Type: types.Time, Origin: c.Origin("start of the window", c.Node.At)})
		k.add(c, types.Field{Name: endField, Type: types.Time, Origin: c.Origin("end of the window", c.Node.At)})
	}
	for i, p := range k.parts {
		k.add(c, types.Field{Name: p.Name, Type: p.Expr.Type(), Origin: c.Origin("aggregated", k.Set[i].At)})
	}
	if len(k.out.Fields) == 0 {
		if c.Unread("by", "set") {
			return
		}
		c.List().Add(diag.MissingKey, c.Node.UseAt, "window computes nothing").WithHint("add `set: {count: count()}`")
		return
	}
	k.fails = aggregate.Fails(c, k.parts, k.keys.Type, k.in)
	c.Out("out", k.out)
}

// Passes implements graph.Passer.
func (k *window) Passes(string) graph.Ways {
	w := graph.Ways{Out: []string{"out"}, Lost: aggregate.Forgets(k.parts), Fails: k.fails}
	if k.timed() {
		w.Out = append(w.Out, "late")
	}
	if k.Size > 0 && k.Every.span > k.Size || k.Count > 0 && k.Every.items > k.Count {
		w.Lost = "items between two windows are in none of them"
	}
	return w
}

func (k *window) add(c *graph.Inference, f types.Field) {
	if first, clash := k.out.Field(f.Name); clash {
		c.List().Add(diag.NameClash, f.Origin.At, "two fields would be called %q", f.Name).WithNote(first.Origin.At, "the other one: %s", first.Type)
	}
	k.out.Fields = append(k.out.Fields, f)
}

// maxOverlap bounds in how many windows an item may be.
const maxOverlap = 10_000

// checkShape reports settings that make no windows, or exclude each other.
func (k *window) checkShape(c *graph.Inference) {
	wrong := func(code diag.Code, what string) *diag.Diagnostic {
		return c.List().Add(code, c.Node.UseAt, "%s", what)
	}
	shapes := 0
	for _, given := range []bool{k.Size > 0, k.Session > 0, k.Count > 0} {
		if given {
			shapes++
		}
	}
	switch {
	case shapes == 0 && c.Unread("size", "session", "count"): // there is a message already
	case shapes == 0:
		wrong(diag.MissingKey, "window needs to know what a window is").WithHint("add `size: 1h`, `session: 10m` or `count: 100`")
	case shapes > 1:
		wrong(diag.Conflict, "size, session and count exclude each other")
	case k.Count == 0 && k.Time.Value == "" && !c.Unread("time", "count"):
		wrong(diag.MissingKey, "window needs to know the time of an item").WithHint("add `time: FIELD`")
	case k.Count > 0 && (k.Lateness > 0 || k.Idle > 0):
		wrong(diag.Conflict, "windows of count items wait for nothing, so lateness and idle have nothing to say")
	case k.Size == 0 && k.Offset != 0 && !c.Unread("size"):
		wrong(diag.Conflict, "offset moves windows of a size; there are none")
	}
	if k.Count > 0 && k.Time.Value == "" && !c.Unread("time") && len(c.Node.Input("in").Edges) > 1 {
		wrong(diag.MissingKey, "window needs the time of an item to put several inputs in order").WithHint("add `time: FIELD`")
	}
	every, at := k.Every, k.Every.at
	switch {
	case at.IsZero():
	case k.Session > 0:
		c.List().Add(diag.Conflict, at, "a session begins with its first item, so every has no effect")
	case k.Size > 0 && every.span == 0:
		c.List().Add(diag.WrongValue, at, "every: want a duration above zero, as for size").WithHint("write every: 15m")
	case k.Count > 0 && every.items == 0:
		c.List().Add(diag.WrongValue, at, "every: want a number of items above zero, as for count").WithHint("write every: 10")
	case k.Size > 0 && k.Size/every.span > maxOverlap:
		c.List().Add(diag.WrongValue, at, "an item would be in more than %d windows", maxOverlap).WithHint("choose a larger every")
	}
	if edges := c.Node.Input("in").Edges; k.Idle > 0 && len(edges) == 1 {
		c.List().Warn(diag.Ineffective, c.Node.UseAt, "idle has no effect: there is one input, so it holds back no other")
	}
}

// Needs implements graph.Needer.
func (k *window) Needs(c *graph.Needs) {
	needed := c.Out("late").Union(k.keys.Needs()).Union(k.set.Needs())
	if k.at != nil {
		needed = needed.With(k.at.Fields()...)
	}
	c.In("in", needed)
}

func (k *window) Operator(env *nodes.Env) (nodes.Operator, error) {
	w := &windowOp{
		k: k, marks: newWatermarks(len(env.Node.Input("in").Edges), k.Lateness),
		sender: sender{k: k, needed: env.Needed("out")},
		late:   newLateItems(env, "late"),
	}
	if k.Size > 0 {
		w.store = newPanes(k)
	} else {
		w.store = newBuffer(k)
	}
	if len(env.Node.Input("in").Edges) > 1 {
		return newAlignOp(env, &alignedWindow{w, w.reader()}, w.marks, k.Idle, k.in), nil
	}
	return w, nil
}

// NewWorker implements nodes.Parallel.
func (w *windowOp) NewWorker(context.Context) (nodes.Worker, error) {
	r := w.reader()
	return nodes.WorkFunc(func(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
		m, err := r.read(in.Data.(*record.Batch), out)
		if err != nil {
			return nil, err
		}
		return m, nil
	}), nil
}

// Process implements nodes.Operator.
func (w *windowOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	r := in.Made.(*windowBatch)
	defer r.Release()
	return w.take(r, 0, r.len(), 0, out)
}

// End implements nodes.Ender.
func (w *windowOp) End(_ context.Context, _ nodes.EndedEdge, out nodes.Out) error {
	return w.finish(out)
}

// An alignedWindow is a running window over several inputs.
type alignedWindow struct {
	*windowOp
	reader *reader
}

func (w *alignedWindow) read(_ int, b *record.Batch, out nodes.Out) (timedBatch, error) {
	return w.reader.read(b, out)
}

func (w *alignedWindow) take(input int, items timedBatch, from, to int, out nodes.Out) error {
	return w.windowOp.take(items.(*windowBatch), from, to, input, out)
}

func (w *alignedWindow) moved(out nodes.Out) error {
	return w.store.close(w.marks.now(), false, &w.sender, out)
}
