package timing

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// This file is how a tick by cron runs.

// What becomes of ticks that were missed.
const (
	missedSkip = "skip"
	missedOne  = "one"
	missedAll  = "all"
)

// inTime is how late the last tick may be given and is not missed: a line of cron counts in
// minutes.
const inTime = time.Minute

// A cronOp is a tick that is due by a schedule.
type cronOp struct {
	schedule *schedule
	missed   string
	needed   []bool
	left     int64
	endless  bool
	at       int64     // the number of the next tick
	last     time.Time // the last one that was due and is dealt with; zero: not started
}

var (
	_ nodes.Puller  = (*cronOp)(nil)
	_ nodes.Seeker  = (*cronOp)(nil)
	_ nodes.Endless = (*cronOp)(nil)
)

// cronTicks are some that are due.
type cronTicks struct {
	from int64
	due  []time.Time
}

// Endless implements nodes.Endless.
func (o *cronOp) Endless() bool { return o.endless }

// Seek implements nodes.Seeker: what was due since is missed.
func (o *cronOp) Seek(_ context.Context, after nodes.Position) error {
	if len(after) != 16 {
		return errors.New("this is no position of tick")
	}
	o.at = int64(binary.BigEndian.Uint64(after))
	o.last = time.Unix(0, int64(binary.BigEndian.Uint64(after[8:])))
	if !o.endless {
		o.left = max(o.left-o.at, 0)
	}
	return nil
}

func (o *cronOp) position() nodes.Position {
	p := binary.BigEndian.AppendUint64(nil, uint64(o.at))
	return binary.BigEndian.AppendUint64(p, uint64(o.last.UnixNano()))
}

// Next implements nodes.Puller.
func (o *cronOp) Next(ctx context.Context) (any, nodes.Position, error) {
	if o.last.IsZero() {
		o.last = time.Now()
	}
	for o.left > 0 {
		next := o.schedule.after(o.last)
		if next.IsZero() {
			return nil, nil, io.EOF
		}
		if err := sleepUntil(ctx, next); err != nil {
			return nil, nil, err
		}
		if due := o.due(next, time.Now()); len(due) > 0 {
			t := cronTicks{o.at, due}
			o.at, o.left = o.at+int64(len(due)), o.left-int64(len(due))
			return t, o.position(), nil
		}
	}
	return nil, nil, io.EOF
}

// longestSleep is how soon the clock is looked at again: it may be set, and a machine that
// slept does not count the time.
const longestSleep = time.Minute

// sleepUntil waits until the clock shows t.
func sleepUntil(ctx context.Context, t time.Time) error {
	for {
		left := time.Until(t.Round(0))
		if left <= 0 {
			return ctx.Err()
		}
		if err := nodes.Sleep(ctx, min(left, longestSleep)); err != nil {
			return err
		}
	}
}

// due gives the ticks from next on that are to be given now, and moves on behind all that
// were due.
func (o *cronOp) due(next, now time.Time) []time.Time {
	var all []time.Time
	for ; !next.IsZero() && !next.After(now); next = o.schedule.after(next) {
		if o.missed != missedAll {
			all = all[:0]
		}
		all = append(all, next)
		o.last = next
		if o.missed == missedAll && (int64(len(all)) == o.left || len(all) == record.MaxRows) {
			break
		}
	}
	if o.missed == missedSkip && len(all) > 0 && now.Sub(all[0]) > inTime {
		return nil
	}
	return all
}

// Process implements nodes.Operator.
func (o *cronOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	t := in.Made.(cronTicks)
	b := record.NewNeeded(tickType, o.needed)
	b.Rows = len(t.due)
	for i, c := range b.Cols {
		if c == nil {
			continue
		}
		c.Resize(b.Rows)
		for j, due := range t.due {
			if i == 0 {
				c.Int[j] = t.from + int64(j)
			} else {
				c.Int[j] = due.UnixNano()
			}
		}
	}
	return out.Emit(0, b)
}
