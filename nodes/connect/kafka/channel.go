package kafka

import (
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph"
)

// This file names the topics of a flow for drawings of several.

// channels are those of topics, and of patterns of such.
func (l *Link) channels(topics ...string) (all []graph.Channel) {
	at := l.brokers()
	for i, b := range at {
		if _, _, err := net.SplitHostPort(b); err != nil {
			at[i] = net.JoinHostPort(strings.Trim(b, "[]"), defaultPort)
		}
	}
	slices.Sort(at)
	for _, t := range topics {
		c := graph.Channel{Key: "kafka://" + strings.Join(at, ",") + " " + t, What: "Kafka topic", Name: t}
		if strings.HasPrefix(t, "^") {
			pattern, err := regexp.Compile(t)
			if err != nil {
				continue
			}
			c.Covers = func(written graph.Channel) bool { return pattern.MatchString(written.Name) }
		}
		all = append(all, c)
	}
	return all
}

// Channels implements graph.Channeled.
func (k *reader) Channels(func(string) string) []graph.Channel { return k.channels(k.Topics...) }

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
