package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	client "github.com/nats-io/nats.go"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file reads a stream by a durable. It asks for bytes: as many as are on their way to
// here or lie here, together, never are more than mostPulled. And it asks for no more messages
// than the flow takes in a while, see pace.go: others may read by the same durable.

const (
	// mostPulled bounds what was asked for and what has come of it, in bytes.
	mostPulled = 8 << 20
	// pullFor is how long the server keeps a pull for which it has nothing.
	pullFor = 30 * time.Second
	// beatEvery is how often the server says meanwhile that it has not forgotten.
	beatEvery = 5 * time.Second
)

// A limits is what a durable allows of a pull; 0: all.
type limits struct {
	messages, bytes int
	expires         time.Duration
}

// A streamSession reads by a durable.
type streamSession struct {
	i       *inlet
	c       *conn
	stream  string
	durable string
	ackWait time.Duration
	allows  limits
	part    bool   // the durable is not for all messages of the stream
	next    string // the subject of pulls
	inbox   string // under which their answers come
	sub     *client.Subscription
	news    chan struct{}
	beats   sync.WaitGroup // the goroutine that gives signs of life

	mu     sync.Mutex
	came   []message.Message[token]
	lain   int // bytes of these
	asked  int // bytes that pulls are still for
	count  int // messages that pulls are still for
	most   int // bytes of a pull that nothing stands in the way of
	pace   pace
	trail  trail
	pulls  int // that were sent so far
	heard  time.Time
	number uint64
	under  []underway // in the order in which they came
	failed error
	// confirms is how many calls of Ack the server has not answered.
	confirms int
	open     map[string]bool // pulls, by the subjects of their answers, that the server has not ended
	whole    bool            // the last pull was for all that may be asked for
	touched  bool            // something has come by it
}

// An ask is what of a pull was not given.
type ask struct{ messages, bytes int }

// An underway is a message that is not acknowledged.
type underway struct {
	reply string
	alive time.Time // when the server was last told, or has handed it out
}

// consume makes the session.
func (i *inlet) consume(ctx context.Context, c *conn) (message.Receiver[token], error) {
	s := &streamSession{i: i, c: c, most: mostPulled, news: make(chan struct{}, 1), open: map[string]bool{}}
	if err := s.find(ctx); err != nil {
		return nil, err
	}
	alone, err := s.alone(ctx)
	if err == nil {
		err = s.begin(ctx, alone)
	}
	if err != nil {
		return nil, err
	}
	s.next = "$JS.API.CONSUMER.MSG.NEXT." + s.stream + "." + s.durable
	s.inbox = c.NewInbox() + "."
	if s.sub, err = c.Subscribe(s.inbox+"*", s.hear); err != nil {
		return nil, err
	}
	if err := s.sub.SetPendingLimits(-1, -1); err != nil { // the pulls bound it
		return nil, err
	}
	s.heard = time.Now()
	s.pace = pace{within: min(250*time.Millisecond, s.ackWait/4), since: s.heard}
	live, stop := context.WithCancel(c.ended)
	s.beats.Add(1)
	go func() {
		defer s.beats.Done()
		defer stop()
		s.live(live)
	}()
	return s, nil
}

// hear takes an answer to a pull, on a goroutine of the client.
func (s *streamSession) hear(m *client.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = time.Now()
	defer func() {
		select {
		case s.news <- struct{}{}:
		default:
		}
	}()
	if m.Subject == s.inbox+confirmed && len(m.Header) == 0 {
		s.confirms--
		return
	}
	t, ok := tokenOf(m.Reply)
	if !ok {
		if err := s.status(m); err != nil && s.failed == nil {
			s.failed = err
		}
		return
	}
	size := m.Size()
	s.asked, s.count = max(0, s.asked-size), max(0, s.count-1)
	s.touched = true
	s.follow(t)
	deleted := s.i.k.mode() == modeKV && operationOf(m) != "put"
	if deleted && !s.i.k.deletes() {
		s.c.Publish(t.reply, nil)
		return
	}
	s.number++
	t.number = s.number
	s.under = append(s.under, underway{t.reply, s.heard})
	x := s.i.content(m, t)
	x.Deleted = deleted
	s.came = append(s.came, x)
	s.lain += size
}

// status is what the server says of a pull. An error ends the session.
func (s *streamSession) status(m *client.Msg) error {
	var left ask
	left.messages, _ = strconv.Atoi(m.Header.Get("Nats-Pending-Messages"))
	left.bytes, _ = strconv.Atoi(m.Header.Get("Nats-Pending-Bytes"))
	code, says := m.Header.Get("Status"), m.Header.Get("Description")
	switch {
	case code == "100": // a sign of life
		return nil
	case code == "404" || code == "408":
		s.closed(m.Subject, left)
		return nil
	case code == "503":
		return client.ErrNoResponders
	case code == "409" && strings.Contains(says, "Exceeds MaxBytes"):
		s.closed(m.Subject, left)
		if s.whole && !s.touched && s.asked == 0 { // it is larger than all that was asked for
			if s.allows.bytes > 0 {
				return finally("give the durable more, or write another one", "the durable %s of the stream %s gives %d bytes at once (max_bytes), and a message is larger", s.durable, s.stream, s.allows.bytes)
			}
			s.most *= 2
		}
		return nil
	case code == "409" && strings.Contains(says, "Batch Completed"):
		s.closed(m.Subject, left)
		return nil
	case code == "409" && strings.Contains(says, "MaxWaiting"):
		return peer.Hinted(fmt.Errorf("the durable %s of the stream %s has too many readers: %s", s.durable, s.stream, strings.ToLower(says)), "its max_waiting bounds how many there may be")
	}
	return fmt.Errorf("the durable %s of the stream %s: %s %s", s.durable, s.stream, code, strings.ToLower(says))
}

// closed is for a pull that the server has ended, and what it has not given by it.
func (s *streamSession) closed(pull string, left ask) {
	s.asked, s.count = max(0, s.asked-left.bytes), max(0, s.count-left.messages)
	delete(s.open, pull)
	if len(s.open) == 0 { // whatever the server has counted otherwise
		s.asked, s.count = 0, 0
	}
}

// pull asks for what there is room for. The caller holds mu.
func (s *streamSession) pull() error {
	room, ahead := s.most-s.asked-s.lain, s.pace.ahead()
	batch, expires := ahead-s.count-len(s.came), pullFor
	if (room < s.most/2 || batch < ahead/2) && s.asked > 0 || room <= 0 || batch <= 0 {
		return nil
	}
	if s.allows.messages > 0 {
		batch = min(batch, s.allows.messages)
	}
	if s.allows.bytes > 0 {
		room = min(room, s.allows.bytes)
	}
	if s.allows.expires > 0 {
		expires = min(expires, s.allows.expires)
	}
	text, err := json.Marshal(map[string]any{"batch": batch, "max_bytes": room, "expires": expires, "idle_heartbeat": min(beatEvery, expires/3)})
	if err != nil {
		return err
	}
	s.pulls++
	if s.asked == 0 {
		s.touched, s.whole = false, room == s.most || room == s.allows.bytes
	}
	s.asked, s.count = s.asked+room, s.count+batch
	reply := s.inbox + strconv.Itoa(s.pulls)
	s.open[reply] = true
	return s.c.PublishRequest(s.next, reply, text)
}

// Receive implements message.Receiver.
func (s *streamSession) Receive(ctx context.Context) ([]message.Message[token], error) {
	begun := time.Now()
	for {
		ms, silent, err := s.take(begun)
		if err != nil || len(ms) > 0 {
			return ms, err
		}
		timer := time.NewTimer(silent)
		select {
		case <-s.news:
		case <-timer.C:
		case <-s.c.ended.Done():
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		timer.Stop()
		if err != nil {
			return nil, err
		}
	}
}

var errSilent = errors.New("the server has forgotten what it was asked for")

// take gives what has come, and asks for more; if nothing has, it says how long the server may
// still be silent.
func (s *streamSession) take(begun time.Time) (ms []message.Message[token], silent time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, bytes, most := 0, 0, s.pace.atOnce()
	for n < len(s.came) && n < most && bytes < atOnce {
		bytes += len(s.came[n].Body)
		n++
	}
	s.pace.took(n, time.Now())
	ms = s.came[:n:n]
	if s.came = s.came[n:]; len(s.came) == 0 {
		s.came, s.lain = nil, 0
	} else {
		s.lain = max(0, s.lain-bytes)
	}
	since := s.heard
	if begun.After(since) {
		since = begun
	}
	silent = 3*beatEvery - time.Since(since)
	switch {
	case s.c.ended.Err() != nil:
		err = context.Cause(s.c.ended)
	case s.failed != nil:
		err = s.failed
	case n == 0 && silent <= 0:
		err = errSilent
	default:
		err = s.pull()
	}
	return ms, silent, err
}

// confirmed is behind the inbox the subject of answers to acknowledgements.
const confirmed = "acked"

// Ack implements message.Receiver. The answer for the last is one for all before it; nobody
// waits for it here, because what the server has not got by then comes again.
func (s *streamSession) Ack(_ context.Context, tokens []token) error {
	s.mu.Lock()
	last := tokens[len(tokens)-1].number
	first := s.number - uint64(len(s.under)) + 1
	n := 0
	if last >= first {
		n = int(last - first + 1)
		s.confirms++
	}
	done := s.under[:n:n]
	s.under = s.under[n:]
	s.mu.Unlock()
	for i, u := range done {
		var err error
		if i < len(done)-1 {
			err = s.c.Publish(u.reply, nil)
		} else {
			err = s.c.PublishRequest(u.reply, s.inbox+confirmed, nil)
		}
		if err != nil {
			s.mu.Lock()
			s.under = append(done[i:], s.under...)
			s.mu.Unlock()
			return err
		}
	}
	return nil
}

// settle waits until the server has all acknowledgements.
func (s *streamSession) settle() {
	ctx, cancel := context.WithTimeout(s.c.ended, askTime)
	defer cancel()
	for {
		s.mu.Lock()
		settled := s.confirms <= 0
		s.mu.Unlock()
		if settled {
			return
		}
		select {
		case <-s.news:
		case <-ctx.Done():
			return
		}
	}
}

var (
	stillAlive = []byte("+WPI")
	notDone    = []byte("-NAK")
)

// live tells the server of what is under way for long that it is not forgotten.
func (s *streamSession) live(ctx context.Context) {
	var before uint64
	for nodes.Sleep(ctx, s.ackWait/4) == nil {
		now := time.Now()
		s.mu.Lock()
		none := s.number == before
		before = s.number
		var old []string
		for i := range s.under {
			if u := &s.under[i]; now.Sub(u.alive) >= s.ackWait/4 {
				u.alive = now
				old = append(old, u.reply)
			}
		}
		s.mu.Unlock()
		for _, reply := range old {
			if s.c.Publish(reply, stillAlive) != nil {
				return
			}
		}
		if none && s.i.lag.Load() > 0 { // others may have taken it since the last message told
			if info, err := s.info(ctx); err == nil {
				s.i.lag.Store(int64(info.NumPending))
			}
		}
	}
}

// Close implements message.Receiver: what was not acknowledged is handed out again at once.
func (s *streamSession) Close() {
	s.settle()
	s.mu.Lock()
	var left []string
	for _, u := range s.under {
		left = append(left, u.reply)
	}
	s.mu.Unlock()
	if s.c.ended.Err() == nil {
		if s.sub.Unsubscribe() == nil && s.c.nak(left) == nil {
			left = nil
		}
	}
	s.i.left = left
	s.c.Close()
	s.beats.Wait()
}

// nak says of messages that they were not done.
func (c *conn) nak(replies []string) error {
	for _, reply := range replies {
		if err := c.Publish(reply, notDone); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	return c.FlushWithContext(ctx)
}
