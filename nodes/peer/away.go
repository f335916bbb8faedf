package peer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

// This file waits for peers that are away.

const (
	firstWait = 50 * time.Millisecond
	// longestWait bounds how long a peer may be back before anybody notices.
	longestWait = 500 * time.Millisecond
	// lastWait is how long a flow that was told to stop waits for its peer.
	lastWait = 10 * time.Second
	// sayEvery is how often the log has it that a peer is still away, behind the first tries.
	sayEvery = 10 * time.Second
	// firstTries are all in the log.
	firstTries = 3
)

// An Away counts the tries to reach a peer, in a row, and waits between them. One goroutine
// may use it at a time, except for Times.
type Away struct {
	Env  *nodes.Env
	What string // such as "the database"

	tries int
	since time.Time
	said  time.Time
	times atomic.Int64
}

// Wait waits before the next try: 50 ms at first, half a second at most, or as the retry of
// the node says. The error, a nodes.AwayError but for that of ctx, says that there is none: ctx has ended, the node was tried as
// often, or for as long, as its retry says, or the flow was told to stop ten seconds ago.
func (a *Away) Wait(ctx context.Context, why error) error {
	now := time.Now()
	if a.tries == 0 {
		a.since = now
	}
	a.tries++
	retry := &a.Env.Node.Engine.Retry
	if retry.Attempts > 1 && a.tries >= retry.Attempts {
		return nodes.AwayError{Err: fmt.Errorf("tried %d times: %w", a.tries, why)}
	}
	if a.stopping() && now.Sub(a.since) > lastWait {
		return nodes.AwayError{Err: fmt.Errorf("%s did not come back within %s of the stop: %w", a.What, lastWait, why)}
	}
	pause := a.pause()
	if retry.MaxElapsed > 0 && now.Sub(a.since)+pause > retry.MaxElapsed {
		return nodes.AwayError{Err: fmt.Errorf("tried for %s: %w", now.Sub(a.since).Round(time.Millisecond), why)}
	}
	if a.tries <= firstTries || now.Sub(a.said) >= sayEvery {
		a.said = now
		a.Env.Log.Warn(a.What+" is away, and is tried again", "error", why.Error(), "tries", a.tries, "wait", pause.String())
	}
	if a.Env.Retries != nil {
		a.Env.Retries.Add(1)
	}
	return nodes.Sleep(ctx, pause)
}

// pause is the wait before the next try: as the retry of the node says, if it says more than
// how often.
func (a *Away) pause() time.Duration {
	first, longest, factor, jitter := firstWait, longestWait, 2.0, 0.25
	retry, usual := &a.Env.Node.Engine.Retry, graph.DefaultEngine().Retry
	if retry.InitialInterval != usual.InitialInterval || retry.MaxInterval != usual.MaxInterval || retry.Multiplier != usual.Multiplier {
		first, longest, factor, jitter = retry.InitialInterval, max(retry.MaxInterval, retry.InitialInterval), retry.Multiplier, retry.Jitter
	}
	wait := min(float64(first)*math.Pow(factor, float64(a.tries-1)), float64(longest))
	return time.Duration(wait * (1 - jitter*nodes.Chance(a.Env.Seed, uint64(a.tries))))
}

func (a *Away) stopping() bool {
	if a.Env.Stopping == nil {
		return false
	}
	select {
	case <-a.Env.Stopping():
		return true
	default:
		return false
	}
}

// Patiently connects before the run begins: a peer that does not answer ends the flow,
// unless its node has a retry. lost says of which errors that is so.
func (a *Away) Patiently(ctx context.Context, connect func(ctx context.Context) error, lost func(error) bool) error {
	for {
		err := connect(ctx)
		away := err != nil && (lost(err) || errors.Is(err, context.DeadlineExceeded))
		if !away {
			a.tries = 0
			return err
		}
		if a.Env.Node.Engine.Retry.Attempts <= 1 {
			return nodes.AwayError{Err: err}
		}
		if err := a.Wait(ctx, err); err != nil {
			return err
		}
	}
}

// Back says that the peer has answered.
func (a *Away) Back() {
	if a.tries > 0 {
		a.times.Add(1)
		a.Env.Log.Info(a.What+" is back", "tries", a.tries+1, "away", time.Since(a.since).Round(time.Millisecond).String())
	}
	a.tries = 0
}

// Times is how often the peer has come back so far. Any goroutine may ask.
func (a *Away) Times() int64 { return a.times.Load() }
