package render

import (
	"slices"

	"github.com/flowrun/flowrun/graph"
)

// This file makes one scene of several flows.

// A meeting is a node with the channels of which others may know.
type meeting struct {
	card     int // of the node
	channels []graph.Channel
	reads    bool
}

// Join makes the scene of flows that meet outside of them: where one writes what another
// reads, a card stands between them. Each flow is a cluster. joined reports whether any meet.
func Join(flows []*graph.Flow) (all *Scene, joined bool) {
	all = &Scene{}
	var meetings []meeting
	for i, f := range flows {
		s := FromFlow(f)
		if i > 0 {
			all.Title += " + "
		}
		all.Title += s.Title
		for k, n := range f.Nodes {
			if channels := n.Channels(f); len(channels) > 0 {
				meetings = append(meetings, meeting{len(all.Cards) + k, channels, len(n.In) == 0})
			}
		}
		for _, c := range s.Cards {
			c.Cluster = s.Title
		}
		for _, w := range s.Wires {
			w.From.Card += len(all.Cards)
			w.To.Card += len(all.Cards)
		}
		all.Cards, all.Wires = append(all.Cards, s.Cards...), append(all.Wires, s.Wires...)
	}
	at := map[string]int{} // the card of a channel
	for i := range meetings {
		var seen []string
		for k := range meetings {
			c := meets(&meetings[i], &meetings[k])
			if c == nil || slices.Contains(seen, c.Key) {
				continue
			}
			seen, joined = append(seen, c.Key), true
			if _, there := at[c.Key]; !there {
				at[c.Key] = len(all.Cards)
				all.Cards = append(all.Cards, &Card{ID: c.Name, Kind: c.What, About: c.Key, Icon: IconQueue, In: []Port{{}}, Out: []Port{{}}})
			}
			all.wire(&meetings[i], at[c.Key], c.Name)
		}
	}
	return all, joined
}

// meets gives the channel by which two nodes meet: that to which one of them writes.
func meets(a, b *meeting) *graph.Channel {
	switch {
	case a.reads == b.reads:
		return nil
	case a.reads:
		a, b = b, a
	}
	for i := range a.channels {
		if slices.ContainsFunc(b.channels, func(c graph.Channel) bool { return c.Gets(a.channels[i]) }) {
			return &a.channels[i]
		}
	}
	return nil
}

// wire draws a wire between a node and the card of a channel.
func (s *Scene) wire(m *meeting, between int, name string) {
	card := s.Cards[m.card]
	if m.reads {
		card.In = append(card.In, Port{Name: name})
		s.Wires = append(s.Wires, &Wire{From: End{between, 0}, To: End{m.card, len(card.In) - 1}})
	} else {
		card.Out = append(card.Out, Port{Name: name})
		s.Wires = append(s.Wires, &Wire{From: End{m.card, len(card.Out) - 1}, To: End{between, 0}})
	}
}
