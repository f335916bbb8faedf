package queue

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

var numbers = types.Record(types.Field{Name: "n", Type: types.Int})

// rows is an envelope of records with the numbers from..to-1, in the order in which
// they came.
func rows(from, to int) Envelope {
	b := record.New(numbers)
	b.Rows = to - from
	b.Cols[0].Resize(b.Rows)
	env := Envelope{Data: b, Items: b.Rows, Bytes: 8 * b.Rows}
	var order []Rank
	for i := range b.Rows {
		b.Cols[0].Int[i] = int64(from + i)
		order = append(order, Rank{Row: i})
	}
	env.Order = &order
	return env
}

// A goRow is a Go value that could be a record.
type goRow struct{ N int64 }

// values is an envelope of Go values with the numbers from..to-1.
func values(from, to int) Envelope {
	var vs []goRow
	for i := from; i < to; i++ {
		vs = append(vs, goRow{int64(i)})
	}
	return Envelope{Data: record.Wrap(vs), Items: len(vs), Bytes: 8 * len(vs)}
}

// contents gives the numbers in data, and releases it.
func contents(t *testing.T, d record.Data) (all []int64) {
	t.Helper()
	defer d.Release()
	switch d := d.(type) {
	case *record.Batch:
		for i := range d.Len() {
			all = append(all, d.Cols[0].Int[d.Row(i)])
		}
	case *record.Items[goRow]:
		for _, v := range d.V {
			all = append(all, v.N)
		}
	default:
		t.Fatalf("there is %T in the queue", d)
	}
	return all
}

// takeAll empties a queue.
func takeAll(t *testing.T, q Queue) (all []int64) {
	t.Helper()
	for {
		env, ok := q.Take(false, record.MaxRows)
		if !ok {
			return all
		}
		if got := env.Data.Len(); got != env.Items {
			t.Errorf("an envelope of %d items says that it has %d", got, env.Items)
		}
		all = append(all, contents(t, env.Data)...)
	}
}

func upTo(n int) (all []int64) {
	for i := range n {
		all = append(all, int64(i))
	}
	return all
}

// counted runs a test and looks whether all data was released.
func counted(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	record.Poison(true)
	defer record.Poison(false)
	before := record.Live()
	f(t)
	if left := record.Live() - before; left != 0 && !t.Failed() {
		t.Errorf("%d batches were never released", left)
	}
}

// all makes a queue of each type.
var all = []struct {
	name string
	make func(t *testing.T) Queue
}{
	{"channel", func(*testing.T) Queue { return NewChannel(1000) }},
	{"list", func(*testing.T) Queue { return &List{} }},
	{"heap", func(*testing.T) Queue { return &Heap{} }},
	{"spill, all in memory", func(t *testing.T) Queue { return newSpill(t, SpillConfig{Items: 1000, Bytes: 1 << 20, Slots: 1000}) }},
	{"spill, overflow in memory", func(t *testing.T) Queue { return newSpill(t, SpillConfig{Items: 2, Bytes: 1 << 20, Slots: 1}) }},
	{"spill, overflow in a file", func(t *testing.T) Queue { return newSpill(t, SpillConfig{Items: 2, Bytes: 1, Slots: 1}) }},
}

func newSpill(t *testing.T, c SpillConfig) *Spill {
	c.Type = numbers
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	if c.Spilled == nil {
		c.Spilled = func(int) {}
	}
	return NewSpill(c)
}

// Every queue gives what was put, once and in its order, whatever comes between.
func TestQueuesKeepWhatWasPut(t *testing.T) {
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			counted(t, func(t *testing.T) {
				q := c.make(t)
				defer q.Close()
				if env, ok := q.Take(true, 10); ok || !q.Due().IsZero() || q.Err() != nil {
					t.Errorf("an empty queue gives %+v, is due at %v, has the error %v", env, q.Due(), q.Err())
				}
				var got []int64
				put := 0
				for round := range 40 {
					for range round%5 + 1 {
						size := 1 + put%7
						if q.Full() {
							t.Fatal("there is no room")
						}
						q.Put(rows(put, put+size))
						put += size
					}
					for range round % 7 {
						if env, ok := q.Take(false, 3); ok {
							got = append(got, contents(t, env.Data)...)
						}
					}
				}
				got = append(got, takeAll(t, q)...)
				if !slices.Equal(got, upTo(put)) {
					t.Errorf("put 0 to %d, got %v", put-1, got)
				}
			})
		})
	}
}

// One goroutine puts while another one takes.
func TestQueuesAtOnce(t *testing.T) {
	const n = 2000
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			q := c.make(t)
			defer q.Close()
			over := make(chan struct{})
			go func() {
				defer close(over)
				for i := 0; i < n; {
					if q.Full() {
						runtime.Gosched()
						continue
					}
					q.Put(rows(i, i+1))
					i++
				}
			}()
			var got []int64
			for len(got) < n {
				if env, ok := q.Take(false, 16); ok {
					got = append(got, contents(t, env.Data)...)
				}
			}
			<-over
			if !slices.Equal(got, upTo(n)) {
				t.Errorf("%d items came, out of order", len(got))
			}
		})
	}
}

// Close releases what nobody took, and may be called again.
func TestQueuesClose(t *testing.T) {
	for _, c := range all {
		for _, taken := range []int{0, 3} {
			t.Run(c.name, func(t *testing.T) {
				counted(t, func(t *testing.T) {
					q := c.make(t)
					for i := range 10 {
						q.Put(rows(10*i, 10*i+10))
					}
					for range taken {
						env, ok := q.Take(true, 4)
						if !ok {
							t.Fatal("nothing is there")
						}
						env.Data.Release()
					}
					q.Close()
					q.Close()
					if env, ok := q.Take(true, 4); ok {
						t.Errorf("a closed queue gives %+v", env)
					}
				})
			})
		}
	}
}

// A channel has as many slots as it was made with, and room after each take.
func TestChannelSlots(t *testing.T) {
	counted(t, func(t *testing.T) {
		q := NewChannel(2)
		defer q.Close()
		for i, want := range []bool{true, true, false} {
			if ok := !q.Full(); ok != want {
				t.Errorf("room for envelope %d: %v, want %v", i, ok, want)
			} else if ok {
				q.Put(rows(i, i+1))
			}
		}
		env, _ := q.Take(false, 1)
		env.Data.Release()
		if q.Full() {
			t.Error("no room after a take")
		}
	})
}

// What waits longest is dropped, whole batches and parts of one, until it fits.
func TestListDropsOldest(t *testing.T) {
	for _, c := range []struct {
		name         string
		items        int // that may stay
		bytes        int // that may stay
		left         []int64
		dropped      int
		droppedBytes int
	}{
		{"nothing", 12, 1000, upTo(12), 0, 0},
		{"a part", 10, 1000, upTo(12)[2:], 2, 16},
		{"a whole one", 8, 1000, upTo(12)[4:], 4, 32},
		{"one and a part", 5, 1000, upTo(12)[7:], 7, 56},
		{"all", 0, 1000, nil, 12, 96},
		{"whole ones for bytes", 12, 70, upTo(12)[4:], 4, 32},
	} {
		t.Run(c.name, func(t *testing.T) {
			counted(t, func(t *testing.T) {
				l := &List{}
				defer l.Close()
				for i := range 3 {
					l.Put(rows(4*i, 4*i+4))
				}
				over := func(dropped int) int { return 12 - dropped - c.items }
				items, bytes := l.DropOldest(func(items, bytes int) bool {
					return over(items) <= 0 && 96-bytes <= c.bytes
				}, over)
				if items != c.dropped || bytes != c.droppedBytes {
					t.Errorf("dropped %d items of %d bytes, want %d of %d", items, bytes, c.dropped, c.droppedBytes)
				}
				if got := takeAll(t, l); !slices.Equal(got, c.left) {
					t.Errorf("left %v, want %v", got, c.left)
				}
			})
		})
	}
}

// ranked is an envelope of the numbers from 0 on, with the given ranks.
func ranked(sent time.Duration, ranks ...Rank) Envelope {
	env := rows(0, len(ranks))
	for i := range ranks {
		ranks[i].Row = i
	}
	env.Order, env.Sent = &ranks, sent
	return env
}

// Of a heap the earliest due leaves first, of these the highest key, of equal ones
// what came first; what is not due waits unless there is a hurry.
func TestHeapOrder(t *testing.T) {
	past, future := time.Unix(1, 0), time.Unix(1<<40, 0)
	for _, c := range []struct {
		name  string
		ranks []Rank
		now   []int64 // what can be taken
		hurry []int64 // what can be taken after that in a hurry
	}{
		{"keys", []Rank{{Key: 1}, {Key: 3}, {Key: 2}, {Key: 3}}, []int64{1, 3, 2, 0}, nil},
		{"times", []Rank{{Due: past.Add(2)}, {Due: past}, {Due: past.Add(1)}, {Due: past}}, []int64{1, 3, 2, 0}, nil},
		{"times before keys", []Rank{{Due: past.Add(1), Key: 9}, {Due: past, Key: 1}}, []int64{1, 0}, nil},
		{"not yet", []Rank{{Due: future}, {Due: past}, {Due: future.Add(-1)}}, []int64{1}, []int64{2, 0}},
		{"no time is at once", []Rank{{Due: future}, {}}, []int64{1}, []int64{0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			counted(t, func(t *testing.T) {
				q := &Heap{}
				defer q.Close()
				q.Put(ranked(0, c.ranks...))
				if got := takeAll(t, q); !slices.Equal(got, c.now) {
					t.Errorf("got %v, want %v", got, c.now)
				}
				if due := q.Due(); (len(c.hurry) > 0) != !due.IsZero() {
					t.Errorf("%d wait for their time, it is due at %v", len(c.hurry), due)
				}
				var got []int64
				for {
					env, ok := q.Take(true, 1)
					if !ok {
						break
					}
					got = append(got, contents(t, env.Data)...)
				}
				if !slices.Equal(got, c.hurry) {
					t.Errorf("in a hurry: got %v, want %v", got, c.hurry)
				}
			})
		})
	}
}

// What leaves at once has the time of the one that was sent first, and its share of
// the bytes; no more leaves than was asked for.
func TestHeapTake(t *testing.T) {
	counted(t, func(t *testing.T) {
		q := &Heap{}
		defer q.Close()
		q.Put(ranked(5*time.Second, Rank{Key: 9}, Rank{Key: 7}))
		q.Put(ranked(2*time.Second, Rank{Key: 8}, Rank{Key: 6}))
		if due := q.Due(); due.IsZero() || due.After(time.Unix(1, 0)) {
			t.Errorf("what is ready is due at %v", due)
		}
		env, ok := q.Take(false, 3)
		if !ok || env.Items != 3 || env.Bytes != 24 || env.Sent != 2*time.Second {
			t.Errorf("got %d items of %d bytes, sent at %s", env.Items, env.Bytes, env.Sent)
		}
		if got := contents(t, env.Data); !slices.Equal(got, []int64{0, 0, 1}) {
			t.Errorf("got %v", got)
		}
		env, _ = q.Take(false, 0)
		if got := contents(t, env.Data); len(got) != 1 || env.Sent != 2*time.Second {
			t.Errorf("got %v, sent at %s", got, env.Sent)
		}
	})
}
