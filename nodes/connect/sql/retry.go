package sql

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

// This file waits for databases that are away.

const (
	firstWait = 50 * time.Millisecond
	// longestWait bounds how long a database may be back before anybody notices.
	longestWait = 500 * time.Millisecond
	// lastWait is how long a flow that was told to stop waits for its database.
	lastWait = 10 * time.Second
	// maxMeetings is how often a transaction is tried that meets others.
	maxMeetings = 12
)

// A backoff counts the tries of one thing in a row.
type backoff struct {
	env   *nodes.Env
	tries int
	since time.Time
}

// errGivenUp is why a node does not wait any longer.
var errGivenUp = errors.New("the database did not come back")

// wait waits before the next try. The error says that there is none: ctx has ended, or the
// node was tried as often, or for as long, as its retry says.
func (b *backoff) wait(ctx context.Context, why error) error {
	now := time.Now()
	if b.tries == 0 {
		b.since = now
	}
	b.tries++
	retry := &b.env.Node.Engine.Retry
	if retry.Attempts > 1 && b.tries >= retry.Attempts {
		return fmt.Errorf("tried %d times: %w", b.tries, why)
	}
	if b.stopping() && now.Sub(b.since) > lastWait {
		return fmt.Errorf("%w within %s of the stop: %w", errGivenUp, lastWait, why)
	}
	pause := b.pause()
	if retry.MaxElapsed > 0 && now.Sub(b.since)+pause > retry.MaxElapsed {
		return fmt.Errorf("tried for %s: %w", now.Sub(b.since).Round(time.Millisecond), why)
	}
	b.env.Log.Warn("the database is away, and is tried again", "error", why.Error(), "tries", b.tries, "wait", pause.String())
	if b.env.Retries != nil {
		b.env.Retries.Add(1)
	}
	return nodes.Sleep(ctx, pause)
}

// pause is the wait before the next try: as the retry of the node says, if it says more than
// how often.
func (b *backoff) pause() time.Duration {
	first, longest, factor, jitter := firstWait, longestWait, 2.0, 0.25
	retry, usual := &b.env.Node.Engine.Retry, graph.DefaultEngine().Retry
	if retry.InitialInterval != usual.InitialInterval || retry.MaxInterval != usual.MaxInterval || retry.Multiplier != usual.Multiplier {
		first, longest, factor, jitter = retry.InitialInterval, max(retry.MaxInterval, retry.InitialInterval), retry.Multiplier, retry.Jitter
	}
	wait := min(float64(first)*math.Pow(factor, float64(b.tries-1)), float64(longest))
	return time.Duration(wait * (1 - jitter*nodes.Chance(b.env.Seed, uint64(b.tries))))
}

func (b *backoff) stopping() bool {
	if b.env.Stopping == nil {
		return false
	}
	select {
	case <-b.env.Stopping():
		return true
	default:
		return false
	}
}

// patiently opens a session before the run begins: a database that does not answer ends the
// flow, unless its node has a retry.
func (b *backoff) patiently(ctx context.Context, open func(ctx context.Context) error) error {
	for {
		err := open(ctx)
		if err == nil || b.env.Node.Engine.Retry.Attempts <= 1 || !lost(nil, err) {
			b.tries = 0
			return err
		}
		if err := b.wait(ctx, err); err != nil {
			return err
		}
	}
}

// well says that the thing has succeeded.
func (b *backoff) well(what string) {
	if b.tries > 0 {
		b.env.Log.Info(what, "tries", b.tries+1, "away", time.Since(b.since).Round(time.Millisecond).String())
	}
	b.tries = 0
}

// lost reports whether an error is that of a connection, or of an open that may go well
// later.
func lost(s session, err error) bool {
	if err == nil {
		return false
	}
	if s == nil {
		return errors.Is(err, context.DeadlineExceeded) || connectionOr(err, faultRow) == faultConnection || opening(err)
	}
	return s.fault(err) == faultConnection
}
