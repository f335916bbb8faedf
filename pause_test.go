package flowrun_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun"
)

// A graph that is paused gives nothing, and goes on where it was.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := flowrun.New("pause")
		g.Pause() // without a run it does nothing
		s := flowrun.Func(g, "source", func(ctx context.Context, emit func(int) error) error {
			for i := range 20 {
				time.Sleep(time.Second)
				if err := emit(i); err != nil {
					return err
				}
			}
			return nil
		})
		var got []int
		var last time.Duration
		start := time.Now()
		flowrun.Each(s, "sink", func(_ context.Context, x int) error {
			got, last = append(got, x), time.Since(start)
			return nil
		})
		time.AfterFunc(5500*time.Millisecond, g.Pause)
		time.AfterFunc(time.Hour, func() {
			if s := g.Stats(); !s.Paused || s.Nodes[0].State != "paused" {
				t.Errorf("%+v", s)
			}
			g.Resume()
		})
		report, err := g.Run(t.Context())
		if err != nil || len(got) != 20 || last < time.Hour || report.PausedFor == 0 {
			t.Errorf("%d items, the last after %s: %v", len(got), last, err)
		}
		for i, x := range got {
			if x != i {
				t.Errorf("item %d is %d", i, x)
			}
		}
		g.Resume()
	})
}
