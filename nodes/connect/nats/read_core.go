package nats

import (
	"context"
	"fmt"
	"sync"

	client "github.com/nats-io/nats.go"

	"github.com/flowrun/flowrun/nodes/message"
)

// This file reads plain subjects, of which nobody keeps what is published.

const (
	// mostHeard is how many bytes of messages wait for the flow; what comes meanwhile is kept
	// by the client until it has as many, and then dropped.
	mostHeard      = 8 << 20
	mostHeardCount = 1 << 20
	// atOnce is about how many bytes of messages are given to the flow at once.
	atOnce = 1 << 20
)

// A coreSession listens at a subject.
type coreSession struct {
	i       *inlet
	c       *conn
	sub     *client.Subscription
	dropped int

	mu    sync.Mutex
	room  *sync.Cond // there is room for more
	heard []*client.Msg
	bytes int
	done  bool
	news  chan struct{}
}

func (i *inlet) subscribe(ctx context.Context, c *conn) (message.Receiver[token], error) {
	s := &coreSession{i: i, c: c, news: make(chan struct{}, 1)}
	s.room = sync.NewCond(&s.mu)
	var err error
	s.sub, err = c.QueueSubscribe(i.k.Subject, i.k.Queue, s.hear)
	if err != nil {
		return nil, err
	}
	if err := s.sub.SetPendingLimits(mostHeardCount, mostHeard); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if err := c.FlushWithContext(ctx); err != nil { // from now on the server knows of it
		return nil, err
	}
	if err := c.LastError(); err != nil {
		return nil, err
	}
	return s, nil
}

// hear takes a message, on a goroutine of the client.
func (s *coreSession) hear(m *client.Msg) {
	s.mu.Lock()
	for s.bytes >= mostHeard && !s.done {
		s.room.Wait()
	}
	s.heard = append(s.heard, m)
	s.bytes += m.Size()
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// Receive implements message.Receiver.
func (s *coreSession) Receive(ctx context.Context) ([]message.Message[token], error) {
	for {
		s.mu.Lock()
		n, bytes := 0, 0
		for n < len(s.heard) && bytes < atOnce {
			bytes += s.heard[n].Size()
			n++
		}
		heard := s.heard[:n:n]
		if s.heard = s.heard[n:]; len(s.heard) == 0 {
			s.heard = nil
		}
		s.bytes -= bytes
		s.room.Signal()
		s.mu.Unlock()
		s.count()
		if n > 0 {
			ms := make([]message.Message[token], n)
			for j, m := range heard {
				ms[j] = s.i.content(m, token{})
			}
			return ms, nil
		}
		if s.c.ended.Err() != nil {
			return nil, context.Cause(s.c.ended)
		}
		select {
		case <-s.news:
		case <-s.c.ended.Done():
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// count tells of messages that the flow was too slow for.
func (s *coreSession) count() {
	n, err := s.sub.Dropped()
	if err != nil || n <= s.dropped {
		return
	}
	s.i.env.Log.Warn("messages were dropped, because the flow is slower than they come", "subject", s.i.k.Subject, "messages", n-s.dropped)
	s.i.notes.Add("messages were dropped, because the flow is slower than they come", int64(n-s.dropped), fmt.Sprintf("subject %s", s.i.k.Subject))
	s.dropped = n
}

// Ack implements message.Receiver: there is nobody to be told.
func (*coreSession) Ack(context.Context, []token) error { return nil }

// Close implements message.Receiver.
func (s *coreSession) Close() {
	s.mu.Lock()
	s.done = true
	s.room.Broadcast()
	s.mu.Unlock()
	s.c.Close()
}
