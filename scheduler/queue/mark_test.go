package queue

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// passes reports whether a mark passes by what waits in a queue.
func passes(q Queue) bool {
	_, ordered := q.(*Channel)
	return !ordered
}

// A mark comes after what was put before it, which was taken or is held, and before what
// was put behind it; once.
func TestMarks(t *testing.T) {
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			counted(t, func(t *testing.T) {
				q := c.make(t)
				defer q.Close()
				if m, ok := q.Marked(); ok {
					t.Fatalf("a fresh queue is marked: %+v", m)
				}
				q.Put(rows(0, 3))
				q.Mark(Mark{Epoch: 1, Low: 1, Sent: 3})
				q.Put(rows(3, 5))
				if passes(q) {
					if m, ok := q.Marked(); !ok || m.Held != 3 || m.Low != 0 || m.Epoch != 1 {
						t.Fatalf("marked: %v, %+v", ok, m)
					}
				} else {
					if m, ok := q.Marked(); ok {
						t.Fatalf("marked before what was put before it is taken: %+v", m)
					}
					env, ok := q.Take(false, 10)
					if !ok || !slices.Equal(contents(t, env.Data), upTo(3)) {
						t.Fatalf("what was put before the mark is not there: %v", ok)
					}
					if env, ok := q.Take(false, 10); ok {
						t.Fatalf("took past the mark: %v", contents(t, env.Data))
					}
					if m, ok := q.Marked(); !ok || m.Held != 0 || m.Low != 1 || m.Epoch != 1 {
						t.Fatalf("marked: %v, %+v", ok, m)
					}
				}
				if m, ok := q.Marked(); ok {
					t.Errorf("marked twice: %+v", m)
				}
				rest := takeAll(t, q)
				if want := upTo(5); !slices.Equal(rest, want) && !slices.Equal(rest, want[3:]) {
					t.Errorf("behind the mark there is %v", rest)
				}
				q.Mark(Mark{Epoch: 2, Low: 2})
				if m, ok := q.Marked(); !ok || m.Low != 2 || m.Held != 0 {
					t.Errorf("a mark of an empty queue: %v, %+v", ok, m)
				}
			})
		})
	}
}

// Nothing is taken while a mark that the reader could come to is there, and a later mark
// takes its place.
func TestMarkIsReplaced(t *testing.T) {
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			counted(t, func(t *testing.T) {
				q := c.make(t)
				defer q.Close()
				q.Mark(Mark{Epoch: 1, Low: 1})
				q.Put(rows(0, 2))
				if env, ok := q.Take(true, 10); ok {
					t.Fatalf("took past a mark: %v", contents(t, env.Data))
				}
				q.Mark(Mark{Epoch: 2, Low: 2})
				if passes(q) {
					if m, ok := q.Marked(); !ok || m.Epoch != 2 || m.Held != 2 || m.Low != 1 {
						t.Errorf("marked: %v, %+v", ok, m)
					}
					return
				}
				if env, ok := q.Take(true, 10); !ok || !slices.Equal(contents(t, env.Data), upTo(2)) {
					t.Error("the first mark still holds the reader up")
				}
				if m, ok := q.Marked(); !ok || m.Epoch != 2 {
					t.Errorf("marked: %v, %+v", ok, m)
				}
			})
		})
	}
}

// What a list drops before the reader has come to a mark was sent before it and is held no
// more.
func TestMarkOfListThatDrops(t *testing.T) {
	counted(t, func(t *testing.T) {
		l := &List{}
		defer l.Close()
		l.Put(rows(0, 4))
		l.Put(rows(4, 6))
		l.Mark(Mark{Epoch: 1, Low: 1, Sent: 6})
		l.Put(rows(6, 9))
		dropped := 0
		l.DropOldest(func(items, _ int) bool { dropped = items; return items >= 5 }, func(items int) int { return 5 - items })
		m, ok := l.Marked()
		if !ok || m.Held != 1 || m.Dropped != 5 || m.Low != 0 {
			t.Errorf("%d were dropped: %v, %+v", dropped, ok, m)
		}
	})
}

// Origins against a plain map.
func TestOrigins(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var o Origins
	counts, next := map[uint64]int{}, uint64(1)
	for range 20_000 {
		if r.IntN(2) == 0 || len(counts) == 0 {
			next += r.Uint64N(2)
			n := 1 + r.IntN(5)
			o.Add(next, n)
			counts[next] += n
		} else {
			var some []uint64
			for k := range counts {
				some = append(some, k)
			}
			slices.Sort(some)
			k := some[r.IntN(len(some))]
			n := 1 + r.IntN(counts[k])
			o.Take(k, n)
			if counts[k] -= n; counts[k] == 0 {
				delete(counts, k)
			}
		}
		want := uint64(NoLow)
		for k := range counts {
			want = min(want, k)
		}
		if got := o.Oldest(); got != want {
			t.Fatalf("the oldest is %d, want %d", got, want)
		}
	}
}
