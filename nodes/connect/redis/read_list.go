package redis

import (
	"context"
	"errors"
	"slices"
	"time"

	client "github.com/redis/go-redis/v9"

	"github.com/flowrun/flowrun/nodes/message"
)

// This file reads lists and channels.

// A listSession moves elements from the right end of a list to the left end of a working list,
// out of which they are taken when they are acknowledged. A set has the names of all working
// lists of the list; a key beside each says that its consumer is alive.
type listSession struct {
	session
	working string
	own     []string  // what was in the working list at the beginning, the oldest first
	claim   time.Time // when to look for working lists of consumers that are gone
}

func (s *session) list(ctx context.Context) (message.Receiver[string], error) {
	x := &listSession{session: *s, working: s.i.k.Key + ":" + s.i.group + ":" + s.consumer}
	if err := x.alive(ctx); err != nil {
		return nil, err
	}
	own, err := x.acks.LRange(ctx, x.working, 0, -1).Result()
	if err != nil {
		return nil, err
	}
	slices.Reverse(own)
	x.own = own
	x.beat(func(ctx context.Context) { x.alive(ctx) })
	return x, nil
}

func (s *listSession) registry() string { return s.i.k.Key + ":" + s.i.group + ":consumers" }

// aliveSuffix is that of the key that says that a consumer is alive.
const aliveSuffix = ":alive"

// alive shows a sign of life. One that others have taken for dead is in the set again then.
func (s *listSession) alive(ctx context.Context) error {
	_, err := s.acks.TxPipelined(ctx, func(p client.Pipeliner) error {
		p.SAdd(ctx, s.registry(), s.working)
		p.Set(ctx, s.working+aliveSuffix, 1, s.i.k.Claim)
		return nil
	})
	return err
}

// Receive implements message.Receiver.
func (s *listSession) Receive(ctx context.Context) ([]message.Message[string], error) {
	if n := min(len(s.own), s.most); n > 0 {
		ms := s.messages(s.own[:n])
		s.own = s.own[n:]
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
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	got := []string{first.(string)}
	if s.most > 1 {
		more, err := s.in.Pipelined(ctx, func(p client.Pipeliner) error {
			for range s.most - 1 {
				p.LMove(ctx, s.i.k.Key, s.working, "right", "left")
			}
			return nil
		})
		for _, c := range more {
			if v, err := c.(*client.StringCmd).Result(); err == nil {
				got = append(got, v)
			}
		}
		if err != nil && !errors.Is(err, client.Nil) {
			return nil, err // what was moved is read from the working list
		}
	}
	return s.messages(got), nil
}

func (s *listSession) messages(values []string) []message.Message[string] {
	ms, bytes := make([]message.Message[string], len(values)), 0
	for i, v := range values {
		ms[i] = s.i.content([]byte(v), v)
		bytes += len(v)
	}
	s.learn(len(ms), bytes)
	return ms
}

// acknowledgedAtOnce bounds how many elements one request takes out of a working list.
const acknowledgedAtOnce = 1000

// Ack implements message.Receiver. It takes out the elements themselves, and not as many as
// there are from the right end, where the oldest are: others that took this consumer for dead,
// which it may hear of late or never, have put them back, and those at the end are younger then.
func (s *listSession) Ack(ctx context.Context, elements []string) error {
	for some := range slices.Chunk(elements, acknowledgedAtOnce) {
		_, err := s.acks.Pipelined(ctx, func(p client.Pipeliner) error {
			for _, e := range some {
				p.LRem(ctx, s.working, -1, e)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// reap moves what consumers that are gone have taken back to the right end of the list, in its
// order.
func (s *listSession) reap(ctx context.Context) error {
	all, err := s.acks.SMembers(ctx, s.registry()).Result()
	if err != nil {
		return err
	}
	for _, working := range all {
		if working == s.working {
			continue
		}
		moved, err := s.putBack(ctx, working)
		if moved > 0 {
			s.i.env.Log.Info("elements of a consumer that shows no sign of life are put back", "list", s.i.k.Key, "elements", moved, "from", working)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// putBack moves the elements of a working list back, as long as its consumer shows no sign of
// life, and takes it out of the set if it is empty then.
func (s *listSession) putBack(ctx context.Context, working string) (moved int, err error) {
	for ; ; moved++ {
		alive, err := s.acks.Exists(ctx, working+aliveSuffix).Result()
		if err != nil || alive > 0 {
			return moved, err
		}
		err = s.acks.LMove(ctx, working, s.i.k.Key, "left", "right").Err()
		if errors.Is(err, client.Nil) {
			break
		}
		if err != nil {
			return moved, err
		}
	}
	keys := []string{working, working + aliveSuffix}
	err = s.acks.Watch(ctx, func(tx *client.Tx) error {
		if n, err := tx.Exists(ctx, keys...).Result(); err != nil || n > 0 {
			return err
		}
		_, err := tx.TxPipelined(ctx, func(p client.Pipeliner) error { return p.SRem(ctx, s.registry(), working).Err() })
		return err
	}, keys...)
	if errors.Is(err, client.TxFailedErr) { // it lives, or has taken something
		err = nil
	}
	return moved, err
}

// A popSession takes elements out of a list at once.
type popSession struct {
	i  *inlet
	in *conn
}

// popped is how many elements are taken at once, and how long one call waits for the first.
const (
	popped  = 100
	popWait = 5 * time.Second
)

// Receive implements message.Receiver.
func (s *popSession) Receive(ctx context.Context) ([]message.Message[string], error) {
	first, err := waiting(ctx, s.in, popWait, "brpop", s.i.k.Key, popWait.Seconds())
	if errors.Is(err, client.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	pair := first.([]any)
	ms := []message.Message[string]{s.i.content([]byte(pair[1].(string)), "")}
	more, err := s.in.RPopCount(ctx, s.i.k.Key, popped-1).Result()
	for _, v := range more {
		ms = append(ms, s.i.content([]byte(v), ""))
	}
	if errors.Is(err, client.Nil) {
		err = nil
	}
	return ms, err
}

// Ack implements message.Receiver; it is never called.
func (s *popSession) Ack(context.Context, []string) error { return nil }

// Close implements message.Receiver.
func (s *popSession) Close() { s.in.Close() }

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
