package sql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file is how sql.read runs.

// Operator reads in Next.
func (k *reader) Operator(env *nodes.Env) (nodes.Operator, error) {
	if err := mayOpen(env); err != nil {
		return nil, err
	}
	o := &readOp{k: k, env: env, t: env.Out("out"), needed: env.Needed("out"), tries: peer.Away{Env: env, What: theDatabase}}
	if i := k.Incremental; i != nil {
		o.every = i.Every
		if i.Notify != "" && o.every == 0 {
			o.every = time.Minute
		}
		return &incrementalOp{o}, nil
	}
	return o, nil
}

// A readOp is a running sql.read.
type readOp struct {
	k      *reader
	env    *nodes.Env
	t      *types.Type
	needed []bool
	every  time.Duration // 0: it ends when there is no more
	tries  peer.Away

	s        session
	rows     rows // nil: no query is under way
	decoders []*decoder
	from     []int // the columns of the result, by field
	by       []int // the columns of the result that a position is made of
	after    []cell
	bound    []cell // up to where rows are read; nil: as far as there are any
	given    int64
	due      time.Time // when to ask again
	ended    bool

	bell *bell // of LISTEN
}

// A piece is what Next gives: rows, and those that could not be read.
type piece struct {
	batch *record.Batch
	bad   []nodes.BadItem
}

// Release gives the rows back.
func (p *piece) Release() { p.batch.Release() }

// Open connects, so that a database that is not there ends the flow before anything is
// read.
func (o *readOp) Open(ctx context.Context) error { return o.tries.Patiently(ctx, o.connect, gone) }

func (o *readOp) connect(ctx context.Context) (err error) {
	if o.s != nil {
		return nil
	}
	if o.s, err = o.k.open(ctx, o.env, toRead); err != nil {
		o.s = nil
		return o.k.clean(err)
	}
	if i := o.k.Incremental; i != nil && i.Notify != "" && o.bell == nil {
		if o.bell, err = listen(ctx, o.env, &o.k.Link, i.Notify); err != nil {
			return o.k.clean(err)
		}
	}
	return nil
}

// Process hands rows on.
func (o *readOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	p := in.Made.(*piece)
	for _, bad := range p.bad {
		if err := out.Bad(bad); err != nil {
			p.batch.Release()
			return err
		}
	}
	if p.batch.Rows == 0 {
		p.batch.Release()
		return nil
	}
	return out.Emit(0, p.batch)
}

// Next implements nodes.Puller.
func (o *readOp) Next(ctx context.Context) (any, nodes.Position, error) {
	for {
		switch {
		case o.ended:
			return nil, nil, io.EOF
		case ctx.Err() != nil:
			return nil, nil, context.Cause(ctx)
		}
		p, after, err := o.next(ctx)
		switch {
		case err == nil && p != nil:
			o.tries.Back()
			return p, after, nil
		case err == nil:
			o.tries.Back()
			continue
		case ctx.Err() != nil:
			o.drop()
			return nil, nil, context.Cause(ctx)
		case !lost(o.s, err) && !(o.s != nil && o.s.fault(err) == faultRetry):
			o.drop()
			return nil, nil, err
		case o.k.Incremental == nil && o.given > 0:
			o.drop()
			return nil, nil, peer.Hinted(fmt.Errorf("the connection broke after %d rows, and this query cannot be gone on with: %w", o.given, err), "with `incremental: {by: COLUMNS}` it would read on")
		}
		o.drop()
		if err := o.tries.Wait(ctx, err); err != nil {
			return nil, nil, err
		}
	}
}

// drop gives up the session.
func (o *readOp) drop() {
	if s := o.s; s != nil {
		if o.rows != nil && o.k.dialect() == sqlite { // a server would send all that is left
			o.rows.close()
		}
		o.s, o.rows = nil, nil
		s.close()
	}
	if o.bell != nil {
		o.bell.close()
		o.bell = nil
	}
}

// next gives the next rows, nil if there are none at the time.
func (o *readOp) next(ctx context.Context) (*piece, nodes.Position, error) {
	if err := o.connect(ctx); err != nil {
		return nil, nil, err
	}
	if o.rows == nil {
		if err := o.wait(ctx); err != nil {
			return nil, nil, err
		}
		if o.careful() {
			some, err := o.settle(ctx)
			if err != nil {
				return nil, nil, err
			}
			if !some {
				o.due = time.Now().Add(o.every)
				return nil, nil, nil
			}
		}
		if err := o.begin(ctx); err != nil {
			return nil, nil, err
		}
	}
	p := &piece{batch: record.NewNeeded(o.t, o.needed)}
	arena := p.batch.Arena()
	for n := 0; n < record.MaxRows; n++ {
		err := o.rows.next()
		if errors.Is(err, errEnd) {
			o.rows.close()
			o.rows, o.due, o.ended = nil, time.Now().Add(o.every), o.every == 0
			break
		}
		if err != nil {
			if n > 0 && o.k.Incremental != nil { // what came is given, and the rest read again
				o.drop()
				break
			}
			p.Release()
			return nil, nil, err
		}
		o.row(p, arena)
		o.given++
	}
	if p.batch.Rows == 0 && len(p.bad) == 0 {
		p.Release()
		return nil, nil, nil
	}
	return p, o.position(), nil
}

// row reads the row that the query is at.
func (o *readOp) row(p *piece, arena *record.Arena) {
	i := p.batch.Rows
	for k, c := range p.batch.Cols {
		if c == nil {
			continue
		}
		c.Resize(i + 1)
		c.Clear(i)
		x := o.rows.cell(o.from[k])
		if err := o.decoders[k].put(c, i, &x, arena); err != nil {
			p.bad = append(p.bad, nodes.BadItem{Err: err, Raw: o.raw()})
			o.passed()
			return
		}
	}
	p.batch.Rows++
	o.passed()
}

// raw is the row as JSON of texts.
func (o *readOp) raw() string {
	dst := []byte{'{'}
	for k, f := range o.t.Fields {
		if k > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsonl.AppendString(dst, f.Name), ':')
		if x := o.rows.cell(o.from[k]); x.kind == cellNull {
			dst = append(dst, "null"...)
		} else {
			dst = jsonl.AppendString(dst, strings.ToValidUTF8(x.text(), "\uFFFD"))
		}
	}
	return string(append(dst, '}'))
}

// passed keeps the columns that a position is made of.
func (o *readOp) passed() {
	for k, col := range o.by {
		x := o.rows.cell(col)
		x.s = append(o.after[k].s[:0], x.s...)
		o.after[k] = x
	}
}

// begin starts the query.
func (o *readOp) begin(ctx context.Context) error {
	text, values := o.statement()
	r, err := o.s.query(ctx, text, values)
	if err != nil {
		return fmt.Errorf("the query: %w", err)
	}
	names := r.names()
	o.decoders, o.from = make([]*decoder, len(o.t.Fields)), make([]int, len(o.t.Fields))
	for i, f := range o.t.Fields {
		name := columnOf(f)
		if o.from[i] = slices.Index(names, name); o.from[i] < 0 {
			r.close()
			o.drop()
			return fmt.Errorf("the result of the query has no column %s; it has %s", name, strings.Join(names, ", "))
		}
		if o.decoders[i], err = newDecoder(o.k.dialect(), f, o.k.columns[name]); err != nil {
			r.close()
			return err
		}
	}
	o.rows = r
	if i := o.k.Incremental; i != nil {
		o.by = o.by[:0]
		for n := range i.By {
			o.by = append(o.by, slices.Index(names, o.k.byName(n)))
		}
		if o.after == nil {
			o.after = make([]cell, len(o.by))
		}
	}
	return nil
}

// columnOf is the column that a field is read from.
func columnOf(f types.Field) string {
	if f.Reading != nil && f.Reading.From != "" {
		return f.Reading.From
	}
	return f.Name
}

// wait waits until it is time to ask again.
func (o *readOp) wait(ctx context.Context) error {
	left := time.Until(o.due)
	if o.due.IsZero() || left <= 0 {
		return nil
	}
	if o.bell != nil {
		return o.bell.wait(ctx, left)
	}
	return nodes.Sleep(ctx, left)
}

// Close implements nodes.Closer.
func (o *readOp) Close() error {
	o.drop()
	return nil
}

// position is none: a query that has no order cannot be gone on with.
func (o *readOp) position() nodes.Position {
	if o.k.Incremental == nil {
		return nil
	}
	p := place{By: make([]placeCell, len(o.after))}
	for i, x := range o.after {
		c := &p.By[i]
		c.Column = o.k.Incremental.By[i].Value
		switch x.kind {
		case cellInt:
			c.Int = &x.i
		case cellFloat:
			c.Float = &x.f
		case cellText:
			s := string(x.s)
			c.Text = &s
		default:
			c.Bytes = slices.Clone(x.s)
		}
	}
	text, err := json.Marshal(p)
	if err != nil {
		return nil // a float that is no number
	}
	return text
}

// A place is what the position of an incremental read says: the last values of its columns.
type place struct {
	By []placeCell `json:"by"`
}

type placeCell struct {
	Column string   `json:"column"`
	Int    *int64   `json:"int,omitempty"`
	Float  *float64 `json:"float,omitempty"`
	Text   *string  `json:"text,omitempty"`
	Bytes  []byte   `json:"bytes,omitempty"`
}

// An incrementalOp is a readOp that can be gone on with.
type incrementalOp struct{ *readOp }

// Endless implements nodes.Endless: with every, or notify, there may always be more.
func (o *incrementalOp) Endless() bool { return o.every > 0 }

// Seek implements nodes.Seeker.
func (o *incrementalOp) Seek(_ context.Context, after nodes.Position) error {
	var p place
	if err := json.Unmarshal(after, &p); err != nil {
		return fmt.Errorf("the position %q is none of sql.read", after)
	}
	if len(p.By) != len(o.k.Incremental.By) {
		return errors.New("the position is one of other columns; read from the beginning")
	}
	o.after = make([]cell, len(p.By))
	for i, c := range p.By {
		if c.Column != o.k.Incremental.By[i].Value {
			return fmt.Errorf("the position is one of column %s, and the flow reads by %s; read from the beginning", c.Column, o.k.Incremental.By[i].Value)
		}
		switch {
		case c.Int != nil:
			o.after[i] = cell{kind: cellInt, i: *c.Int}
		case c.Float != nil:
			o.after[i] = cell{kind: cellFloat, f: *c.Float}
		case c.Text != nil:
			o.after[i] = cell{kind: cellText, s: []byte(*c.Text)}
		default:
			o.after[i] = cell{kind: cellBytes, s: c.Bytes}
		}
	}
	return nil
}

var (
	_ nodes.Seeker  = (*incrementalOp)(nil)
	_ nodes.Endless = (*incrementalOp)(nil)
	_ nodes.Starter = (*readOp)(nil)
	_ nodes.Closer  = (*readOp)(nil)
)
