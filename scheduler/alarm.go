package scheduler

import (
	"sync/atomic"
	"time"
)

// An alarm rings when something is due, while whoever would look is held up by a source
// that has nothing to give.
type alarm struct {
	due     atomic.Int64  // as in node.due; 0: nothing
	changed chan struct{} // tells run that due is another
}

func newAlarm() *alarm { return &alarm{changed: make(chan struct{}, 1)} }

// set says what is due first.
func (a *alarm) set(due int64) {
	if a.due.Swap(due) != due {
		poke(a.changed)
	}
}

// run calls ring at each time that the alarm is set to, until over is closed or ring
// reports that there is no more to come.
func (a *alarm) run(life *lifetime, over <-chan struct{}, ring func() bool) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if due := a.due.Load(); due != 0 {
			timer.Reset(time.Until(life.at(due)))
		} else {
			timer.Stop()
		}
		select {
		case <-over:
			return
		case <-a.changed:
			continue
		case <-timer.C:
		}
		if !ring() {
			return
		}
	}
}
