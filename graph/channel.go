package graph

// A Channel is a place outside of flows by which they meet: what one writes there, another
// reads.
type Channel struct {
	Key  string // which tells it from all others, without secrets: "redis://127.0.0.1:6379/0 stream orders"
	What string // "Redis stream"
	Name string // "orders"
}

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
		return c.Channels(f.Path)
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
