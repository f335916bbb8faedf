package stopsignal

import (
	"testing"
	"time"
)

// What comes within a quarter of a second of a signal is the same one, however often, and
// what comes later is another: whoever insists is heard.
func TestEcho(t *testing.T) {
	var e Echo
	start := time.Now()
	if e.Of(start) {
		t.Error("nothing was heard, and the first signal is an echo")
	}
	e.Heard(start)
	for after, want := range map[time.Duration]bool{
		20 * time.Microsecond:  true,
		100 * time.Millisecond: true,
		249 * time.Millisecond: true,
		250 * time.Millisecond: false,
		time.Minute:            false,
	} {
		if got := e.Of(start.Add(after)); got != want {
			t.Errorf("after %s: echo is %t", after, got)
		}
	}
}
