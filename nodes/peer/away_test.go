package peer_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// A peer that is away is waited for as the retry of the node says.
func TestWaits(t *testing.T) {
	away := errors.New("connection refused")
	for _, c := range []struct {
		set         func(r *graph.Retry)
		least, most time.Duration // until it is given up
		tries       int
		told        string
	}{
		{func(r *graph.Retry) { r.Attempts = 4 }, 250 * time.Millisecond, 350 * time.Millisecond, 4, "tried 4 times: connection refused"},
		{func(r *graph.Retry) { r.Attempts, r.InitialInterval, r.Jitter = 4, time.Second, 0 }, 7 * time.Second, 7 * time.Second, 4, "tried 4 times"},
		{func(r *graph.Retry) { r.Attempts, r.InitialInterval, r.Multiplier, r.Jitter = 4, time.Minute, 3, 0 }, 3 * time.Minute, 3 * time.Minute, 4, "tried 4 times"},
		{func(r *graph.Retry) {
			r.Attempts, r.InitialInterval, r.Multiplier, r.MaxInterval, r.Jitter = 4, time.Minute, 3, time.Hour, 0
		}, 13 * time.Minute, 13 * time.Minute, 4, "tried 4 times"},
		{func(r *graph.Retry) { r.MaxElapsed = 10 * time.Second }, 8 * time.Second, 10 * time.Second, 0, "tried for "},
	} {
		synctest.Test(t, func(t *testing.T) {
			engine := graph.DefaultEngine()
			c.set(&engine.Retry)
			b := peer.Away{What: "the server", Env: &nodes.Env{Node: &graph.Node{Engine: engine}, Log: slog.New(slog.DiscardHandler)}}
			begun := time.Now()
			var err error
			tries := 0
			for ; err == nil; tries++ {
				err = b.Wait(t.Context(), away)
			}
			took := time.Since(begun)
			if took < c.least || took > c.most || c.tries > 0 && tries != c.tries || !strings.Contains(err.Error(), c.told) || !errors.Is(err, away) {
				t.Errorf("%+v: %d tries in %s: %v", engine.Retry, tries, took, err)
			}
		})
	}
}

// The log has the first tries, and then that the peer is still away every ten seconds.
func TestAwayIsNotLoggedWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		b := peer.Away{What: "the server", Env: &nodes.Env{Node: &graph.Node{Engine: graph.DefaultEngine()}, Log: slog.New(slog.NewTextHandler(&text, nil))}}
		for begun := time.Now(); time.Since(begun) < time.Minute; {
			if err := b.Wait(t.Context(), errors.New("connection refused")); err != nil {
				t.Fatal(err)
			}
		}
		b.Back()
		if away, back := strings.Count(text.String(), "is away"), strings.Count(text.String(), "is back"); away != 3+5 || back != 1 {
			t.Errorf("%d lines say that it is away, %d that it is back:\n%s", away, back, text.String())
		}
	})
}
