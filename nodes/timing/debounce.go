package timing

import (
	"context"
	"slices"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

var debounceDecl = nodes.Kind("debounce", "Passes an item on when no other has followed it for a while.", &debounce{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "The last item before each silence; of each key, with `by`."}),
	nodes.Workers(graph.Single), nodes.Conserves(), nodes.Interleaves(),
	nodes.Keeps("the last item of each key that waits"), nodes.Returns(),
	nodes.Loses("items that another one follows soon go no further"),
	nodes.Lines("nothing has arrived for the span `quiet`", "its output is full", "", "a key cannot be computed for an item and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "The last state of each document",
		Flow: `flow: saves
nodes:
  edits: {use: file.read, with: {path: edits.csv}}
  saves: {use: debounce, in: edits, with: {quiet: 2s, by: document}}
  out:   {use: file.write, in: saves, with: {path: "-", format: csv}}
`,
		Files: map[string]string{"edits.csv": "document,text\nx,h\nx,he\ny,a\nx,hey\n"},
		Want:  map[string]string{"-": "document,text\ny,a\nx,hey\n"},
	}))

type debounce struct {
	keySettings
	Quiet time.Duration `yaml:"quiet,required" min:"1ms" doc:"How long no other item must follow."`
}

func (k *debounce) Operator(env *nodes.Env) (nodes.Operator, error) {
	return &debounceOp{k: k, keys: newNumberer(k.key), keep: newKeep(env.In("in"))}, nil
}

// A debounceOp is a running debounce.
type debounceOp struct {
	k       *debounce
	keys    *numberer
	keep    *keep
	version []int64    // by key: of the item that waits; 0: none
	count   int64      // of versions
	due     []quietEnd // in order; one whose version is not the key's any more is void, and the first is not
	latest  []int32    // the keys of a batch, the one with the last item first
}

// A quietEnd is when the item of a key is due, if no other comes.
type quietEnd struct {
	at      time.Time
	key     int32
	version int64
}

var (
	_ nodes.Timed  = (*debounceOp)(nil)
	_ nodes.Holder = (*debounceOp)(nil)
)

// Process implements nodes.Operator. It lets the last item of each key wait. Those
// of one batch are due in the order in which they came, as if they had come in
// batches of one.
func (d *debounceOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	b, now := in.Data.(*record.Batch), time.Now()
	if err := d.flush(now, false, out); err != nil { // what fell due since the engine looked
		return err
	}
	rows, keys, err := d.keys.number(b, out)
	if err != nil {
		return err
	}
	before := d.count
	d.latest = d.latest[:0]
	for _, key := range slices.Backward(keys) {
		for int(key) >= len(d.version) {
			d.version = append(d.version, 0)
		}
		if d.version[key] <= before {
			d.count++
			d.version[key] = d.count
			d.latest = append(d.latest, key)
		}
	}
	at := now.Add(d.k.Quiet)
	for _, key := range slices.Backward(d.latest) {
		d.due = append(d.due, quietEnd{at, key, d.version[key]})
	}
	d.skipVoid()
	out.Filtered(d.keep.put(b, rows, keys))
	return nil
}

// Held implements nodes.Holder.
func (d *debounceOp) Held() int { return d.keep.Held() }

// Due implements nodes.Timed.
func (d *debounceOp) Due() time.Time {
	if len(d.due) == 0 {
		return time.Time{}
	}
	return d.due[0].at
}

// OnTime implements nodes.Timed.
func (d *debounceOp) OnTime(_ context.Context, now time.Time, out nodes.Out) error {
	return d.flush(now, false, out)
}

// End implements nodes.Ender.
func (d *debounceOp) End(_ context.Context, _ nodes.EndedEdge, out nodes.Out) error {
	return d.flush(time.Time{}, true, out)
}

// flush sends the items that have waited long enough, or all of them.
func (d *debounceOp) flush(now time.Time, all bool, out nodes.Out) error {
	var keys []int32
	n := 0
	for ; n < len(d.due) && (all || !d.due[n].at.After(now)); n++ {
		if w := d.due[n]; !d.void(w) {
			keys = append(keys, w.key)
			d.version[w.key] = 0
		}
	}
	d.due = d.due[n:]
	d.skipVoid()
	return d.keep.emit(keys, out)
}

func (d *debounceOp) void(w quietEnd) bool { return d.version[w.key] != w.version }

func (d *debounceOp) skipVoid() {
	for len(d.due) > 0 && d.void(d.due[0]) {
		d.due = d.due[1:]
	}
}
