package window

import (
	"math"

	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

// A joiner is a running window_join. Items that may still find a partner are held on
// their side; an item that arrives is looked up on the other one.
type joiner struct {
	k      *windowJoin
	marks  *watermarks
	keys   *record.Keys
	sides  [2]heldSide
	needed []bool
	late   [2]lateItems
	errs   expr.RowErrors

	lefts, rights []int32 // the pairs gathered so far: rows of the sides, -1: none
}

// A heldSide is the items of one side that are held.
type heldSide struct {
	rows    *record.Table
	times   []int64
	keyOf   []int32   // by row; -1: a part of the key is null
	byKey   [][]int32 // rows, in the order of arrival
	matched []bool    // by row: it had a partner; only of left
	lone    timeHeap  // of left, with kind left: rows that may come out alone
	tidyAt  int
}

func newHeldSide(t *types.Type) heldSide {
	return heldSide{rows: record.NewTable(t), tidyAt: 8 * record.MaxRows}
}

func newJoiner(k *windowJoin, env *nodes.Env) *joiner {
	j := &joiner{
		k: k, marks: newWatermarks(2, k.Lateness), keys: record.NewKeys(k.key.Type), needed: env.Needed("out"),
		sides: [2]heldSide{newHeldSide(k.types[left]), newHeldSide(k.types[right])},
	}
	for side, port := range []string{"late_left", "late_right"} {
		j.late[side] = newLateItems(env, port)
	}
	return j
}

// A joinBatch is a batch of one side with its keys.
type joinBatch struct {
	in      *record.Batch
	keys    *record.Batch // its selection is the items that have a time
	numbers []int32       // of the selected keys; -1: a part is null
	times   *record.Column
}

func (r *joinBatch) len() int         { return r.keys.Len() }
func (r *joinBatch) time(i int) int64 { return r.times.Int[r.keys.Row(i)] }

// Release gives the keys back.
func (r *joinBatch) Release() { r.keys.Release() }

// read implements alignTarget. It finds the keys of a batch. Items without a time are
// reported.
func (j *joiner) read(side int, b *record.Batch, out nodes.Out) (timedBatch, error) {
	fields := [2][]int{j.k.key.Left, j.k.key.Right}[side]
	r := &joinBatch{in: b, keys: j.k.key.Batch(b, fields), times: b.Cols[j.k.times[side]]}
	j.errs.Reset()
	checkTimes(b, r.times, &j.errs)
	if j.errs.Len() > 0 {
		if err := nodes.BadRows(out, b, &j.errs); err != nil {
			r.Release()
			return nil, err
		}
		r.keys.Sel = columns.Without(b, &j.errs, r.keys.SelBuf())
	}
	r.numbers = j.keys.Add(r.keys, j.keys.Hash(r.keys, nil), nil)
	for i := range r.numbers {
		if columns.AnyNull(r.keys.Cols, r.keys.Row(i)) {
			r.numbers[i] = -1
		}
	}
	return r, nil
}

// moved implements alignTarget.
func (j *joiner) moved(out nodes.Out) error {
	if err := j.release(j.marks.now(), out); err != nil {
		return err
	}
	return j.flush(out)
}

// finish implements alignTarget.
func (j *joiner) finish(out nodes.Out) error {
	if err := j.release(math.MaxInt64, out); err != nil {
		return err
	}
	return j.flush(out)
}

// take implements alignTarget. It puts items together with those that are held, and
// holds them.
func (j *joiner) take(side int, items timedBatch, from, to int, out nodes.Out) error {
	r, own := items.(*joinBatch), &j.sides[side]
	kept := r.in.Share()
	defer kept.Release()
	sel := kept.SelBuf()
	first := own.rows.Rows
	var marks []int64 // by kept item: the watermark before it
	watermark := j.marks.now()
	for i := from; i < to; i++ {
		row, t := r.keys.Row(i), r.time(i)
		if t < watermark {
			j.late[side].add(row)
			continue
		}
		sel, marks = append(sel, uint16(row)), append(marks, watermark)
		own.hold(t, r.numbers[i])
		j.marks.advance(side, t)
		watermark = j.marks.now()
	}
	kept.Sel = sel
	own.rows.Append(kept)
	for i, mark := range marks {
		if err := j.release(mark, out); err != nil {
			return err
		}
		if err := j.pair(side, int32(first+i), mark, out); err != nil {
			return err
		}
	}
	if err := j.release(watermark, out); err != nil {
		return err
	}
	if err := j.flush(out); err != nil {
		return err
	}
	for i := range j.sides {
		j.sides[i].tidy(watermark - int64(j.k.Within))
	}
	return j.late[side].send(r.in, out)
}

// hold notes the time and the key of an item that is appended to the rows.
func (h *heldSide) hold(t int64, key int32) {
	h.times, h.keyOf, h.matched = append(h.times, t), append(h.keyOf, key), append(h.matched, false)
}

// pair looks for the partners of an item, and holds it.
func (j *joiner) pair(side int, row int32, watermark int64, out nodes.Out) error {
	own, other := &j.sides[side], &j.sides[1-side]
	key, t, within := own.keyOf[row], own.times[row], int64(j.k.Within)
	if side == left && j.k.Kind == "left" {
		own.lone.push(timedRow{t, row})
	}
	if key < 0 {
		return nil
	}
	own.reach(key)
	own.byKey[key] = append(own.byKey[key], row)
	other.reach(key)
	held := other.byKey[key]
	kept := held[:0]
	for _, partner := range held {
		at := other.times[partner]
		if at < watermark-within { // nothing in time is near it any more
			continue
		}
		kept = append(kept, partner)
		if at < t-within || at > t+within {
			continue
		}
		l, r := row, partner
		if side == right {
			l, r = partner, row
		}
		j.sides[left].matched[l] = true
		if err := j.emit(l, r, out); err != nil {
			return err
		}
	}
	other.byKey[key] = kept
	return nil
}

func (h *heldSide) reach(key int32) {
	for int(key) >= len(h.byKey) {
		h.byKey = append(h.byKey, nil)
	}
}

// release sends items of left that had no partner and can have none any more.
func (j *joiner) release(watermark int64, out nodes.Out) error {
	l := &j.sides[left]
	for len(l.lone) > 0 && (watermark == math.MaxInt64 || l.lone[0].t < watermark-int64(j.k.Within)) {
		if row := l.lone.pop().row; !l.matched[row] {
			if err := j.emit(row, -1, out); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j *joiner) emit(l, r int32, out nodes.Out) error {
	j.lefts, j.rights = append(j.lefts, l), append(j.rights, r)
	if len(j.lefts) < record.MaxRows {
		return nil
	}
	return j.flush(out)
}

// flush sends the pairs gathered so far.
func (j *joiner) flush(out nodes.Out) error {
	if len(j.lefts) == 0 {
		return nil
	}
	d := record.NewNeeded(j.k.out, make([]bool, len(j.k.out.Fields)))
	d.Rows = len(j.lefts)
	n := len(j.k.types[left].Fields)
	for i := range d.Cols {
		switch {
		case !j.needed[i]:
		case i < n:
			d.Fresh(i).Gather(0, j.sides[left].rows.Cols[i], j.lefts, nil)
		case j.sides[right].rows.Cols == nil:
			columns.Nulls(d.Fresh(i), d.Rows)
		default:
			d.Fresh(i).Gather(0, j.sides[right].rows.Cols[j.k.fields[i-n]], j.rights, nil)
		}
	}
	j.lefts, j.rights = j.lefts[:0], j.rights[:0]
	return out.Emit(outPort, d)
}

// tidy drops items older than a time when they outnumber the others. Rows keep
// their order. Rows of lone are as young as that.
func (h *heldSide) tidy(oldest int64) {
	if h.rows.Rows < h.tidyAt {
		return
	}
	var live []int32
	for row, t := range h.times {
		if t >= oldest {
			live = append(live, int32(row))
		}
	}
	h.tidyAt = 2*len(live) + 8*record.MaxRows
	if 2*len(live) > h.rows.Rows {
		return
	}
	place := make([]int32, h.rows.Rows) // by old row: the new one plus 1
	for i, row := range live {
		place[row] = int32(i) + 1
		h.times[i], h.keyOf[i], h.matched[i] = h.times[row], h.keyOf[row], h.matched[row]
	}
	n := len(live)
	h.times, h.keyOf, h.matched = h.times[:n], h.keyOf[:n], h.matched[:n]
	for key, rows := range h.byKey {
		kept := rows[:0]
		for _, row := range rows {
			if place[row] > 0 {
				kept = append(kept, place[row]-1)
			}
		}
		if h.byKey[key] = kept; len(kept) == 0 {
			h.byKey[key] = nil
		}
	}
	for i := range h.lone {
		h.lone[i].row = place[h.lone[i].row] - 1
	}
	h.rows = columns.CopyRows(h.rows, live)
}

// A timedRow is a row with its time.
type timedRow struct {
	t   int64
	row int32
}

func (x timedRow) before(y timedRow) bool { return x.t < y.t || x.t == y.t && x.row < y.row }

// A timeHeap has the earliest row at its top, of equals the one that came first.
type timeHeap []timedRow

func (h *timeHeap) push(x timedRow) {
	s := append(*h, x)
	i := len(s) - 1
	for ; i > 0 && x.before(s[(i-1)/2]); i = (i - 1) / 2 {
		s[i] = s[(i-1)/2]
	}
	s[i] = x
	*h = s
}

func (h *timeHeap) pop() timedRow {
	s := *h
	first, last := s[0], s[len(s)-1]
	s = s[:len(s)-1]
	for i := 0; len(s) > 0; {
		child := 2*i + 1
		if child+1 < len(s) && s[child+1].before(s[child]) {
			child++
		}
		if child >= len(s) || !s[child].before(last) {
			s[i] = last
			break
		}
		s[i] = s[child]
		i = child
	}
	*h = s
	return first
}
