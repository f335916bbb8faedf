package window

import (
	"cmp"
	"container/heap"
	"slices"
)

// This file has sessions: windows that last as long as items of a key keep coming.

// extend puts an item into the open session of its key that it belongs to, or
// begins one. An item may close the gap between several: they become one.
func (b *buffer) extend(l *lane, key, row int32, t, watermark int64) {
	gap := int64(b.k.Session)
	var home *session
	kept := l.sessions[:0]
	for _, s := range l.sessions {
		switch {
		case s.end <= watermark || t >= s.end || s.start >= t+gap: // closed, or too far away
		case home == nil:
			home = s
		default:
			home.join(s)
			continue
		}
		kept = append(kept, s)
	}
	clear(l.sessions[len(kept):])
	l.sessions = kept
	if home == nil {
		b.begun++
		home = &session{key: key, number: b.begun, start: t, end: t + gap}
		l.sessions = append(l.sessions, home)
		heap.Push(&b.sessions, sessionEnd{home.end, home})
	}
	home.start, home.end = min(home.start, t), max(home.end, t+gap)
	home.rows = append(home.rows, row)
}

// join takes another session up. Its items stay in the order of arrival.
func (s *session) join(o *session) {
	s.start, s.end, s.number = min(s.start, o.start), max(s.end, o.end), min(s.number, o.number)
	s.rows = append(s.rows, o.rows...)
	slices.Sort(s.rows)
	o.void, o.rows = true, nil
}

// ended gives the sessions that end at the watermark or before, or all, and
// forgets them.
func (b *buffer) ended(watermark int64, all bool) []closedWindow {
	var done []*session
	for len(b.sessions) > 0 && (all || b.sessions[0].at <= watermark) {
		s := heap.Pop(&b.sessions).(sessionEnd).of
		switch {
		case s.void:
		case !all && s.end > watermark: // it has grown
			heap.Push(&b.sessions, sessionEnd{s.end, s})
		default:
			done = append(done, s)
			l := &b.of[s.key]
			l.sessions = slices.DeleteFunc(l.sessions, func(o *session) bool { return o == s })
		}
	}
	slices.SortFunc(done, func(x, y *session) int { return cmp.Or(cmp.Compare(x.end, y.end), cmp.Compare(x.number, y.number)) })
	windows := make([]closedWindow, len(done))
	for i, s := range done {
		windows[i] = closedWindow{span{s.key, s.start, s.end}, s.rows}
	}
	return windows
}

// A sessionEnd is when a session may end. It was begun or had grown to that time.
type sessionEnd struct {
	at int64
	of *session
}

// A sessionHeap has the end that comes first at its top.
type sessionHeap []sessionEnd

func (h sessionHeap) Len() int           { return len(h) }
func (h sessionHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h sessionHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *sessionHeap) Push(x any)        { *h = append(*h, x.(sessionEnd)) }

func (h *sessionHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = sessionEnd{}
	*h = old[:len(old)-1]
	return last
}
