//go:build unix

package metrics

import (
	"syscall"
	"time"
)

// CPUTime is the processor time that the process has used; 0 if the system does
// not tell.
func CPUTime() time.Duration {
	var use syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &use) != nil {
		return 0
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
