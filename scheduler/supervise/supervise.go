// Package supervise runs a flow that somebody may want to end. A stop ends its sources
// and gives what is on its way a time to finish; a kill, by somebody or because that time
// is up, cancels it and gives it a moment to end by itself; then it is abandoned.
//
//	s := supervise.Start(run, supervise.Options{Drain: 30 * time.Second, Grace: time.Second})
//	s.Stop()       // the first ctrl-c
//	s.Kill(cause)  // the second
//	<-s.Done()
//	fmt.Println(s.Result())
//
// The command (cmd/flowrun/cli) and the pages that start flows (web) both end runs so.
package supervise

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// ErrNotDrained is why a run is killed that was stopped and did not finish in time.
var ErrNotDrained = errors.New("what was on its way did not finish in time")

// A Run is what is supervised; *scheduler.Run is one.
type Run interface {
	Run(context.Context) (metrics.Report, error)
	Stats() metrics.Report
	Stop()
	Exit()
}

// Options say how long a run may take to end.
type Options struct {
	// Drain is how long a stopped run may take to finish what is on its way; 0: as long
	// as it takes.
	Drain time.Duration
	// Grace is how long a killed run may take to end by itself. Then what it would leave
	// behind is removed and nobody waits for it any more, which is right for a process
	// that is about to end. 0: as long as it takes.
	Grace time.Duration
	// Killed, if set, is called when the run was told to end at once, once at most, by any
	// goroutine; the run may have ended by then.
	Killed func()
}

// A Result is how a run ended.
type Result struct {
	Report metrics.Report
	Err    error // what the run gave, or its panic
	Killed error // why it was killed before it had ended; nil: it was not
	// Abandoned is that a killed run did not end within the grace. Report says how it
	// stood then, and Err is nil.
	Abandoned bool
}

// A Supervisor looks after one run. Its methods may be called from many goroutines.
type Supervisor struct {
	run     Run
	options Options
	cancel  context.CancelCauseFunc
	done    chan struct{}

	mu      sync.Mutex
	stopped bool // guarded by mu, as all below
	killed  error
	over    bool
	drain   *time.Timer
	grace   *time.Timer
	result  Result // set before done is closed, and left alone then
}

// Start lets a run go.
func Start(run Run, o Options) *Supervisor {
	ctx, cancel := context.WithCancelCause(context.Background())
	s := &Supervisor{run: run, options: o, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer cancel(nil)
		var result Result
		result.Err = nodes.Guard(func() (err error) { result.Report, err = run.Run(ctx); return err })
		s.end(result)
	}()
	return s
}

// Stop begins the stop of the run. The second call, or one after the end, does nothing.
func (s *Supervisor) Stop() {
	s.mu.Lock()
	if s.stopped || s.over {
		s.mu.Unlock()
		return
	}
	s.stopped = true
	if s.options.Drain > 0 {
		s.drain = time.AfterFunc(s.options.Drain, func() { s.Kill(ErrNotDrained) })
	}
	s.mu.Unlock()
	s.run.Stop()
}

// Kill ends the run now, stopped or not, for a reason that must not be nil. Only the
// first call counts, and none after the end.
func (s *Supervisor) Kill(cause error) {
	s.mu.Lock()
	if s.killed != nil || s.over {
		s.mu.Unlock()
		return
	}
	s.killed = cause
	if s.options.Grace > 0 {
		s.grace = time.AfterFunc(s.options.Grace, s.abandon)
	}
	s.mu.Unlock()
	s.cancel(cause)
	if s.options.Killed != nil {
		s.options.Killed()
	}
}

// Done is closed when the run has ended, or was abandoned.
func (s *Supervisor) Done() <-chan struct{} { return s.done }

// Result waits for the end of the run and says how it was.
func (s *Supervisor) Result() Result {
	<-s.done
	return s.result
}

// abandon gives up a run that has not ended within the grace.
func (s *Supervisor) abandon() {
	select {
	case <-s.done:
	default:
		s.run.Exit()
		s.end(Result{Report: s.run.Stats(), Abandoned: true})
	}
}

// end keeps the first result there is.
func (s *Supervisor) end(result Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	for _, timer := range []*time.Timer{s.drain, s.grace} {
		if timer != nil {
			timer.Stop()
		}
	}
	result.Killed = s.killed
	s.over, s.result = true, result
	close(s.done)
}
