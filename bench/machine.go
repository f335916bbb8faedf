package main

import (
	"errors"
	"runtime"
	"syscall"
	"time"
)

// This file measures what the process has used, and lets it come to rest before.

// memory is what is in use, garbage collected.
func memory() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// settle waits until no more goroutines are started and gives the time of the last
// change.
func settle() time.Time {
	last, n := time.Now(), runtime.NumGoroutine()
	for time.Since(last) < 300*time.Millisecond {
		time.Sleep(time.Millisecond)
		if now := runtime.NumGoroutine(); now != n {
			last, n = time.Now(), now
		}
	}
	return last
}

// idle gives the microseconds of CPU that this process takes in a second.
func idle(span time.Duration) float64 {
	before := cpuTime()
	time.Sleep(span)
	return (cpuTime() - before).Seconds() * 1e6 / span.Seconds()
}

// cpuTime is the processor time that the process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(errors.New("no resource usage: " + err.Error()))
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
