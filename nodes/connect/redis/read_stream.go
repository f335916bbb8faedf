package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	client "github.com/redis/go-redis/v9"

	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes/message"
)

// This file reads streams.

// A streamSession reads a stream as a consumer of a group.
type streamSession struct {
	session
	fields map[string]*types.Type
	own    string    // the last entry of those that were pending with this consumer before; ">": there are no more
	claim  time.Time // when to look for entries of consumers that are gone
}

func (s *session) stream(ctx context.Context) (message.Receiver[string], error) {
	x := &streamSession{session: *s, fields: fieldsOf(s.i.k.shape.Body), own: "0"}
	start := map[string]string{"first": "0", "last": "$"}[s.i.k.Start]
	if err := x.create(ctx, start); err != nil {
		return nil, err
	}
	if err := x.gap(ctx); err != nil {
		return nil, err
	}
	x.beat(x.keep)
	return x, nil
}

// create makes the group, and the stream, where they are not there. A user who may not make
// them has to find them.
func (s *streamSession) create(ctx context.Context, start string) error {
	err := s.acks.XGroupCreateMkStream(ctx, s.i.k.Key, s.i.group, start).Err()
	if is(err, "BUSYGROUP") || is(err, "NOPERM") {
		return nil
	}
	return err
}

// Receive implements message.Receiver.
func (s *streamSession) Receive(ctx context.Context) ([]message.Message[string], error) {
	for s.own != ">" {
		ms, last, err := s.read(ctx, s.own, false)
		if err != nil {
			return nil, err
		}
		if s.own = last; last == "" {
			s.own = ">"
		}
		if len(ms) > 0 {
			s.i.again.Add(int64(len(ms)))
			return ms, nil
		}
	}
	if now := time.Now(); !now.Before(s.claim) {
		s.claim = now.Add(s.i.k.Claim / 2)
		if err := s.gap(ctx); err != nil {
			return nil, err
		}
		ms, err := s.others(ctx)
		if err != nil || len(ms) > 0 {
			if len(ms) > 0 {
				s.i.again.Add(int64(len(ms)))
				s.claim = now // there may be more
			}
			return ms, err
		}
	}
	ms, _, err := s.read(ctx, ">", true)
	return ms, err
}

// read reads entries behind an id. last is the last of them, "" if there were none.
func (s *streamSession) read(ctx context.Context, behind string, wait bool) (ms []message.Message[string], last string, err error) {
	args, long := []any{"xreadgroup", "group", s.i.group, s.consumer, "count", s.most}, time.Duration(0)
	if wait {
		long = max(time.Millisecond, time.Until(s.claim))
		args = append(args, "block", long.Milliseconds())
	}
	reply, err := waiting(ctx, s.in, long, append(args, "streams", s.i.k.Key, behind)...)
	switch {
	case errors.Is(err, client.Nil):
		return nil, "", nil
	case is(err, "NOGROUP"):
		s.i.env.Log.Warn("the group is gone, and is made anew: it begins with the first entry", "stream", s.i.k.Key, "group", s.i.group)
		s.i.notes.Add("the group was gone, and was made anew", 1, s.i.k.Key)
		if err := s.create(ctx, "0"); err != nil {
			return nil, "", err
		}
		return nil, "", nil
	case err != nil:
		return nil, "", err
	}
	streams, _ := reply.([]any)
	for _, x := range streams {
		if pair, _ := x.([]any); len(pair) == 2 {
			entries, _ := pair[1].([]any)
			got, at, err := s.messages(ctx, entries)
			if err != nil {
				return nil, "", err
			}
			ms, last = append(ms, got...), at
		}
	}
	return ms, last, nil
}

// messages makes messages of entries. One that is pending and was taken out of the stream
// has no fields any more: it is lost.
func (s *streamSession) messages(ctx context.Context, entries []any) (ms []message.Message[string], last string, err error) {
	bytes := 0
	var lost []string
	for _, x := range entries {
		entry, _ := x.([]any)
		if len(entry) != 2 {
			continue // XCLAIM gives nil for what is not there any more
		}
		id, _ := entry[0].(string)
		pairs, there := entry[1].([]any)
		if last = id; !there {
			lost = append(lost, id)
			continue
		}
		body := appendEntry(make([]byte, 0, 24*len(pairs)), s.fields, pairs)
		bytes += len(body)
		ms = append(ms, s.i.content(body, id))
	}
	s.learn(len(ms), bytes)
	if len(lost) > 0 {
		s.i.env.Log.Warn("entries were taken out of the stream before they were acknowledged", "stream", s.i.k.Key, "entries", len(lost), "first", lost[0])
		s.i.notes.Add("entries were taken out of the stream before they were acknowledged", int64(len(lost)), lost[len(lost)-1])
		err = s.Ack(ctx, lost)
	}
	return ms, last, err
}

// Ack implements message.Receiver.
func (s *streamSession) Ack(ctx context.Context, ids []string) error {
	for len(ids) > 0 {
		n := min(len(ids), 1000)
		if err := s.acks.XAck(ctx, s.i.k.Key, s.i.group, ids[:n]...).Err(); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// pendingAtOnce is how many pending entries are asked for at once.
const pendingAtOnce = 1000

// others takes over entries that are pending with consumers who show no sign of life.
func (s *streamSession) others(ctx context.Context) ([]message.Message[string], error) {
	pending, err := s.pending(ctx, "", s.i.k.Claim)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, p := range pending {
		if p.Consumer != s.consumer && len(ids) < s.most {
			ids = append(ids, p.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	args := []any{"xclaim", s.i.k.Key, s.i.group, s.consumer, s.i.k.Claim.Milliseconds()}
	for _, id := range ids {
		args = append(args, id)
	}
	reply, err := s.acks.Do(ctx, args...).Slice()
	if err != nil {
		return nil, err
	}
	ms, _, err := s.messages(ctx, reply)
	if len(ms) > 0 {
		s.i.env.Log.Info("entries of a consumer that shows no sign of life are taken over", "stream", s.i.k.Key, "entries", len(ms), "consumer", pending[0].Consumer)
	}
	return ms, err
}

// pending lists entries that are pending, all or those of one consumer, for longer than a time.
func (s *streamSession) pending(ctx context.Context, consumer string, idle time.Duration) ([]client.XPendingExt, error) {
	all, err := s.acks.XPendingExt(ctx, &client.XPendingExtArgs{
		Stream: s.i.k.Key, Group: s.i.group, Idle: idle, Start: "-", End: "+", Count: pendingAtOnce, Consumer: consumer,
	}).Result()
	if is(err, "NOGROUP") {
		return nil, nil
	}
	return all, err
}

// keep tells Redis that this consumer is alive and still has what is pending with it, and asks
// how much waits.
func (s *streamSession) keep(ctx context.Context) {
	if groups, err := s.acks.XInfoGroups(ctx, s.i.k.Key).Result(); err == nil {
		for _, g := range groups {
			if g.Name == s.i.group {
				s.i.lag.Store(g.Lag)
			}
		}
	}
	for start := "-"; ctx.Err() == nil; {
		all, err := s.acks.XPendingExt(ctx, &client.XPendingExtArgs{
			Stream: s.i.k.Key, Group: s.i.group, Idle: s.i.k.Claim / 4, Start: start, End: "+", Count: pendingAtOnce, Consumer: s.consumer,
		}).Result()
		if err != nil || len(all) == 0 {
			return
		}
		ids := make([]string, len(all))
		for i, p := range all {
			ids[i] = p.ID
		}
		s.acks.XClaimJustID(ctx, &client.XClaimArgs{Stream: s.i.k.Key, Group: s.i.group, Consumer: s.consumer, Messages: ids})
		if len(all) < pendingAtOnce {
			return
		}
		start = "(" + ids[len(ids)-1]
	}
}

// gap looks whether entries were taken out of the stream that the group has not read.
func (s *streamSession) gap(ctx context.Context) error {
	info, err := s.acks.XInfoStream(ctx, s.i.k.Key).Result()
	if err != nil {
		if is(err, "ERR no such key") || is(err, "NOPERM") {
			err = nil
		}
		return err
	}
	groups, err := s.acks.XInfoGroups(ctx, s.i.k.Key).Result()
	if err != nil {
		return err
	}
	for _, g := range groups {
		if g.Name == s.i.group {
			s.i.lag.Store(g.Lag)
		}
		if g.Name != s.i.group || g.Lag <= info.Length || info.FirstEntry.ID != "" && !before(g.LastDeliveredID, info.FirstEntry.ID) {
			continue
		}
		gone := g.Lag - info.Length
		first := info.FirstEntry.ID
		if first == "" {
			first = "the end"
		}
		s.i.env.Log.Warn("entries were taken out of the stream before the group has read them", "stream", s.i.k.Key, "entries", gone, "behind", g.LastDeliveredID, "before", first)
		s.i.notes.Add("entries were taken out of the stream before the group has read them", gone, fmt.Sprintf("between %s and %s", g.LastDeliveredID, first))
		// So that they are counted once: the group stands before the first that is there.
		if info.FirstEntry.ID != "" {
			return s.acks.Do(ctx, "xgroup", "setid", s.i.k.Key, s.i.group, g.LastDeliveredID, "entriesread", g.EntriesRead+gone).Err()
		}
		return s.acks.Do(ctx, "xgroup", "setid", s.i.k.Key, s.i.group, info.LastGeneratedID, "entriesread", info.EntriesAdded).Err()
	}
	return nil
}

// before compares two ids.
func before(a, b string) bool {
	var a1, a2, b1, b2 uint64
	fmt.Sscanf(a, "%d-%d", &a1, &a2)
	fmt.Sscanf(b, "%d-%d", &b1, &b2)
	return a1 < b1 || a1 == b1 && a2 < b2
}
