package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file is a session of kafka.write.

// A sender is a session: a client that is one idempotent producer.
type sender struct {
	k      *writer
	env    *nodes.Env
	client *kgo.Client
	health *health
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex // the client asks for limits on goroutines of its own
	topics map[string]*topicInfo
	limits map[string]int // topics that took less than they said: of all sessions
}

// connect makes a session. The topic that is the same for all must be there.
func (k *writer) connect(ctx context.Context, env *nodes.Env, limits map[string]int) (message.Sender, error) {
	s := &sender{k: k, env: env, health: &health{env: env}, topics: map[string]*topicInfo{}, limits: limits}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	codec := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}[k.Compression]
	opts := []kgo.Opt{
		kgo.WithContext(s.ctx),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.ProducerBatchCompression(codec),
		kgo.ProducerBatchMaxBytesFn(s.most),
		kgo.BrokerMaxWriteBytes(int32(max(2*k.Most, 100<<20))),
		kgo.MaxBufferedRecords(1 << 20), // message.Sink bounds what is under way
		kgo.ManualFlushing(),
		kgo.StopProducerOnDataLossDetected(),
	}
	if k.Acks == "leader" {
		opts = append(opts, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
	}
	c, err := k.open(ctx, env, s.health, opts...)
	if err != nil {
		s.cancel()
		return nil, err
	}
	s.client = c
	if name, fixed := k.fixed(); fixed {
		err := s.learn(ctx, []string{name})
		if err == nil && s.topics[name].err != nil {
			err = topicFault(name, s.topics[name].err, "WRITE")
		}
		if err != nil {
			s.Close()
			return nil, k.advised(err)
		}
	}
	return s, nil
}

// most is how large a batch may be for a topic. The client asks it once of each, which is after
// learn.
func (s *sender) most(topic string) int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := int(s.k.Most)
	if info := s.topics[topic]; info != nil && info.most > 0 {
		most = min(most, info.most)
	} else {
		most = min(most, usualBytes)
	}
	if limit, ok := s.limits[topic]; ok {
		most = min(most, limit)
	}
	return int32(max(most, leastBatch))
}

// leastBatch is the smallest batch that the client knows.
const leastBatch = 512

// learn asks about topics of which this session knows nothing.
func (s *sender) learn(ctx context.Context, topics []string) error {
	var fresh []string
	for _, t := range topics {
		if s.topics[t] == nil {
			fresh = append(fresh, t)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	infos, err := infoOf(ctx, s.client, fresh)
	if err != nil {
		return err
	}
	var missing []string
	for t, info := range infos {
		if s.k.Create && errors.Is(info.err, kerr.UnknownTopicOrPartition) {
			missing = append(missing, t)
		}
	}
	if len(missing) > 0 {
		if err := makeTopics(ctx, s.client, missing); err != nil {
			return err
		}
		s.env.Log.Info("topics were made", "topics", missing)
		for attempt := 0; ; attempt++ { // until the broker that is asked knows of them
			if infos, err = infoOf(ctx, s.client, fresh); err != nil {
				return err
			}
			unknown := false
			for _, t := range missing {
				unknown = unknown || errors.Is(infos[t].err, kerr.UnknownTopicOrPartition)
			}
			if !unknown || attempt == 50 {
				break
			}
			if err := wait(ctx, 100*time.Millisecond); err != nil {
				return err
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for t, info := range infos {
		s.topics[t] = info
	}
	return nil
}

// topicOf is where a message goes.
func (s *sender) topicOf(m *message.Outgoing) string {
	if s.k.at.topic >= 0 {
		return m.Props[s.k.at.topic].Text
	}
	name, _ := s.k.fixed()
	return name
}

// A round is a call of Send.
type round struct {
	mu       sync.Mutex
	left     int
	answers  int
	err      error
	tooLarge map[string]bool // topics whose batches were too large for the broker
	over     bool            // nobody waits any more
	done     chan struct{}
}

// Send implements message.Sender.
func (s *sender) Send(ctx context.Context, ms []*message.Outgoing) error {
	topics := map[string]bool{}
	for _, m := range ms {
		topics[s.topicOf(m)] = true
	}
	names := make([]string, 0, len(topics))
	for t := range topics {
		if isTopic(t) {
			names = append(names, t)
		}
	}
	if err := s.learn(ctx, names); err != nil {
		return s.k.advised(err)
	}
	r := &round{done: make(chan struct{}), tooLarge: map[string]bool{}}
	records := make([]kgo.Record, len(ms))
	now := time.Now()
	r.left = 1
	for i, m := range ms {
		rec := &records[i]
		if m.Err = s.record(rec, m, now); m.Err != nil {
			continue
		}
		r.mu.Lock()
		r.left++
		r.mu.Unlock()
		s.client.Produce(s.ctx, rec, func(rec *kgo.Record, err error) { s.answered(r, m, rec, err) })
	}
	r.release()
	return s.await(ctx, r)
}

// record makes what the client sends of a message. The error says why it cannot be sent.
func (s *sender) record(rec *kgo.Record, m *message.Outgoing, now time.Time) error {
	topic := s.topicOf(m)
	if !isTopic(topic) {
		return fmt.Errorf("%q is no name of a topic", topic)
	}
	info := s.topics[topic]
	if info.err != nil {
		return topicFault(topic, info.err, "WRITE")
	}
	at := &s.k.at
	rec.Topic, rec.Value = topic, m.Body
	if at.key >= 0 && !m.Props[at.key].Null {
		v := m.Props[at.key]
		if rec.Key = []byte(v.Text); s.k.parts[at.key].Expr.Type().Kind == types.KindInt {
			rec.Key = strconv.AppendInt(rec.Key, v.Int, 10)
		}
	}
	if rec.Key == nil && info.compacted {
		return fmt.Errorf("the topic %s is compacted, so a message must have a key", topic)
	}
	if at.time >= 0 {
		t := time.Unix(0, m.Props[at.time].Int)
		if age := now.Sub(t); age > info.past || -age > info.next {
			return fmt.Errorf("the topic %s takes no message of %s (message.timestamp.before.max.ms, message.timestamp.after.max.ms)", topic, t.UTC().Format(time.RFC3339))
		}
		rec.Timestamp = t
	}
	for i, h := range s.k.Headers {
		if v := m.Props[at.headers+i]; !v.Null {
			rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: h.Key, Value: []byte(v.Text)})
		}
	}
	return nil
}

// answered is called by the client for each message.
func (s *sender) answered(r *round, m *message.Outgoing, rec *kgo.Record, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left--
	r.answers++
	switch {
	case r.over:
	case err == nil:
		m.Kept = true
	case errors.Is(err, kerr.MessageTooLarge):
		most := int(s.most(rec.Topic))
		if size := sizeOf(rec); size <= most { // its batch was
			r.tooLarge[rec.Topic] = true
			break
		} else {
			m.Err = fmt.Errorf("it has %d bytes with its key and headers, and the topic %s takes %d in a batch (max.message.bytes, and max_batch here)", size, rec.Topic, most)
		}
	case refused(err):
		m.Err = message.Refused(theServer, err)
	case s.k.at.topic >= 0 && (errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.UnknownTopicOrPartition)):
		m.Err = topicFault(rec.Topic, err, "WRITE")
	case r.err == nil || errors.Is(r.err, kgo.ErrClientClosed):
		r.err = err
		if errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.UnknownTopicOrPartition) {
			r.err = topicFault(rec.Topic, err, "WRITE")
		}
	}
	if r.left == 0 {
		close(r.done)
	}
}

// refused reports whether a broker has refused a message, and would again.
func refused(err error) bool {
	for _, e := range []error{kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.UnsupportedForMessageFormat, kerr.InvalidRequiredAcks} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// sizeOf is what a message takes in a batch of its own, about.
func sizeOf(rec *kgo.Record) int {
	n := len(rec.Key) + len(rec.Value) + 90
	for _, h := range rec.Headers {
		n += len(h.Key) + len(h.Value) + 4
	}
	return n
}

func (r *round) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left--; r.left == 0 {
		close(r.done)
	}
}

// await waits until all messages of a round are answered for, or the session breaks.
func (s *sender) await(ctx context.Context, r *round) error {
	flush, stop := context.WithCancel(s.ctx)
	defer stop()
	flushed := make(chan struct{})
	go func() {
		defer close(flushed)
		s.client.Flush(flush)
	}()
	defer func() { <-flushed }()
	defer stop()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	answers, since := 0, time.Now()
	for {
		select {
		case <-r.done:
			return s.result(r)
		case <-ctx.Done():
			return r.leave(context.Cause(ctx))
		case now := <-look.C:
			r.mu.Lock()
			if r.answers != answers {
				answers, since = r.answers, now
			}
			r.mu.Unlock()
			if err := s.health.away(now); err != nil {
				return r.leave(s.k.advised(err))
			}
			if now.Sub(since) > longPatience {
				return r.leave(fmt.Errorf("nothing was confirmed for %s, though brokers answer: there may be too few in sync (min.insync.replicas), or no leader", longPatience))
			}
		}
	}
}

// leave ends a round of which nobody will know more.
func (r *round) leave(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	return err
}

// result is what has become of a round in which all was answered.
func (s *sender) result(r *round) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return s.k.advised(r.err)
	}
	for topic := range r.tooLarge {
		// The brokers take less than they said, or did not say: half of it is tried.
		most := s.most(topic)
		s.mu.Lock()
		s.limits[topic] = int(most) / 2
		s.mu.Unlock()
		return fmt.Errorf("the topic %s takes no batch of %d bytes, so half of that is tried: %w", topic, most, kerr.MessageTooLarge)
	}
	return nil
}

// Close implements message.Sender.
func (s *sender) Close() {
	s.cancel()
	s.health.end(s.client)
}
