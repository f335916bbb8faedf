package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// This file is where a group with `start: last` begins.

// fix commits where a new group begins, so that it begins there also if it ends before its
// first message. Whoever finds it new commits that for all partitions of the topic, also for
// those that others have got at the same time: these find it then, or find the group new, too.
// Partitions that a topic gets after the group has begun with it are read from their first
// message on: all of these came later.
func (s *session) fix(ctx context.Context, at map[string]map[int32]kgo.Offset) error {
	var fresh []string
	for topic, ids := range at {
		for _, o := range ids {
			if o.EpochOffset().Offset < 0 {
				fresh = append(fresh, topic)
				break
			}
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	ctx, cancel := within(ctx)
	defer cancel()
	known, err := s.committed(ctx)
	if err != nil {
		return err
	}
	offsets := map[string]map[int32]kgo.EpochOffset{}
	for _, topic := range fresh {
		begins, ids, err := s.beginning(ctx, topic, at[topic], known[topic])
		if err != nil {
			return err
		}
		found, err := s.i.list(ctx, s.client, topic, ids, begins)
		if err != nil {
			return err
		}
		offsets[topic] = map[int32]kgo.EpochOffset{}
		for id, n := range found {
			offsets[topic][id] = kgo.EpochOffset{Epoch: -1, Offset: n}
			if _, mine := at[topic][id]; mine {
				at[topic][id] = kgo.NewOffset().At(n)
			}
		}
	}
	for {
		again, err := s.commit(ctx, offsets)
		if err != nil || len(again) == 0 {
			return err
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// beginning says where partitions begin that have no position: all of a topic that is new to the
// group behind their last messages (-1), others at their first (-2). Those of which the group
// has learnt a position meanwhile get that.
func (s *session) beginning(ctx context.Context, topic string, at map[int32]kgo.Offset, known map[int32]int64) (begins int64, ids []int32, err error) {
	if known == nil {
		n, _, err := partitionsOf(ctx, s.client, []string{topic})
		for id := range max(n[topic], len(at)) {
			ids = append(ids, int32(id))
		}
		return -1, ids, err
	}
	for id, o := range at {
		if o.EpochOffset().Offset >= 0 {
			continue
		}
		if n, ok := known[id]; ok {
			at[id] = kgo.NewOffset().At(n)
			continue
		}
		ids = append(ids, id)
	}
	return -2, ids, nil
}

// committed gives the positions of the group.
func (s *session) committed(ctx context.Context) (map[string]map[int32]int64, error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = s.i.group
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = s.i.group
	req.Groups = append(req.Groups, g)
	resp, err := req.RequestWith(ctx, s.client)
	if err != nil {
		return nil, orCause(ctx, err)
	}
	known := map[string]map[int32]int64{}
	note := func(topic string, id int32, at int64) {
		if at < 0 {
			return
		}
		if known[topic] == nil {
			known[topic] = map[int32]int64{}
		}
		known[topic][id] = at
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			note(t.Topic, p.Partition, p.Offset)
		}
	}
	for _, g := range resp.Groups {
		switch err := kerr.ErrorForCode(g.ErrorCode); {
		case errors.Is(err, kerr.GroupIDNotFound): // nobody has joined it yet
			return known, nil
		case err != nil:
			return nil, err
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				note(t.Topic, p.Partition, p.Offset)
			}
		}
	}
	return known, nil
}

// list gives the offset of partitions at a time, which may be -1 (behind the last message that
// may be read) or -2 (at the first).
func (i *inlet) list(ctx context.Context, c *kgo.Client, topic string, ids []int32, at int64) (map[int32]int64, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	if i.k.Isolation == "committed" {
		req.IsolationLevel = 1
	}
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	for _, id := range ids {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = id, at
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	found := map[int32]int64{}
	for _, shard := range c.RequestSharded(ctx, req) {
		if shard.Err != nil {
			return nil, orCause(ctx, shard.Err)
		}
		for _, t := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, topicFault(topic, err, "READ")
				}
				found[p.Partition] = p.Offset
			}
		}
	}
	return found, nil
}
