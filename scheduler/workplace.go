package scheduler

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/flowrun/flowrun/scheduler/control"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A workplace is what all workers of a node share, whatever they work on.
type workplace struct {
	life      *lifetime
	gate      *control.Gate // of limits.workers
	line      control.Line  // of those who wait at it
	exchange  *exchange     // nil: one worker that needs no others
	interrupt atomic.Bool   // whoever is between two items is to call Yield
	count     metrics.Node

	mu    sync.Mutex
	hired []*worker // who works here, and some who did
}

// An exchange is how workers share what was taken: who is idle, and who could give some of
// it back.
type exchange struct {
	idle       atomic.Int64  // workers that wait for something to do
	splittable atomic.Int64  // jobs in work that have several items
	back       chan struct{} // work was given back
	leave      chan struct{} // each worker that takes one off goes
}

// newWorker adds a goroutine to those of the node, of which there are so many at most at
// once.
func (p *workplace) newWorker(most int) *worker {
	w := &worker{place: p}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.hired) > 2*most+2 { // others hold the old slice, so it stays as it is
		p.hired = slices.DeleteFunc(slices.Clone(p.hired), func(w *worker) bool { doing, _ := w.doing(); return doing == ended })
	}
	p.hired = append(p.hired, w)
	return w
}

// everyone is who works here now, and some who did.
func (p *workplace) everyone() []*worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hired
}
