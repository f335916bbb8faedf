package kafka

import (
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// This file is about `until: end`, by which a node reads what the topics hold when it begins, and
// ends.

// The values of the setting until.
const (
	untilStopped = "stopped"
	untilEnd     = "end"
)

// Finite implements graph.Finite.
func (k *reader) Finite() bool { return k.Until == untilEnd }

// lookEvery is how often a node that is through with its partitions looks how far the others are.
const lookEvery = 500 * time.Millisecond

// Offsets are those of partitions, by topic.
type offsets map[string]map[int32]int64

// of gives that of a partition.
func (o offsets) of(topic string, id int32) (at int64, ok bool) {
	at, ok = o[topic][id]
	return at, ok
}

func (o offsets) set(topic string, id int32, at int64) {
	if o[topic] == nil {
		o[topic] = map[int32]int64{}
	}
	o[topic][id] = at
}

// fixGoals notes up to where the topics are read, once in a run: behind the last message that is
// there, or with `isolation: committed` before the first transaction that is open. Partitions
// with nothing to read have no goal, unless a new group is to begin behind the last message, which
// it has to keep.
func (i *inlet) fixGoals(ctx context.Context, c *kgo.Client) error {
	if i.k.Until != untilEnd || i.goals != nil {
		return nil
	}
	ctx, cancel := within(ctx)
	defer cancel()
	topics, err := i.topics(ctx, c)
	if err != nil {
		return err
	}
	goals := offsets{}
	for topic, n := range topics {
		ids := make([]int32, n)
		for id := range ids {
			ids[id] = int32(id)
		}
		ends, err := i.list(ctx, c, topic, ids, -1)
		if err != nil {
			return err
		}
		begins, err := i.list(ctx, c, topic, ids, -2)
		if err != nil {
			return err
		}
		for id, end := range ends {
			if end > begins[id] || i.k.Start == "last" {
				goals.set(topic, id, end)
			}
		}
	}
	i.goals = goals
	return nil
}

// topics gives the topics that are there, with their numbers of partitions.
func (i *inlet) topics(ctx context.Context, c *kgo.Client) (map[string]int, error) {
	named, others := i.k.plain()
	if !others {
		n, _, err := partitionsOf(ctx, c, named)
		return n, err
	}
	resp, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, c)
	if err != nil {
		return nil, orCause(ctx, err)
	}
	n := map[string]int{}
	for _, t := range resp.Topics {
		if t.Topic == nil || t.IsInternal || t.ErrorCode != 0 {
			continue
		}
		if slices.ContainsFunc(i.k.Topics, func(p string) bool { return regexp.MustCompile(pattern(p)).MatchString(*t.Topic) }) {
			n[*t.Topic] = len(t.Partitions)
		}
	}
	return n, nil
}

// over reports whether all that was there has been read: by this process, as far as it has the
// partitions, and by the group, which has committed it, as far as others have them. It commits
// what no acknowledgement does: offsets behind the last message that have none, such as the end
// of a transaction.
func (s *session) over(ctx context.Context) (bool, error) {
	if s.i.goals == nil {
		return false, nil
	}
	own, others := s.behind()
	if len(own)+len(others) > 0 {
		if time.Since(s.looked) < lookEvery {
			return false, nil
		}
		s.looked = time.Now()
		ctx, cancel := within(ctx)
		defer cancel()
		if err := s.passGone(ctx, own); err != nil || len(own) > 0 {
			return false, err
		}
		if through, err := s.othersThrough(ctx, others); err != nil || !through {
			return false, err
		}
	}
	return true, s.commitTails(ctx)
}

// behind gives the partitions that are not read up to their goals: those of this process, and
// all that it does not have.
func (s *session) behind() (own, others offsets) {
	own, others = offsets{}, offsets{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for topic, ids := range s.i.goals {
		for id, goal := range ids {
			if !s.assigned[topic][id] {
				others.set(topic, id, goal)
				continue
			}
			at, _ := s.positions.of(topic, id)
			if p := s.parts[topic][id]; p != nil {
				at = p.next
			}
			if at < goal {
				own.set(topic, id, goal)
			}
		}
	}
	return own, others
}

// passGone takes out partitions whose topic has thrown away all that was to be read, so that
// nothing will come of them before their goals.
func (s *session) passGone(ctx context.Context, own offsets) error {
	if s.i.k.Start == "last" { // a new group has first to keep where it begins
		return nil
	}
	for topic, ids := range own {
		begins, err := s.i.list(ctx, s.client, topic, keys(ids), -2)
		if err != nil {
			return err
		}
		for id, begin := range begins {
			if begin >= ids[id] {
				delete(ids, id)
			}
		}
		if len(ids) == 0 {
			delete(own, topic)
		}
	}
	return nil
}

// othersThrough reports whether the group has read partitions up to their goals.
func (s *session) othersThrough(ctx context.Context, others offsets) (bool, error) {
	if len(others) == 0 {
		return true, nil
	}
	at, err := s.committed(ctx)
	if err != nil {
		return false, err
	}
	for topic, ids := range others {
		for id, goal := range ids {
			if n, ok := offsets(at).of(topic, id); ok && n >= goal {
				delete(ids, id)
			}
		}
		if len(ids) == 0 {
			delete(others, topic)
		}
	}
	if err := s.passGone(ctx, others); err != nil || len(others) == 0 {
		return err == nil, err
	}
	if !s.waits && s.member() {
		s.waits = true
		s.i.env.Log.Info("this process is through with its partitions, and waits until the group is with the others")
	}
	return false, nil
}

// member reports whether this process has any partition.
func (s *session) member() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ids := range s.assigned {
		if len(ids) > 0 {
			return true
		}
	}
	return false
}

// commitTails commits where this process is in partitions of which it has acknowledged all.
func (s *session) commitTails(ctx context.Context) error {
	for {
		at := s.tails()
		if len(at) == 0 {
			return nil
		}
		again, err := s.commit(ctx, at)
		if err != nil || len(again) == 0 {
			return err
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

func (s *session) tails() map[string]map[int32]kgo.EpochOffset {
	at := map[string]map[int32]kgo.EpochOffset{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for topic, ids := range s.parts {
		for id, p := range ids {
			if p.open > 0 || p.next < 0 {
				continue
			}
			if at[topic] == nil {
				at[topic] = map[int32]kgo.EpochOffset{}
			}
			at[topic][id] = kgo.EpochOffset{Epoch: -1, Offset: p.next}
		}
	}
	return at
}

// goal is up to where a partition is read.
func (s *session) goal(topic string, id int32) int64 {
	if s.i.goals == nil {
		return noGoal
	}
	at, _ := s.i.goals.of(topic, id)
	return at
}

const noGoal = 1<<63 - 1

// keys are the partitions.
func keys(ids map[int32]int64) (all []int32) {
	for id := range ids {
		all = append(all, id)
	}
	return all
}
