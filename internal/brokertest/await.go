package brokertest

import (
	"testing"
	"time"
)

// clearTime is left to a test that waits in vain, for what it has to clear away.
const clearTime = 20 * time.Second

// Until waits until something holds, and reports whether it does. It gives up when the time of
// the tests is nearly over, and at no other: that a machine is slow, or busy, is no fault.
func Until(t testing.TB, holds func() bool) bool {
	var end time.Time
	limited := false
	if d, ok := t.(interface{ Deadline() (time.Time, bool) }); ok { // a benchmark has none
		end, limited = d.Deadline()
	}
	for !holds() {
		if limited && time.Until(end) < clearTime {
			return false
		}
		time.Sleep(5 * time.Millisecond)
	}
	return true
}

// Await waits until something holds. If that is in vain, the test ends.
func Await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	if !Until(t, holds) {
		t.Fatalf("in vain: %s", what)
	}
}
