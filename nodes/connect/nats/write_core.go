package nats

import (
	"context"
	"errors"
	"time"

	client "github.com/nats-io/nats.go"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file publishes to plain subjects: the server takes the messages, and passes them on to
// whoever listens.

// shout publishes messages, and waits until the server has them.
func (s *sender) shout(ctx context.Context, ms []*message.Outgoing) error {
	for _, m := range ms {
		err := s.publish(m, "")
		switch {
		case errors.Is(err, client.ErrMaxPayload), errors.Is(err, client.ErrBadSubject):
			m.Err = err
		case err != nil:
			return s.k.advised(s.gone(err))
		}
	}
	flush, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	defer context.AfterFunc(s.c.ended, cancel)()
	if err := s.c.FlushWithContext(flush); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return s.k.advised(s.gone(err))
	}
	if errors.Is(s.c.LastError(), client.ErrPermissionViolation) {
		return s.forbidden(ctx, ms)
	}
	return nil
}

// forbidden is for messages that the server does not let this user publish. What it says
// comes before the answer to the flush, and has gone to a goroutine of the client.
func (s *sender) forbidden(ctx context.Context, ms []*message.Outgoing) error {
	for tries := 0; s.c.denial("Publish") == nil && tries < 100; tries++ {
		if err := nodes.Sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	for _, m := range ms {
		subject, err := s.subject(m)
		if err != nil {
			continue
		}
		denied := s.c.denial(`"` + subject + `"`)
		switch {
		case denied == nil:
		case s.k.at.subject < 0:
			return final{denied, "the permissions of the user in the server must allow it"}
		default:
			m.Err = message.Refused(theServer, errors.New(clean(denied)))
		}
	}
	return nil
}
