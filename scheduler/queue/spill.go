package queue

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// A SpillConfig says what a Spill holds where.
type SpillConfig struct {
	Type  *types.Type // of the items
	Items int64       // the bounds of the edge: what is within them is no overflow
	Bytes int64
	Slots int
	Dir   string // for the file; "": the system's folder for temporary files
	// Spilled is told of items that were put beyond the bounds.
	Spilled func(items int)
}

// A Spill is a queue that never has no room. What is put beyond the bounds of the
// edge is overflow: as much as the edge's bytes stays in memory, the rest goes to a
// temporary file that is deleted as soon as it is open, so that nothing is left behind
// whatever happens. Go values have no form on disk; they stay in memory.
type Spill struct {
	SpillConfig

	mu     sync.Mutex
	queue  []spilledEnvelope // in order
	front  int               // how many of the first are no overflow
	items  int64             // of these
	bytes  int64             // of these
	size   int64             // bytes of the overflow that are in memory
	stored int               // how many of the queue are in the file
	all    int64             // items in the queue
	file   *os.File
	read   int64 // in the file: where the reader is
	wrote  int64
	broken error
	buf    []byte

	pending pendingMark
}

// spilledEnvelope is an envelope in the queue. Without data it is in the file.
type spilledEnvelope struct {
	Envelope
	size   int // in the file
	origin uint64
}

// NewSpill makes a queue that spills.
func NewSpill(c SpillConfig) *Spill { return &Spill{SpillConfig: c} }

// Full implements Queue.
func (*Spill) Full() bool { return false }

// ErrStore says that the overflow could not be written: whoever put something knows, and
// whoever takes need not say so as well.
var ErrStore = errors.New("the overflow of a queue cannot be written")

// Put implements Queue. An error of the file shows by Err.
func (s *Spill) Put(env Envelope) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil { // what comes after the lost part must not pass for the rest
		env.Data.Release()
		return
	}
	if len(s.queue) == s.front && s.fits(env) {
		s.push(env, 0)
		s.front++
		s.items += int64(env.Items)
		s.bytes += int64(env.Bytes)
		return
	}
	s.Spilled(env.Items)
	b, storable := env.Data.(*record.Batch)
	if !storable || s.size+int64(env.Bytes) <= s.Bytes {
		s.push(env, 0)
		s.size += int64(env.Bytes)
		return
	}
	s.broken = s.store(env, b)
}

// push puts an envelope at the end, without its data if that is in the file.
func (s *Spill) push(env Envelope, size int) {
	s.queue = append(s.queue, spilledEnvelope{env, size, s.pending.now()})
	s.all += int64(env.Items)
}

func (s *Spill) fits(env Envelope) bool {
	return s.front == 0 || s.front < s.Slots && s.items+int64(env.Items) <= s.Items && s.bytes+int64(env.Bytes) <= s.Bytes
}

// store appends a batch to the file.
func (s *Spill) store(env Envelope, b *record.Batch) error {
	defer b.Release()
	if s.file == nil {
		f, err := os.CreateTemp(s.Dir, "flowrun-spill-*")
		if err != nil {
			return fmt.Errorf("%w: %w", ErrStore, err)
		}
		if err := os.Remove(f.Name()); err != nil {
			f.Close()
			return fmt.Errorf("%w: %w", ErrStore, err)
		}
		s.file = f
	}
	s.buf = record.Encode(s.buf[:0], b)
	if _, err := s.file.WriteAt(s.buf, s.wrote); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrStore, s.file.Name(), err)
	}
	s.wrote += int64(len(s.buf))
	env.Data = nil
	s.push(env, len(s.buf))
	s.stored++
	return nil
}

// Take implements Queue.
func (s *Spill) Take(bool, int) (env Envelope, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil || len(s.queue) == 0 || s.pending.there {
		return env, false
	}
	head := s.queue[0]
	s.queue[0] = spilledEnvelope{}
	s.queue = s.queue[1:]
	s.all -= int64(head.Items)
	switch {
	case s.front > 0:
		s.front--
		s.items -= int64(head.Items)
		s.bytes -= int64(head.Bytes)
	case head.Data != nil:
		s.size -= int64(head.Bytes)
	default:
		if head.Data, s.broken = s.load(head.size); s.broken != nil {
			return env, false
		}
	}
	return head.Envelope, true
}

// Due implements Queue.
func (*Spill) Due() time.Time { return time.Time{} }

// Err implements Queue.
func (s *Spill) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

// Mark implements Queue. It passes at once: all that waits is held.
func (s *Spill) Mark(m Mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending.put(m, s.all)
}

// Marked implements Queue.
func (s *Spill) Marked() (Mark, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := uint64(NoLow)
	if len(s.queue) > 0 {
		oldest = s.queue[0].origin
	}
	return s.pending.take(oldest)
}

// load reads the next batch of the file.
func (s *Spill) load(size int) (record.Data, error) {
	s.stored--
	s.buf = slices.Grow(s.buf[:0], size)[:size]
	if _, err := s.file.ReadAt(s.buf, s.read); err != nil {
		return nil, fmt.Errorf("the overflow of a queue cannot be read back: %w", err)
	}
	s.read += int64(size)
	b, err := record.Decode(s.Type, s.buf)
	if err != nil {
		return nil, fmt.Errorf("the overflow of a queue: %w", err)
	}
	if s.stored == 0 { // begin again at the start, so that the file does not grow for ever
		s.read, s.wrote = 0, 0
		if err := s.file.Truncate(0); err != nil {
			b.Release()
			return nil, fmt.Errorf("the overflow of a queue: %w", err)
		}
	}
	return b, nil
}

// Close implements Queue.
func (s *Spill) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.queue {
		if q.Data != nil {
			q.Data.Release()
		}
	}
	s.queue = nil
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}
