package redis

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	client "github.com/redis/go-redis/v9"

	"github.com/flowrun/flowrun/nodes/message"
)

// This file reads lists and channels.

// A listSession moves elements from the right end of a list to the left end of its working list,
// out of which they are taken when they are acknowledged.
type listSession struct {
	session
	working string
	own     []string    // what was in the working list at the beginning, the oldest first
	claim   time.Time   // when to look for working lists of consumers that are gone
	taken   atomic.Bool // the working list was taken from the session
}

func (s *session) list(ctx context.Context) (message.Receiver[string], error) {
	x := &listSession{session: *s}
	if err := x.begin(ctx); err != nil {
		return nil, err
	}
	x.beat(x.alive)
	return x, nil
}

// Receive implements message.Receiver.
func (s *listSession) Receive(ctx context.Context) ([]message.Message[string], error) {
	ms, err := s.receive(ctx)
	if s.taken.Load() {
		return nil, errTaken // what was moved into the list since then the next session finds there
	}
	return ms, s.i.k.of(modeList, s.i.k.Key, err)
}

func (s *listSession) receive(ctx context.Context) ([]message.Message[string], error) {
	if n := min(len(s.own), s.count()); n > 0 {
		ms := s.messages(s.own[:n])
		s.own = s.own[n:]
		s.i.again.Add(int64(n))
		return ms, nil
	}
	if now := time.Now(); !now.Before(s.claim) {
		s.claim = now.Add(s.i.k.Claim / 2)
		if err := s.reap(ctx); err != nil {
			return nil, err
		}
	}
	wait := max(time.Until(s.claim), 10*time.Millisecond)
	first, err := waiting(ctx, s.in, wait, "blmove", s.i.k.Key, s.working, "right", "left", wait.Seconds())
	if errors.Is(err, client.Nil) {
		s.i.lag.set(0)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	got := []string{first.(string)}
	var left *client.IntCmd
	more, _ := s.in.Pipelined(ctx, func(p client.Pipeliner) error {
		for range s.count() - 1 {
			p.LMove(ctx, s.i.k.Key, s.working, "right", "left")
		}
		left = p.LLen(ctx, s.i.k.Key)
		return nil
	})
	for _, c := range more {
		c, ok := c.(*client.StringCmd)
		switch {
		case !ok || errors.Is(c.Err(), client.Nil):
		case c.Err() != nil:
			return nil, c.Err() // what was moved is read from the working list
		default:
			got = append(got, c.Val())
		}
	}
	if s.i.lag.set(-1); left.Err() == nil { // else the user may not ask
		s.i.lag.set(left.Val())
	}
	return s.messages(got), nil
}

func (s *session) messages(values []string) []message.Message[string] {
	ms, bytes := make([]message.Message[string], len(values)), 0
	for i, v := range values {
		ms[i] = s.i.content([]byte(v), "")
		bytes += len(v)
	}
	s.learn(len(ms), bytes)
	return ms
}

// A popSession takes elements out of a list at once.
type popSession struct {
	i   *inlet
	in  *conn
	pop *client.Conn // of in: the one that waits for elements
	id  int64        // of pop, in Redis; 0: the user may not ask for it
}

// popped is how many elements are taken at once, and how long one call waits for the first.
const (
	popped  = 100
	popWait = 5 * time.Second
)

func (i *inlet) popping(ctx context.Context, in *conn) (message.Receiver[string], error) {
	s := &popSession{i: i, in: in, pop: in.Conn()}
	var err error
	if s.id, err = s.pop.ClientID(ctx).Result(); err != nil && !is(err, "NOPERM") {
		s.Close()
		return nil, i.k.advised(err)
	}
	return s, nil
}

// Receive implements message.Receiver.
func (s *popSession) Receive(ctx context.Context) ([]message.Message[string], error) {
	got := make(chan struct{})
	defer close(got)
	defer context.AfterFunc(ctx, func() { s.unblock(got) })()
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), popWait+answerTime)
	defer cancel()
	pair, err := s.pop.BRPop(own, popWait, s.i.k.Key).Result()
	if errors.Is(err, client.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, s.i.k.of(modeList, s.i.k.Key, err)
	}
	ms := []message.Message[string]{s.i.content([]byte(pair[1]), "")}
	if ctx.Err() != nil {
		return ms, nil
	}
	more, err := s.in.RPopCount(own, s.i.k.Key, popped-1).Result()
	for _, v := range more {
		ms = append(ms, s.i.content([]byte(v), ""))
	}
	if errors.Is(err, client.Nil) {
		err = nil
	}
	return ms, err
}

// unblock ends the wait for an element, until there is an answer: a connection that is cut may
// have been given an element, which would be lost. It is cut if the user may not do this.
func (s *popSession) unblock(got <-chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	for {
		if s.id == 0 || s.in.ClientUnblock(ctx, s.id).Err() != nil {
			s.Close()
			return
		}
		select {
		case <-got:
			return
		case <-time.After(10 * time.Millisecond): // the command may not have come yet
		}
	}
}

// Ack implements message.Receiver; it is never called.
func (s *popSession) Ack(context.Context, []string) error { return nil }

// Close implements message.Receiver.
func (s *popSession) Close() {
	s.pop.Close()
	s.in.Close()
}

// A channelSession hears what is published.
type channelSession struct {
	i   *inlet
	in  *conn
	sub *client.PubSub
}

func (i *inlet) subscribe(ctx context.Context, in *conn) (message.Receiver[string], error) {
	s := &channelSession{i: i, in: in, sub: in.Subscribe(ctx, i.k.Key)}
	if _, err := s.sub.Receive(ctx); err != nil { // that it is subscribed
		s.Close()
		return nil, i.k.advised(err)
	}
	return s, nil
}

// Receive implements message.Receiver.
func (s *channelSession) Receive(ctx context.Context) ([]message.Message[string], error) {
	defer context.AfterFunc(ctx, func() { s.Close() })()
	for {
		got, err := s.sub.ReceiveTimeout(context.WithoutCancel(ctx), 0)
		if err != nil {
			return nil, err
		}
		if m, ok := got.(*client.Message); ok {
			return []message.Message[string]{s.i.content([]byte(m.Payload), "")}, nil
		}
	}
}

// Ack implements message.Receiver; it is never called.
func (s *channelSession) Ack(context.Context, []string) error { return nil }

// Close implements message.Receiver.
func (s *channelSession) Close() {
	s.sub.Close()
	s.in.Close()
}
