package scheduler

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
)

// A gathering puts what a stage receives together to the batches that the flow
// asks for, and cuts what is larger. It is guarded by the take token.
//
// What waits here is counted as taken by the node. A batch is never made of items
// from two edges, or of two types: what comes from another one flushes those that
// wait.
type gathering struct {
	s     *stage
	want  graph.Batching
	parts []gathered
	items int
	bytes int64
	ahead *gathered // waits for the parts to leave, because it is unlike them
	ended error     // why nothing more comes; nil: something may
}

// A gathered is data that waits to be part of a batch.
type gathered struct {
	piece
	came  time.Time
	bytes int64 // of an item
}

func newGathering(s *stage) *gathering {
	want := s.n.spec.Engine.Batch
	if !want.Given() || s.def.Next != nil {
		return nil
	}
	want.Count = min(want.Count, s.n.run.options.atMost(want.Count))
	return &gathering{s: s, want: want}
}

// atMost is the size of a batch of n items in a run whose batches are bounded.
func (o *Options) atMost(n int) int {
	if o.Batch > 0 {
		return min(n, o.Batch)
	}
	return n
}

// fetch takes what is there, or the next batch if the flow asks for some.
func (s *stage) fetch(w *worker) (piece, error) {
	if s.gather == nil {
		return s.receive(s.n.run.ctx, w)
	}
	return s.gather.next(w)
}

var errLate = errors.New("the first item has waited long enough")

// next gives the next batch.
func (g *gathering) next(w *worker) (piece, error) {
	for !g.full() && g.ended == nil && g.ahead == nil {
		p, err := g.receive(w)
		switch {
		case err == nil:
			g.add(p)
			continue
		case g.items > 0 && g.s.n.run.ctx.Err() == nil && (errors.Is(err, errLate) || g.s.n.run.stopping()):
		default:
			g.ended = err
		}
		break
	}
	if g.items == 0 || g.ended != nil && !errors.Is(g.ended, io.EOF) {
		return piece{}, g.ended
	}
	return g.cut(), nil
}

// receive waits as long as the first item may: for ever if there is none, not at
// all when the flow is stopped.
func (g *gathering) receive(w *worker) (piece, error) {
	run := g.s.n.run
	if g.items == 0 {
		return g.s.receive(run.ctx, w)
	}
	ctx, cancel := run.sources, context.CancelFunc(func() {})
	if g.want.Period > 0 {
		ctx, cancel = context.WithDeadlineCause(ctx, g.parts[0].came.Add(g.want.Period), errLate)
	}
	defer cancel()
	return g.s.receive(ctx, w)
}

func (g *gathering) full() bool {
	return g.items >= g.want.Count || g.want.Bytes > 0 && g.bytes >= int64(g.want.Bytes)
}

func (g *gathering) add(p piece) {
	n := p.data.Len()
	if n == 0 {
		p.data.Release()
		return
	}
	part := gathered{p, time.Now(), 0}
	if g.want.Bytes > 0 {
		part.bytes = itemBytes(p.data)
	}
	if len(g.parts) > 0 && (g.parts[0].edge != p.edge || !record.Alike(g.parts[0].data, p.data)) {
		g.ahead = &part
		return
	}
	g.put(part)
}

func (g *gathering) put(part gathered) {
	g.parts = append(g.parts, part)
	g.items += part.data.Len()
	g.bytes += part.bytes * int64(part.data.Len())
}

// itemBytes estimates the memory of one item.
func itemBytes(d record.Data) int64 {
	n := d.Len()
	if b, ok := d.(*record.Batch); ok {
		n = b.Rows
	}
	return max(1, int64(d.Bytes()/max(n, 1)))
}

// cut takes a batch off the front of what waits: as many items as are wanted, at
// least one.
func (g *gathering) cut() piece {
	var taken []record.Data
	first := g.parts[0].piece
	room, bytes := g.want.Count, int64(g.want.Bytes)
	for len(g.parts) > 0 && room > 0 {
		part := &g.parts[0]
		n := part.data.Len()
		size := min(n, room)
		if part.bytes > 0 {
			size = min(size, int(bytes/part.bytes))
		}
		if size == 0 && len(taken) == 0 {
			size = 1 // one that is larger than all that is wanted
		}
		if size == 0 {
			break
		}
		room, bytes = room-size, max(0, bytes-part.bytes*int64(size))
		g.items, g.bytes = g.items-size, g.bytes-part.bytes*int64(size)
		if size < n {
			taken = append(taken, part.data.Slice(0, size))
			rest := part.data.Slice(size, n)
			part.data.Release()
			part.data = rest
			break
		}
		taken = append(taken, part.data)
		g.parts = g.parts[1:]
	}
	if len(g.parts) == 0 && g.ahead != nil {
		part := *g.ahead
		g.parts, g.ahead = nil, nil
		g.put(part)
	}
	first.data = record.Concat(taken)
	return first
}

// drop releases what still waits, which nobody wants any more, and tells how many
// items that were.
func (g *gathering) drop() int {
	if g == nil {
		return 0
	}
	if g.ahead != nil {
		g.put(*g.ahead)
	}
	for _, part := range g.parts {
		part.data.Release()
	}
	g.parts, g.ahead = nil, nil
	return g.items
}

// atOnce is how many of the waiting items make a piece of work.
func (s *stage) atOnce(waiting int) int {
	if s.gather != nil {
		return waiting // it is cut to size already
	}
	return min(s.share(waiting), s.n.run.options.batch())
}
