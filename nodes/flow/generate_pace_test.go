package flow

import (
	"testing"
	"testing/synctest"
	"time"
)

// What could not leave for long, because an edge was full or the run was paused, does
// not come all at once afterwards: a second's worth does, and then the pace is kept.
func TestPaceAfterALongWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clockwork{pace: 10, left: 1 << 40}
		made := func(within time.Duration) (n int) {
			for end := time.Now().Add(within); time.Now().Before(end); {
				s, err := c.next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				n += s.n
			}
			return n
		}
		if n := made(10 * time.Second); n < 100 || n > 102 {
			t.Errorf("%d items in 10 s at 10 a second", n)
		}
		time.Sleep(500 * time.Millisecond) // a short wait is made up for
		if n := made(9500 * time.Millisecond); n < 99 || n > 101 {
			t.Errorf("%d items in 10 s of which half a second was lost", n)
		}
		time.Sleep(time.Hour)
		if n := made(10 * time.Second); n < 109 || n > 112 {
			t.Errorf("%d items in 10 s after an hour", n)
		}
	})
}
