package message

import (
	"context"
	"errors"
	"io"
	"math"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// This file bounds what a source has in hand, and says what becomes of that at a stop.

// Room is how many messages Receive may give at most; math.MaxInt: there is no bound.
func (s *Source[T]) Room() int {
	if s.Prefetch == 0 {
		return math.MaxInt
	}
	return max(1, int(s.Prefetch-s.under.Load()))
}

// awaitRoom waits until as many messages are acknowledged that others may come. It asks for a cut
// when half are there, so that this is soon.
func (s *Source[T]) awaitRoom(ctx context.Context) error {
	for s.Prefetch > 0 && 2*s.under.Load() >= s.Prefetch && !s.session.broken() {
		if s.Env.Cut != nil {
			s.Env.Cut()
		}
		if s.under.Load() < s.Prefetch {
			break
		}
		if err := nodes.Sleep(ctx, roomEvery); err != nil {
			return err
		}
	}
	return nil
}

// drain gives what is to go through when the flow is stopped. What the broker keeps until it is
// acknowledged, and the flow has not begun with, is left to it, so that a slow flow can be
// stopped; anything else goes through.
func (s *Source[T]) drain() (any, nodes.Position, error) {
	s.stop()
	<-s.gone
	if !s.Keeps {
		return s.take(s.remains)
	}
	for {
		c, err := s.queue.Drain()
		if err != nil {
			return nil, nil, err
		}
		s.end(int64(len(c.messages)))
	}
}

// remains gives what has come of what nobody keeps: what waits for the flow, what was to wait for
// it when the stop came, and what the session still has.
func (s *Source[T]) remains() (*chunk[T], error) {
	c, err := s.queue.Drain()
	if !errors.Is(err, io.EOF) {
		return c, err
	}
	if c := s.last; c != nil {
		s.last = nil
		return c, nil
	}
	if s.session == nil || s.session.broken() || s.asked == mostAsked {
		return nil, io.EOF
	}
	s.asked++
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	ms, _ := s.session.Receive(ended)
	if len(ms) == 0 {
		return nil, io.EOF
	}
	s.messages.Add(int64(len(ms)))
	s.begin(int64(len(ms)))
	return &chunk[T]{messages: ms, came: time.Now(), by: s.session}, nil
}
