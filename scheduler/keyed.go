package scheduler

import (
	"cmp"
	"context"
	"io"
	"sync"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// keyedDepth is how many pieces may wait for one worker of a keyed stage.
const keyedDepth = 4

// keyed is a stage under order: key. The goroutine that takes splits each batch by
// the hash of the key fields; each worker gets the items of its keys in their
// order and sends when it likes.
func (s *stage) keyed(ctx context.Context, workers int) error {
	works := make([]nodes.Work, workers)
	for i := range works {
		var err error
		if works[i], err = s.open(ctx); err != nil {
			return err
		}
	}
	queues := make([]chan piece, workers)
	var crew sync.WaitGroup
	for i := range queues {
		queues[i] = make(chan piece, keyedDepth)
		crew.Go(func() {
			w := s.n.newWorker()
			defer w.note(ended, nil)
			var j job
			for {
				p, ok := get(queues[i], w)
				if !ok {
					return
				}
				if ctx.Err() != nil {
					p.data.Release()
					continue
				}
				if err := s.do(ctx, w, works[i], &j, p); err != nil {
					s.n.run.fail(s.n, err)
				}
			}
		})
	}
	err := s.dispatch(ctx, queues)
	for _, q := range queues {
		close(q)
	}
	crew.Wait()
	return cmp.Or(context.Cause(ctx), err)
}

// dispatch takes the input apart.
func (s *stage) dispatch(ctx context.Context, queues []chan piece) error {
	w := s.n.newWorker()
	defer w.note(ended, nil)
	var o output
	defer o.drop()
	for {
		p, err := s.next(ctx, w)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		o.begin(ctx, w, nil)
		err = s.toRecords(&p, &o)
		if ferr := o.flushErrors(); err == nil {
			err = ferr
		}
		if err != nil {
			p.data.Release()
			return err
		}
		b, ok := p.data.(*record.Batch)
		if s.n.breaker != nil && o.bad > 0 { // no worker will judge it
			s.n.breaker.outcome(p.era, o.bad+p.data.Len(), o.bad)
		}
		if !ok { // Go values have no fields to look at, so one worker keeps the order
			if err := put(ctx, w, queues[0], p); err != nil {
				return err
			}
			continue
		}
		if err := s.deal(ctx, w, b, p, queues); err != nil {
			return err
		}
	}
}

// deal gives each worker the rows of a batch that have its keys.
func (s *stage) deal(ctx context.Context, w *worker, b *record.Batch, from piece, queues []chan piece) error {
	defer b.Release()
	parts := make([]*record.Batch, len(queues))
	for i, hash := range s.hashes(b) {
		row, k := b.Row(i), hash%uint64(len(queues))
		if parts[k] == nil {
			parts[k] = b.Share()
			parts[k].Sel = parts[k].SelBuf()
		}
		parts[k].Sel = append(parts[k].Sel, uint16(row))
	}
	var killed error
	for k, part := range parts {
		switch {
		case part == nil:
		case killed != nil:
			part.Release()
		default:
			killed = put(ctx, w, queues[k], piece{data: part, edge: from.edge, era: from.era})
		}
	}
	return killed
}

// put hands a piece to a worker, which gets the reference.
func put(ctx context.Context, w *worker, q chan piece, p piece) error {
	select {
	case q <- p:
		return nil
	default:
	}
	defer w.waits(queueing, nil)()
	select {
	case q <- p:
		return nil
	case <-ctx.Done():
		p.data.Release()
		return context.Cause(ctx)
	}
}

// get takes what put handed over; ok is false at the end.
func get(q chan piece, w *worker) (p piece, ok bool) {
	select {
	case p, ok = <-q:
		return p, ok
	default:
	}
	defer w.waits(queueing, nil)()
	p, ok = <-q
	return p, ok
}

// hashes gives a hash of the key fields for each selected row: the same in every
// run, so that a flow shares its keys among workers alike each time.
func (s *stage) hashes(b *record.Batch) []uint64 {
	var fields []types.Field
	var cols []*record.Column
	for _, name := range s.n.spec.Engine.Key {
		if f, ok := b.Type.Field(name.Value); ok {
			fields = append(fields, f)
			cols = append(cols, b.Col(name.Value))
		}
	}
	keys := b.Derive(types.Record(fields...))
	defer keys.Release()
	copy(keys.Cols, cols)
	return record.StableHashes(keys, make([]uint64, 0, b.Len()))
}
