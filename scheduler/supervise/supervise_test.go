package supervise_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
	"github.com/flowrun/flowrun/scheduler/supervise"
)

var _ supervise.Run = (*scheduler.Run)(nil)

const never = 1000 * time.Hour

var (
	errWanted = errors.New("somebody wanted it")
	errOther  = errors.New("somebody else wanted it")
)

// A fakeRun ends by itself after Length, or Drain after it was stopped, or Dying after it
// was killed, whatever comes first.
type fakeRun struct {
	Length, Drain, Dying time.Duration
	Fault                any // it panics with

	stop         chan struct{}
	stops, exits int
}

func (r *fakeRun) Run(ctx context.Context) (metrics.Report, error) {
	if r.Fault != nil {
		panic(r.Fault)
	}
	select {
	case <-time.After(r.Length):
		return metrics.Report{Outcome: "done"}, nil
	case <-ctx.Done():
	case <-r.stop:
		select {
		case <-time.After(r.Drain):
			return metrics.Report{Outcome: "stopped"}, scheduler.ErrStopped
		case <-ctx.Done():
		}
	}
	time.Sleep(r.Dying)
	return metrics.Report{Outcome: "failed"}, context.Cause(ctx)
}

func (r *fakeRun) Stats() metrics.Report { return metrics.Report{Outcome: "running"} }
func (r *fakeRun) Exit()                 { r.exits++ }
func (r *fakeRun) Stop() {
	if r.stops++; r.stops == 1 {
		close(r.stop)
	}
}

// An order is what somebody does with a run, and when.
type order struct {
	at time.Duration
	do func(*supervise.Supervisor)
}

func stop(s *supervise.Supervisor) { s.Stop() }

func kill(cause error) func(*supervise.Supervisor) {
	return func(s *supervise.Supervisor) { s.Kill(cause) }
}

func TestEndings(t *testing.T) {
	const second, minute = time.Second, time.Minute
	limits := supervise.Options{Drain: 30 * second, Grace: second}
	for name, c := range map[string]struct {
		run     fakeRun
		options supervise.Options
		orders  []order
		after   time.Duration // is when it is over
		outcome string
		err     error
		killed  error
		exits   int
	}{
		"by itself":                     {fakeRun{Length: minute}, limits, nil, minute, "done", nil, nil, 0},
		"drained":                       {fakeRun{Length: never, Drain: 20 * second}, limits, []order{{minute, stop}}, 80 * second, "stopped", scheduler.ErrStopped, nil, 0},
		"stopped twice":                 {fakeRun{Length: never, Drain: 31 * second}, limits, []order{{minute, stop}, {20 * second, stop}}, 90 * second, "failed", supervise.ErrNotDrained, supervise.ErrNotDrained, 0},
		"not drained in time":           {fakeRun{Length: never, Drain: never}, limits, []order{{minute, stop}}, 90 * second, "failed", supervise.ErrNotDrained, supervise.ErrNotDrained, 0},
		"drained in any time":           {fakeRun{Length: never, Drain: 100 * time.Hour}, supervise.Options{}, []order{{minute, stop}}, minute + 100*time.Hour, "stopped", scheduler.ErrStopped, nil, 0},
		"killed":                        {fakeRun{Length: never, Dying: second / 2}, limits, []order{{minute, kill(errWanted)}}, minute + second/2, "failed", errWanted, errWanted, 0},
		"killed while it drained":       {fakeRun{Length: never, Drain: never}, limits, []order{{minute, stop}, {second, kill(errWanted)}}, minute + second, "failed", errWanted, errWanted, 0},
		"killed twice":                  {fakeRun{Length: never, Dying: second / 2}, limits, []order{{minute, kill(errWanted)}, {second / 4, kill(errOther)}}, minute + second/2, "failed", errWanted, errWanted, 0},
		"killed and stopped":            {fakeRun{Length: never, Drain: 0, Dying: second / 2}, limits, []order{{minute, kill(errWanted)}, {0, stop}}, minute + second/2, "failed", errWanted, errWanted, 0},
		"abandoned":                     {fakeRun{Length: never, Dying: minute}, limits, []order{{minute, kill(errWanted)}}, minute + second, "running", nil, errWanted, 1},
		"not drained and abandoned":     {fakeRun{Length: never, Drain: never, Dying: minute}, limits, []order{{minute, stop}}, 91 * second, "running", nil, supervise.ErrNotDrained, 1},
		"killed, and there is time":     {fakeRun{Length: never, Dying: 100 * time.Hour}, supervise.Options{}, []order{{minute, kill(errWanted)}}, minute + 100*time.Hour, "failed", errWanted, errWanted, 0},
		"stopped and killed at its end": {fakeRun{Length: minute}, limits, []order{{61 * second, stop}, {0, kill(errWanted)}}, minute, "done", nil, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var kills atomic.Int32
				c.run.stop, c.options.Killed = make(chan struct{}), func() { kills.Add(1) }
				began := time.Now()
				s := supervise.Start(&c.run, c.options)
				over := make(chan time.Duration, 1)
				go func() { <-s.Done(); over <- time.Since(began) }()
				for _, o := range c.orders {
					time.Sleep(o.at)
					synctest.Wait()
					o.do(s)
				}
				r := s.Result()
				if after := <-over; after != c.after || r.Report.Outcome != c.outcome || !errors.Is(r.Err, c.err) || r.Killed != c.killed || c.run.exits != c.exits || r.Abandoned != (c.exits == 1) {
					t.Errorf("after %s: %+v, %d exits; want %s, %s, %v, %v, %d exits", after, r, c.run.exits, c.after, c.outcome, c.err, c.killed, c.exits)
				}
				synctest.Wait()
				if told := kills.Load(); (told == 1) != (c.killed != nil) || told > 1 {
					t.Errorf("it was told %d times that the run is killed", told)
				}
				stops := c.run.stops
				time.Sleep(200 * time.Hour) // nothing is left that acts on it
				s.Stop()
				s.Kill(errOther)
				if again := s.Result(); again.Killed != r.Killed || again.Report.Outcome != r.Report.Outcome || c.run.stops != stops || c.run.exits != c.exits || kills.Load() > 1 {
					t.Errorf("what came after the end counts: %+v", again)
				}
			})
		})
	}
}

// A panic of the run is its error.
func TestPanic(t *testing.T) {
	s := supervise.Start(&fakeRun{Fault: "a fault"}, supervise.Options{})
	if r := s.Result(); r.Err == nil || !strings.Contains(r.Err.Error(), "a fault") || r.Killed != nil {
		t.Errorf("%+v", r)
	}
}
