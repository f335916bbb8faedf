package scheduler

import (
	"context"
	"hash/maphash"
	"io"
	"sync"

	"github.com/flowrun/flowrun/graph/record"
)

// keyedDepth is how many pieces may wait for one worker of a keyed stage.
const keyedDepth = 4

// keyed is a stage under order: key. The goroutine that takes splits each batch by
// the hash of the key fields; each worker gets the items of its keys in their
// order and sends when it likes.
func (s *stage) keyed(ctx context.Context, workers int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queues := make([]chan record.Data, workers)
	var crew sync.WaitGroup
	for i := range queues {
		work, err := s.open(ctx)
		if err != nil {
			return err
		}
		queues[i] = make(chan record.Data, keyedDepth)
		crew.Go(func() {
			w := s.n.newWorker()
			defer w.note(ended, nil)
			o := &output{ctx: ctx, n: s.n, w: w, done: &s.done}
			for in := range queues[i] {
				if ctx.Err() != nil {
					in.Release()
					continue
				}
				o.begin(nil)
				if err := s.piece(ctx, w, work, o, in, nil); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := s.dispatch(ctx, queues)
	for _, q := range queues {
		close(q)
	}
	crew.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func (s *stage) dispatch(ctx context.Context, queues []chan record.Data) error {
	w := s.n.newWorker()
	defer w.note(ended, nil)
	seed := maphash.MakeSeed()
	for {
		in, _, err := s.next(ctx, w)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		b, ok := in.(*record.Batch)
		if !ok { // Go values have no fields to look at, so one worker keeps the order
			if err := put(ctx, w, queues[0], in); err != nil {
				return err
			}
			continue
		}
		parts := make([]*record.Batch, len(queues))
		for i := range b.Len() {
			row := b.Row(i)
			k := s.hash(seed, b, row) % uint64(len(queues))
			if parts[k] == nil {
				parts[k] = b.Share()
				parts[k].Sel = parts[k].SelBuf()
			}
			parts[k].Sel = append(parts[k].Sel, uint16(row))
		}
		b.Release()
		for k, part := range parts {
			if part != nil {
				if err := put(ctx, w, queues[k], part); err != nil {
					return err
				}
			}
		}
	}
}

func put(ctx context.Context, w *worker, q chan record.Data, d record.Data) error {
	select {
	case q <- d:
		return nil
	default:
	}
	defer w.waits(queueing, nil)()
	select {
	case q <- d:
		return nil
	case <-ctx.Done():
		d.Release()
		return context.Cause(ctx)
	}
}

// hash is that of the key fields of a row.
func (s *stage) hash(seed maphash.Seed, b *record.Batch, row int) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, name := range s.n.spec.Engine.Key {
		c := b.Col(name.Value)
		if c == nil || c.IsNull(row) {
			h.WriteByte(0)
			continue
		}
		h.WriteByte(1)
		switch c.Form {
		case record.FormInt:
			maphash.WriteComparable(&h, c.Int[row])
		case record.FormFloat:
			maphash.WriteComparable(&h, c.Float[row])
		case record.FormBool:
			maphash.WriteComparable(&h, c.Bool[row])
		case record.FormText:
			h.WriteString(c.Str[row])
			h.WriteByte(0)
		}
	}
	return h.Sum64()
}
