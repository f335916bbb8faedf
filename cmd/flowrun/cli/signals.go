package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/flowrun/flowrun/cmd/flowrun/internal/stopsignal"
)

// This file has the signals of the process. The first one stops a run, which then
// finishes what is on its way; the second one, or the end of the time for that, kills it.
// A verb that runs nothing ends at the first one. A process is always ended with 128 and
// the number of the signal.

// signals are those that the process has got and nobody has acted on yet.
type signals struct{ c chan os.Signal }

// Signals has what a program has heard before Main; see package early. It is nil for one
// that does not listen so soon.
var Signals chan os.Signal

// hear begins to listen. Main does so before anything else.
func hear() *signals {
	s := &signals{Signals}
	if s.c == nil {
		s.c = make(chan os.Signal, 2)
		signal.Notify(s.c, stopsignal.All()...)
	}
	return s
}

// context is one that the next signal ends, until stop is called.
func (s *signals) context() (ctx context.Context, stop context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		select {
		case <-s.c:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() { s.mute(); cancel() }
}

// mute stops listening.
func (s *signals) mute() { signal.Stop(s.c) }

// codeOf is the code that a process ends with because of a signal. The page asks as a
// termination does.
func codeOf(sig os.Signal) int {
	if number, ok := sig.(syscall.Signal); ok {
		return codeSignal + int(number)
	}
	return codeSignal + int(syscall.SIGTERM)
}

// watchCrashes sees to it that the end of the process tells what it was: a crash of the
// runtime is SIGABRT (134) and SIGQUIT, which shows what everybody is at, 131. Go's own 2
// is for wrong flows and calls here.
func watchCrashes(stderr io.Writer) {
	debug.SetTraceback("crash")
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, syscall.SIGQUIT)
	go func() {
		sig := <-quit
		fmt.Fprintf(stderr, "%s\n\n%s\n", sig, stacks())
		os.Exit(codeOf(sig))
	}()
}

// stacks are those of all goroutines.
func stacks() []byte {
	for size := 1 << 20; ; size *= 2 {
		text := make([]byte, size)
		if n := runtime.Stack(text, true); n < size || size >= 64<<20 {
			return text[:n]
		}
	}
}

// A crash is a panic of this program that no node is to blame for.
type crash struct {
	value any
	stack []byte
}

func (c *crash) Error() string {
	return fmt.Sprintf("internal error: %v\n%s", c.value, c.stack)
}

// caught turns a panic into the error of a call.
func caught(err *error) {
	if value := recover(); value != nil {
		*err = (&ending{code: codeFailed, err: &crash{value, debug.Stack()}}).or("this is a fault of the program: please report it with the text above")
	}
}
