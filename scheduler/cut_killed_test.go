package scheduler_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowrun/flowrun/scheduler"
)

// A run that was killed or has failed while a source hears of something acknowledges
// nothing more: what was on its way was thrown away.
func TestNothingIsAcknowledgedAfterTheEnd(t *testing.T) {
	for _, serial := range []bool{false, true} {
		t.Run(fmt.Sprintf("serial %v", serial), func(t *testing.T) {
			for range 50 { // there are choices of the runtime
				virtual(t, func(t *testing.T) { heardAfterTheEnd(t, serial) })
			}
		})
	}
}

func heardAfterTheEnd(t *testing.T, serial bool) {
	var over atomic.Bool
	first := make(chan struct{})
	var calls atomic.Int64
	hear := func(_ string, at int64) error {
		if over.Load() {
			t.Errorf("the run was killed, and the source hears of %d items", at)
		}
		if calls.Add(1) == 1 {
			close(first)
			time.Sleep(10 * time.Second)
		}
		return nil
	}
	tr := try(t, `
  source: {use: acker, with: {count: 30000, piece: 3, every: 20ms}}
  sink:   {use: got, in: source}
`, scheduler.Options{Serial: serial}, ackKinds(hear, func(string, int64) {})...)
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	go func() {
		<-first
		time.Sleep(time.Second)
		over.Store(true)
		kill()
	}()
	tr.execute(ctx)
}
