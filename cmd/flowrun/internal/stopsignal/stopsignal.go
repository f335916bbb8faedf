// Package stopsignal lists the signals that stop a flow, for the command and for what
// listens before it; see package early.
package stopsignal

import (
	"os"
	"os/signal"
	"syscall"
)

// All are interrupt, termination and hang-up. A hang-up that the parent said to
// ignore (nohup) stays ignored.
func All() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}
