package scheduler

import (
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// An overflow holds what an edge with on_full: spill has no room for: in memory, as
// much as the edge's bytes, else in a temporary file that is deleted as soon as it
// is open, so that nothing is left behind whatever happens.
//
// Order: the channel comes first, then the queue. The sender puts something on the
// channel only while the queue is empty, and decides so under mu; the reader looks
// at both under mu. So nothing overtakes, and a reader that found both empty will
// be woken by the channel.
type overflow struct {
	t     *types.Type
	dir   string
	limit int // bytes in memory

	mu     sync.Mutex
	queue  []spilled // in order
	size   int       // bytes of the queue in memory
	stored int       // how many of the queue are in the file
	file   *os.File
	read   int64 // in the file: where the reader is
	wrote  int64
	broken error // of reading it back
	buf    []byte
}

// spilled is an envelope in the overflow. Without data it is in the file.
type spilled struct {
	envelope
	size int // in the file
}

func newOverflow(spec *graph.Edge, bytes int64, dir string) *overflow {
	return &overflow{t: spec.Type, dir: dir, limit: int(bytes)}
}

// send puts an envelope on the channel or into the overflow. It never waits.
func (o *overflow) send(e *edge, env envelope) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 && (e.room(envelope{}) || e.count.Items.Load() == int64(env.items)) {
		select {
		case e.ch <- env:
			return nil
		default:
		}
	}
	e.count.Spilled.Add(int64(env.items))
	b, storable := env.data.(*record.Batch) // Go values have no form on disk; they stay in memory
	if !storable || o.size+env.bytes <= o.limit {
		o.queue = append(o.queue, spilled{envelope: env})
		o.size += env.bytes
		return nil
	}
	return o.store(env, b)
}

// store appends a batch to the file.
func (o *overflow) store(env envelope, b *record.Batch) error {
	defer b.Release()
	if o.file == nil {
		f, err := os.CreateTemp(o.dir, "flowrun-spill-*")
		if err != nil {
			return err
		}
		if err := os.Remove(f.Name()); err != nil {
			return err
		}
		o.file = f
	}
	o.buf = record.Encode(o.buf[:0], b)
	if _, err := o.file.WriteAt(o.buf, o.wrote); err != nil {
		return fmt.Errorf("the overflow of a queue in %s: %w", o.file.Name(), err)
	}
	o.wrote += int64(len(o.buf))
	env.data = nil
	o.queue = append(o.queue, spilled{env, len(o.buf)})
	o.stored++
	return nil
}

// tryReceive takes the next envelope, if there is one. done says that the edge has
// ended and is empty.
func (o *overflow) tryReceive(e *edge) (env envelope, ok, done bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken != nil { // what comes after the lost part must not pass for the rest
		return envelope{}, false, true
	}
	over := false
	select {
	case env, ok = <-e.ch:
		if ok {
			return env, true, false
		}
		over = true
	default:
	}
	if len(o.queue) == 0 {
		return envelope{}, false, over
	}
	head := o.queue[0]
	o.queue[0] = spilled{}
	o.queue = o.queue[1:]
	if head.data != nil {
		o.size -= head.bytes
		return head.envelope, true, false
	}
	if head.data, o.broken = o.load(head.size); o.broken != nil {
		return envelope{}, false, true
	}
	return head.envelope, true, false
}

// fault is why the overflow cannot be read back, nil if it can.
func (o *overflow) fault() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.broken
}

// load reads the next batch of the file.
func (o *overflow) load(size int) (record.Data, error) {
	o.stored--
	o.buf = slices.Grow(o.buf[:0], size)[:size]
	if _, err := o.file.ReadAt(o.buf, o.read); err != nil {
		return nil, fmt.Errorf("the overflow of a queue cannot be read back: %w", err)
	}
	o.read += int64(size)
	b, err := record.Decode(o.t, o.buf)
	if err != nil {
		return nil, fmt.Errorf("the overflow of a queue: %w", err)
	}
	if o.stored == 0 { // begin again at the start, so that the file does not grow for ever
		o.read, o.wrote = 0, 0
		if err := o.file.Truncate(0); err != nil {
			b.Release()
			return nil, fmt.Errorf("the overflow of a queue: %w", err)
		}
	}
	return b, nil
}

// close releases what is left.
func (o *overflow) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.queue {
		if s.data != nil {
			s.data.Release()
		}
	}
	o.queue = nil
	if o.file != nil {
		o.file.Close()
		o.file = nil
	}
}
