package meter

import (
	"syscall"
	"time"
)

// thread is RUSAGE_THREAD, which package syscall does not name.
const thread = 1

// threadTime is the processor time that the calling thread has used; negative if the
// system does not say.
func threadTime() time.Duration {
	var use syscall.Rusage
	if syscall.Getrusage(thread, &use) != nil {
		return -1
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
