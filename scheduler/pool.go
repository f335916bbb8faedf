package scheduler

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// A pool is the workers of a node that has several. Their number may change: workers
// are opened on goroutines of their own, and leave, and are closed, when they are
// between two tasks.
//
// The take token makes taking serial: whoever holds it takes the next task and, with
// it, its place in the order of the input, and passes the token on.
//
// Nobody is idle while somebody else has items that have not begun: who finds nothing
// to do for as long as a task should take asks those who work on several items, and
// they give back the ones that are left, for anybody to take.
type pool struct {
	n    *driver
	ctx  context.Context
	all  sync.WaitGroup
	take chan struct{} // the take token
	*exchange

	mu     sync.Mutex
	open   []*worker // opened, and not closed yet; those who stay to the end are closed then
	size   int       // workers that stay
	going  int       // workers that were told to leave and are still there
	closed bool      // the input has ended: nobody is hired any more

	at   time.Time     // of the last change of size
	time time.Duration // of all workers up to then
}

func newPool(ctx context.Context, n *driver) *pool {
	most := n.workers.Max
	return &pool{
		n: n, ctx: ctx, take: make(chan struct{}, 1), at: time.Now(),
		exchange: &exchange{leave: make(chan struct{}, most), back: make(chan struct{}, most)},
	}
}

// hire starts a worker, which is opened first. The caller holds mu.
func (p *pool) hire() {
	p.size++
	p.all.Go(func() {
		w, err := p.n.open(p.ctx)
		if err == nil {
			p.mu.Lock()
			p.open = append(p.open, w)
			p.mu.Unlock()
			err = guard(func() error { return p.work(w) })
		}
		p.ended(w, err)
	})
}

// ended is told why a worker has nothing to do any more.
func (p *pool) ended(w *worker, err error) {
	w.note(ended, nil)
	if err == errLeave {
		p.left(w)
		return
	}
	p.close() // so that nobody is added while the node waits for all
	if err != nil {
		p.n.fail(err) // at once: the others may be waiting for input
	}
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.note()
		p.closed = true
	}
}

// left closes a worker that leaves before the end.
func (p *pool) left(w *worker) {
	if err := w.close(); err != nil {
		p.n.fail(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, o := range p.open {
		if o == w {
			p.open = append(p.open[:i:i], p.open[i+1:]...)
			break
		}
	}
	p.going--
	p.n.count.Workers.Store(int64(p.size + p.going))
}

// resize changes the number of workers and reports whether it did.
func (p *pool) resize(size int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || size == p.size {
		return false
	}
	p.note()
	for p.size > size {
		p.leave <- struct{}{} // there is room for every worker
		p.size--
		p.going++
	}
	for p.size < size && p.stay() {
	}
	p.n.count.Workers.Store(int64(size + p.going)) // before any of them is opened
	for p.size < size {
		p.hire()
	}
	return true
}

// staying is how many workers there are that were not told to leave.
func (p *pool) staying() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.size
}

// stay takes back that a worker is to leave, if none has heard it yet.
func (p *pool) stay() bool {
	select {
	case <-p.leave:
		p.going--
		p.size++
		return true
	default:
		return false
	}
}

// note adds up the time of all workers. The caller holds mu.
func (p *pool) note() {
	now := time.Now()
	p.time += now.Sub(p.at) * time.Duration(p.size)
	p.at = now
}

// timeOfAll is how long the workers have been there, added up.
func (p *pool) timeOfAll() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return p.time
	}
	p.note()
	return p.time
}

// work is the loop of a worker.
func (p *pool) work(w *worker) error {
	for {
		j, err := p.next(w)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.do(w, j); err != nil {
			return err
		}
	}
}

// next gives the worker something to do: what was given back, or the next task; io.EOF
// when all was delivered.
func (p *pool) next(w *worker) (*job, error) {
	for {
		if j := p.takeBack(); j != nil {
			return j, nil
		}
		j, err := p.takeNext(w)
		if err == errAgain {
			continue
		}
		if err != io.EOF {
			return j, err
		}
		// Nothing more will be taken, but somebody may still give work back.
		p.n.order.end()
		if err := w.reason(&wait{what: queueing, on: p.n.order.drained, over: p.ctx.Done()}); err != errAgain {
			if err == nil {
				err = io.EOF
			}
			return nil, err
		}
	}
}

// takeNext takes the next task under the token.
func (p *pool) takeNext(w *worker) (*job, error) {
	select {
	case <-p.leave:
		return nil, errLeave
	default:
	}
	select {
	case <-p.take:
	default:
		if err := w.reason(&wait{what: queueing, on: p.take, over: p.ctx.Done()}); err != nil {
			return nil, err
		}
	}
	defer func() { p.take <- struct{}{} }() // there is one token, so this never blocks
	for room := p.n.order.wait(); room != nil; room = p.n.order.wait() {
		if err := w.reason(&wait{what: queueing, on: room, over: p.ctx.Done()}); err != nil {
			return nil, err
		}
	}
	if p.n.failing.Load() {
		return nil, io.EOF // the failure comes in its turn
	}
	err := p.n.intake.next(p.ctx, w)
	switch {
	case err == io.EOF || err == errAgain || err == errLeave:
		return nil, err
	case err != nil && !p.n.order.linked:
		return nil, err
	case !p.n.order.linked && p.n.intake.task.kind == endTask:
		if err := p.n.order.settled(w); err != nil {
			p.n.intake.putBack()
			return nil, err
		}
	case !p.n.order.linked && p.n.intake.task.kind == cutTask:
		if j := p.n.order.takeCut(&p.n.intake.task); j != nil {
			return j, nil
		}
		return nil, errAgain
	}
	return p.begin(err), nil
}

// begin makes a job of the task that was taken. A failure to take has its turn too: that of an earlier
// task comes first.
func (p *pool) begin(err error) *job {
	if err != nil {
		p.n.intake.task = task{}
	}
	j := p.n.order.begin(&p.n.intake.task)
	j.err = err
	p.splits(j)
	return j
}

// splits notes whether others could take some of a job.
func (p *pool) splits(j *job) {
	if j.in.Data != nil && j.in.Data.Len() > 1 && p.n.parts.Parallel != nil {
		j.splits = true
		p.splittable.Add(1)
	}
}

// do works on a job and sees to it that it is delivered in its turn.
func (p *pool) do(w *worker, j *job) error {
	n := p.n
	j.out.begin(p.ctx, n.node, w, &n.done)
	if n.order.linked || n.cuts != nil {
		j.inTurn(n.order)
	}
	if j.err == nil {
		n.work(p.ctx, w, j)
	}
	if j.splits {
		j.splits = false
		p.splittable.Add(-1)
	}
	if !n.order.linked {
		return n.deliverFreely(p.ctx, w, j, j)
	}
	if j.err != nil && !errors.Is(j.err, nodes.ErrDone) && p.ctx.Err() == nil {
		n.failing.Store(true)
		n.interrupt.Store(true)
		n.bell.ring()
	}
	if !n.order.leave(j) {
		return nil
	}
	for j != nil {
		if err := n.deliver(p.ctx, w, j); err != nil {
			return err
		}
		j = n.order.advance(j)
	}
	return nil
}

// takeBack takes some of what was given back.
func (p *pool) takeBack() *job {
	j := p.n.order.takeBack(p.partOf)
	if j != nil {
		p.splits(j)
	}
	return j
}

// partOf is how much of what was given back to take at once: not more than the others
// could do as well.
func (p *pool) partOf(port, waiting int) int {
	workers := p.n.workers.Max
	return min(p.n.intake.share(port, waiting), (waiting+2*workers-1)/(2*workers))
}
