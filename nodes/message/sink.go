package message

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file is how a sink runs: the engine leaves messages, a goroutine has the session and
// sends all that wait at once. While it does, the next ones gather.

// A Sender is a session that sends messages. One goroutine uses it.
type Sender interface {
	// Send sends messages in their order, and returns when the broker has answered for all: it
	// sets Err of those that the broker refuses. The error is that of the session, which is
	// closed then: of messages that have neither Err nor Kept nothing is known. When ctx ends
	// it returns soon.
	Send(ctx context.Context, ms []*Outgoing) error
	Close()
}

// An Unconfirmed is a Sender whose other side does not confirm messages: it keeps them when they
// are written.
type Unconfirmed interface {
	// Unsure says, when the session is closed, of how many messages nobody knows whether they
	// have arrived.
	Unsure() int64
}

// A Sink is a running sink of messages. Its fields are set by the method Operator of a kind.
type Sink struct {
	Env     *nodes.Env
	What    string // the broker in messages, such as "Redis"
	Encoder *Encoder
	Connect func(ctx context.Context) (Sender, error) // makes a session
	Lost    func(err error) bool                      // whether another session may not have an error; nil: always

	away    peer.Away
	session Sender // the last one; of the goroutine while that runs
	cancel  context.CancelFunc
	gone    chan struct{} // the goroutine has ended
	due     time.Time     // when to look what has become of what is under way

	mu      sync.Mutex
	waiting []*Outgoing // that are not being sent
	bytes   int         // of what was not answered for
	left    int         // messages that were not answered for
	bad     []*Outgoing // that the broker has refused, and nobody was told
	failed  error       // why nothing is sent any more
	more    chan struct{}
	news    chan struct{} // closed and made anew when the broker has answered

	sending []*Outgoing // what the session has
	resent  int64       // messages that were sent again
	unsure  int64       // messages that were being sent when the run ended
	adrift  int64       // messages that an Unconfirmed had sent when its session ended
}

const (
	// mostWaiting is how many bytes of messages may be unanswered before the flow waits.
	mostWaiting = 16 << 20
	// mostAtOnce and bytesAtOnce bound one call of Send.
	mostAtOnce  = 8192
	bytesAtOnce = 4 << 20
	// overhead is what a message takes beside its body, in bytes, about.
	overhead = 200
	// lookEvery is how long a refused message may wait to be told while nothing else comes.
	lookEvery = 50 * time.Millisecond
)

var (
	_ nodes.Starter = (*Sink)(nil)
	_ nodes.Timed   = (*Sink)(nil)
	_ nodes.Settler = (*Sink)(nil)
	_ nodes.Ender   = (*Sink)(nil)
	_ nodes.Closer  = (*Sink)(nil)
)

// Operator gives the operator of a sink whose fields are set: to be called by the method
// Operator of its kind.
func (s *Sink) Operator() nodes.Operator {
	s.away.Env, s.away.What = s.Env, s.What
	s.more, s.news = make(chan struct{}, 1), make(chan struct{})
	s.Env.Unkept, s.Env.Standing = s.unkept, s.standing
	return s
}

// Open implements nodes.Starter: a broker that takes no session ends the flow before anything
// is read.
func (s *Sink) Open(ctx context.Context) error {
	if err := s.away.Patiently(ctx, s.connect, s.lost); err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel, s.gone = cancel, make(chan struct{})
	go func() {
		defer close(s.gone)
		err := nodes.Guard(func() error { return s.run(run) })
		s.mu.Lock()
		defer s.mu.Unlock()
		s.failed = err
		s.tell()
	}()
	return nil
}

func (s *Sink) lost(err error) bool { return s.Lost == nil || s.Lost(err) }

func (s *Sink) connect(ctx context.Context) (err error) {
	s.session, err = s.Connect(ctx)
	return err
}

// run sends what waits until ctx ends.
func (s *Sink) run(ctx context.Context) error {
	for {
		ms := s.next()
		if len(ms) == 0 {
			select {
			case <-s.more:
				continue
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		for len(ms) > 0 {
			err := s.session.Send(ctx, ms)
			ms = s.answered(ms, err == nil)
			switch {
			case err == nil:
				s.away.Back()
				continue
			case ctx.Err() != nil:
				err = context.Cause(ctx)
			case s.lost(err):
				if err = s.renew(ctx, err); err == nil {
					continue
				}
			}
			s.putBack(ms)
			return err
		}
	}
}

// putBack is for messages of which nobody will ever know.
func (s *Sink) putBack(ms []*Outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsure = int64(len(ms))
	s.waiting = append(ms, s.waiting...)
}

// renew makes a session in place of one that broke.
func (s *Sink) renew(ctx context.Context, why error) error {
	s.leave(why)
	for {
		if err := s.away.Wait(ctx, why); err != nil {
			return err
		}
		if why = s.connect(ctx); why == nil {
			return nil
		}
		s.session = nil
		if !s.lost(why) {
			return why
		}
	}
}

// leave closes the session, which has ended by an error, nil: in good order.
func (s *Sink) leave(why error) {
	s.session.Close()
	u, ok := s.session.(Unconfirmed)
	if s.session = nil; !ok {
		return
	}
	n := u.Unsure()
	if n == 0 {
		return
	}
	told := []any{"messages", n}
	if why != nil {
		told = append(told, "error", why.Error())
	}
	s.Env.Log.Warn(s.What+" has not let the connection end in good order: nobody knows what became of messages that were sent last", told...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.adrift += n
}

// next gives messages to be sent at once.
func (s *Sink) next() []*Outgoing {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, size := 0, 0
	for n < len(s.waiting) && n < mostAtOnce && size < bytesAtOnce {
		size += len(s.waiting[n].Body) + overhead
		n++
	}
	ms := s.waiting[:n:n]
	s.waiting = s.waiting[n:]
	if len(s.waiting) == 0 {
		s.waiting = nil // what was sent need not be kept by those that come
	}
	s.sending = ms
	return ms
}

// answered takes out what the broker has answered for: those that it refuses, and those that
// it keeps, which with all are the others.
func (s *Sink) answered(ms []*Outgoing, all bool) (rest []*Outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range ms {
		if !all && !m.Kept && m.Err == nil {
			rest = append(rest, m)
			continue
		}
		s.bytes -= len(m.Body) + overhead
		s.left--
		if m.Err != nil {
			s.bad = append(s.bad, m)
			continue
		}
		m.Batch.Release()
	}
	s.sending = rest
	s.resent += int64(len(rest))
	s.tell()
	return rest
}

// tell wakes who waits for answers. The caller holds mu.
func (s *Sink) tell() {
	close(s.news)
	s.news = make(chan struct{})
}

// Process implements nodes.Operator.
func (s *Sink) Process(ctx context.Context, in nodes.Input, out nodes.Out) error {
	if err := s.report(out); err != nil {
		return err
	}
	if s.due.IsZero() {
		s.due = time.Now().Add(lookEvery)
	}
	return s.Encoder.Encode(in.Data.(*record.Batch), out, func(part []*Outgoing) error {
		s.add(part)
		return s.await(ctx, func() bool { return s.bytes <= mostWaiting })
	})
}

// add has messages sent.
func (s *Sink) add(ms []*Outgoing) {
	now := time.Now()
	s.mu.Lock()
	for _, m := range ms {
		m.came = now
		s.bytes += len(m.Body) + overhead
	}
	s.waiting = append(s.waiting, ms...)
	s.left += len(ms)
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// await waits until something holds, which is asked while mu is held.
func (s *Sink) await(ctx context.Context, holds func() bool) error {
	for {
		s.mu.Lock()
		done, err, news := holds(), s.failed, s.news
		s.mu.Unlock()
		switch {
		case done:
			return nil
		case err != nil:
			return err
		}
		select {
		case <-news:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// report tells of messages that the broker has refused.
func (s *Sink) report(out nodes.Out) (err error) {
	s.mu.Lock()
	bad := s.bad
	s.bad = nil
	s.mu.Unlock()
	for _, m := range bad {
		if err == nil {
			err = out.Bad(nodes.BadItem{Err: m.Err, Data: m.Batch, Row: m.Row})
		}
		m.Batch.Release()
	}
	return err
}

// Due implements nodes.Timed.
func (s *Sink) Due() time.Time { return s.due }

// OnTime looks what has become of what is under way.
func (s *Sink) OnTime(_ context.Context, now time.Time, out nodes.Out) error {
	err := s.report(out)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.due = (time.Time{}); s.left > 0 {
		s.due = now.Add(lookEvery)
	}
	if err == nil {
		err = s.failed
	}
	return err
}

// Settle implements nodes.Settler: it waits until the broker has answered for all.
func (s *Sink) Settle(ctx context.Context, out nodes.Out) error {
	if err := s.await(ctx, func() bool { return s.left == 0 }); err != nil {
		return err
	}
	s.due = time.Time{}
	return s.report(out)
}

// End implements nodes.Ender.
func (s *Sink) End(ctx context.Context, e nodes.EndedEdge, out nodes.Out) error {
	if !e.Last {
		return nil
	}
	return s.Settle(ctx, out)
}

// unkept is how many messages were lost with the run, and of how many nobody knows.
func (s *Sink) unkept() (lost, unsure int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(s.left) - s.unsure, s.unsure + s.adrift
}

// standing implements Env.Standing.
func (s *Sink) standing() nodes.Standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := nodes.Standing{Lag: -1, Pending: int64(s.left), Resent: s.resent, Reconnects: s.away.Times()}
	for _, ms := range [][]*Outgoing{s.sending, s.waiting} {
		if len(ms) > 0 {
			st.Age = time.Since(ms[0].came)
			break
		}
	}
	return st
}

// Close implements nodes.Closer.
func (s *Sink) Close() error {
	if s.cancel == nil {
		return nil
	}
	s.cancel()
	<-s.gone
	if s.session != nil {
		s.leave(nil)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range slices.Concat(s.bad, s.waiting) {
		m.Batch.Release()
	}
	s.bad, s.waiting = nil, nil
	return nil
}
