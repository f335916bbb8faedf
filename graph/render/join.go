package render

import (
	"slices"

	"github.com/flowrun/flowrun/graph"
)

// This file makes one scene of several flows.

// Join makes the scene of flows that meet outside of them: where one writes what another
// reads, a card stands between them. Each flow is a cluster.
func Join(flows []*graph.Flow) *Scene {
	all := &Scene{}
	at := map[string]int{} // the card of a channel
	type meeting struct {
		card    int // of the node
		channel graph.Channel
		reads   bool
	}
	var meetings []meeting
	for i, f := range flows {
		s := FromFlow(f)
		if i > 0 {
			all.Title += " + "
		}
		all.Title += s.Title
		for k, n := range f.Nodes {
			for _, c := range n.Channels(f) {
				meetings = append(meetings, meeting{len(all.Cards) + k, c, len(n.In) == 0})
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
	for _, m := range meetings {
		if !slices.ContainsFunc(meetings, func(o meeting) bool { return o.channel.Key == m.channel.Key && o.reads != m.reads }) {
			continue
		}
		if _, there := at[m.channel.Key]; !there {
			at[m.channel.Key] = len(all.Cards)
			all.Cards = append(all.Cards, &Card{ID: m.channel.Name, Kind: m.channel.What, About: m.channel.Key, Icon: IconQueue, In: []Port{{}}, Out: []Port{{}}})
		}
		card, between := all.Cards[m.card], at[m.channel.Key]
		if m.reads {
			card.In = append(card.In, Port{Name: m.channel.Name})
			all.Wires = append(all.Wires, &Wire{From: End{between, 0}, To: End{m.card, len(card.In) - 1}})
		} else {
			card.Out = append(card.Out, Port{Name: m.channel.Name})
			all.Wires = append(all.Wires, &Wire{From: End{m.card, len(card.Out) - 1}, To: End{between, 0}})
		}
	}
	return all
}
