package flowtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/csv"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// A feed gives items in place of a source, or on an input in place of what else
// would arrive there.
type feed struct {
	*feedText
	at     diag.Span    // its key
	node   string       // the source, or the node whose input is fed
	port   string       // an output of the source, an input of the node
	input  bool         // it feeds an input
	ports  []graph.Port // of the source
	typ    *types.Type  // what it gives; nil: As says it
	events []event
	byPath bool // the source reads a file or a text by its own settings
	stdin  bool // that text is standard input
	spaced bool // the next item comes after a while, if every is set
}

// An event is what a feed does at a time after the start of the run: it gives items or
// a bad item, it fails, or it only waits until then.
type event struct {
	at   time.Duration
	data record.Data
	bad  *nodes.BadItem
	err  error
}

// feedKind is the kind of the node that feeds.
type feedKind struct {
	Slot int `yaml:"slot" doc:"Which feed of the case."`

	c *Case
}

var feedSettings = mustSchema(&feedKind{})

func (k *feedKind) feed() *feed { return k.c.feeds[k.Slot] }

// Outputs implements graph.Brancher.
func (k *feedKind) Outputs() []graph.Port { return k.feed().ports }

// Infer implements graph.Inferer.
func (k *feedKind) Infer(c *graph.Inference) {
	f := k.feed()
	if f.As != nil {
		f.typ = c.Type(graph.TypeRef{YAML: f.As.Value})
	}
	if f.typ == nil {
		f.typ = types.Error
	}
	c.Out(f.port, f.typ)
}

// Operator implements nodes.Maker.
func (k *feedKind) Operator(env *nodes.Env) (nodes.Operator, error) {
	f := k.feed()
	return &feedOp{events: f.events, port: env.PortIndex(f.port)}, nil
}

// A feedOp gives what a feed says, when it says so.
type feedOp struct {
	events []event // that have not come yet
	port   int
	start  time.Time
}

// Open implements nodes.Starter.
func (o *feedOp) Open(context.Context) error {
	o.start = time.Now()
	return nil
}

// Next implements nodes.Puller.
func (o *feedOp) Next(ctx context.Context) (any, nodes.Position, error) {
	if len(o.events) == 0 {
		return nil, nil, io.EOF
	}
	e := o.events[0]
	if err := nodes.Sleep(ctx, max(0, e.at-time.Since(o.start))); err != nil {
		return nil, nil, err
	}
	if e.err != nil {
		return nil, nil, e.err
	}
	o.events = o.events[1:]
	return e, nil, nil
}

// Process implements nodes.Operator.
func (o *feedOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	e := in.Made.(event)
	switch {
	case e.bad != nil:
		return out.Bad(*e.bad)
	case e.data == nil:
		return nil
	}
	for i := 0; i < e.data.Len(); i += record.MaxRows {
		if err := out.Emit(o.port, e.data.Slice(i, min(i+record.MaxRows, e.data.Len()))); err != nil {
			return err
		}
	}
	return nil
}

// read makes the events, for items of which later nodes need some fields.
func (f *feed) read(dir string, needed []bool, list *diag.List) {
	if f.typ.Kind == types.KindError {
		return
	}
	if f.typ.Kind == types.KindOpaque {
		list.Add(diag.WrongType, f.at, "%s.%s takes %s, a Go type that no file can hold", f.node, f.port, f.typ)
		return
	}
	if f.Items == nil {
		b, err := readItems(filepath.Join(dir, filepath.FromSlash(f.From)), f.typ, needed)
		if err != nil {
			list.Add(diag.BadData, f.feedText.at, "%s", redact.Text(err.Error()))
			return
		}
		f.schedule(new(time.Duration), b)
		return
	}
	if f.Items.IsNull() {
		return
	}
	if f.Items.Kind != config.Sequence {
		list.Add(diag.WrongValue, f.Items.Span, "want a list of items, got %s", f.Items.Describe())
		return
	}
	f.script(needed, list)
}

// script reads steps.
func (f *feed) script(needed []bool, list *diag.List) {
	var now time.Duration
	var run []*config.Value
	flush := func() {
		if b := batchOf(run, f.typ, needed, list); b != nil {
			f.schedule(&now, b)
		}
		run = nil
	}
	for _, v := range f.Items.Items {
		s, ok := stepOf(v, f.typ, list)
		if !ok {
			run = append(run, v)
			continue
		}
		flush()
		if s.At != nil && time.Duration(*s.At) < now {
			list.Add(diag.WrongValue, v.Span, "at %s is before the step above, which is at %s", time.Duration(*s.At), now).
				WithHint("at counts from the start of the run, after from the step above")
		}
		now, f.spaced = s.move(now), false
		switch {
		case (s.Bad != nil || s.Error != "") && f.input:
			list.Add(diag.Conflict, v.Span, "only sources have bad items and failures, and this feeds an input").
				WithHint("fail: {%s: ...} makes the node fail", f.node)
		case s.Bad != nil:
			why := s.Error
			if why == "" {
				why = "a bad item"
			}
			f.events = append(f.events, event{at: now, bad: &nodes.BadItem{Err: errors.New(why), Raw: *s.Bad, File: s.File, Line: s.Line}})
		case s.Error != "":
			f.events = append(f.events, event{at: now, err: errors.New(s.Error)})
		}
	}
	flush()
	f.events = append(f.events, event{at: now}) // a pause at the end keeps the source open
}

// schedule gives rows to be sent, and moves the time on if every is set.
func (f *feed) schedule(now *time.Duration, b *record.Batch) {
	if f.Every == nil {
		f.events = append(f.events, event{at: *now, data: b})
		return
	}
	for i := range b.Len() {
		if f.spaced {
			*now += time.Duration(*f.Every)
		}
		f.spaced = true
		f.events = append(f.events, event{at: *now, data: b.Slice(i, i+1)})
	}
}

// A stepText is what may stand between the items of a feed or an expectation.
type stepText struct {
	After *duration `yaml:"after" doc:"A pause."`
	At    *duration `yaml:"at" doc:"A time after the start."`
	Bad   *string   `yaml:"bad" doc:"The text of an item that cannot be read."`
	Error string    `yaml:"error" doc:"Why."`
	File  string    `yaml:"file" doc:"Where the bad item was read from."`
	Line  int       `yaml:"line" min:"1" doc:"Its line."`
}

var stepSchema = mustSchema(&stepText{})

var stepKeys = []string{"after", "at", "bad", "error", "file", "line"}

// stepOf reads a step: a mapping with none but the keys of a step, which cannot be an
// item. So {at: 30m} is a step also where the items have a field `at` that is a time.
func stepOf(v *config.Value, t *types.Type, list *diag.List) (s stepText, ok bool) {
	if v.Kind != config.Mapping || len(v.Entries) == 0 {
		return s, false
	}
	for _, e := range v.Entries {
		if !slices.Contains(stepKeys, e.Key) {
			return s, false
		}
		if f, ok := t.Field(e.Key); ok && holds(f.Type, e.Value) {
			return s, false
		}
	}
	if !v.Has("after") && !v.Has("at") && !v.Has("bad") && !v.Has("error") {
		return s, false
	}
	stepSchema.Decode(v, &s, list)
	return s, true
}

// holds reports whether a value may stand in a field.
func holds(t *types.Type, v *config.Value) bool {
	if v.Kind != config.Scalar || !t.IsScalar() {
		return true
	}
	_, _, ok := scalarJSON(t, v)
	return ok
}

// move gives the time of a step, for that of the step before it.
func (s stepText) move(now time.Duration) time.Duration {
	if s.At != nil {
		return max(now, time.Duration(*s.At))
	}
	if s.After != nil {
		return now + time.Duration(*s.After)
	}
	return now
}

// readItems reads a file of items: csv, or lines of JSON.
func readItems(path string, t *types.Type, needed []bool) (*record.Batch, error) {
	lines, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var b *record.Batch
	var bad *text.RowError
	if filepath.Ext(path) == ".csv" {
		b, bad, err = csvRows(lines, t, needed)
	} else {
		b, bad = rowsOf(t, needed, append(lines, '\n'))
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	case bad != nil:
		return nil, fmt.Errorf("%s:%d: %w", path, 1+bytes.Count(lines[:min(bad.Offset, len(lines))], []byte("\n")), bad)
	}
	return b, nil
}

func csvRows(src []byte, t *types.Type, needed []bool) (*record.Batch, *text.RowError, error) {
	names, from, err := csv.Standard.Header(src)
	if err != nil {
		return nil, nil, err
	}
	scanner, err := csv.New(plain(t, false), names, csv.Options{Dialect: csv.Standard, Extra: text.ExtraError})
	if err != nil {
		return nil, nil, err
	}
	b := record.NewNeeded(t, needed)
	if _, bad := scanner.Scan(src, from, b, maxItems); bad != nil {
		b.Release()
		return nil, bad, nil
	}
	return b, nil, nil
}
