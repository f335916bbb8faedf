package nodes

import (
	"context"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// Env is all that a kind may ask of the world around it. The engine makes one for
// each node of a run.
type Env struct {
	Node    *graph.Node
	Flow    *graph.Flow
	Workers int // goroutines that will work on the node
	Stdin   io.Reader
	Stdout  io.Writer
	Log     *slog.Logger
	Seed    uint64
	Retries *atomic.Int64 // counts tries after the first; may be nil

	// Stopping gives a channel that is closed once the flow was told to stop: whoever
	// holds items back for a time sends them when it is woken then. It may be called
	// from Open on; nil where nothing can be stopped.
	Stopping func() <-chan struct{}
	// Await waits while the run is paused, until ctx ends. A source calls it whose code
	// takes items when it likes, on a goroutine of its own; the engine sees to the
	// others. May be nil.
	Await func(ctx context.Context)
	// Paused says that Await would wait: a look that costs less. May be nil.
	Paused *atomic.Bool

	// Progress is set, by the method Operator of a source that knows how far it is:
	// it gives bytes done and bytes in all (0: unknown) and is called at any time
	// from any goroutine.
	Progress func() (done, total int64)
	// Outputs is set, by the method Operator of a sink that writes files: what became of
	// them, for the report. It is called after Commit or Abort.
	Outputs func() []Output
	// Unkept is set, by the method Operator of a sink that may have processed items which
	// are lost with the run: how many it has not kept, and how many more have gone to a peer
	// that has not said what became of them. It is called once the run has ended, after
	// Commit or Abort and Close.
	Unkept func() (lost, unsure int64)
	// Dropped is set, by the method Operator of a source that leaves out fields which the
	// type of its items does not have: how many values of each field so far. It is called
	// at any time from any goroutine, and gives a map of its own.
	Dropped func() map[string]int64
	// Notes is set, by the method Operator of a node whose peers do what no item fails of,
	// such as a file that is followed and was truncated: what has befallen them so far, for
	// the report. It is called at any time from any goroutine, and gives a slice of its own.
	Notes func() []Note
	// Standing is set, by the method Operator of a node that reads or writes the messages of a
	// broker: how it stands with it. It is called at any time from any goroutine.
	Standing func() Standing
	// NoSync says that files need not be safe from a power cut.
	NoSync bool
	// Endless reports whether the flow has a source without an end of its own; nil: it
	// has none. It may be asked once the nodes are open.
	Endless func() bool
	// Acknowledges reports whether sources acknowledge what sinks have flushed. It may be
	// asked once the nodes are open; nil: none does.
	Acknowledges func() bool
	// Staged counts bytes that a sink keeps until the next cut or the end of the run: many
	// of them make the engine draw a cut soon, as Cut does. Both may be nil.
	Staged func(bytes int64)
	Cut    func()

	// DeadLetters is set, by the method Operator of a node whose error port gives
	// something else than records of graph.ErrorItem: it makes the data of that port
	// of items that failed for good. The engine calls it in Out.Bad or later, in the
	// order of the items, and keeps a reference to the Data of each until then. Such a
	// node does not write to the memory of its input.
	DeadLetters func(items []BadItem) record.Data

	// Network makes the connections of Dial and Listen; nil: that of the system.
	Network Network
	// Shared is what the nodes of the run use together; see Share.
	Shared *Resources
	// Operators makes the operators of the run, for Host; nil: there is nobody to host.
	Operators func(n *graph.Node, env *Env) (Operator, error)

	tried      atomic.Uint64 // waits between tries so far: what their jitter is made of
	intercepts []Intercept
}

// An Output is a file that a sink writes.
type Output struct {
	Path    string
	Written bool // what was written stands there, whole; else there is what was before
}

// A Note is something that has befallen the peers of a node.
type Note struct {
	Text  string
	Times int64
	Last  string // of which peer it was last, such as a file
}

// A Standing is how a node stands with a broker.
type Standing struct {
	Lag         int64         // messages that wait at the broker for this node and others of its group; -1: the broker does not tell
	Pending     int64         // that have come and are not acknowledged, or are to be sent and are not confirmed
	Redelivered int64         // that have come again so far, as far as the broker tells
	Missed      int64         // that were done and could not be acknowledged, so that they come again
	Resent      int64         // that were sent again so far, because nothing was known of them
	Reconnects  int64         // how often a session was made anew
	Age         time.Duration // since the oldest that is pending came; 0: none is
}

// Path resolves a path of the settings: relative to the folder of the flow.
func (e *Env) Path(p string) string { return e.Flow.Path(p) }

// In gives the type of what arrives at an input.
func (e *Env) In(port string) *types.Type { return e.Node.Input(port).Arriving() }

// Out gives the type of what an output carries.
func (e *Env) Out(port string) *types.Type { return e.Node.Output(port).Carries }

// Needed gives, for each field of an output, whether a later node reads it.
func (e *Env) Needed(port string) []bool {
	o := e.Node.Output(port)
	return o.Needed.Mask(o.Carries)
}

// IsRead reports whether anybody reads an output.
func (e *Env) IsRead(port string) bool { return len(e.Node.Output(port).Edges) > 0 }

// PortIndex is the index of an output for Emit; -1 if there is none.
func (e *Env) PortIndex(port string) int {
	for i, o := range e.Node.Out {
		if o.Name == port {
			return i
		}
	}
	return -1
}

// Rand gives chance that is the same in every run: seeded by the run, the flow
// and the node. One goroutine at a time may use a source; name tells several
// sources of one node apart.
func (e *Env) Rand(name string) *rand.Rand {
	h := fnv.New64a()
	io.WriteString(h, e.Flow.Name+"/"+e.Node.ID+"/"+name)
	return rand.New(rand.NewPCG(e.Seed, h.Sum64()))
}

// Chance gives the i-th number, from 0 up to 1, of the sequence of a seed: SplitMix64
// (Steele, Lea, Flood, 2014), which gives any member of its sequence at once.
func Chance(seed, i uint64) float64 {
	z := seed + (i+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return float64((z^z>>31)>>11) / (1 << 53)
}

// ShortPath gives a path as the report shows it: relative to the folder the user
// is in, if it lies below.
func ShortPath(p string) string {
	wd, err := filepath.Abs(".")
	if err != nil {
		return p
	}
	abs, err := filepath.Abs(p)
	if err != nil {
		return p
	}
	if rel, err := filepath.Rel(wd, abs); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return p
}
