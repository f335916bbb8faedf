package redis

import (
	"context"
	"errors"
	"slices"

	client "github.com/redis/go-redis/v9"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file is the kind redis.lookup.

// lookup is the kind redis.lookup.
type lookup struct {
	Link
	Key  config.Text   `yaml:"key,required" doc:"The key of an item: an expression that gives a text; null has no value."`
	Into config.Name   `yaml:"into" doc:"The field that gets the value, null if Redis has none."`
	As   graph.TypeRef `yaml:"as" doc:"What the value is: string, the text that the key has (the default); a record type, the fields of a hash; or any other type, which the text has as JSON."`

	in, as, out *types.Type
	key         *expr.Expr
}

var lookupDecl = nodes.Kind("redis.lookup", "Adds to each item what Redis has for its key.",
	&lookup{Into: config.Name{Value: "value"}},
	nodes.InPort(graph.Port{Name: "in", Doc: "The items."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "The items with what was found."}),
	nodes.Passes(), nodes.Tries(),
	nodes.Lines("what was asked for a batch has come", "Redis is slow or away, or its output is full", "its input has ended",
		"Redis refuses the login, or is away for longer than retry says; a value that is no `as`, or a key of another type, is a bad item"),
	nodes.Example(graph.Example{
		Title: "Names of customers",
		Flow: `flow: named
nodes:
  orders: {use: file.read, with: {path: orders.jsonl, as: "{id: int, customer: int}"}}
  named:  {use: redis.lookup, in: orders, with: {url: "redis://127.0.0.1:6379", key: '"customer:" + string(customer)', into: name}}
  out:    {use: file.write, in: named, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"orders.jsonl": `{"id":1,"customer":7}` + "\n" + `{"id":2,"customer":8}` + "\n"},
		Peer:  "Redis has a name for customer 7: `redis-cli SET customer:7 Ann`.",
		Want:  map[string]string{"-": `{"id":1,"customer":7,"name":"Ann"}` + "\n" + `{"id":2,"customer":8,"name":null}` + "\n"},
	}),
)

// Infer implements graph.Inferer.
func (k *lookup) Infer(c *graph.Inference) {
	k.check(c)
	k.in = c.Record("in")
	k.key = c.Expr(k.Key, k.in)
	k.key.Want(types.String.Opt(), "key", c.List())
	k.as = c.Type(k.As)
	switch {
	case k.as == nil:
		k.as = types.String
	case k.as.Kind == types.KindError:
		c.Out("out", types.Error)
		return
	}
	if k.in == nil || !k.in.IsRecord() {
		c.Out("out", types.Error)
		return
	}
	if k.in.Index(k.Into.Value) >= 0 {
		c.List().Add(diag.NameClash, c.Node.At, "%s: the items have a field %q already", c.Node.ID, k.Into.Value).WithHint("write into: with another name")
		c.Out("out", types.Error)
		return
	}
	k.out = types.Record(append(slices.Clone(k.in.Fields), types.Field{Name: k.Into.Value, Type: k.as.Opt(), Origin: c.Origin("of Redis", c.Node.At)})...)
	c.Out("out", k.out)
}

// Needs implements graph.Needer: the fields that the key is made of.
func (k *lookup) Needs(c *graph.Needs) {
	c.In("in", c.Out("out").Without(k.Into.Value).With(k.key.Fields()...))
}

// Operator implements nodes.Maker.
func (k *lookup) Operator(env *nodes.Env) (nodes.Operator, error) {
	return &lookupOp{k: k, env: env}, nil
}

// A lookupOp is a running redis.lookup.
type lookupOp struct {
	k     *lookup
	env   *nodes.Env
	first *conn // made by Open, for the first worker
}

var (
	_ nodes.Starter  = (*lookupOp)(nil)
	_ nodes.Parallel = (*lookupOp)(nil)
	_ nodes.Gatherer = (*lookupOp)(nil)
	_ nodes.Closer   = (*lookupOp)(nil)
)

// Open connects, so that a server that takes no connection ends the flow before anything is
// read.
func (o *lookupOp) Open(ctx context.Context) error {
	away := peer.Away{Env: o.env, What: theServer}
	return away.Patiently(ctx, func(ctx context.Context) (err error) {
		o.first, err = o.k.open(ctx, o.env, "")
		return err
	}, lost)
}

// Close implements nodes.Closer.
func (o *lookupOp) Close() error {
	if o.first != nil {
		o.first.Close()
	}
	return nil
}

// Process implements nodes.Operator. There is nothing left to do.
func (o *lookupOp) Process(context.Context, nodes.Input, nodes.Out) error { return nil }

// WholeBatches implements nodes.Gatherer: the keys of a batch are asked for together.
func (o *lookupOp) WholeBatches() bool { return true }

// NewWorker implements nodes.Parallel.
func (o *lookupOp) NewWorker(context.Context) (nodes.Worker, error) {
	w := &lookupWorker{lookupOp: o, away: peer.Away{Env: o.env, What: theServer}}
	cols := columns.New()
	cols.Compute(types.Field{Name: "key", Type: o.k.key.Type()}, o.k.key, o.k.in)
	w.keys = cols.Computer()
	var err error
	w.scanT = types.Record(types.Field{Name: o.k.Into.Value, Type: o.k.as.Opt()})
	if o.k.as.IsRecord() {
		w.fields = fieldsOf(o.k.as)
		for name := range w.fields {
			w.names = append(w.names, name)
		}
	}
	w.scan, err = jsonl.New(w.scanT, jsonl.Options{})
	return w, err
}

// A lookupWorker is one of its workers.
type lookupWorker struct {
	*lookupOp
	c      *conn
	away   peer.Away
	keys   *columns.Computer
	errs   expr.RowErrors
	names  []string // of the fields of a hash
	fields map[string]*types.Type
	scan   *jsonl.Scanner
	scanT  *types.Type
	buf    []byte
}

// Close implements nodes.Closer.
func (w *lookupWorker) Close() error {
	if w.c != nil {
		w.c.Close()
		w.c = nil
	}
	return nil
}

// Work implements nodes.Worker.
func (w *lookupWorker) Work(ctx context.Context, in nodes.Input, out nodes.Out) (any, error) {
	b := in.Data.(*record.Batch)
	w.errs.Reset()
	made := w.keys.Columns(b, &w.errs)
	defer made.Release()
	if err := nodes.BadRows(out, b, &w.errs); err != nil {
		return nil, err
	}
	rows := columns.Without(b, &w.errs, nil)
	found, err := w.ask(ctx, made.Cols[0], rows)
	if err != nil {
		return nil, err
	}
	d := b.Derive(w.k.out)
	copy(d.Cols, b.Cols)
	col, arena := d.Fresh(len(b.Cols)), d.Arena()
	col.Resize(0)
	d.Sel = d.SelBuf()
	for i, row := range rows {
		extend(col, int(row)+1)
		if err := w.put(col, int(row), found[i], arena); err != nil {
			if err := out.Bad(nodes.BadItem{Err: err, Data: b, Row: int(row)}); err != nil {
				d.Release()
				return nil, err
			}
			continue
		}
		d.Sel = append(d.Sel, row)
	}
	extend(col, b.Rows)
	if len(d.Sel) == 0 {
		d.Release()
		return nil, nil
	}
	return nil, out.Emit(0, d)
}

// extend adds rows without a value up to n.
func extend(col *record.Column, n int) {
	for row := col.Len(); row < n; row++ {
		col.Resize(row + 1)
		col.Clear(row)
	}
}

// ask asks for all keys of a batch at once, until there is an answer. A row without a key has
// no command.
func (w *lookupWorker) ask(ctx context.Context, keys *record.Column, rows []uint16) ([]client.Cmder, error) {
	for {
		found, err := w.try(ctx, keys, rows)
		switch {
		case err == nil:
			w.away.Back()
			return found, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case !lost(err):
			return nil, err
		}
		w.Close()
		if err := w.away.Wait(ctx, err); err != nil {
			return nil, err
		}
	}
}

func (w *lookupWorker) try(ctx context.Context, keys *record.Column, rows []uint16) ([]client.Cmder, error) {
	if w.c == nil {
		var err error
		if w.c, err = w.k.open(ctx, w.env, ""); err != nil {
			w.c = nil
			return nil, err
		}
	}
	defer context.AfterFunc(ctx, w.c.Close)()
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	found := make([]client.Cmder, len(rows))
	p := w.c.Pipeline()
	for i, row := range rows {
		switch {
		case keys.IsNull(int(row)):
		case w.k.as.IsRecord():
			found[i] = p.HMGet(own, keys.Str[row], w.names...)
		default:
			found[i] = p.Get(own, keys.Str[row])
		}
	}
	if _, err := p.Exec(own); err != nil && (!answered(err) || lost(err) || is(err, "NOPERM") || is(err, "NOAUTH")) && !errors.Is(err, client.Nil) {
		return nil, err
	}
	for _, c := range found {
		if c != nil && c.Err() != nil && !errors.Is(c.Err(), client.Nil) && lost(c.Err()) {
			return nil, c.Err()
		}
	}
	return found, nil
}

// put writes what was found into a row.
func (w *lookupWorker) put(col *record.Column, row int, found client.Cmder, arena *record.Arena) error {
	if found == nil || errors.Is(found.Err(), client.Nil) {
		col.SetNull(row)
		return nil
	}
	if err := found.Err(); is(err, "WRONGTYPE") {
		return peer.Hinted(err, "as: a record type reads a hash, any other type reads a text")
	} else if err != nil {
		return err
	}
	w.buf = append(jsonl.AppendString(append(w.buf[:0], '{'), w.k.Into.Value), ':')
	switch c := found.(type) {
	case *client.StringCmd:
		text := c.Val()
		if err := fits(w.k.Into.Value, w.k.as, text); err != nil {
			return err
		}
		if w.k.as.Kind == types.KindString {
			col.Str[row] = arena.Copy(text)
			return nil
		}
		w.buf = appendField(w.buf, w.k.as, text)
	case *client.SliceCmd:
		pairs := make([]any, 0, 2*len(w.names))
		for i, v := range c.Val() {
			if v != nil {
				pairs = append(pairs, w.names[i], v)
			}
		}
		if len(pairs) == 0 { // there is no hash, or it has none of the fields
			col.SetNull(row)
			return nil
		}
		var err error
		if w.buf, err = appendEntry(w.buf, w.fields, pairs); err != nil {
			return err
		}
	}
	w.buf = append(w.buf, "}\n"...)
	b := record.New(w.scanT)
	defer b.Release()
	if _, bad := w.scan.Scan(w.buf, 0, b, 1); bad != nil {
		return bad
	}
	col.Append(row, b.Cols[0], 0, arena)
	return nil
}

// Examine implements nodes.Examiner.
func (k *lookup) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.examine(ctx, env, func(*conn, func(what, told string, err error)) {})
}
