package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/flowrun/flowrun/nodes/message"
)

// This file is a session of kafka.read.

// A token says where a message lies.
type token struct {
	of     *partition
	offset int64
	epoch  int32 // of the leader that gave it
}

// A partition is one that a session has, until it is gone.
type partition struct {
	topic string
	id    int32
	next  int64 // the offset that comes next; -1: not known
	last  int64 // the offset of the last message that the flow has got; -1: it has none
	end   int64 // behind the last message that is to be read, as the broker told last
	open  int   // messages that the flow has and that are not committed
	gone  bool
}

// A session is a member of the group.
type session struct {
	i      *inlet
	client *kgo.Client
	health *health
	ctx    context.Context
	cancel context.CancelCauseFunc
	most   int // how many messages are asked for: about a megabyte of them

	polling *poll     // of Receive
	looked  time.Time // with `until: end`: when it looked how far the others are
	waits   bool      // for them

	mu        sync.Mutex
	parts     map[string]map[int32]*partition
	assigned  map[string]map[int32]bool // partitions that the group has given to this process
	positions offsets                   // where the group begins in partitions of which nothing has come yet
	moved     chan struct{}             // closed and made anew when something was committed
}

// OnNewClient implements kgo.HookNewClient: the client calls back before whoever makes it has it.
func (s *session) OnNewClient(c *kgo.Client) { s.client = c }

// OnGroupManageError implements kgo.HookGroupManageError. A member whose name another process
// has joins no more.
func (s *session) OnGroupManageError(err error) {
	if errors.Is(err, kerr.FencedInstanceID) {
		s.cancel(kerr.FencedInstanceID)
	}
}

// A poll asks the client for messages, on a goroutine of its own: while partitions are being
// given back, which may wait for the flow, it waits too and heeds no context. What it takes is
// thrown away only if the session takes nothing after it.
type poll struct {
	stop context.CancelFunc
	done chan struct{}

	mu   sync.Mutex
	left bool // nobody waits any more
	ms   []message.Message[token]
	err  error
}

func (s *session) poll() *poll {
	wait := patience
	if s.i.goals != nil {
		wait = lookEvery
	}
	ctx, stop := context.WithTimeout(s.ctx, wait)
	p := &poll{stop: stop, done: make(chan struct{})}
	most := s.most
	go func() {
		defer close(p.done)
		defer stop()
		fetches := s.client.PollRecords(ctx, most)
		defer s.client.AllowRebalance()
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.left {
			p.ms, p.err = s.take(fetches)
		}
	}()
	return p
}

// leave ends a poll, and gives what it has taken before.
func (p *poll) leave() []message.Message[token] {
	p.stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = true
	ms := p.ms
	p.ms = nil
	return ms
}

// Receive implements message.Receiver.
func (s *session) Receive(ctx context.Context) ([]message.Message[token], error) {
	switch over, err := s.over(ctx); {
	case err != nil:
		return nil, s.i.k.advised(err)
	case over && s.polling == nil:
		return nil, message.ErrEnd
	}
	if s.polling == nil {
		s.polling = s.poll()
	}
	look := time.NewTimer(patience) // so that somebody looks whether Kafka is away
	defer look.Stop()
	select {
	case <-s.polling.done:
		ms, err := s.polling.ms, s.polling.err
		if s.polling = nil; len(ms) > 0 {
			s.looked = time.Now()
		}
		if err == nil && len(ms) == 0 {
			err = s.health.away(time.Now())
		}
		if s.ctx.Err() == nil || len(ms) > 0 {
			return ms, s.i.k.advised(err)
		}
	case <-look.C:
		return nil, s.i.k.advised(s.health.away(time.Now()))
	case <-ctx.Done():
		return s.polling.leave(), nil
	case <-s.ctx.Done():
		if ms := s.polling.leave(); len(ms) > 0 {
			return ms, nil
		}
	}
	err := context.Cause(s.ctx)
	if errors.Is(err, kerr.FencedInstanceID) {
		err = s.i.fenced()
	}
	return nil, err
}

// take makes messages of what has come, and notes that the flow has them.
func (s *session) take(fetches kgo.Fetches) (ms []message.Message[token], err error) {
	n := fetches.NumRecords()
	ms = make([]message.Message[token], 0, n)
	props := make([]message.Value, 0, n*len(s.i.k.shape.Asked))
	bytes := 0
	s.mu.Lock()
	defer s.mu.Unlock()
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		if f.Err != nil {
			if e := s.fault(f.Topic, f.Partition, f.Err); e != nil {
				err = e
			}
		}
		if len(f.Records) == 0 {
			return
		}
		p := s.partition(f.Topic, f.Partition)
		s.gap(p, f.Records[0].Offset, f.LogStartOffset)
		goal := s.goal(f.Topic, f.Partition)
		for _, r := range f.Records {
			if p.next = r.Offset + 1; p.next > goal {
				p.next = goal
				break
			}
			if r.Attrs.IsControl() { // the end of a transaction
				continue
			}
			p.open++
			p.last = r.Offset
			bytes += len(r.Value) + len(r.Key) + 100
			from := len(props)
			props = s.properties(props, r)
			ms = append(ms, message.Message[token]{
				Content: message.Content{Body: r.Value, Absent: r.Value == nil, Props: props[from:len(props):len(props)]},
				Token:   token{p, r.Offset, r.LeaderEpoch},
			})
		}
		if p.end = min(f.HighWatermark, goal); p.next == goal {
			s.client.PauseFetchPartitions(map[string][]int32{f.Topic: {f.Partition}})
		}
	})
	s.measure()
	if n > 0 {
		s.most = max(1, min(50_000, (1<<20)*n/max(bytes, 1), 4*s.most))
	}
	return ms, err
}

// partition gives the one of that name. The caller holds mu.
func (s *session) partition(topic string, id int32) *partition {
	p := s.parts[topic][id]
	if p == nil {
		p = &partition{topic: topic, id: id, next: -1, last: -1}
		if at, ok := s.positions.of(topic, id); ok {
			p.next = at
		}
		if s.parts[topic] == nil {
			s.parts[topic] = map[int32]*partition{}
		}
		s.parts[topic][id] = p
	}
	return p
}

// measure notes how much waits at the brokers. The caller holds mu.
func (s *session) measure() {
	lag := int64(0)
	for _, ids := range s.parts {
		for _, p := range ids {
			lag += max(0, p.end-p.next)
		}
	}
	s.i.lag.Store(lag)
}

// gap tells of messages that the topic has thrown away before anybody here has read them.
// Offsets without a message are no sign of it, but a log that begins later is.
func (s *session) gap(p *partition, first, logStart int64) {
	if p.next < 0 || first <= p.next || logStart <= p.next {
		return
	}
	gone := min(first, logStart) - p.next
	between := fmt.Sprintf("%s/%d from %d up to %d", p.topic, p.id, p.next, p.next+gone)
	s.i.env.Log.Warn("messages were thrown away before the group has read them", "topic", p.topic, "partition", p.id, "from", p.next, "messages", gone)
	s.i.notes.Add("messages were thrown away before the group has read them", gone, between)
}

// fault says what becomes of the session after an error of a partition, nil if nothing does.
func (s *session) fault(topic string, id int32, err error) error {
	var gone *kgo.ErrDataLoss
	var group *kgo.ErrGroupSession
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil
	case errors.As(err, &gone):
		s.i.env.Log.Warn("the brokers have lost messages that they had confirmed", "topic", topic, "partition", id, "from", gone.ResetTo, "to", gone.ConsumedTo)
		s.i.notes.Add("the brokers have lost messages that they had confirmed", max(1, gone.ConsumedTo-gone.ResetTo), fmt.Sprintf("%s/%d@%d", topic, id, gone.ResetTo))
		return nil
	case errors.As(err, &group):
		if lost(group.Err) && !errors.Is(group.Err, kerr.FencedInstanceID) {
			return nil // the client joins again
		}
		return group.Err
	case topic != "":
		return topicFault(topic, err, "READ")
	}
	return err
}

// properties adds what the flow asks of a message.
func (s *session) properties(to []message.Value, r *kgo.Record) []message.Value {
	for _, p := range s.i.k.shape.Asked {
		var v message.Value
		switch p.Name {
		case "key":
			v = message.Value{Text: strings.ToValidUTF8(string(r.Key), "\ufffd"), Null: r.Key == nil}
		case "topic":
			v.Text = r.Topic
		case "partition":
			v.Int = int64(r.Partition)
		case "offset":
			v.Int = r.Offset
		case "time":
			v.Int = r.Timestamp.UnixNano()
		default:
			v.Null = true
			name := strings.TrimPrefix(p.Name, message.Headers)
			for _, h := range r.Headers {
				if h.Key == name {
					v = message.Value{Text: strings.ToValidUTF8(string(h.Value), "\ufffd"), Null: h.Value == nil}
				}
			}
		}
		to = append(to, v)
	}
	return to
}

// revoked is called by the client before it gives partitions back.
func (s *session) revoked(_ context.Context, _ *kgo.Client, given map[string][]int32) {
	if len(given) == 0 {
		return
	}
	begun := time.Now()
	ctx, cancel := context.WithTimeout(s.ctx, s.i.k.Rebalance/2)
	defer cancel()
	asked := false
	for {
		s.mu.Lock()
		open, moved := s.openOf(given), s.moved
		s.mu.Unlock()
		if open == 0 || ctx.Err() != nil {
			break
		}
		if !asked && s.i.env.Cut != nil {
			asked = true
			s.i.env.Cut()
		}
		select {
		case <-moved:
		case <-ctx.Done():
		}
	}
	if open := s.forget(given); open > 0 && s.ctx.Err() == nil {
		s.i.env.Log.Warn("partitions were given back before the flow was through with them: what it has of them comes again, at whoever has them next",
			"partitions", len(given), "messages", open, "waited", time.Since(begun).Round(time.Millisecond).String())
	}
}

// lost is called by the client when others have partitions that were not given back.
func (s *session) lost(_ context.Context, _ *kgo.Client, taken map[string][]int32) {
	if open := s.forget(taken); open > 0 {
		s.i.env.Log.Warn("the group has gone on without this process: what the flow has of its partitions comes again, at whoever has them next", "messages", open)
	}
}

// openOf counts the messages of partitions that the flow has. The caller holds mu.
func (s *session) openOf(given map[string][]int32) (n int) {
	for topic, ids := range given {
		for _, id := range ids {
			if p := s.parts[topic][id]; p != nil {
				n += p.open
			}
		}
	}
	return n
}

// forget takes partitions out: nothing of them is committed from now on.
func (s *session) forget(given map[string][]int32) (open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	open = s.openOf(given)
	s.i.again.Add(int64(open))
	for topic, ids := range given {
		for _, id := range ids {
			if p := s.parts[topic][id]; p != nil {
				p.gone = true
				delete(s.parts[topic], id)
			}
			delete(s.positions[topic], id)
			delete(s.assigned[topic], id)
		}
	}
	return open
}

// begin is called by the client with the positions that the group has in new partitions.
func (s *session) begin(ctx context.Context, at map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	if s.i.k.Start == "last" {
		if err := s.fix(ctx, at); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for topic, ids := range at {
		if s.assigned[topic] == nil {
			s.assigned[topic] = map[int32]bool{}
		}
		for id, o := range ids {
			s.assigned[topic][id] = true
			if n := o.EpochOffset().Offset; n >= 0 {
				s.positions.set(topic, id, n)
			}
		}
		s.client.ResumeFetchPartitions(map[string][]int32{topic: slices.Collect(maps.Keys(ids))}) // it may have been here before
	}
	return maps.Clone(at), nil
}

// Close implements message.Receiver.
func (s *session) Close() {
	s.cancel(nil)
	s.health.end(s.client)
}

// wait waits for a time.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

var (
	_ kgo.HookNewClient        = (*session)(nil)
	_ kgo.HookGroupManageError = (*session)(nil)
)
