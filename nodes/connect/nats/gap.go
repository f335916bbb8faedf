package nats

import "fmt"

// This file finds out that a stream has thrown messages away before its durable has handed them
// out: by its limits (max_msgs, max_bytes, max_age), or because somebody deleted or purged them.
// The server says nothing of that. It numbers messages in the stream and hand-outs by the
// durable: where the first numbers run ahead of the second, messages are missing between. That
// holds only where the durable is for all subjects of the stream.

// A trail is how far a durable has come, as its reader has seen it.
type trail struct {
	known    bool
	seq      uint64 // of the last message that was handed out for the first time, in the stream
	handOuts uint64 // up to then, by the durable, and those since then that were no first ones
}

// follow is given each message in the order in which the durable hands them out, and says how
// many are missing before it.
func (r *trail) follow(t token) (missing uint64) {
	switch {
	case t.delivered > 1:
		r.handOuts++
		return 0
	case r.known && t.seq > r.seq && t.handOut > r.handOuts && t.seq-r.seq > t.handOut-r.handOuts:
		missing = t.seq - r.seq - (t.handOut - r.handOuts)
	}
	*r = trail{true, t.seq, t.handOut}
	return missing
}

// follow tells of messages that are missing before one. The caller holds mu.
func (s *streamSession) follow(t token) {
	before := s.trail.seq
	missing := s.trail.follow(t)
	if missing == 0 || s.part {
		return
	}
	s.i.env.Log.Warn("messages were thrown away before the durable has handed them out", "stream", s.stream, "durable", s.durable, "messages", missing, "behind", before, "before", t.seq)
	s.i.notes.Add("messages were thrown away before the durable has handed them out", int64(missing), fmt.Sprintf("%s between %d and %d", s.stream, before, t.seq))
}
