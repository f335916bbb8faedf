package sql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// This file keeps an incremental read from passing by rows that are committed late: while a
// transaction is open, its rows may have a number, or a time, that is less than that of
// rows of others who came after it and are done. Before rows are given, the node finds out
// where the last of them is, and waits until nobody can add a row before that place.

// mysqlLag is how long rows wait where the database cannot say which transactions are open.
const mysqlLag = time.Second

// lag is how long rows wait before they are given.
func (k *reader) lag() time.Duration {
	switch i := k.Incremental; {
	case i.Lag != nil:
		return *i.Lag
	case k.dialect() == mysql:
		return mysqlLag
	}
	return 0
}

// asksWhoIsOpen reports whether the database is asked which transactions are open.
func (k *reader) asksWhoIsOpen() bool {
	return k.dialect() == postgres && (k.Incremental.Lag == nil || *k.Incremental.Lag > 0)
}

// careful reports whether rows are given only when nobody can add one before them. A read
// that ends takes what there is.
func (o *readOp) careful() bool {
	return o.k.Incremental != nil && o.every > 0 && (o.k.lag() > 0 || o.k.asksWhoIsOpen())
}

// settle finds the last row there is behind the position, and waits until rows up to there
// are settled. It reports whether there is any.
func (o *readOp) settle(ctx context.Context) (bool, error) {
	o.bound = nil
	last, err := o.last(ctx)
	if err != nil || last == nil {
		return false, err
	}
	// The order matters: whoever has begun to write a row before the last one, and has not
	// committed it, is found now. Who begins after this writes behind the last row.
	seen := time.Now()
	var open []string
	if o.k.asksWhoIsOpen() {
		if open, err = o.open(ctx); err != nil {
			return false, err
		}
	}
	if err := nodes.Sleep(ctx, o.k.lag()); err != nil {
		return false, err
	}
	told := false
	for pause := 5 * time.Millisecond; len(open) > 0; pause = min(2*pause, 250*time.Millisecond) {
		if !told && time.Since(seen) > tellAfter+o.k.lag() {
			told = true
			o.env.Log.Warn("rows wait for transactions that are open", "transactions", len(open), "waits", time.Since(seen).Round(time.Second).String())
		}
		if err := nodes.Sleep(ctx, pause); err != nil {
			return false, err
		}
		now, err := o.open(ctx)
		if err != nil {
			return false, err
		}
		open = slices.DeleteFunc(open, func(id string) bool { return !slices.Contains(now, id) })
	}
	if told {
		o.env.Log.Info("the transactions have ended", "waited", time.Since(seen).Round(time.Second).String())
	}
	o.bound = last
	return true, nil
}

// tellAfter is how long rows wait before anybody is told.
const tellAfter = 10 * time.Second

// last gives the columns by of the last row, nil if there is none behind the position.
func (o *readOp) last(ctx context.Context) ([]cell, error) {
	text, values := o.lastStatement()
	r, err := o.s.query(ctx, text, values)
	if err != nil {
		return nil, fmt.Errorf("the query: %w", err)
	}
	defer r.close()
	if err := r.next(); errors.Is(err, errEnd) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	last := make([]cell, len(o.k.Incremental.By))
	for i := range last {
		last[i] = r.cell(i)
		last[i].s = slices.Clone(last[i].s)
	}
	return last, nil
}

// open lists the transactions that have begun to write to a table. They hold this lock from
// before a row gets its number until all can see it, also when they have no number of their
// own yet; those that only read do not.
func (o *readOp) open(ctx context.Context) ([]string, error) {
	found, err := collect(ctx, o.s, `SELECT DISTINCT l.virtualtransaction FROM pg_catalog.pg_locks l
		JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = current_database()
		WHERE l.locktype = 'relation' AND l.mode = 'RowExclusiveLock' AND l.relation >= 16384 AND l.pid IS DISTINCT FROM pg_backend_pid()`)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, f := range found {
		all = append(all, f[0])
	}
	return all, nil
}
