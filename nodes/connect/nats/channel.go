package nats

import (
	"net/url"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph"
)

// This file names the streams, subjects and buckets of a flow for drawings of several.

// channel names one of them.
func (l *Link) channel(what, name string) graph.Channel {
	return graph.Channel{Key: "nats://" + l.hosts() + " " + what + " " + name, What: "NATS " + what, Name: name}
}

// hosts is the server, whoever logs in there.
func (l *Link) hosts() string {
	if l.isEmbedded() {
		return l.Listen
	}
	texts, _, err := l.servers()
	if err != nil {
		return ""
	}
	var hosts []string
	for _, text := range texts {
		if u, err := url.Parse(text); err == nil {
			hosts = append(hosts, u.Host)
		}
	}
	slices.Sort(hosts)
	return strings.Join(hosts, ",")
}

// Channels implements graph.Channeled: a bucket, a subject that is the same for all items, and a
// stream that is named. Nobody else reaches an embedded server that does not listen.
func (k *writer) Channels(func(string) string) (all []graph.Channel) {
	if k.hosts() == "" {
		return nil
	}
	if k.mode() == modeKV {
		return []graph.Channel{k.channel("bucket", k.Bucket)}
	}
	if k.mode() == modeStream && k.Stream != "" {
		c := k.channel("stream", k.Stream)
		c.Part = k.fixed
		all = append(all, c)
	}
	if k.fixed != "" {
		all = append(all, k.channel("subject", k.fixed))
	}
	return all
}

// Channels implements graph.Channeled: what is read of a stream, which may be known by its subjects
// alone.
func (k *reader) Channels(func(string) string) (all []graph.Channel) {
	if k.hosts() == "" {
		return nil
	}
	if k.mode() == modeKV {
		return []graph.Channel{k.channel("bucket", k.Bucket)}
	}
	if k.mode() == modeStream && k.Stream != "" {
		c := k.channel("stream", k.Stream)
		c.Covers = func(written graph.Channel) bool {
			return written.Name == k.Stream && (k.Subject == "" || written.Part == "" || matches(k.Subject, written.Part))
		}
		all = append(all, c)
	}
	if k.Subject != "" {
		c := k.channel("subject", k.Subject)
		c.Covers = func(written graph.Channel) bool { return matches(k.Subject, written.Name) }
		all = append(all, c)
	}
	return all
}
