//go:build !linux

package meter

import "time"

// threadTime is not known here.
func threadTime() time.Duration { return -1 }

// machineTime is not known here.
func machineTime() (used time.Duration, processors int) { return 0, 0 }

// queued is not known here.
func queued() time.Duration { return 0 }
