package control

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A breaker opens after so many failures in a row, lets one item through when the time is
// over, and closes again if that one succeeds. An item is judged under the state in which
// it was taken.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		b := NewBreaker(graph.Breaker{Failures: 3, OpenFor: time.Minute}, func(to metrics.BreakerState, failures int) {
			told = append(told, fmt.Sprint(to, " ", failures))
		})
		may := func() string {
			ok, again := b.May(time.Now())
			switch {
			case ok:
				return "yes"
			case again.IsZero():
				return "when that is known"
			}
			return time.Until(again).String()
		}
		expect := func(when, want string) {
			t.Helper()
			if got := may(); got != want {
				t.Errorf("%s: may another item be taken? %s, want %s", when, got, want)
			}
		}
		late := b.Enter()
		b.Outcome(b.Enter(), 2, 2)
		b.Outcome(b.Enter(), 2, 1) // one of them succeeded
		b.Outcome(b.Enter(), 1, 1)
		expect("two failed, then one did not, then one", "yes")
		b.Outcome(b.Enter(), 2, 2)
		expect("three in a row failed", "1m0s")
		b.Outcome(late, 1, 0)
		expect("one succeeded that was taken before", "1m0s")
		time.Sleep(59 * time.Second)
		expect("a second before the time is over", "1s")
		time.Sleep(time.Second)
		expect("the time is over", "yes")
		tried := b.Enter()
		expect("an item is tried", "when that is known")
		b.Outcome(tried, 1, 1)
		expect("it failed", "1m0s")
		time.Sleep(time.Minute)
		b.Outcome(b.Enter(), 1, 0)
		expect("the next one succeeded", "yes")
		b.Outcome(NoEra, 9, 9)
		expect("items failed that are not judged", "yes")
		want := []string{"open 3", "trying 3", "open 4", "trying 4", "closed 0"}
		if !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}
