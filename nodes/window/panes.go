package window

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/aggregate"
)

// A pane is an open window of a size: its keys in the order of their first item,
// and the folds of each. It is dropped whole when it is closed.
type pane struct {
	start int64
	keys  *record.Keys // nil: no key
	state *aggregate.State

	added  []uint16 // rows to be folded
	hashes []uint64 // of their keys
}

// panes is the store of windows of a size.
type panes struct {
	k           *window
	size, every int64
	offset      int64
	open        map[int64]*pane // by start
	touched     []*pane         // those that have rows to be folded
	next        int64           // the least end of a pane
	numbers     []int32
	groups      []int32 // by physical row
	partial     []*record.Batch
}

func newPanes(k *window) *panes {
	p := &panes{k: k, size: int64(k.Size), every: int64(k.Every.span), open: map[int64]*pane{}, next: math.MaxInt64}
	if p.every == 0 {
		p.every = p.size
	}
	p.offset = int64(k.Offset) % p.every
	return p
}

// add implements store. An item between two windows counts as in time.
func (p *panes) add(r *windowBatch, i int, watermark int64) bool {
	row := r.keys.Row(i)
	t := r.times.Int[row]
	first := floor(t-p.offset, p.every) + p.offset
	for start := first; start > t-p.size; start -= p.every {
		if start+p.size <= watermark {
			return start != first
		}
		w := p.pane(start)
		if len(w.added) == 0 {
			p.touched = append(p.touched, w)
		}
		w.added = append(w.added, uint16(row))
		if r.hashes != nil {
			w.hashes = append(w.hashes, r.hashes[i])
		}
	}
	return true
}

func (p *panes) pane(start int64) *pane {
	w := p.open[start]
	if w == nil {
		w = &pane{start: start, state: p.k.set.State()}
		if len(p.k.By) > 0 {
			w.keys = record.NewKeys(p.k.keys.Type)
		} else {
			w.state.Grow(1)
		}
		p.open[start] = w
		p.next = min(p.next, start+p.size)
	}
	return w
}

// settle implements store.
func (p *panes) settle(r *windowBatch) {
	if len(p.groups) < r.in.Rows {
		p.groups = make([]int32, r.in.Rows)
	}
	for _, w := range p.touched {
		p.fold(w, r)
		w.added, w.hashes = w.added[:0], w.hashes[:0]
	}
	p.touched = p.touched[:0]
}

func (p *panes) fold(w *pane, r *windowBatch) {
	if w.keys != nil {
		keys := chosen(r.keys, w.added)
		p.numbers = w.keys.Add(keys, w.hashes, p.numbers[:0])
		keys.Release()
		for i, n := range p.numbers {
			p.groups[w.added[i]] = n
		}
		w.state.Grow(w.keys.Len())
	} else {
		for _, row := range w.added {
			p.groups[row] = 0
		}
	}
	p.partial = p.partial[:0]
	for _, values := range r.values {
		p.partial = append(p.partial, chosen(values, w.added))
	}
	w.state.Add(p.groups, p.partial)
	for _, values := range p.partial {
		values.Release()
	}
}

// chosen gives b with those of its selected rows that are among rows, ascending.
func chosen(b *record.Batch, rows []uint16) *record.Batch {
	s := b.Share()
	if b.Sel == nil {
		s.Sel = append(s.SelBuf(), rows...)
		return s
	}
	sel, of := s.SelBuf(), b.Sel
	for _, row := range rows {
		for len(of) > 0 && of[0] < row {
			of = of[1:]
		}
		if len(of) > 0 && of[0] == row {
			sel = append(sel, row)
		}
	}
	s.Sel = sel
	return s
}

// close implements store.
func (p *panes) close(watermark int64, all bool, s *sender, out nodes.Out) error {
	if !all && watermark < p.next {
		return nil
	}
	var done []*pane
	p.next = math.MaxInt64
	for start, w := range p.open {
		if all || start+p.size <= watermark {
			done = append(done, w)
			delete(p.open, start)
		} else {
			p.next = min(p.next, start+p.size)
		}
	}
	slices.SortFunc(done, func(a, b *pane) int { return int(min(1, max(-1, a.start-b.start))) })
	for _, w := range done {
		if err := p.send(w, s, out); err != nil {
			return err
		}
	}
	return nil
}

func (p *panes) send(w *pane, s *sender, out nodes.Out) error {
	n := 1
	var keys *record.Table
	if w.keys != nil {
		n, keys = w.keys.Len(), w.keys.Table()
	}
	for from := 0; from < n; from += record.MaxRows {
		var spans []span
		for i := from; i < min(from+record.MaxRows, n); i++ {
			spans = append(spans, span{key: int32(i), start: w.start, end: w.start + p.size})
		}
		if err := s.send(keys, spans, w.state, from, out); err != nil {
			return err
		}
	}
	return nil
}
