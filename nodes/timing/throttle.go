package timing

import (
	"context"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

var throttleDecl = nodes.Kind("throttle", "Passes on at most one item in each span of time.", &throttle{Keep: "first"},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "At most one item in each span; of each key, with `by`."}),
	nodes.Workers(graph.Single), nodes.Conserves(), nodes.Interleaves(),
	nodes.Keeps("with `keep: last`, the last item of each span that is running"), nodes.Returns(),
	nodes.Loses("items that come too soon after another go no further"),
	nodes.Lines("an item arrives after a span of silence, or with `keep: last` when the span has passed", "its output is full", "",
		"a key cannot be computed for an item and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "One reading of each sensor",
		Flow: `flow: calm
nodes:
  readings: {use: file.read, with: {path: readings.csv}}
  calm:     {use: throttle, in: readings, with: {every: 1h, by: sensor, keep: last}}
  out:      {use: file.write, in: calm, with: {path: "-", format: csv}}
`,
		Files: map[string]string{"readings.csv": "sensor,value\na,1\nb,5\na,2\na,3\n"},
		Want:  map[string]string{"-": "sensor,value\na,3\nb,5\n"},
	}))

type throttle struct {
	keySettings
	Every time.Duration `yaml:"every,required" min:"1ms" doc:"The length of a span."`
	Keep  string        `yaml:"keep" enum:"first|last" doc:"Which item of a span to pass on."`
}

func (k *throttle) Operator(env *nodes.Env) (nodes.Operator, error) {
	return &throttleOp{k: k, keys: newNumberer(k.key), keep: newKeep(env.In("in"))}, nil
}

// A throttleOp is a running throttle.
type throttleOp struct {
	k    *throttle
	keys *numberer
	ends []time.Time // by key: when its span ends
	keep *keep
	due  []deadline // with keep: last, the spans that run; all are of one length, so they end in this order
	sel  []uint16
}

// A deadline is when something is to be done about a key.
type deadline struct {
	at  time.Time
	key int32
}

var (
	_ nodes.Timed  = (*throttleOp)(nil)
	_ nodes.Holder = (*throttleOp)(nil)
)

// Process implements nodes.Operator.
func (t *throttleOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	b, now := in.Data.(*record.Batch), time.Now()
	if err := t.flush(now, false, out); err != nil { // what fell due since the engine looked
		return err
	}
	rows, keys, err := t.keys.number(b, out)
	if err != nil {
		return err
	}
	last := t.k.Keep == "last"
	t.sel = t.sel[:0]
	for i, key := range keys {
		for int(key) >= len(t.ends) {
			t.ends = append(t.ends, time.Time{})
		}
		if now.Before(t.ends[key]) {
			continue
		}
		t.ends[key] = now.Add(t.k.Every)
		t.sel = append(t.sel, rows[i])
		if last {
			t.due = append(t.due, deadline{t.ends[key], key})
		}
	}
	if last {
		out.Filtered(t.keep.put(b, rows, keys))
		return nil
	}
	out.Filtered(len(rows) - len(t.sel))
	s := b.Share()
	s.Sel = append(s.SelBuf(), t.sel...)
	return out.Emit(0, s)
}

// Held implements nodes.Holder.
func (t *throttleOp) Held() int { return t.keep.Held() }

// Due implements nodes.Timed.
func (t *throttleOp) Due() time.Time {
	if len(t.due) == 0 {
		return time.Time{}
	}
	return t.due[0].at
}

// OnTime implements nodes.Timed.
func (t *throttleOp) OnTime(_ context.Context, now time.Time, out nodes.Out) error {
	return t.flush(now, false, out)
}

// End implements nodes.Ender.
func (t *throttleOp) End(_ context.Context, _ nodes.EndedEdge, out nodes.Out) error {
	return t.flush(time.Time{}, true, out)
}

// flush sends the items whose span has ended, or all of them.
func (t *throttleOp) flush(now time.Time, all bool, out nodes.Out) error {
	var keys []int32
	n := 0
	for n < len(t.due) && (all || !t.due[n].at.After(now)) {
		keys = append(keys, t.due[n].key)
		n++
	}
	t.due = t.due[n:]
	return t.keep.emit(keys, out)
}
