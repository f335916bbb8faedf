package window

import (
	"cmp"
	"slices"

	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/aggregate"
	"github.com/flowrun/flowrun/nodes/columns"
)

// A buffer is the store of sessions and of windows of count items: it keeps the
// items themselves and folds them when a window is closed, because sessions grow
// together and windows of a key overlap.
type buffer struct {
	k      *window
	keys   *record.Keys  // nil: no key
	rows   *record.Table // the items that are held, and some that are not any more
	times  []int64       // by row; only if there is a time
	tidyAt int           // rows to have before tidying
	keysAt int           // keys to have before tidying them

	of      []lane // by key
	lanes   int32  // given numbers so far
	current *windowBatch
	numbers []int32  // of the keys of current
	added   []uint16 // rows of current to be kept

	sessions sessionHeap
	begun    int64          // sessions so far
	ready    []closedWindow // windows of count items that are full
	values   *aggregate.Reader
}

// A lane is what is held of a key.
type lane struct {
	number   int32 // in the order of the first item of each key, from 1; 0: none yet
	sessions []*session
	rows     []int32 // of the window of count items that is being filled
	skip     int     // items that are in no window, because every is more than count
}

// A session is an open session of a key.
type session struct {
	key        int32
	number     int64 // sessions are numbered in the order of their first items
	start, end int64
	rows       []int32
	void       bool // it was taken up by another one
}

// A closedWindow is what is left of a window once it is closed.
type closedWindow struct {
	span
	rows []int32 // in the order of arrival
}

func newBuffer(k *window) *buffer {
	b := &buffer{k: k, rows: record.NewTable(k.in), tidyAt: 8 * record.MaxRows, keysAt: 4 * record.MaxRows, values: k.set.Reader()}
	if len(k.By) > 0 {
		b.keys = record.NewKeys(k.keys.Type)
	}
	return b
}

// add implements store.
func (b *buffer) add(r *windowBatch, i int, watermark int64) bool {
	if b.current != r {
		b.begin(r)
	}
	key := b.numbers[i]
	row := r.keys.Row(i)
	var t int64
	if r.times != nil {
		t = r.times.Int[row]
	}
	l := &b.of[key]
	if b.k.Session > 0 && t+int64(b.k.Session) <= watermark {
		return false
	}
	if l.number == 0 {
		b.lanes++
		l.number = b.lanes
	}
	if l.skip > 0 {
		l.skip--
		return true
	}
	kept := int32(b.rows.Rows + len(b.added))
	b.added = append(b.added, uint16(row))
	if r.times != nil {
		b.times = append(b.times, t)
	}
	if b.k.Session > 0 {
		b.extend(l, key, kept, t, watermark)
	} else {
		b.fill(l, key, kept)
	}
	return true
}

// begin finds the keys of a batch.
func (b *buffer) begin(r *windowBatch) {
	b.current, b.numbers = r, b.numbers[:0]
	if b.keys != nil {
		b.numbers = b.keys.Add(r.keys, r.hashes, b.numbers)
		b.of = append(b.of, make([]lane, b.keys.Len()-len(b.of))...)
		return
	}
	for range r.keys.Len() {
		b.numbers = append(b.numbers, 0)
	}
	if len(b.of) == 0 {
		b.of = make([]lane, 1)
	}
}

// settle implements store.
func (b *buffer) settle(r *windowBatch) {
	if len(b.added) == 0 {
		return
	}
	s := r.in.Share()
	s.Sel = append(s.SelBuf(), b.added...)
	b.rows.Append(s)
	s.Release()
	b.added = b.added[:0]
}

// fill puts an item into the window of count items of its key.
func (b *buffer) fill(l *lane, key, row int32) {
	l.rows = append(l.rows, row)
	if len(l.rows) < b.k.Count {
		return
	}
	b.ready = append(b.ready, b.counted(key, slices.Clone(l.rows)))
	if every := cmp.Or(b.k.Every.items, b.k.Count); every < b.k.Count {
		l.rows = append(l.rows[:0], l.rows[every:]...)
	} else {
		l.rows, l.skip = l.rows[:0], every-b.k.Count
	}
}

// counted is a window of items, with the least and the greatest of their times.
func (b *buffer) counted(key int32, rows []int32) closedWindow {
	c := closedWindow{span{key: key}, rows}
	if b.times != nil {
		c.start, c.end = b.times[rows[0]], b.times[rows[0]]
		for _, row := range rows {
			c.start, c.end = min(c.start, b.times[row]), max(c.end, b.times[row])
		}
	}
	return c
}

// close implements store.
func (b *buffer) close(watermark int64, all bool, s *sender, out nodes.Out) error {
	done := b.ready
	b.ready = nil
	if b.k.Session > 0 {
		done = b.ended(watermark, all)
	} else if all {
		done = append(done, b.unfilled()...)
	}
	for len(done) > 0 {
		n := min(len(done), record.MaxRows)
		if err := b.send(done[:n], s, out); err != nil {
			return err
		}
		done = done[n:]
	}
	b.tidy()
	b.tidyKeys()
	return nil
}

// unfilled gives the windows of count items that are not full when the input ends,
// in the order of their keys.
func (b *buffer) unfilled() []closedWindow {
	var keys []int32
	for key, l := range b.of {
		if len(l.rows) > 0 {
			keys = append(keys, int32(key))
		}
	}
	slices.SortFunc(keys, func(x, y int32) int { return int(b.of[x].number - b.of[y].number) })
	var done []closedWindow
	for _, key := range keys {
		for rows := b.of[key].rows; len(rows) > 0; {
			done = append(done, b.counted(key, rows))
			rows = rows[min(len(rows), cmp.Or(b.k.Every.items, b.k.Count)):]
		}
		b.of[key].rows = nil
	}
	return done
}

// send folds the items of closed windows and sends the results.
func (b *buffer) send(done []closedWindow, s *sender, out nodes.Out) error {
	f := rowFolder{b: b, state: b.k.set.State(), out: out}
	f.state.Grow(len(done))
	spans := make([]span, len(done))
	for i, c := range done {
		spans[i] = c.span
		for _, row := range c.rows {
			if err := f.add(row, int32(i)); err != nil {
				return err
			}
		}
	}
	if err := f.flush(); err != nil {
		return err
	}
	var keys *record.Table
	if b.keys != nil {
		keys = b.keys.Table()
	}
	return s.send(keys, spans, f.state, 0, out)
}

// A rowFolder folds kept rows into groups, a batch at a time.
type rowFolder struct {
	b      *buffer
	state  *aggregate.State
	out    nodes.Out
	rows   []int32
	groups []int32
	errs   expr.RowErrors
}

func (f *rowFolder) add(row, group int32) error {
	f.rows, f.groups = append(f.rows, row), append(f.groups, group)
	if len(f.rows) < record.MaxRows {
		return nil
	}
	return f.flush()
}

func (f *rowFolder) flush() error {
	if len(f.rows) == 0 {
		return nil
	}
	items := f.b.rows.Batch(f.rows)
	defer items.Release()
	f.errs.Reset()
	values := f.b.values.Values(items, &f.errs)
	if f.errs.Len() == 0 { // they were computed before, when the items came
		f.state.Add(f.groups, values)
	}
	for _, v := range values {
		v.Release()
	}
	f.rows, f.groups = f.rows[:0], f.groups[:0]
	return nodes.BadRows(f.out, items, &f.errs)
}

// tidy drops rows that no open window has when they outnumber the others. Rows
// keep their order.
func (b *buffer) tidy() {
	if b.rows.Rows < b.tidyAt {
		return
	}
	var live []int32
	b.eachRow(func(row *int32) { live = append(live, *row) })
	b.tidyAt = 2*len(live) + 8*record.MaxRows
	if 2*len(live) > b.rows.Rows {
		return
	}
	slices.Sort(live)
	b.eachRow(func(row *int32) {
		at, _ := slices.BinarySearch(live, *row)
		*row = int32(at)
	})
	b.rows = columns.CopyRows(b.rows, live)
	if b.times != nil {
		for i, row := range live {
			b.times[i] = b.times[row]
		}
		b.times = b.times[:len(live)]
	}
}

// tidyKeys forgets keys of which nothing is held when they outnumber the others.
func (b *buffer) tidyKeys() {
	if b.keys == nil || b.keys.Len() < b.keysAt {
		return
	}
	var keys, numbers []int32
	var lanes []lane
	for key, l := range b.of {
		if len(l.sessions) > 0 || len(l.rows) > 0 || l.skip > 0 {
			keys, lanes = append(keys, int32(key)), append(lanes, l)
		}
	}
	b.keysAt = 2*len(keys) + 4*record.MaxRows
	old := b.keys.Table()
	b.keys = record.NewKeys(old.Type)
	for rest := keys; len(rest) > 0; {
		n := min(len(rest), record.MaxRows)
		batch := old.Batch(rest[:n])
		numbers = b.keys.Add(batch, b.keys.Hash(batch, nil), numbers)
		batch.Release()
		rest = rest[n:]
	}
	b.of = lanes // numbers are given in the order in which keys are added
	for i := range lanes {
		for _, s := range lanes[i].sessions {
			s.key = numbers[i]
		}
	}
	b.current = nil // its keys have other numbers now
}

// eachRow visits the rows of all open windows.
func (b *buffer) eachRow(visit func(row *int32)) {
	for k := range b.of {
		l := &b.of[k]
		for i := range l.rows {
			visit(&l.rows[i])
		}
		for _, s := range l.sessions {
			for i := range s.rows {
				visit(&s.rows[i])
			}
		}
	}
}
