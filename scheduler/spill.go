package scheduler

import (
	"fmt"
	"os"
	"sync"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// An overflow holds what an edge with on_full: spill has no room for: first in
// memory, as much as the edge's bytes, then in a temporary file that is deleted as
// soon as it is open, so that nothing is left behind whatever happens.
//
// Order: the channel comes first, then memory, then the file. The sender puts
// something on the channel only while the overflow is empty, and decides so under
// mu; the reader looks at both under mu. So nothing overtakes, and a reader that
// found both empty will be woken by the channel.
type overflow struct {
	t     *types.Type
	dir   string
	limit int // bytes in memory

	mu     sync.Mutex
	memory []envelope
	size   int // of memory
	file   *os.File
	read   int64 // in the file: where the reader is
	wrote  int64
	stored []stored // what is in the file, in order
	broken error    // of reading it back
	buf    []byte
}

// stored is an envelope in the file.
type stored struct {
	epoch uint64
	items int
	bytes int // as counted on the edge
	size  int // in the file
}

func newOverflow(spec *graph.Edge, dir string) *overflow {
	return &overflow{t: spec.Type, dir: dir, limit: int(spec.Contract.Bytes)}
}

// send puts an envelope on the channel or into the overflow. It never waits.
func (o *overflow) send(e *edge, env envelope) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.memory) == 0 && len(o.stored) == 0 && (e.room(envelope{}) || e.count.Items.Load() == int64(env.items)) {
		select {
		case e.ch <- env:
			return nil
		default:
		}
	}
	e.count.Spilled.Add(int64(env.items))
	b, storable := env.data.(*record.Batch) // Go values have no form on disk; they stay in memory
	if !storable || len(o.stored) == 0 && o.size+env.bytes <= o.limit {
		o.memory = append(o.memory, env)
		o.size += env.bytes
		return nil
	}
	return o.store(env, b)
}

// store appends a batch to the file.
func (o *overflow) store(env envelope, b *record.Batch) error {
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
	o.stored = append(o.stored, stored{env.epoch, env.items, env.bytes, len(o.buf)})
	env.data.Release()
	return nil
}

// tryReceive takes the next envelope, if there is one. done says that the edge has
// ended and is empty.
func (o *overflow) tryReceive(e *edge) (env envelope, ok, done bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	over := false
	select {
	case env, ok = <-e.ch:
		if ok {
			return env, true, false
		}
		over = true
	default:
	}
	if len(o.memory) > 0 {
		env = o.memory[0]
		o.memory[0] = envelope{}
		o.memory = o.memory[1:]
		o.size -= env.bytes
		return env, true, false
	}
	if len(o.stored) > 0 {
		if env, o.broken = o.load(); o.broken != nil {
			return envelope{}, false, true
		}
		return env, true, false
	}
	return envelope{}, false, over
}

// fault is why the overflow cannot be read back, nil if it can.
func (o *overflow) fault() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.broken
}

// load reads the next batch of the file.
func (o *overflow) load() (envelope, error) {
	s := o.stored[0]
	o.stored = o.stored[1:]
	if cap(o.buf) < s.size {
		o.buf = make([]byte, s.size)
	}
	buf := o.buf[:s.size]
	if _, err := o.file.ReadAt(buf, o.read); err != nil {
		return envelope{}, fmt.Errorf("the overflow of a queue cannot be read back: %w", err)
	}
	o.read += int64(s.size)
	b, err := record.Decode(o.t, buf)
	if err != nil {
		return envelope{}, fmt.Errorf("the overflow of a queue: %w", err)
	}
	if len(o.stored) == 0 { // begin again at the start, so that the file does not grow for ever
		o.read, o.wrote = 0, 0
		if err := o.file.Truncate(0); err != nil {
			return envelope{}, fmt.Errorf("the overflow of a queue: %w", err)
		}
	}
	return envelope{epoch: s.epoch, data: b, items: s.items, bytes: s.bytes}, nil
}

// close releases what is left.
func (o *overflow) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, env := range o.memory {
		env.data.Release()
	}
	o.memory, o.stored = nil, nil
	if o.file != nil {
		o.file.Close()
		o.file = nil
	}
}
