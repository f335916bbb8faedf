package graph

import (
	"regexp"
	"strings"
)

// A Channel is a place outside of flows by which they meet: what one writes there, another
// reads.
type Channel struct {
	Key  string // which tells it from all others, without secrets: "redis://127.0.0.1:6379/0 stream orders"
	What string // "Redis stream"
	Name string // "orders", with which Key ends where Covers is set

	// Part is, of what is written, which part of the channel it goes to, such as a subject of a
	// stream; "": it is not known.
	Part string
	// Covers is, of what is read by a pattern or in part: whether what is written to a channel
	// of the same server and sort comes here. nil: what has the same Key does.
	Covers func(written Channel) bool
}

// Gets reports whether what is written to a channel is read from this one.
func (c Channel) Gets(written Channel) bool {
	if c.Covers == nil {
		return c.Key == written.Key
	}
	return strings.TrimSuffix(c.Key, c.Name) == strings.TrimSuffix(written.Key, written.Name) && c.Covers(written)
}

// thisMachine is it by its names, in front of a port.
var thisMachine = regexp.MustCompile(`(?i)(//|,)(?:localhost|\[::1\]):`)

// Channeled is implemented by settings structs of sources and sinks that read from or write to
// places of which others may know. path resolves a path of the settings. It is called after
// Infer.
type Channeled interface {
	Channels(path func(string) string) []Channel
}

// Channels are the places outside of the flow that the node reads from, if it is a source, or
// writes to.
func (n *Node) Channels(f *Flow) []Channel {
	if c, ok := n.Config.(Channeled); ok && (len(n.In) == 0) != (len(n.Out) == 0 || onlySides(n)) {
		all := c.Channels(f.Path)
		for i := range all {
			all[i].Key = thisMachine.ReplaceAllString(all[i].Key, "${1}127.0.0.1:")
		}
		return all
	}
	return nil
}

// onlySides reports whether a node has no outputs but those of errors and the like.
func onlySides(n *Node) bool {
	for _, o := range n.Out {
		if !o.Side && o.Name != ErrorPort {
			return false
		}
	}
	return true
}
