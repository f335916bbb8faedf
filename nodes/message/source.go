package message

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file is how a source runs: a goroutine has the session and receives, the engine
// takes what has come and says what is kept.

// A Message is one that has come, and the token that the session acknowledges it by.
type Message[T any] struct {
	Content
	Token T
}

// A Receiver is a session that messages come by. Ack may be called while Receive waits; else
// one call at a time.
type Receiver[T any] interface {
	// Receive waits for messages and gives some of them, some megabytes at most. When ctx ends
	// it returns soon; nothing that it has taken may be lost then, and the next call, although
	// its ctx has ended before, gives it.
	Receive(ctx context.Context) ([]Message[T], error)
	// Ack acknowledges messages, in the order in which they came.
	Ack(ctx context.Context, tokens []T) error
	// Close ends the session. What was not acknowledged the broker gives again, to whomever.
	Close()
}

// A Source is a running source of messages. Its fields are set by the method Operator of a
// kind.
type Source[T any] struct {
	Env     *nodes.Env
	What    string // the broker in messages, such as "Redis"
	Decoder *Decoder
	Connect func(ctx context.Context) (Receiver[T], error) // makes a session
	Lost    func(err error) bool                           // whether another session may not have an error; nil: always
	Place   func(token T) string                           // where a message came from, such as "orders/3@1742"
	// Keeps says that the broker keeps what was not acknowledged: then a message whose session
	// has ended is not begun with, for it comes again.
	Keeps bool
	// Prefetch, if not 0, bounds how many messages may have come and not be acknowledged: with so
	// many, nothing is received until some are. It is for sources that keep.
	Prefetch int64
	// Ends says that Receive gives ErrEnd some day: to be stopped before is no end.
	Ends bool

	away    peer.Away
	queue   *nodes.Handover[*chunk[T]]
	last    *chunk[T]          // that had no place in the queue when the stop came
	asked   int                // how often the session was asked for what it has, since then
	session *session[T]        // the last one; of the goroutine while that runs
	stop    context.CancelFunc // no more is received
	gone    chan struct{}      // the goroutine has ended
	waiting atomic.Int64       // chunks that the engine has not taken
	took    chan struct{}      // it has taken one

	mu    sync.Mutex
	given uint64      // chunks that the engine has taken
	open  []*chunk[T] // those that are not acknowledged, in order
	idle  chan struct{}

	// Standing, if not nil, tells what only the kind knows: the lag, -1 if the broker does not
	// tell, and how many messages came again.
	Standing func() (lag, redelivered int64)

	messages atomic.Int64 // that have come
	under    atomic.Int64 // that have come and are not acknowledged
	missed   atomic.Int64 // those whose session had ended when they were to be acknowledged
}

// A session is a receiver until its first error.
type session[T any] struct {
	Receiver[T]
	ctx    context.Context // ends with the session
	cancel context.CancelFunc
}

func (s *session[T]) broken() bool { return s.ctx.Err() != nil }

// A chunk is what one call of Receive has given.
type chunk[T any] struct {
	messages []Message[T]
	tokens   []T // of the messages, when there are items of them; nil: ask the messages
	came     time.Time
	by       *session[T]
	number   uint64
}

// forget lets go of what the messages say: to acknowledge them the tokens are enough.
func (c *chunk[T]) forget() {
	c.tokens = c.marks()
	c.messages = nil
}

// marks are the tokens of the messages. Under `ack: early` they are asked for before there
// are items.
func (c *chunk[T]) marks() []T {
	if c.tokens != nil {
		return c.tokens
	}
	tokens := make([]T, len(c.messages))
	for i := range c.messages {
		tokens[i] = c.messages[i].Token
	}
	return tokens
}

// Release implements what nodes.Handover wants. What nobody took is not acknowledged.
func (*chunk[T]) Release() {}

const (
	// queued is how many chunks wait for the flow; behind them the broker does.
	queued = 4
	// roomEvery is how often a source with Prefetch looks whether there is room again.
	roomEvery = 5 * time.Millisecond
	// mostAsked bounds how often a session is asked for what it still has: others may go on sending.
	mostAsked = 20
	// ackTime bounds how long an acknowledgement may take. Then its session counts as broken.
	ackTime = 10 * time.Second
)

// An endless source has no end but the stop.
type endless[T any] struct{ *Source[T] }

// Drain implements nodes.Drainer.
func (s endless[T]) Drain(context.Context) (any, nodes.Position, error) { return s.drain() }

// An acknowledging source tells the broker what is kept.
type acknowledging[T any] struct{ *Source[T] }

// Taken implements nodes.Acknowledger.
func (s acknowledging[T]) Taken(after nodes.Position) error { return s.taken(after) }

// An acknowledgingEndless source does both.
type acknowledgingEndless[T any] struct{ acknowledging[T] }

// Drain implements nodes.Drainer.
func (s acknowledgingEndless[T]) Drain(context.Context) (any, nodes.Position, error) {
	return s.drain()
}

// Endless implements nodes.Endless: a broker may always have more.
func (s *Source[T]) Endless() bool { return !s.Ends }

// Operator gives the operator of a source whose fields are set: to be called by the method
// Operator of its kind.
func (s *Source[T]) Operator() nodes.Operator {
	s.away.Env, s.away.What = s.Env, s.What
	s.queue, s.took = nodes.NewHandover[*chunk[T]](queued), make(chan struct{}, 1)
	s.Env.Standing = s.standing
	switch {
	case s.Keeps && s.Ends:
		return acknowledging[T]{s}
	case s.Keeps:
		return acknowledgingEndless[T]{acknowledging[T]{s}}
	case s.Ends:
		return s
	}
	return endless[T]{s}
}

// Open implements nodes.Starter: a broker that takes no session ends the flow before anything
// is read.
func (s *Source[T]) Open(ctx context.Context) error {
	err := s.away.Patiently(ctx, s.connect, s.lost)
	if err != nil {
		return err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop, s.gone = stop, make(chan struct{})
	go func() {
		defer close(s.gone)
		if err := nodes.Guard(func() error { return s.receive(run) }); err != nil && run.Err() == nil {
			s.queue.End(run, err)
		}
	}()
	return nil
}

func (s *Source[T]) lost(err error) bool { return s.Lost == nil || s.Lost(err) }

func (s *Source[T]) connect(ctx context.Context) error {
	r, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.session = &session[T]{r, own, cancel}
	return nil
}

// receive passes messages on until ctx ends. The session stays open then, for what is still
// to be acknowledged.
func (s *Source[T]) receive(ctx context.Context) error {
	for {
		if s.awaitRoom(ctx) != nil { // the stop came
			return nil
		}
		ms, err := s.next(ctx)
		if len(ms) > 0 {
			s.away.Back()
			s.messages.Add(int64(len(ms)))
			s.begin(int64(len(ms)))
			s.waiting.Add(1)
			c := &chunk[T]{messages: ms, came: time.Now(), by: s.session}
			switch {
			case s.queue.Send(ctx, c):
			case s.Keeps:
				s.end(int64(len(ms)))
			default:
				s.last = c
			}
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			continue
		case errors.Is(err, ErrEnd):
			switch over := s.passedOn(ctx); {
			case ctx.Err() != nil:
				return nil
			case over:
				return io.EOF
			}
			err = errBroken
		case !s.lost(err):
			return err
		}
		s.drop()
		for s.session == nil {
			if !errors.Is(err, ErrAnew) {
				if err := s.away.Wait(ctx, err); err != nil {
					return err
				}
			}
			if err = s.connect(ctx); err != nil && !s.lost(err) {
				return err
			}
		}
	}
}

// passedOn waits until the engine has taken all that has come, and reports whether the session
// has held so long: else what was not taken comes again, by another one.
func (s *Source[T]) passedOn(ctx context.Context) bool {
	for s.waiting.Load() > 0 && !s.session.broken() {
		select {
		case <-s.took:
		case <-s.session.ctx.Done():
		case <-ctx.Done():
			return false
		}
	}
	return !s.session.broken()
}

// next receives by the session, until it breaks.
func (s *Source[T]) next(ctx context.Context) ([]Message[T], error) {
	x := s.session
	if x.broken() { // an acknowledgement has failed
		return nil, errBroken
	}
	both, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(x.ctx, cancel)()
	ms, err := x.Receive(both)
	if x.broken() && err != nil && ctx.Err() == nil {
		err = errBroken
	}
	return ms, err
}

// ErrAnew is what Receive gives where nobody is away, but another session is to be made, at
// once.
var ErrAnew = errors.New("another session is begun")

// ErrEnd is what Receive gives where nothing comes any more.
var ErrEnd = errors.New("this was all")

var errBroken = errors.New("the session has ended")

func (s *Source[T]) drop() {
	if x := s.session; x != nil {
		s.session = nil
		x.cancel()
		x.Close()
	}
}

// standing implements Env.Standing.
func (s *Source[T]) standing() nodes.Standing {
	st := nodes.Standing{Lag: -1, Pending: s.under.Load(), Missed: s.missed.Load(), Reconnects: s.away.Times()}
	if s.Standing != nil {
		st.Lag, st.Redelivered = s.Standing()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) > 0 {
		st.Age = time.Since(s.open[0].came)
	}
	return st
}

// begin counts messages that are to be acknowledged, end those that are, or never will be.
func (s *Source[T]) begin(n int64) { s.under.Add(n) }

func (s *Source[T]) end(n int64) {
	if s.under.Add(-n) > 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle != nil && s.under.Load() == 0 {
		close(s.idle)
		s.idle = nil
	}
}

// Settled waits until all that has come so far is acknowledged, or ctx ends: for sessions that
// have to give something back. It asks for a cut, so that this is soon.
func (s *Source[T]) Settled(ctx context.Context) error {
	s.mu.Lock()
	if s.under.Load() == 0 {
		s.mu.Unlock()
		return nil
	}
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	idle := s.idle
	s.mu.Unlock()
	if s.Env.Cut != nil {
		s.Env.Cut()
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Next implements nodes.Puller.
func (s *Source[T]) Next(ctx context.Context) (any, nodes.Position, error) {
	return s.take(func() (*chunk[T], error) { return s.queue.Next(ctx) })
}

func (s *Source[T]) take(next func() (*chunk[T], error)) (any, nodes.Position, error) {
	for {
		c, err := next()
		if err != nil {
			return nil, nil, err
		}
		again := s.Keeps && c.by.broken() // looked at before passedOn hears of it
		s.waiting.Add(-1)
		select {
		case s.took <- struct{}{}:
		default:
		}
		if again {
			s.end(int64(len(c.messages)))
			continue
		}
		if !s.Keeps {
			s.end(int64(len(c.messages)))
			return c, nil, nil
		}
		s.mu.Lock()
		s.given++
		c.number = s.given
		s.open = append(s.open, c)
		s.mu.Unlock()
		return c, binary.BigEndian.AppendUint64(nil, c.number), nil
	}
}

// Process implements nodes.Operator.
func (s *Source[T]) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	c := in.Made.(*chunk[T])
	defer c.forget()
	return s.Decoder.Decode(len(c.messages),
		func(i int) *Content { return &c.messages[i].Content },
		func(i int) string { return s.Place(c.messages[i].Token) }, out)
}

// taken acknowledges.
func (s *Source[T]) taken(after nodes.Position) error {
	if len(after) != 8 {
		return errors.New("this is no position of a source of messages")
	}
	upTo := binary.BigEndian.Uint64(after)
	s.mu.Lock()
	n := 0
	for n < len(s.open) && s.open[n].number <= upTo {
		n++
	}
	done := s.open[:n:n]
	s.open = append([]*chunk[T](nil), s.open[n:]...)
	s.mu.Unlock()
	for len(done) > 0 {
		x := done[0].by
		var tokens []T
		for len(done) > 0 && done[0].by == x {
			tokens = append(tokens, done[0].marks()...)
			done = done[1:]
		}
		err := s.ack(x, tokens)
		s.end(int64(len(tokens)))
		if err != nil {
			return err
		}
	}
	return nil
}

// ack acknowledges messages of one session. If that has ended, they come again.
func (s *Source[T]) ack(x *session[T], tokens []T) error {
	err := error(errBroken)
	if !x.broken() {
		ctx, cancel := context.WithTimeout(x.ctx, ackTime)
		err = nodes.Guard(func() error { return x.Ack(ctx, tokens) })
		cancel()
	}
	switch {
	case err == nil:
		return nil
	case !x.broken() && !s.lost(err) && !errors.Is(err, context.DeadlineExceeded):
		return err
	case !x.broken():
		s.Env.Log.Warn(s.What+" does not take acknowledgements, so a session is begun anew", "error", err.Error())
		x.cancel()
	}
	s.missed.Add(int64(len(tokens)))
	return nil
}

// Close implements nodes.Closer.
func (s *Source[T]) Close() error {
	if s.stop == nil {
		return nil
	}
	s.stop()
	<-s.gone
	s.drop()
	return nil
}
