package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// This file commits positions.

// Ack implements message.Receiver: it commits behind the messages, of which there is none open
// before.
func (s *session) Ack(ctx context.Context, tokens []token) error {
	n := map[*partition]int{}
	last := map[*partition]token{}
	for _, t := range tokens {
		n[t.of]++
		last[t.of] = t
	}
	late := 0
	for {
		offsets := map[string]map[int32]kgo.EpochOffset{}
		s.mu.Lock()
		for p, t := range last {
			if p.gone {
				late += n[p]
				delete(last, p)
				continue
			}
			if offsets[p.topic] == nil {
				offsets[p.topic] = map[int32]kgo.EpochOffset{}
			}
			offsets[p.topic][p.id] = kgo.EpochOffset{Epoch: t.epoch, Offset: p.behind(t.offset)}
		}
		s.mu.Unlock()
		if late > 0 {
			s.i.notes.Add("messages were taken by others before they were acknowledged, and come again there", int64(late), "")
			late = 0
		}
		if len(offsets) == 0 {
			return nil
		}
		again, err := s.commit(ctx, offsets)
		if errors.Is(err, kerr.FencedInstanceID) { // Receive says so
			s.cancel(err)
			return nil
		}
		if err != nil {
			return s.i.k.advised(err)
		}
		s.mu.Lock()
		for p := range last {
			if _, not := again[p.topic][p.id]; !not {
				p.open -= n[p]
				delete(last, p)
			}
		}
		close(s.moved)
		s.moved = make(chan struct{})
		s.mu.Unlock()
		if len(last) == 0 {
			return nil
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// commit commits positions. Those in again Kafka has not taken, and may later.
func (s *session) commit(ctx context.Context, offsets map[string]map[int32]kgo.EpochOffset) (again map[string]map[int32]error, err error) {
	s.client.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, req *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, e error) {
		if e != nil {
			err = orCause(ctx, e)
			return
		}
		names := map[[16]byte]string{} // newer brokers answer by these
		for _, t := range req.Topics {
			names[t.TopicID] = t.Topic
		}
		for _, t := range resp.Topics {
			if t.Topic == "" {
				t.Topic = names[t.TopicID]
			}
			for _, p := range t.Partitions {
				switch e := kerr.ErrorForCode(p.ErrorCode); {
				case e == nil:
				case errors.Is(e, kerr.RebalanceInProgress), errors.Is(e, kerr.UnknownMemberID), errors.Is(e, kerr.IllegalGeneration), kerr.IsRetriable(e):
					// In the middle of a rebalance; or this is no member any more, of which the
					// client is told by its next sign of life, and then says which are gone.
					if again == nil {
						again = map[string]map[int32]error{}
					}
					if again[t.Topic] == nil {
						again[t.Topic] = map[int32]error{}
					}
					again[t.Topic][p.Partition] = e
				default:
					err = e
				}
			}
		}
	})
	return again, err
}

// behind is where the group goes on when a message is acknowledged. Behind the last one nothing is
// open, so what follows it without being a message is behind, too. The caller holds mu of the
// session.
func (p *partition) behind(offset int64) int64 {
	if offset == p.last {
		return p.next
	}
	return offset + 1
}
