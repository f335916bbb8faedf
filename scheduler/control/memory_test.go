package control

import "testing"

// Each account has its share for itself; what one needs beyond is lent from the other half,
// and whoever waits is woken when some comes back.
func TestMemory(t *testing.T) {
	m := NewMemory(1000, 5) // shares of 100, 500 to lend
	woken := 0
	big, small := m.Account(func() {}), m.Account(func() { woken++ })
	if big.Share() != 100 {
		t.Fatalf("the share is %d", big.Share())
	}
	if !big.Room(600) || big.Room(601) {
		t.Error("one may hold its share and all that is lent, and no more")
	}
	big.Settle(600)
	if !small.Room(100) || small.Room(101) {
		t.Error("what is lent to one is left to nobody else, but for their shares")
	}
	small.Hungry(true)
	big.Settle(600)
	if woken != 0 {
		t.Error("woken although nothing came back")
	}
	big.Settle(350)
	if woken != 1 || !small.Room(350) || small.Room(351) {
		t.Errorf("250 came back: woken %d times, room for 350 %v, for 351 %v", woken, small.Room(350), small.Room(351))
	}
	small.Settle(350)
	small.Hungry(false)
	big.Settle(0)
	if woken != 1 || !small.Room(600) {
		t.Error("who does not wait is not woken, and has what came back")
	}
}

// Without a limit there is room for everything, and no account is needed.
func TestNoMemory(t *testing.T) {
	a := NewMemory(0, 3).Account(func() {})
	a.Hungry(true)
	a.Settle(1 << 50)
	a.Hungry(false)
	if !a.Room(1 << 60) {
		t.Error("there is no room")
	}
}
