package brokertest

import (
	"testing"
	"time"
)

// clearTime is left to a test that waits in vain, for what it has to clear away.
const clearTime = 20 * time.Second

// Await waits until something holds. It gives up when the time of the tests is nearly over,
// and at no other: a machine that is slow, or busy, is no reason to fail.
func Await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	end, limited := t.Deadline()
	for !holds() {
		if limited && time.Until(end) < clearTime {
			t.Fatalf("in vain: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
