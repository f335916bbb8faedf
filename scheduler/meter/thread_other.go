//go:build !linux

package meter

import "time"

// threadTime is not known here.
func threadTime() time.Duration { return -1 }
