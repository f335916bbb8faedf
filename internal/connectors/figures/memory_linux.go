package main

import (
	"os"
	"syscall"
)

// memoryOf is the most memory that a process had, in bytes.
func memoryOf(ended *os.ProcessState) int64 {
	if usage, ok := ended.SysUsage().(*syscall.Rusage); ok {
		return usage.Maxrss << 10
	}
	return 0
}
