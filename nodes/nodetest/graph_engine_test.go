package nodetest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/scheduler"
)

// This file gives random flows what the engine can do beside the kinds: rates,
// breakers, batches, elastic workers, limits of the flow; and it disturbs runs.

// limits bounds some flows as a whole.
func (s *sketch) limits() {
	switch s.r.IntN(6) {
	case 0:
		fmt.Fprintf(&s.text, "limits: {workers: %d}\n", 1+s.r.IntN(4))
	case 1:
		s.text.WriteString("limits: {memory: 64KB}\n")
	case 2:
		fmt.Fprintf(&s.text, "limits: {workers: %d, memory: 64KB}\n", 1+s.r.IntN(4))
	}
}

// workerText spells how many workers a node has: a number, or bounds.
func (s *sketch) workerText() string {
	if s.r.IntN(3) == 0 {
		return fmt.Sprintf("{min: %d, max: %d}", 1+s.r.IntN(3), 3+s.r.IntN(6))
	}
	return fmt.Sprint(2 + s.r.IntN(4))
}

// protected adds a rate to some nodes, and a batch or a breaker to those that read
// something. None of them changes what comes out.
func (s *sketch) protected(kind, engine string) string {
	if s.r.IntN(8) == 0 {
		engine += ", rate: " + []string{"2000/s", "10/3ms", "{limit: 500/s, burst: 50}", "1000000/s"}[s.r.IntN(4)]
	}
	if kind == "generate" {
		return engine
	}
	if !strings.Contains(engine, "order: key") && s.r.IntN(6) == 0 {
		engine += ", batch: " + []string{"{count: 7}", "{count: 300, period: 2ms}", "{bytes: 200}", "{count: 40, bytes: 1KB, period: 1ms}"}[s.r.IntN(4)]
	}
	if !strings.Contains(engine, "breaker") && s.r.IntN(10) == 0 {
		if !strings.Contains(engine, "on_error") { // a node that stops the flow needs no breaker
			engine += ", on_error: skip"
		}
		engine += ", breaker: {failures: 1, open_for: 2ms}"
	}
	return engine
}

// A disturbance is what happens to a run once its sinks have seen so many lines.
type disturbance struct {
	what string // "": nothing, pause, stop, kill
	at   int    // lines
	wait time.Duration
}

func disturb(r *rand.Rand) disturbance {
	what := []string{"", "", "pause", "stop", "stop", "kill"}[r.IntN(6)]
	return disturbance{what, r.IntN(60), time.Duration(r.IntN(3)) * time.Millisecond}
}

var errKilled = errors.New("the test killed it")

// begin arranges for the disturbance of a run: seen is to be told of every line.
// end ends it.
func (d disturbance) begin(ctx context.Context, run *scheduler.Run) (_ context.Context, seen, end func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	now, over := make(chan struct{}), make(chan struct{})
	var worker sync.WaitGroup
	worker.Go(func() {
		select {
		case <-now:
		case <-over:
			return
		}
		time.Sleep(d.wait)
		switch d.what {
		case "pause":
			run.Pause()
			time.Sleep(time.Duration(1+d.at) * time.Millisecond)
			run.Resume()
		case "stop":
			run.Stop()
		case "kill":
			cancel(errKilled)
		}
	})
	lines := 0
	seen = func() {
		if lines++; lines == d.at+1 {
			close(now)
		}
	}
	return ctx, seen, func() {
		close(over)
		worker.Wait()
		cancel(nil)
	}
}

// compareStopped compares what a sink got in a run that was stopped with what it
// gets in a whole one.
func compareStopped(got, want []string, mixed bool) bool {
	if !mixed {
		return len(got) <= len(want) && slices.Equal(got, want[:len(got)])
	}
	left := map[string]int{}
	for _, line := range want {
		left[line]++
	}
	for _, line := range got {
		if left[line]--; left[line] < 0 {
			return false
		}
	}
	return true
}
