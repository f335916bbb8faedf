package amqp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	client "github.com/rabbitmq/amqp091-go"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file is a session that sends messages.

// A sender is a session of amqp.write. The broker confirms messages by their number on the
// channel, and gives back what goes to no queue before it confirms it.
type sender struct {
	k *writer
	x *link

	mu     sync.Mutex
	flying map[uint64]*message.Outgoing // by number
	ids    map[string][]uint64          // numbers by the message id under which one may come back
	sent   uint64                       // the last number
	failed error
	news   chan struct{} // something was answered
	over   chan struct{} // closed when nothing is answered any more
}

// connect begins a session.
func (k *writer) connect(ctx context.Context, env *nodes.Env) (*sender, error) {
	x, err := k.open(ctx, env)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { x.raw.Close() })
	defer stop()
	if err := k.ready(x.ch); err != nil {
		err = x.why(err)
		x.close()
		return nil, err
	}
	s := &sender{k: k, x: x, flying: map[uint64]*message.Outgoing{}, ids: map[string][]uint64{}, news: make(chan struct{}, 1), over: make(chan struct{})}
	confirms, returns := x.ch.NotifyPublish(make(chan client.Confirmation, 256)), x.ch.NotifyReturn(make(chan client.Return, 16))
	go s.watch(confirms, returns)
	return s, nil
}

// ready looks whether the exchange is there, and asks for confirmations.
func (k *writer) ready(ch *client.Channel) error {
	if k.Exchange != "" {
		if err := ch.ExchangeDeclarePassive(k.Exchange, client.ExchangeDirect, true, false, false, false, nil); err != nil {
			return err
		}
	}
	return ch.Confirm(false)
}

// watch hears what the broker answers, until the channel ends.
func (s *sender) watch(confirms <-chan client.Confirmation, returns <-chan client.Return) {
	defer close(s.over)
	for confirms != nil {
		select {
		case r, ok := <-returns:
			if ok {
				s.returned(&r)
			} else {
				returns = nil
			}
		case c, ok := <-confirms:
			if !ok {
				confirms = nil
				continue
			}
			for more := true; more && returns != nil; { // what came before it
				select {
				case r, ok := <-returns:
					if more = ok; ok {
						s.returned(&r)
					}
				default:
					more = false
				}
			}
			s.confirmed(c)
		}
	}
}

// returned is for a message that goes to no queue.
func (s *sender) returned(r *client.Return) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, number := range s.ids[r.MessageId] {
		if m := s.flying[number]; m != nil && m.Err == nil && s.failed == nil && s.key(m) == r.RoutingKey {
			m.Err = fmt.Errorf("it goes to no queue: %s (exchange %q, routing_key %q)", r.ReplyText, r.Exchange, r.RoutingKey)
			return
		}
	}
}

// confirmed is for a message that the broker has, or does not take.
func (s *sender) confirmed(c client.Confirmation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.flying[c.DeliveryTag]
	if m == nil || s.failed != nil {
		return
	}
	if !c.Ack && m.Err == nil {
		s.failed = errNacked // it stays under way, to be sent again
	} else {
		m.Kept = m.Err == nil
		delete(s.flying, c.DeliveryTag)
		id := s.id(m, c.DeliveryTag)
		left := slices.DeleteFunc(s.ids[id], func(n uint64) bool { return n == c.DeliveryTag })
		if s.ids[id] = left; len(left) == 0 {
			delete(s.ids, id)
		}
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// id is the message id under which a message may come back.
func (s *sender) id(m *message.Outgoing, number uint64) string {
	if s.k.idAt >= 0 && !m.Props[s.k.idAt].Null {
		return m.Props[s.k.idAt].Text
	}
	return strconv.FormatUint(number, 10)
}

// Send implements message.Sender.
func (s *sender) Send(ctx context.Context, ms []*message.Outgoing) error {
	defer context.AfterFunc(ctx, func() { s.x.raw.Close() })() // a broker that is full may not take what is written
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.failed == nil && len(s.flying) > 0 {
			s.failed = errClosed // what is answered from now on is not for this call
		}
	}()
	for _, m := range ms {
		if err := s.publish(m); err != nil {
			return s.why(ctx, err, ms)
		}
	}
	for {
		s.mu.Lock()
		over, err := len(s.flying) == 0, s.failed
		s.mu.Unlock()
		switch {
		case err != nil:
			return err
		case over:
			return nil
		}
		select {
		case <-s.news:
		case <-s.over:
			return s.why(ctx, errClosed, ms)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// publish sends a message.
func (s *sender) publish(m *message.Outgoing) error {
	p := client.Publishing{Body: m.Body}
	if s.k.Format == message.FormatJSON {
		p.ContentType = "application/json"
	}
	if s.k.Persistent {
		p.DeliveryMode = client.Persistent
	}
	if s.k.Expiry > 0 {
		p.Expiration = strconv.FormatInt(max(1, s.k.Expiry.Milliseconds()), 10)
	}
	key := s.key(m)
	if i := s.k.timeAt; i >= 0 && !m.Props[i].Null {
		p.Timestamp = time.Unix(0, m.Props[i].Int)
	}
	for i, h := range s.k.Headers {
		if v := m.Props[s.k.headersFrom+i]; !v.Null {
			if p.Headers == nil {
				p.Headers = client.Table{}
			}
			p.Headers[h.Key] = v.Text
		}
	}
	s.mu.Lock()
	if s.failed != nil {
		defer s.mu.Unlock()
		return s.failed
	}
	id := s.id(m, s.sent+1)
	if s.k.Mandatory || s.k.idAt >= 0 {
		p.MessageId = id
	}
	if m.Err = unfit(key, id); m.Err != nil {
		s.mu.Unlock()
		return nil
	}
	s.sent++
	s.flying[s.sent], s.ids[id] = m, append(s.ids[id], s.sent)
	s.mu.Unlock()
	return s.x.ch.PublishWithContext(context.Background(), s.k.Exchange, key, s.k.Mandatory, false, p)
}

func (s *sender) key(m *message.Outgoing) string {
	if s.k.keyed {
		return m.Props[0].Text
	}
	return s.k.fixed
}

// mostShort is how long names, keys and ids may be, in bytes.
const mostShort = 255

// unfit says why a message cannot be one of AMQP, nil if it can.
func unfit(key, id string) error {
	for what, text := range map[string]string{"routing_key": key, "id": id} {
		if len(text) > mostShort {
			return fmt.Errorf("its %s has %d bytes, and AMQP allows %d", what, len(text), mostShort)
		}
	}
	return nil
}

// why is the reason for which the channel has ended, or ctx. If the broker has ended it because
// of one message, that one is bad, and the others are sent again.
func (s *sender) why(ctx context.Context, err error, ms []*message.Outgoing) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case <-s.over: // all that was answered is known
	case <-time.After(byeTime):
	}
	err = s.x.why(err)
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for number := uint64(1); number <= s.sent; number++ {
		m := s.flying[number]
		if m == nil || m.Err != nil {
			continue
		}
		tooLarge := e.Code == client.PreconditionFailed && strings.Contains(e.Reason, fmt.Sprintf("message size %d ", len(m.Body)))
		forbidden := e.Code == client.AccessRefused && s.k.keyed && strings.Contains(e.Reason, "access to topic '"+s.key(m)+"'")
		if tooLarge || forbidden {
			m.Err = message.Refused(theServer, errors.New(e.Reason))
			return fmt.Errorf("%s has ended the channel because of one message: %s", theServer, e.Reason)
		}
	}
	return err
}

// Close implements message.Sender.
func (s *sender) Close() {
	s.x.close()
	<-s.over
}
