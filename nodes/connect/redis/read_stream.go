package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	client "github.com/redis/go-redis/v9"

	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file reads streams.

// A streamSession reads a stream as a consumer of a group.
type streamSession struct {
	session
	fields map[string]*types.Type
	own    string    // the last entry of those that were pending with this consumer before; ">": there are no more
	claim  time.Time // when to look for entries of consumers that are gone
	barred error     // not nil: the user may not make the group
	remade bool      // the group was made anew, and no entry has come since then
}

func (s *session) stream(ctx context.Context) (message.Receiver[string], error) {
	x := &streamSession{session: *s, fields: fieldsOf(s.i.k.shape.Body), own: "0"}
	if err := x.create(ctx); err != nil {
		return nil, err
	}
	if err := x.gap(ctx); err != nil {
		return nil, err
	}
	x.beat(x.keep)
	return x, nil
}

// firstEntry and behindLast are where a group begins, as Redis calls them.
const (
	firstEntry = "0"
	behindLast = "$"
)

// create makes the group, and the stream, where they are not there. Only the first group of a
// run begins as `start` says: one that is gone since then was not told of entries that have come
// to the stream until it is made anew. A user who may not make the group has to find it.
func (s *streamSession) create(ctx context.Context) error {
	start := firstEntry
	if s.i.k.Start == "last" && !s.i.grouped {
		start = behindLast
	}
	err := s.acks.XGroupCreateMkStream(ctx, s.i.k.Key, s.i.group, start).Err()
	switch {
	case is(err, "NOPERM"):
		s.barred = err
		return nil
	case is(err, "BUSYGROUP"):
	case err != nil:
		return err
	case s.i.grouped:
		s.i.env.Log.Warn("the group was gone, and was made anew: it begins with the first entry", "stream", s.i.k.Key, "group", s.i.group)
		s.i.notes.Add("the group was gone, and was made anew", 1, s.i.k.Key)
	}
	s.i.grouped = true
	return nil
}

// remakeWait is the wait before a group is made anew a second time if nothing has come in
// between: somebody may take it away again and again.
const remakeWait = 500 * time.Millisecond

// remake makes the group anew.
func (s *streamSession) remake(ctx context.Context) error {
	if s.barred != nil {
		return peer.Hinted(fmt.Errorf("the stream %s has no group %s: %w", s.i.k.Key, s.i.group, s.barred),
			fmt.Sprintf("make it, `XGROUP CREATE %s %s %s MKSTREAM`, or let the user do that: ACL SETUSER NAME +xgroup|create", s.i.k.Key, s.i.group, firstEntry))
	}
	if s.remade && nodes.Sleep(ctx, remakeWait) != nil {
		return nil
	}
	s.remade = true
	return s.create(ctx)
}

// gone reports whether an error says that the stream or its group is not there: the next read
// makes them anew.
func gone(err error) bool {
	return is(err, "NOGROUP") || is(err, "UNBLOCKED") || is(err, "ERR no such key")
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
	most := s.count()
	args, long := []any{"xreadgroup", "group", s.i.group, s.consumer, "count", most}, time.Duration(0)
	if wait {
		long = max(time.Millisecond, time.Until(s.claim))
		args = append(args, "block", long.Milliseconds())
	}
	asks, _ := s.i.lag.now()
	reply, err := waiting(ctx, s.in, long, append(args, "streams", s.i.k.Key, behind)...)
	switch {
	case errors.Is(err, client.Nil):
		if behind == ">" {
			s.i.lag.read(asks, 0, "", true)
		}
		return nil, "", nil
	case gone(err):
		return nil, "", s.remake(ctx)
	case err != nil:
		return nil, "", s.i.k.of(s.i.k.Mode, s.i.k.Key, err)
	}
	s.remade, s.i.grouped = false, true
	streams, _ := reply.([]any)
	for _, x := range streams {
		if pair, _ := x.([]any); len(pair) == 2 {
			entries, _ := pair[1].([]any)
			got, at, err := s.messages(ctx, entries)
			if err != nil {
				return nil, "", err
			}
			ms, last = append(ms, got...), at
			if behind == ">" {
				s.i.lag.read(asks, len(entries), last, len(entries) < most)
			}
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
		body, err := appendEntry(make([]byte, 0, 24*len(pairs)), s.fields, pairs)
		bytes += len(body)
		m := s.i.content(body, id)
		m.Err = err
		ms = append(ms, m)
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
		if p.Consumer != s.consumer && len(ids) < s.count() {
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
	if gone(err) {
		return nil, nil
	}
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
	if gone(err) {
		return nil, nil
	}
	return all, err
}

// keep tells Redis that this consumer is alive and still has what is pending with it, and asks
// how much waits.
func (s *streamSession) keep(ctx context.Context) {
	s.standing(ctx)
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

// standing asks how the group stands, and how much waits for it. A group that is not there has
// no name.
func (s *streamSession) standing(ctx context.Context) (client.XInfoGroup, error) {
	_, reads := s.i.lag.now()
	groups, err := s.acks.XInfoGroups(ctx, s.i.k.Key).Result()
	if err != nil && !gone(err) {
		return client.XInfoGroup{}, err
	}
	for _, g := range groups {
		if g.Name == s.i.group {
			s.i.lag.asked(reads, g)
			return g, nil
		}
	}
	return client.XInfoGroup{}, nil
}

// gap looks whether entries were taken out of the stream that the group has not read.
func (s *streamSession) gap(ctx context.Context) error {
	info, err := s.acks.XInfoStream(ctx, s.i.k.Key).Result()
	if gone(err) || is(err, "NOPERM") {
		return nil
	}
	if err != nil {
		return err
	}
	g, err := s.standing(ctx)
	first := info.FirstEntry.ID
	if err != nil || g.Name == "" || g.LastDeliveredID == s.i.gapBehind || first != "" && !before(g.LastDeliveredID, first) {
		return err
	}
	// How many are gone is of one answer, so that what is added meanwhile is not taken for it. Redis
	// does not know how many a group has read that has read nothing yet, or how much waits where
	// some are gone in the middle.
	missing := info.EntriesAdded - info.Length - g.EntriesRead
	if g.EntriesRead <= 0 || g.Lag < 0 || missing <= 0 {
		return nil
	}
	if first == "" {
		first = "the end"
	}
	s.i.env.Log.Warn("entries were taken out of the stream before the group has read them", "stream", s.i.k.Key, "entries", missing, "behind", g.LastDeliveredID, "before", first)
	s.i.notes.Add("entries were taken out of the stream before the group has read them", missing, fmt.Sprintf("between %s and %s", g.LastDeliveredID, first))
	return s.leap(ctx, g, info, missing)
}

// leap sets the group before the first entry that is there, so that those that are gone are
// counted once. A user who may not do that has them counted again by the next run.
func (s *streamSession) leap(ctx context.Context, g client.XInfoGroup, info *client.XInfoStream, missing int64) error {
	at, read := g.LastDeliveredID, g.EntriesRead+missing
	if info.FirstEntry.ID == "" {
		at, read = info.LastGeneratedID, info.EntriesAdded
	}
	err := s.acks.Do(ctx, "xgroup", "setid", s.i.k.Key, s.i.group, at, "entriesread", read).Err()
	if is(err, "NOPERM") {
		s.i.gapBehind = g.LastDeliveredID
		return nil
	}
	return err
}

// before compares two ids.
func before(a, b string) bool {
	var a1, a2, b1, b2 uint64
	fmt.Sscanf(a, "%d-%d", &a1, &a2)
	fmt.Sscanf(b, "%d-%d", &b1, &b2)
	return a1 < b1 || a1 == b1 && a2 < b2
}
