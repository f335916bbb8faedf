package meter

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is the processor time that the calling thread has used; negative if the
// system does not say. It counts to the nanosecond, where getrusage knows of a thread
// that is running no more than what it had used at the last tick.
func threadTime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return -1
	}
	return time.Duration(t.Nano())
}
