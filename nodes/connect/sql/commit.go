package sql

import (
	"context"
	"errors"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// This file ends transactions of sql.write, in success or not.

// again looks at an error after which the transaction is begun anew: it waits. The error
// ends the node; give says that the transaction has met others too often.
func (o *writeOp) again(ctx context.Context, err error) (give, end error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	met := o.s != nil && o.s.fault(err) == faultRetry
	switch {
	case met:
		if o.met++; o.met >= maxMeetings {
			o.rollback(ctx)
			o.met = 0
			return err, nil
		}
		o.env.Log.Warn("the transaction has met another one, and is tried again", "error", err.Error(), "tries", o.met)
		o.rollback(ctx)
		return nil, nodes.Sleep(ctx, time.Duration(o.met)*10*time.Millisecond+time.Duration(nodes.Chance(o.env.Seed, uint64(o.met))*float64(10*time.Millisecond)))
	case lost(o.s, err), errors.Is(err, context.DeadlineExceeded):
		o.drop()
		return nil, o.tries.Wait(ctx, o.k.clean(err))
	}
	return nil, o.k.clean(err)
}

// rollback takes the transaction back; a session that cannot is given up.
func (o *writeOp) rollback(ctx context.Context) {
	o.began, o.id = false, ""
	if o.s == nil {
		return
	}
	if _, err := o.s.exec(ctx, "ROLLBACK"); err != nil {
		o.drop()
	}
}

func (o *writeOp) drop() {
	o.began = false
	if s := o.s; s != nil {
		o.s = nil
		s.close()
	}
}

// rewrite writes what is held again, where not all of it can be any more: the disk is full
// meanwhile, or another one has written a row with the same key. What cannot is bad.
func (o *writeOp) rewrite(ctx context.Context) error {
	o.rollback(ctx)
	for i := 0; i < len(o.held) || !o.began; i++ {
		if o.s == nil {
			return brokenError{errors.New("the transaction could not be taken back")}
		}
		if !o.began { // at first, and when SQLite is full: it takes back all that was written
			if err := o.transaction(ctx); err != nil {
				return err
			}
			i = 0
		}
		p := &o.held[i]
		if len(p.rows) == 0 {
			continue
		}
		var good []int32
		var bad []badRow
		if err := o.put(ctx, p.batch, p.rows, &good, &bad); err != nil {
			return err
		}
		for _, x := range bad {
			o.late = append(o.late, lateBad{p.batch.Retain().(*record.Batch), x})
		}
		p.rows = good
	}
	return nil
}

// commit ends the transaction, and tells of the rows that it does not have.
func (o *writeOp) commit(ctx context.Context, out nodes.Out) error {
	if err := o.send(ctx); err != nil {
		return err
	}
	if err := o.tell(out); err != nil {
		return errors.Join(err, o.commit(ctx, out))
	}
	for len(o.held) > 0 || o.began {
		err := o.once(ctx, func(ctx context.Context) error {
			if o.k.dialect() == postgres && o.id == "" {
				id, err := collect(ctx, o.s, "SELECT txid_current()")
				if err != nil {
					return err
				}
				o.id = id[0][0]
			}
			_, err := o.s.exec(ctx, "COMMIT")
			return err
		})
		if err == nil {
			o.began = false
			o.tries.Back()
			o.let()
			return o.tell(out)
		}
		deferred := o.s != nil && o.s.fault(err) == faultRow
		if deferred { // such as a foreign key that is checked at the end
			return o.apart(ctx, out, err)
		}
		give, end := o.again(ctx, err)
		if end == nil {
			end = give
		}
		if end != nil {
			return end
		}
		if done, err := o.committed(ctx); err != nil {
			return err
		} else if done {
			o.let()
			return o.tell(out)
		}
	}
	return nil
}

// let forgets what is committed.
func (o *writeOp) let() {
	for _, p := range o.held {
		p.batch.Release()
	}
	clear(o.held)
	o.held, o.rows, o.bytes, o.due, o.id, o.met = o.held[:0], 0, 0, time.Time{}, "", 0
}

// committed asks whether a transaction whose session broke while it was committed is so.
// Only PostgreSQL can tell.
func (o *writeOp) committed(ctx context.Context) (bool, error) {
	for o.id != "" && o.s == nil {
		err := o.connect(ctx)
		var status [][]string
		if err == nil {
			status, err = collect(ctx, o.s, "SELECT coalesce(txid_status($1), '')", o.id)
		}
		if err == nil && status[0][0] == "in progress" { // the server has not noticed yet that the session is gone
			if err := nodes.Sleep(ctx, 50*time.Millisecond); err != nil {
				return false, err
			}
			o.drop()
			continue
		}
		if err == nil {
			o.id = ""
			return status[0][0] == "committed", nil
		}
		if _, end := o.again(ctx, err); end != nil {
			return false, end
		}
	}
	return false, nil
}

// apart commits what is held row by row, because a commit was refused as a whole: so a bad
// row costs no other.
func (o *writeOp) apart(ctx context.Context, out nodes.Out, why error) error {
	o.rollback(ctx)
	held := o.held
	o.held = nil
	for i, p := range held {
		for _, row := range p.rows {
			err := o.alone(ctx, p.batch, row)
			if err == nil {
				continue
			}
			if o.s == nil || o.s.fault(err) != faultRow {
				o.held = held[i:]
				return o.k.clean(err)
			}
			if err := out.Bad(nodes.BadItem{Err: o.k.clean(explained(err)), Data: p.batch, Row: int(row)}); err != nil {
				o.held = held[i:]
				return err
			}
		}
		p.batch.Release()
	}
	o.rows, o.bytes, o.due, o.id = 0, 0, time.Time{}, ""
	return nil
}

// alone writes one row in a transaction of its own.
func (o *writeOp) alone(ctx context.Context, b *record.Batch, row int32) error {
	for {
		err := o.once(ctx, func(ctx context.Context) error {
			if err := o.s.write(ctx, o.plan, b, []int32{row}); err != nil {
				return err
			}
			_, err := o.s.exec(ctx, "COMMIT")
			return err
		})
		if err == nil {
			o.began = false
			return nil
		}
		if o.s != nil && o.s.fault(err) == faultRow {
			o.rollback(ctx)
			return err
		}
		if give, end := o.again(ctx, err); end != nil || give != nil {
			return errors.Join(end, give)
		}
	}
}
