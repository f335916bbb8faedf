package control

import (
	"sync"
	"sync/atomic"
)

// A Memory is the bytes that all edges together may hold. Half of it is shared out: each
// account has its share for itself, so that no edge can starve another and a flow gets on
// as it would with small queues. The other half is lent to whoever needs more. A batch is
// not split for it: an edge may be one batch over.
type Memory struct {
	share int64 // of each account

	mu     sync.Mutex
	free   int64 // of what is lent
	hungry map[*Account]bool
}

// NewMemory divides a limit, in bytes, among so many accounts; nil if there is no limit.
func NewMemory(limit int64, accounts int) *Memory {
	if limit == 0 || accounts == 0 {
		return nil
	}
	return &Memory{share: max(1, limit/2/int64(accounts)), free: limit / 2, hungry: map[*Account]bool{}}
}

// An Account is what one edge holds of a Memory. A nil one has no limit.
type Account struct {
	memory *Memory
	held   *atomic.Int64 // bytes
	lent   int64         // beyond its share; guarded by the memory's mu
	wake   func()        // tells whoever waits that there may be room
}

// Account opens one of whoever counts in held what it holds. To wake must not wait.
func (m *Memory) Account(held *atomic.Int64, wake func()) *Account {
	if m == nil {
		return nil
	}
	return &Account{memory: m, held: held, wake: wake}
}

// Share is how many bytes it has for itself.
func (a *Account) Share() int64 { return a.memory.share }

// Room reports whether it may hold so many bytes.
func (a *Account) Room(bytes int64) bool {
	if a == nil || bytes <= a.memory.share {
		return true
	}
	a.memory.mu.Lock()
	defer a.memory.mu.Unlock()
	return bytes-a.memory.share-a.lent <= a.memory.free
}

// Settle lends what is needed beyond the share to hold what is held, or takes back what is
// not needed any more, and wakes those who wait for that. Several may settle at once, so
// what is held is looked at under the lock: the last one to come sees all that was counted.
func (a *Account) Settle() {
	if a == nil {
		return
	}
	m := a.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	need := max(0, a.held.Load()-m.share)
	back := a.lent - need
	if back == 0 {
		return
	}
	a.lent = need
	m.free += back
	if back < 0 {
		return
	}
	for h := range m.hungry {
		h.wake()
	}
}

// Hungry notes that somebody waits for room, or does not any more.
func (a *Account) Hungry(waits bool) {
	if a == nil {
		return
	}
	a.memory.mu.Lock()
	defer a.memory.mu.Unlock()
	if waits {
		a.memory.hungry[a] = true
	} else {
		delete(a.memory.hungry, a)
	}
}
