package control

import (
	"sync"
	"sync/atomic"
	"testing"
)

// Each account has its share for itself; what one needs beyond is lent from the other half,
// and whoever waits is woken when some comes back.
func TestMemory(t *testing.T) {
	m := NewMemory(1000, 5) // shares of 100, 500 to lend
	woken := 0
	var inBig, inSmall atomic.Int64
	big, small := m.Account(&inBig, func() {}), m.Account(&inSmall, func() { woken++ })
	settle := func(a *Account, held *atomic.Int64, bytes int64) {
		held.Store(bytes)
		a.Settle()
	}
	if big.Share() != 100 {
		t.Fatalf("the share is %d", big.Share())
	}
	if !big.Room(600) || big.Room(601) {
		t.Error("one may hold its share and all that is lent, and no more")
	}
	settle(big, &inBig, 600)
	if !small.Room(100) || small.Room(101) {
		t.Error("what is lent to one is left to nobody else, but for their shares")
	}
	small.Hungry(true)
	settle(big, &inBig, 600)
	if woken != 0 {
		t.Error("woken although nothing came back")
	}
	settle(big, &inBig, 350)
	if woken != 1 || !small.Room(350) || small.Room(351) {
		t.Errorf("250 came back: woken %d times, room for 350 %v, for 351 %v", woken, small.Room(350), small.Room(351))
	}
	settle(small, &inSmall, 350)
	small.Hungry(false)
	settle(big, &inBig, 0)
	if woken != 1 || !small.Room(600) {
		t.Error("who does not wait is not woken, and has what came back")
	}
}

// Without a limit there is room for everything, and no account is needed.
func TestNoMemory(t *testing.T) {
	var held atomic.Int64
	a := NewMemory(0, 3).Account(&held, func() {})
	a.Hungry(true)
	held.Store(1 << 50)
	a.Settle()
	a.Hungry(false)
	if !a.Room(1 << 60) {
		t.Error("there is no room")
	}
}

// Who puts something on an edge and who takes it off settle at once, in any order: what is
// lent comes back when the edge is empty.
func TestSettledByTwo(t *testing.T) {
	m := NewMemory(1000, 5)
	var held atomic.Int64
	one, other := m.Account(&held, func() {}), m.Account(new(atomic.Int64), func() {})
	for range 300 {
		var all sync.WaitGroup
		for _, change := range []int64{600, -600, 600, -600} {
			all.Go(func() {
				for range 50 {
					held.Add(change)
					one.Settle()
				}
			})
		}
		all.Wait()
		if !other.Room(600) {
			t.Fatalf("%d bytes are lent to an edge that holds %d", one.lent, held.Load())
		}
	}
}
