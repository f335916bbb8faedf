package sql

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file is what `flowrun doctor` asks.

// examination gathers findings of one database.
type examination struct {
	l    *Link
	peer string
	all  []nodes.Finding
}

func (e *examination) found(what, told string, err error) {
	e.all = append(e.all, nodes.Finding{Peer: e.peer, What: what, Told: told, Err: e.l.clean(err)})
}

// examine connects, says which version answers and how far its clock is off, and lets look
// further.
func (l *Link) examine(ctx context.Context, env *nodes.Env, what purpose, look func(s session, e *examination)) []nodes.Finding {
	e := &examination{l: l, peer: l.URL.String()}
	begun := time.Now()
	s, err := l.open(ctx, env, what)
	if err != nil {
		e.found("connection", "", err)
		return e.all
	}
	defer s.close()
	version, clock, err := s.greet(ctx)
	e.found("connection", version, err)
	e.all[0].Took = time.Since(begun)
	if err != nil {
		return e.all
	}
	if !clock.IsZero() {
		skew := time.Until(clock)
		f := nodes.Finding{Peer: e.peer, What: "clock", Told: fmt.Sprintf("%s ahead", skew.Round(time.Millisecond)), Skew: skew}
		if skew > time.Minute || skew < -time.Minute {
			f.Err = fmt.Errorf("it is %s off", skew.Abs().Round(time.Second))
		}
		e.all = append(e.all, f)
	}
	look(s, e)
	return e.all
}

// Examine implements nodes.Examiner.
func (k *reader) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.examine(ctx, env, toRead, func(s session, e *examination) {
		columns, err := s.describe(ctx, k.Query.Value, args(k.Params))
		if err == nil && k.t.IsRecord() {
			known := byName(columns)
			for _, f := range k.t.Fields {
				if _, ok := known[columnOf(f)]; !ok {
					err = fmt.Errorf("its result has no column %s", columnOf(f))
					break
				}
			}
		}
		e.found("query", count(len(columns), "column"), err)
	})
}

// Examine implements nodes.Examiner.
func (k *writer) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	found := k.examine(ctx, env, toWrite, func(s session, e *examination) {
		t, err := s.table(ctx, k.Table.Value)
		what := "table " + k.Table.Value
		switch {
		case err != nil:
			e.found(what, "", err)
			return
		case t == nil && k.Create:
			e.found(what, "it is not there yet, and will be made", nil)
			return
		case t == nil:
			e.found(what, "", peer.Hinted(fmt.Errorf("it is not there"), "`create: true` makes it"))
			return
		}
		e.found(what, count(len(t.columns), "column"), nil)
		if k.t != nil {
			for _, m := range k.misfits(t) {
				e.found(what, "", peer.Hinted(fmt.Errorf("%s", m.what), m.hint))
			}
		}
	})
	if f := &found[0]; k.Create && errors.Is(f.Err, fs.ErrNotExist) { // a SQLite file; nothing is changed here, so it is not made
		f.What, f.Told, f.Err = "file", "it is not there yet, and will be made", nil
	}
	return found
}

// Examine implements nodes.Examiner.
func (k *lookup) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.examine(ctx, env, toRead, func(s session, e *examination) {
		columns, err := s.describe(ctx, k.source(), nil)
		if err == nil {
			known := byName(columns)
			for _, p := range k.On {
				if _, ok := known[p.Right.Value]; !ok {
					err = fmt.Errorf("there is no column %s to look up by", p.Right.Value)
				}
			}
		}
		what := "table " + k.Table.Value
		if k.Table.Value == "" {
			what = "query"
		}
		e.found(what, count(len(columns), "column"), err)
	})
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

var (
	_ nodes.Examiner = (*reader)(nil)
	_ nodes.Examiner = (*writer)(nil)
	_ nodes.Examiner = (*lookup)(nil)
)
