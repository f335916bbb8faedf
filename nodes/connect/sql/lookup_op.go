package sql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file is how sql.lookup runs.

func itoa(n int) string { return strconv.Itoa(n) }

// Operator looks up on all workers, each by a session of its own.
func (k *lookup) Operator(env *nodes.Env) (nodes.Operator, error) {
	if err := mayOpen(env); err != nil {
		return nil, err
	}
	return &lookupOp{k: k, env: env, out: env.Out("out"), found: map[string]*found{}}, nil
}

// A lookupOp is a running sql.lookup. Workers share what is remembered.
type lookupOp struct {
	k   *lookup
	env *nodes.Env
	out *types.Type

	first session           // of Open, for the worker that comes first
	known map[string]column // of the source

	mu    sync.Mutex
	found map[string]*found
	order []string // the keys as they came, for whom to forget
}

// found is what there is for a key.
type found struct {
	cells []cell // of the added columns; nil: no row
	err   error
	until time.Time
}

// Open asks for the columns, so that a database that is not there ends the flow before
// anything is read.
func (o *lookupOp) Open(ctx context.Context) (err error) {
	if o.first, err = o.k.open(ctx, o.env, toRead); err != nil {
		o.first = nil
		return o.k.clean(err)
	}
	columns, err := o.first.describe(ctx, o.k.source(), nil)
	if err != nil {
		return o.k.clean(err)
	}
	o.known = byName(columns)
	for _, f := range o.k.added.Fields {
		if _, ok := o.known[f.Name]; !ok {
			return fmt.Errorf("there is no column %s to look up", f.Name)
		}
	}
	for _, p := range o.k.On {
		if _, ok := o.known[p.Right.Value]; !ok {
			return fmt.Errorf("there is no column %s to look up by", p.Right.Value)
		}
	}
	return nil
}

// Close implements nodes.Closer.
func (o *lookupOp) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.first != nil {
		o.first.close()
		o.first = nil
	}
	return nil
}

// Process implements nodes.Operator. There is nothing left to do.
func (o *lookupOp) Process(context.Context, nodes.Input, nodes.Out) error { return nil }

// WholeBatches implements nodes.Gatherer: the keys of a batch are asked for together.
func (o *lookupOp) WholeBatches() bool { return true }

// NewWorker implements nodes.Parallel.
func (o *lookupOp) NewWorker(context.Context) (nodes.Worker, error) {
	w := &lookupWorker{o: o, tries: peer.Away{Env: o.env, What: theDatabase}}
	for i, f := range o.k.added.Fields {
		c := o.known[f.Name]
		if !o.k.As.YAML.IsNull() && !c.json {
			c = column{}
		}
		f.Type = o.out.Fields[len(o.k.in.Fields)+i].Type
		d, err := newDecoder(o.k.dialect(), f, c)
		if err != nil {
			return nil, err
		}
		w.decoders = append(w.decoders, d)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	w.s, o.first = o.first, nil
	return w, nil
}

// A lookupWorker is one of its workers.
type lookupWorker struct {
	o        *lookupOp
	s        session
	tries    peer.Away
	decoders []*decoder
	key      []byte
}

// Close implements nodes.Closer.
func (w *lookupWorker) Close() error {
	if w.s != nil {
		w.s.close()
		w.s = nil
	}
	return nil
}

// A wanted is a key that is asked for.
type wanted struct {
	key  string
	args []any
}

// Work implements nodes.Worker.
func (w *lookupWorker) Work(ctx context.Context, in nodes.Input, out nodes.Out) (any, error) {
	b := in.Data.(*record.Batch)
	keys := make([]string, b.Len())
	have := map[string]*found{}
	var ask []wanted
	now := time.Now()
	for i := range keys {
		args, null := w.args(b, b.Row(i))
		if null {
			continue
		}
		key := string(w.key)
		keys[i] = key
		if _, ok := have[key]; ok {
			continue
		}
		f := w.o.remembered(key, now)
		if have[key] = f; f == nil {
			ask = append(ask, wanted{key, args})
		}
	}
	if err := w.ask(ctx, ask, have); err != nil {
		return nil, err
	}
	w.o.remember(ask, have, now)
	return nil, w.join(b, keys, have, out)
}

// args gives the key of a row; in w.key, too, as a text.
func (w *lookupWorker) args(b *record.Batch, row int) (args []any, null bool) {
	w.key = w.key[:0]
	for _, p := range w.o.k.On {
		i := b.Type.Index(p.Left.Value)
		t, c := b.Type.Fields[i].Type, b.Cols[i]
		if c.IsNull(row) {
			return nil, true
		}
		args = append(args, arg(w.o.k.dialect(), t, c, row, false))
		at := len(w.key)
		w.key = appendText(w.key, postgres, t, c, row, false)
		w.key = append(strconv.AppendInt(append(w.key, 0), int64(len(w.key)-at), 10), 0)
	}
	return args, false
}

func (o *lookupOp) remembered(key string, now time.Time) *found {
	if o.k.Cache.Items == 0 {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if f := o.found[key]; f != nil && now.Before(f.until) {
		return f
	}
	return nil
}

func (o *lookupOp) remember(asked []wanted, have map[string]*found, now time.Time) {
	if o.k.Cache.Items == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, a := range asked {
		f := have[a.key]
		if f.err != nil {
			continue
		}
		f.until = now.Add(o.k.Cache.TTL)
		if o.found[a.key] == nil {
			o.order = append(o.order, a.key)
		}
		o.found[a.key] = f
	}
	for len(o.found) > o.k.Cache.Items {
		delete(o.found, o.order[0])
		o.order = o.order[1:]
	}
}

// ask asks the database for keys, in statements of some.
func (w *lookupWorker) ask(ctx context.Context, keys []wanted, have map[string]*found) error {
	most := map[dialect]int{sqlite: 1, mysql: 50, postgres: 1000}[w.o.k.dialect()]
	for len(keys) > 0 {
		n := min(len(keys), most)
		if err := w.settle(ctx, keys[:n], have); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

// settle asks until there is an answer, also to what the database refuses.
func (w *lookupWorker) settle(ctx context.Context, keys []wanted, have map[string]*found) error {
	for {
		err := w.fetch(ctx, keys, have)
		switch {
		case err == nil:
			w.tries.Back()
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case lost(w.s, err) || w.s != nil && w.s.fault(err) == faultRetry || errors.Is(err, context.DeadlineExceeded):
			w.Close()
			if err := w.tries.Wait(ctx, w.o.k.clean(err)); err != nil {
				return err
			}
		case w.s == nil:
			return w.o.k.clean(err)
		case len(keys) == 1:
			have[keys[0].key] = &found{err: w.o.k.clean(err)}
			return nil
		default:
			half := len(keys) / 2
			if err := w.settle(ctx, keys[:half], have); err != nil {
				return err
			}
			return w.settle(ctx, keys[half:], have)
		}
	}
}

var errSeveral = errors.New("there are several rows for its key")

// fetch asks once.
func (w *lookupWorker) fetch(ctx context.Context, keys []wanted, have map[string]*found) (err error) {
	if limit := w.o.env.Node.Engine.Timeout; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	if w.s == nil {
		if w.s, err = w.o.k.open(ctx, w.o.env, toRead); err != nil {
			w.s = nil
			return err
		}
	}
	var args []any
	for _, k := range keys {
		have[k.key] = &found{}
		args = append(args, k.args...)
	}
	r, err := w.s.query(ctx, w.o.k.statement(len(keys), w.o.known), args)
	if err != nil {
		return err
	}
	defer r.close()
	for {
		if err := r.next(); errors.Is(err, errEnd) {
			return nil
		} else if err != nil {
			return err
		}
		x := r.cell(0)
		n, ok := intOf(&x)
		if !ok || n < 0 || int(n) >= len(keys) {
			return errors.New("the database answers what it was not asked")
		}
		f := have[keys[n].key]
		if f.cells != nil {
			f.err = peer.Hinted(errSeveral, "look up by a unique key, or group in the query")
			continue
		}
		f.cells = make([]cell, len(w.decoders))
		for i := range f.cells {
			f.cells[i] = r.cell(i + 1)
			f.cells[i].s = slices.Clone(f.cells[i].s)
		}
	}
}

// join puts what was found beside the items.
func (w *lookupWorker) join(b *record.Batch, keys []string, have map[string]*found, out nodes.Out) error {
	d := b.Derive(w.o.out)
	copy(d.Cols, b.Cols)
	arena := d.Arena()
	width := len(w.o.k.in.Fields)
	cols := make([]*record.Column, len(w.decoders))
	for i := range cols {
		cols[i] = d.Fresh(width + i)
	}
	var sel, none []uint16
	err := func() error {
		for i, key := range keys {
			row := b.Row(i)
			f := have[key]
			var wrong error
			switch {
			case f == nil || f.err == nil && f.cells == nil:
				none = append(none, uint16(row))
				if w.o.k.Kind == "inner" {
					continue
				}
				for _, c := range cols {
					c.SetNull(row)
				}
			case f.err != nil:
				wrong = f.err
			default:
				for j, c := range cols {
					if wrong = w.decoders[j].put(c, row, &f.cells[j], arena); wrong != nil {
						break
					}
				}
			}
			if wrong == nil {
				sel = append(sel, uint16(row))
			} else if err := out.Bad(nodes.BadItem{Err: wrong, Data: b, Row: row}); err != nil {
				return err
			}
		}
		return nil
	}()
	if err != nil {
		d.Release()
		return err
	}
	inner := w.o.k.Kind == "inner"
	if inner && len(none) > 0 && w.o.env.IsRead("unmatched") {
		u := b.Share()
		u.Sel = append(u.SelBuf(), none...)
		if err := out.Emit(w.o.env.PortIndex("unmatched"), u); err != nil {
			d.Release()
			return err
		}
	} else if inner {
		out.Filtered(len(none))
	}
	if len(sel) == 0 {
		d.Release()
		return nil
	}
	d.Sel = append(d.SelBuf(), sel...)
	return out.Emit(0, d)
}
