package socket

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/stream"
)

// This file receives datagrams. The system keeps those that the flow has not read yet in a
// buffer, and throws away what does not fit: the sender never knows, so the receiver counts.

const (
	maxDatagram = 64 << 10 // how long a datagram may be
	ampleBuffer = 8 << 20  // what is asked for where nothing is said
	leastBuffer = 64 << 10
)

// receiveBuffer makes the buffer of a socket as large as is wanted (0: as the system allows,
// up to ampleBuffer) and gives its size; 0: nobody knows.
func receiveBuffer(c net.PacketConn, want config.Size) (got config.Size, err error) {
	b, ok := c.(interface {
		SetReadBuffer(bytes int) error
		syscall.Conn
	})
	if !ok {
		return 0, nil
	}
	if want > 0 {
		err = b.SetReadBuffer(int(want))
	} else { // some systems cut a size that is too large, others refuse it
		for size := ampleBuffer; b.SetReadBuffer(size) != nil && size > leastBuffer; {
			size /= 2
		}
	}
	return config.Size(bufferOf(b)), err
}

// Losses are the datagrams that the system has thrown away.
type losses struct {
	mu   sync.Mutex
	conn syscall.Conn // nil: not there, or no longer
	last uint32       // as the system counts: modulo 2^32
	all  int64
}

// watch begins to count for a socket.
func (l *losses) watch(c net.PacketConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn, _ = c.(syscall.Conn)
}

// count gives how many there were so far; 0 also where the system does not say.
func (l *losses) count() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		if n, ok := thrownAway(l.conn); ok {
			l.all += int64(n - l.last)
			l.last = n
		}
	}
	return l.all
}

// end counts for the last time: the socket is about to be closed.
func (l *losses) end() {
	l.count()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = nil
}

// notes are for the report.
func (l *losses) notes() []nodes.Note {
	n := l.count()
	if n == 0 {
		return nil
	}
	return []nodes.Note{{Text: "a datagram was thrown away by the system, because the receive buffer was full", Times: n}}
}

// lossesEvery is how often the log speaks of losses, at most.
const lossesEvery = time.Second

// tellLosses says in the log what was lost, until ctx ends and once more then.
func (o *readOp) tellLosses(ctx context.Context) {
	tick := time.NewTicker(lossesEvery)
	defer tick.Stop()
	for told, going := int64(0), true; going; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			going = false
		}
		if n := o.lost.count(); n > told {
			o.env.Log.Warn("datagrams were thrown away by the system: they came faster than the flow took them, and the receive buffer was full; see receive_buffer",
				"address", o.k.name(), "lost", n-told, "lost_in_all", n)
			told = n
		}
	}
}

// openPackets begins to wait for datagrams.
func (o *readOp) openPackets(ctx context.Context) (net.PacketConn, error) {
	c, err := o.env.ListenPacket(ctx, "udp", o.k.address)
	if err != nil {
		return nil, err
	}
	got, err := receiveBuffer(c, o.k.ReceiveBuffer)
	if err != nil || got > 0 && got < o.k.ReceiveBuffer {
		text := got.String()
		if err != nil {
			text = err.Error()
		}
		o.env.Log.Warn("the system gives no receive buffer of this size; on Linux, net.core.rmem_max is the largest", "address", o.k.name(), "receive_buffer", o.k.ReceiveBuffer.String(), "got", text)
	}
	o.lost.watch(c)
	return c, nil
}

// packets reads datagrams until ctx ends.
func (o *readOp) packets(ctx context.Context, c net.PacketConn) {
	var told sync.WaitGroup
	told.Go(func() { o.tellLosses(ctx) })
	closed := sync.OnceFunc(func() {
		told.Wait() // which is soon: ctx has ended
		o.lost.end()
		c.Close()
	})
	defer closed()
	defer context.AfterFunc(ctx, closed)()
	buf := make([]byte, maxDatagram)
	for line := uint64(1); ctx.Err() == nil; line++ {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
				return
			}
			o.env.Log.Warn("a datagram could not be read", "address", o.k.name(), "error", err.Error())
			if nodes.Sleep(ctx, 100*time.Millisecond) != nil {
				return
			}
			continue
		}
		chunk := o.reading.Datagram(buf[:n], line, stream.Options{Stream: from.String(), Frame: o.k.frame(), Type: o.k.out})
		if chunk != nil && !o.queue.Send(ctx, part{Chunk: chunk}) {
			return
		}
	}
}
