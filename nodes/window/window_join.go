package window

import (
	"fmt"
	"slices"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

var windowJoinDecl = nodes.Kind("window_join", "Combines items of two inputs that have equal keys and near times.", &windowJoin{Kind: "inner"},
	// Each input may have to wait for the other one, which is what First says of it.
	nodes.InPort(graph.Port{Name: "left", Doc: "Records with a time.", ReadOrder: graph.First}),
	nodes.InPort(graph.Port{Name: "right", Doc: "Records with a time.", ReadOrder: graph.First}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "For each pair a record: the fields of left, then those of right without its key."}),
	nodes.OutPort(graph.Port{Name: "late_left", Doc: "Items of left that came after the watermark.", Side: true}),
	nodes.OutPort(graph.Port{Name: "late_right", Doc: "Items of right that came after the watermark.", Side: true}),
	nodes.Workers(graph.Single), nodes.Pure(),
	nodes.Holds("the items that may still find a partner"),
	nodes.Lines("the second item of a pair arrives, or with `kind: left` the watermark has passed all possible partners of an item",
		"its output is full, or an input has nothing", "both inputs have ended", "a time is null and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Clicks within a minute of what was shown",
		Flow: `flow: clicks
nodes:
  shown:  {use: file.read, with: {path: shown.csv}}
  clicks: {use: file.read, with: {path: clicks.csv}}
  both:
    use: window_join
    in: {left: shown, right: clicks}
    with: {on: ad, time: {at: clicked}, within: 1m, kind: left}
  out: {use: file.write, in: both, with: {path: "-", format: csv}}
`,
		Files: map[string]string{
			"shown.csv":  "ad,at\na,2026-01-01T10:00:00Z\nb,2026-01-01T10:00:10Z\na,2026-01-01T10:05:00Z\n",
			"clicks.csv": "ad,clicked\na,2026-01-01T10:00:30Z\nb,2026-01-01T10:03:00Z\na,2026-01-01T10:05:01Z\n",
		},
		Want: map[string]string{"-": `ad,at,clicked
a,2026-01-01T10:00:00Z,2026-01-01T10:00:30Z
b,2026-01-01T10:00:10Z,
a,2026-01-01T10:05:00Z,2026-01-01T10:05:01Z
`},
	}))

// The sides of a join, which are also the places of its inputs.
const (
	left = iota
	right
)

type windowJoin struct {
	On       columns.Pairs `yaml:"on,required" doc:"Fields of left, each with the field of right that must be equal; or a list of fields that both have."`
	Time     columns.Pairs `yaml:"time,required" doc:"The time of the items: a field of both, or one of left and one of right."`
	Within   time.Duration `yaml:"within,required" min:"0s" max:"87600h" doc:"How far apart the times of a pair may be."`
	Kind     string        `yaml:"kind" enum:"inner|left" doc:"What comes out: see above."`
	Lateness time.Duration `yaml:"lateness" min:"0s" max:"87600h" doc:"How much older than the newest item an item may be and still be in time."`
	Idle     time.Duration `yaml:"idle" min:"1ms" doc:"After how long, by the clock, a silent input no longer holds the other one back. Without it, it always does."`
	Prefix   string        `yaml:"prefix" doc:"What to put before the names of the fields that come from right."`
	Suffix   string        `yaml:"suffix" doc:"What to put behind the names of the fields that come from right."`

	types  [2]*types.Type
	times  [2]int // the field of each side
	key    *columns.PairedKey
	fields []int // of right: the fields that come out behind those of left
	out    *types.Type
}

// Infer implements graph.Inferer.
func (k *windowJoin) Infer(c *graph.Inference) {
	k.types = [2]*types.Type{c.Record("left"), c.Record("right")}
	for side, port := range []string{"late_left", "late_right"} {
		if k.types[side] != nil {
			c.Out(port, k.types[side])
		}
	}
	key := k.On.Key(c, k.types[left], k.types[right])
	at := k.Time.Key(c, k.types[left], k.types[right])
	if len(k.Time) > 1 {
		c.List().Add(diag.WrongValue, k.Time[1].Left.At, "time is one field of each side, got %d", len(k.Time))
	}
	if key == nil || at == nil || len(k.Time) == 0 { // there is a message already
		return
	}
	if t := at.Type.Fields[0]; t.Type.Kind != types.KindTime {
		c.List().Add(diag.WrongType, k.Time[0].Left.At, "time must be a field of type time, got %s", t.Type).WithNote(t.Origin.At, "it comes from here").
			WithHint("%s", timeHint(t))
		return
	}
	k.key, k.times = key, [2]int{at.Left[0], at.Right[0]}
	k.inferFields(c)
	c.Out("out", k.out)
}

// Passes implements graph.Passer.
func (k *windowJoin) Passes(in string) graph.Ways {
	w := graph.Ways{Out: []string{"out", "late_" + in}}
	if in == "right" || k.Kind == "inner" {
		w.Lost = "items that find no partner go no further"
	}
	return w
}

// timeHint says how a field that is no time becomes one, before the node.
func timeHint(f types.Field) string {
	of, name := "", types.Quote(f.Name)
	switch {
	case f.Type.Kind == types.KindDate:
		of = `time(%s, "Europe/Berlin")`
	case f.Type.IsText():
		of = "time(%s)"
	case f.Type.IsNumber():
		of = "from_unix(%s)"
	default:
		return "name a field that is a time on both sides"
	}
	return fmt.Sprintf("make a time of it on both sides first, with map: `set: {%s: '%s'}`", name, fmt.Sprintf(of, name))
}

// inferFields makes the record of a pair.
func (k *windowJoin) inferFields(c *graph.Inference) {
	k.out = types.Record(slices.Clone(k.types[left].Fields)...)
	var clashes columns.Clashes
	for i, f := range k.types[right].Fields {
		if slices.Contains(k.key.Right, i) {
			continue
		}
		own := f
		f.Name = k.Prefix + f.Name + k.Suffix
		f.Type = f.Type.WithOpt(k.Kind == "left")
		if first, clash := k.out.Field(f.Name); clash {
			clashes.Add(f.Name, first, own)
		}
		k.out.Fields, k.fields = append(k.out.Fields, f), append(k.fields, i)
	}
	clashes.Report(c, k.Prefix+k.Suffix != "")
}

// Needs implements graph.Needer.
func (k *windowJoin) Needs(c *graph.Needs) {
	needed := c.Out("out")
	reads := [2]graph.Fields{c.Out("late_left"), c.Out("late_right")}
	for side, t := range k.types {
		reads[side] = reads[side].With(t.Fields[k.times[side]].Name)
		for _, at := range [2][]int{k.key.Left, k.key.Right}[side] {
			reads[side] = reads[side].With(t.Fields[at].Name)
		}
	}
	n := len(k.types[left].Fields)
	for i, f := range k.out.Fields {
		switch {
		case !needed.Has(f.Name):
		case i < n:
			reads[left] = reads[left].With(f.Name)
		default:
			reads[right] = reads[right].With(k.types[right].Fields[k.fields[i-n]].Name)
		}
	}
	c.In("left", reads[left])
	c.In("right", reads[right])
}

func (k *windowJoin) Operator(env *nodes.Env) (nodes.Operator, error) {
	j := newJoiner(k, env)
	return newAlignOp(env, j, j.marks, k.Idle, k.types[:]...), nil
}
