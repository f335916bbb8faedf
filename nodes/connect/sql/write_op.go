package sql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file is how sql.write runs: a transaction takes batches until it is old or large
// enough, or a cut comes. What is in it is kept until it is committed, so that it can be
// written again when the session breaks or the transaction meets another one.

const (
	// commitTime is how long a row waits for its commit at most while nothing else comes.
	commitTime = 100 * time.Millisecond
	// commitRows and commitBytes bound what a transaction holds.
	commitRows  = 1 << 16
	commitBytes = 16 << 20
	// waryFor is for how many batches a savepoint is set after one had a bad row. Without
	// one a batch takes half as many messages, and a bad row costs the transaction, which
	// is written again.
	waryFor = 64
)

// Operator writes in Process.
func (k *writer) Operator(env *nodes.Env) (nodes.Operator, error) {
	if err := mayOpen(env); err != nil {
		return nil, err
	}
	o := &writeOp{k: k, env: env, tries: peer.Away{Env: env, What: theDatabase}}
	env.Unkept = func() (lost, unsure int64) { return o.lost, 0 }
	return o, nil
}

// A writeOp is a running sql.write.
type writeOp struct {
	k     *writer
	env   *nodes.Env
	plan  *plan
	tries peer.Away

	s      session
	began  bool // a transaction is open
	held   []part
	wait   []part    // rows that are sent together with those that come next
	flight *flight   // rows that are being sent; nil: none
	late   []lateBad // bad rows that nobody could be told of yet
	rows   int
	bytes  int
	due    time.Time // when to commit; zero: nothing is held
	met    int       // how often the transaction has met another one, in a row
	wary   int       // for how many more batches to set savepoints
	id     string    // of the transaction, to ask whether it was committed; "": not known
	lost   int64     // rows that were not committed when the node was closed
}

// A part is rows of a batch that are in the transaction.
type part struct {
	batch *record.Batch
	rows  []int32
}

var (
	_ nodes.Starter = (*writeOp)(nil)
	_ nodes.Timed   = (*writeOp)(nil)
	_ nodes.Ender   = (*writeOp)(nil)
	_ nodes.Settler = (*writeOp)(nil)
	_ nodes.Closer  = (*writeOp)(nil)
)

// Open connects and looks at the table, so that a flow that cannot write ends before
// anything is read.
func (o *writeOp) Open(ctx context.Context) error {
	k := o.k
	var t *table
	err := o.tries.Patiently(ctx, func(ctx context.Context) (err error) {
		if err = o.connect(ctx); err != nil {
			return err
		}
		if t, err = o.lookAtTable(ctx); err != nil {
			o.drop() // it may have gone away meanwhile
			return k.clean(fmt.Errorf("table %s: %w", k.Table.Value, err))
		}
		return nil
	}, gone)
	if err != nil {
		return err
	}
	if wrong := k.misfits(t); len(wrong) > 0 {
		return peer.Hinted(errors.New(wrong[0].what), wrong[0].hint)
	}
	o.plan = newPlan(k.dialect(), k.Mode, k.Table.Value, k.t, k.keyNames(), t)
	return nil
}

// lookAtTable asks for the table, and makes it where that is wanted.
func (o *writeOp) lookAtTable(ctx context.Context) (*table, error) {
	k := o.k
	t, err := o.s.table(ctx, k.Table.Value)
	if err != nil || t != nil || !k.Create {
		return t, err
	}
	make := newPlan(k.dialect(), k.Mode, k.Table.Value, k.t, k.keyNames(), nil)
	if _, err := o.s.exec(ctx, make.create()); err != nil {
		return nil, err
	}
	return o.s.table(ctx, k.Table.Value)
}

func (o *writeOp) connect(ctx context.Context) (err error) {
	if o.s != nil {
		return nil
	}
	what := toWrite
	if o.k.Create {
		what = toCreate
	}
	if o.s, err = o.k.open(ctx, o.env, what); err != nil {
		o.s = nil
		return o.k.clean(err)
	}
	return nil
}

// Process writes a batch.
func (o *writeOp) Process(ctx context.Context, in nodes.Input, out nodes.Out) error {
	b := in.Data.(*record.Batch)
	rows := make([]int32, 0, b.Len())
	var bad []badRow
	for i := range b.Len() {
		row := b.Row(i)
		if err := o.plan.unfit(b, row); err != nil {
			bad = append(bad, badRow{int32(row), err})
			continue
		}
		rows = append(rows, int32(row))
	}
	for _, x := range bad {
		o.late = append(o.late, lateBad{b.Retain().(*record.Batch), x})
	}
	if len(rows) > 0 {
		o.wait = append(o.wait, part{b.Retain().(*record.Batch), rows})
		o.rows, o.bytes = o.rows+len(rows), o.bytes+b.Bytes()
		if o.due.IsZero() {
			o.due = time.Now().Add(commitTime)
		}
	}
	if o.waiting() >= togetherRows {
		if err := o.ahead(ctx); err != nil {
			return err
		}
	}
	if err := o.tell(out); err != nil {
		return errors.Join(err, o.commit(ctx, out)) // the neighbours of the row that ends the flow stay
	}
	if o.rows >= commitRows || o.bytes >= commitBytes || !o.began && len(o.held) > 0 {
		return o.commit(ctx, out)
	}
	return nil
}

// togetherRows is how many rows are sent at once.
const togetherRows = 1 << 14

func (o *writeOp) waiting() (n int) {
	for _, p := range o.wait {
		n += len(p.rows)
	}
	return n
}

// A lateBad is a bad row that waits for somebody to be told.
type lateBad struct {
	batch *record.Batch
	badRow
}

// tell reports bad rows.
func (o *writeOp) tell(out nodes.Out) error {
	late := o.late
	o.late = nil
	var end error
	for _, x := range late {
		if end == nil {
			end = out.Bad(nodes.BadItem{Err: x.err, Data: x.batch, Row: int(x.row)})
		}
		x.batch.Release()
	}
	return end
}

// send writes what waits into the transaction: all of it at once, and batch by batch if
// there is a bad row in it.
func (o *writeOp) send(ctx context.Context) error {
	for o.flight != nil || len(o.wait) > 1 && o.wary == 0 {
		var err error
		if o.flight != nil {
			err = o.land(ctx)
		} else if err = o.once(ctx, func(ctx context.Context) error { return o.together(ctx, o.wait) }); err == nil {
			o.held, o.wait = append(o.held, o.wait...), o.wait[:0]
		}
		if err == nil {
			o.tries.Back()
			continue
		}
		if end := o.trouble(ctx, err); end != nil {
			return end
		}
	}
	for len(o.wait) > 0 {
		p := o.wait[0]
		good, bad, err := o.settle(ctx, p.batch, p.rows)
		if err != nil {
			return err
		}
		o.wait = append(o.wait[:0], o.wait[1:]...)
		for _, x := range bad {
			o.late = append(o.late, lateBad{p.batch.Retain().(*record.Batch), x})
		}
		if len(good) > 0 {
			o.held = append(o.held, part{p.batch, good})
		} else {
			p.batch.Release()
		}
	}
	return nil
}

type badRow struct {
	row int32
	err error
}

// settle writes rows into the transaction, and tries again until it knows of each whether
// it is good or bad.
func (o *writeOp) settle(ctx context.Context, b *record.Batch, rows []int32) (good []int32, bad []badRow, err error) {
	if len(rows) == 0 {
		return nil, nil, nil
	}
	for {
		good, bad = good[:0], bad[:0]
		err = o.once(ctx, func(ctx context.Context) error {
			if o.wary > 0 {
				return o.put(ctx, b, rows, &good, &bad)
			}
			good = append(good, rows...)
			return o.s.write(ctx, o.plan, b, rows)
		})
		if err == nil {
			o.wary = max(o.wary-1, 0)
			o.tries.Back()
			return good, bad, nil
		}
		if o.wary == 0 && ctx.Err() == nil && o.s != nil && (o.s.fault(err) == faultRow || o.s.fault(err) == faultStatement) {
			o.wary = waryFor
			o.rollback(ctx)
			continue
		}
		meets := o.s != nil && o.s.fault(err) == faultRetry
		if give, err := o.again(ctx, err); err != nil {
			return nil, nil, err
		} else if give != nil && meets {
			bad = bad[:0]
			for _, row := range rows {
				bad = append(bad, badRow{row, give})
			}
			return nil, bad, nil
		}
	}
}

// once runs a try in the transaction, which it begins if there is none: with what the one
// before held.
func (o *writeOp) once(ctx context.Context, try func(ctx context.Context) error) error {
	if limit := o.env.Node.Engine.Timeout; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	if err := o.begin(ctx); err != nil {
		return err
	}
	return try(ctx)
}

func (o *writeOp) begin(ctx context.Context) error {
	if err := o.connect(ctx); err != nil {
		return err
	}
	if o.began {
		return nil
	}
	if err := o.transaction(ctx); err != nil {
		return err
	}
	if len(o.held) == 0 {
		return nil
	}
	err := o.together(ctx, o.held)
	switch {
	case err == nil:
		return nil
	case ctx.Err() == nil && (o.s.fault(err) == faultRow || o.s.fault(err) == faultStatement):
		return o.rewrite(ctx)
	}
	return fmt.Errorf("rows that were written before cannot be written again: %w", err)
}

// transaction begins one that is empty.
func (o *writeOp) transaction(ctx context.Context) error {
	begin := "BEGIN"
	if o.k.dialect() == sqlite {
		begin = "BEGIN IMMEDIATE" // a transaction that begins by reading could not go on to write
	}
	_, err := o.s.exec(ctx, begin)
	o.began = err == nil
	return err
}

// put writes rows, and halves them until it has found those that the database refuses.
func (o *writeOp) put(ctx context.Context, b *record.Batch, rows []int32, good *[]int32, bad *[]badRow) error {
	if _, err := o.s.exec(ctx, "SAVEPOINT flowrun"); err != nil {
		return err
	}
	err := o.s.write(ctx, o.plan, b, rows)
	if err == nil {
		*good = append(*good, rows...)
		_, err = o.s.exec(ctx, "RELEASE SAVEPOINT flowrun")
		return err
	}
	what := o.s.fault(err)
	if ctx.Err() != nil || what == faultConnection || what == faultRetry {
		return err
	}
	if _, back := o.s.exec(ctx, "ROLLBACK TO SAVEPOINT flowrun"); back != nil && what == faultStatement {
		o.rollback(ctx) // SQLite has done so, because it is full; what is held is written again
		why := o.k.clean(explained(err))
		for _, row := range rows {
			*bad = append(*bad, badRow{row, why})
		}
		return nil
	} else if back != nil {
		return errors.Join(back, err)
	}
	if _, err := o.s.exec(ctx, "RELEASE SAVEPOINT flowrun"); err != nil {
		return err
	}
	if what == faultStatement || len(rows) == 1 {
		err = o.k.clean(explained(err))
		for _, row := range rows {
			*bad = append(*bad, badRow{row, err})
		}
		return nil
	}
	half := len(rows) / 2
	if err := o.put(ctx, b, rows[:half], good, bad); err != nil {
		return err
	}
	return o.put(ctx, b, rows[half:], good, bad)
}

// explained shortens what clients say.
func explained(err error) error {
	if told := err.Error(); strings.HasPrefix(told, "Error ") {
		return hintedText{err, strings.TrimPrefix(told, "Error ")}
	}
	return err
}

type hintedText struct {
	error
	text string
}

func (h hintedText) Error() string { return h.text }
func (h hintedText) Unwrap() error { return h.error }

// Due implements nodes.Timed.
func (o *writeOp) Due() time.Time { return o.due }

// OnTime commits what has waited long enough.
func (o *writeOp) OnTime(ctx context.Context, _ time.Time, out nodes.Out) error {
	return o.commit(ctx, out)
}

// End commits what is left.
func (o *writeOp) End(ctx context.Context, _ nodes.EndedEdge, out nodes.Out) error {
	return o.commit(ctx, out)
}

// Settle implements nodes.Settler: what stands before a cut is committed, or refused.
func (o *writeOp) Settle(ctx context.Context, out nodes.Out) error { return o.commit(ctx, out) }

// Close takes back what was not committed.
func (o *writeOp) Close() error {
	if f := o.flight; f != nil {
		f.cancel()
		<-f.landed
		o.flight, o.wait = nil, append(f.parts, o.wait...)
	}
	for _, p := range slices.Concat(o.held, o.wait) {
		o.lost += int64(len(p.rows))
	}
	o.drop()
	o.let()
	for _, p := range o.wait {
		p.batch.Release()
	}
	for _, x := range o.late {
		x.batch.Release()
	}
	o.wait, o.late = nil, nil
	return nil
}
