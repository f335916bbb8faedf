package kafka

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph"
)

// This file names the topics of a flow for drawings of several.

func (l *Link) channels(topics ...string) (all []graph.Channel) {
	at := l.brokers()
	slices.Sort(at)
	for _, t := range topics {
		all = append(all, graph.Channel{Key: "kafka://" + strings.Join(at, ",") + " " + t, What: "Kafka topic", Name: t})
	}
	return all
}

// Channels implements graph.Channeled.
func (k *reader) Channels(func(string) string) []graph.Channel {
	named, _ := k.plain()
	return k.channels(named...)
}

// Channels implements graph.Channeled.
func (k *writer) Channels(func(string) string) []graph.Channel {
	if name, fixed := k.fixed(); fixed {
		return k.channels(name)
	}
	return nil
}

var (
	_ graph.Channeled = (*reader)(nil)
	_ graph.Channeled = (*writer)(nil)
)
