package socket

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/nodes/stream"
)

// This file is how socket.write sends to a peer that confirms what has arrived: it keeps
// what is not confirmed, and sends it again over another connection.

// window is how many bytes wait for their confirmation at most.
const window = 8 << 20

// A segment is text that was sent and is not confirmed.
type segment struct {
	text []byte
	size uint64 // what is counted of it: lines, or rows
	end  uint64 // the number of its last one
}

// A delivery is what was sent with confirmations.
type delivery struct {
	kept    []segment
	bytes   int      // of them
	sent    uint64   // lines or rows, over all connections
	done    uint64   // that were confirmed
	base    uint64   // the last one before the connection
	answers *answers // of the connection; nil: there is none
	silent  int      // connections in a row that have confirmed nothing in time
}

// counts says how many lines or rows a text has, as the peer counts them.
func (k *writer) counts(text []byte, rows int) uint64 {
	if k.Framing == framingLines {
		return stream.Lines(text)
	}
	return uint64(rows)
}

// deliver sends a text, and waits until enough of all that was sent is confirmed.
func (o *writeOp) deliver(ctx context.Context, text []byte, enough func() bool) error {
	for began := time.Now(); ; text = nil {
		before := o.done
		if o.conn == nil {
			if enough() && text == nil {
				return nil
			}
			if err := o.reconnect(ctx, began); err != nil {
				return err
			}
			text = o.unconfirmed()
		}
		err := o.attempt(ctx, text, enough)
		if err == nil {
			return nil
		}
		err = o.leave(err)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if o.done > before {
			began, o.silent = time.Now(), 0
		}
		if errors.Is(err, errSilent) {
			if o.silent++; o.silent > 1 {
				return fmt.Errorf("%s has confirmed nothing for %s, over two connections: it may not confirm at all, or need a longer timeout", o.k.name(), o.k.Timeout)
			}
		}
		if errors.Is(err, errBabble) || o.k.GiveUp > 0 && time.Since(began) >= o.k.GiveUp {
			return fmt.Errorf("%s: %w", o.k.name(), err)
		}
		o.env.Log.Warn("the connection has ended; what is not confirmed is sent again", "peer", o.k.name(), "error", err.Error(), "unconfirmed", o.sent-o.done)
		if err := o.pause(ctx); err != nil {
			return err
		}
	}
}

// reconnect makes a connection.
func (o *writeOp) reconnect(ctx context.Context, began time.Time) error {
	c, err := o.dial(ctx, began)
	if err != nil {
		return err
	}
	o.conn, o.base = c, o.sent
	if len(o.kept) > 0 {
		o.base = o.kept[0].end - o.kept[0].size
	}
	o.answers = hear(c)
	return nil
}

// unconfirmed is what a new connection begins with.
func (o *writeOp) unconfirmed() []byte {
	text := bytes.Clone(o.head)
	for _, s := range o.kept {
		text = append(text, s.text...)
	}
	return text
}

// attempt sends over the connection that is there, and waits.
func (o *writeOp) attempt(ctx context.Context, text []byte, enough func() bool) error {
	select {
	case <-o.answers.ended:
		return o.answers.err
	default:
	}
	if len(text) > 0 {
		if err := o.send(ctx, o.conn, text, nil, false); err != nil {
			return err
		}
	}
	silence := time.NewTimer(o.k.Timeout)
	defer silence.Stop()
	for {
		before := o.done
		if err := o.collect(); err != nil {
			return err
		}
		if enough() {
			return nil
		}
		if o.done > before {
			silence.Reset(o.k.Timeout)
		}
		select {
		case <-o.answers.more:
		case <-o.answers.ended:
			if err := o.collect(); err != nil || !enough() {
				return errors.Join(err, o.answers.err)
			}
			return nil
		case <-silence.C:
			return errSilent
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

var (
	errSilent = errors.New("nothing was confirmed for too long")
	errBabble = errors.New("it does not confirm as it should")
)

// collect forgets what the peer has confirmed.
func (o *writeOp) collect() error {
	n := o.answers.count()
	n -= min(n, o.k.counts(o.head, 0)) // a header is counted by the peer
	if n > o.sent-o.base {
		return fmt.Errorf("%w: it has confirmed %d, and was sent %d", errBabble, n, o.sent-o.base)
	}
	o.done = max(o.done, o.base+n)
	i := 0
	for ; i < len(o.kept) && o.kept[i].end <= o.done; i++ {
		o.bytes -= len(o.kept[i].text)
	}
	if i > 0 {
		o.kept, o.silent = append(o.kept[:0:0], o.kept[i:]...), 0
	}
	return nil
}

// leave closes the connection, takes what was still confirmed over it, and gives the error
// to tell: what the peer has said wrong is the cause of all others.
func (o *writeOp) leave(err error) error {
	o.conn.Close()
	<-o.answers.ended
	wrong := o.collect()
	if errors.Is(o.answers.err, errBabble) {
		wrong = o.answers.err
	}
	o.conn, o.answers = nil, nil
	return cmp.Or(wrong, err)
}

// sendConfirmed sends a batch, and waits if too much is not confirmed.
func (o *writeOp) sendConfirmed(ctx context.Context, text []byte, rows int) error {
	n := o.k.counts(text, rows)
	text = bytes.Clone(text)
	o.sent += n
	o.kept, o.bytes = append(o.kept, segment{text, n, o.sent}), o.bytes+len(text)
	enough := func() bool { return true }
	if o.bytes > window {
		enough = func() bool { return o.bytes <= window/2 }
	}
	return o.deliver(ctx, text, enough)
}

// answers are the numbers that a peer sends back, a line each.
type answers struct {
	more  chan struct{} // there is a new one
	ended chan struct{} // there are no more
	err   error         // why, once ended

	mu sync.Mutex
	n  uint64
}

// hear listens to a connection until it ends.
func hear(c net.Conn) *answers {
	a := &answers{more: make(chan struct{}, 1), ended: make(chan struct{})}
	go func() {
		defer close(a.ended)
		if a.err = a.read(bufio.NewReaderSize(c, 64)); errors.Is(a.err, errBabble) {
			c.Close() // nobody has to wait until it has read
		}
	}()
	return a
}

func (a *answers) read(r *bufio.Reader) error {
	for {
		line, err := r.ReadSlice('\n')
		if err == io.EOF {
			return errors.New("the peer has closed it")
		}
		if err != nil && err != bufio.ErrBufferFull {
			return err
		}
		text := strings.TrimSpace(string(line))
		n, bad := strconv.ParseUint(text, 10, 64)
		a.mu.Lock()
		if bad != nil || err != nil || n < a.n {
			last := a.n
			a.mu.Unlock()
			return fmt.Errorf("%w: it was to say how many rows have arrived, %d or more, and said %q", errBabble, last, text)
		}
		a.n = n
		a.mu.Unlock()
		select {
		case a.more <- struct{}{}:
		default:
		}
	}
}

func (a *answers) count() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.n
}
