package sql

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// This file waits for NOTIFY.

// A bell is a session of PostgreSQL that listens to a channel.
type bell struct {
	s *postgresSession
}

// listen begins to listen; what is sent from then on is heard.
func listen(ctx context.Context, env *nodes.Env, l *Link, channel string) (*bell, error) {
	s, err := l.open(ctx, env, toRead)
	if err != nil {
		return nil, err
	}
	if _, err := s.exec(ctx, "LISTEN "+postgres.quote(channel)); err != nil {
		s.close()
		return nil, err
	}
	return &bell{s: s.(*postgresSession)}, nil
}

// wait waits until something is heard, or for a time.
func (b *bell) wait(ctx context.Context, most time.Duration) error {
	limit, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	err := b.s.conn.WaitForNotification(limit)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil, limit.Err() != nil && !b.s.conn.IsClosed():
		return nil
	}
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() && !b.s.conn.IsClosed() {
		return nil
	}
	return brokenError{err}
}

func (b *bell) close() { b.s.close() }
