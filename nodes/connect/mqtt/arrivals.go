package mqtt

import (
	"sync"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"github.com/flowrun/flowrun/nodes/message"
)

// This file counts messages of QoS 0, which the broker does not confirm.

// An arrivals is the messages of QoS 0 on a wire. A broker handles what comes in its order: when
// it answers a ping, what was written before that has arrived. Any goroutine may use it.
type arrivals struct {
	mu      sync.Mutex
	sent    int64
	arrived int64
	pings   []int64 // of each ping that was not answered: what was sent before it
}

// add counts messages: before they are written, so that no ping overtakes them.
func (a *arrivals) add(n int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent += n
}

// ask counts a ping, before it is written.
func (a *arrivals) ask() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pings = append(a.pings, a.sent)
}

// answer counts the answer to the first ping that has none.
func (a *arrivals) answer() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.pings) > 0 {
		a.arrived, a.pings = a.pings[0], a.pings[1:]
	}
}

// asked reports whether a ping is under way.
func (a *arrivals) asked() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.pings) > 0
}

// unsure is how many messages may not have arrived.
func (a *arrivals) unsure() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sent - a.arrived
}

// ping asks the broker whether it is there.
func (w *wire) ping() error {
	return w.send(func(dst []byte) []byte {
		w.arrivals.ask()
		return append(dst, packets.PINGREQ<<4, 0)
	})
}

// arriveTime bounds how long the broker may take, at the end, to take in what was written.
const arriveTime = 5 * time.Second

// arrive waits until all messages of QoS 0 have arrived, the wire is done, or it takes too long.
func (w *wire) arrive() {
	if w.arrivals.unsure() == 0 || w.ping() != nil {
		return
	}
	late := time.NewTimer(arriveTime)
	defer late.Stop()
	for w.arrivals.unsure() > 0 {
		select {
		case <-w.pong:
		case <-w.done:
			return
		case <-late.C:
			return
		}
	}
}

// post counts messages of QoS 0 that were to be written, of which each begins at a place, when n
// bytes were. One of which a part was written is not written again: it may be why the connection
// has ended.
func (s *sender) post(ms []*message.Outgoing, begin []int, n int) {
	for i, m := range ms {
		switch {
		case m.Err != nil:
		case begin[i] < n:
			m.Kept = true
		default:
			s.w.arrivals.add(-1)
		}
	}
}

// Unsure implements message.Unconfirmed.
func (s *sender) Unsure() int64 { return s.w.arrivals.unsure() }
