package cli

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// A pipe is the standard output of a flow. It notices when nobody reads any more,
// and a write that nobody takes does not hold up a run that is killed. Many
// goroutines may write.
type pipe struct {
	w      io.Writer
	broken atomic.Bool   // nobody reads
	killed chan struct{} // closed by kill

	mu   sync.Mutex
	buf  []byte // what is being written: its writer may outlive the call that gave it
	done chan writeResult
}

type writeResult struct {
	n   int
	err error
}

func newPipe(w io.Writer) *pipe {
	return &pipe{w: w, killed: make(chan struct{}), done: make(chan writeResult, 1)}
}

var errKilled = errors.New("the run was ended")

func (p *pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.killed: // an earlier write may still be under way
		return 0, errKilled
	default:
	}
	p.buf = append(p.buf[:0], b...)
	go func() {
		n, err := p.w.Write(p.buf)
		p.done <- writeResult{n, err}
	}()
	select {
	case w := <-p.done:
		if brokenPipe(w.err) {
			p.broken.Store(true)
		}
		return w.n, w.err
	case <-p.killed:
		return 0, errKilled
	}
}

// kill lets every write return, now and later. It is called once.
func (p *pipe) kill() { close(p.killed) }
