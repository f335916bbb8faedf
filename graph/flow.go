package graph

import (
	"bufio"
	"os"
	"slices"
	"time"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/types"
)

// A Flow is a compiled graph.
type Flow struct {
	Name   string
	About  string
	Dir    string // paths in settings are relative to it
	Nodes  []*Node
	Edges  []*Edge
	Types  map[string]*types.Type // declared
	Limits Limits
	At     diag.Span

	stdin *bufio.Reader
	root  *os.Root // nil: every file

	loading bool     // files that are looked at are noted; never after Load
	looked  []string // while loading, with repetitions
}

// Node finds a node by id, nil if there is none.
func (f *Flow) Node(id string) *Node {
	for _, n := range f.Nodes {
		if n.ID == id {
			return n
		}
	}
	return nil
}

// A Node is an instance of a kind.
type Node struct {
	ID     string
	Kind   string
	Spec   *Spec // nil while the kind is unknown, in a flow that has errors
	Config any   // the settings, a pointer to the struct of the kind
	Engine Engine
	In     []*Input  // in the order of the spec
	Out    []*Output // in the order of the spec, then the error port
	At     diag.Span // its id in the file
	UseAt  diag.Span // its kind in the file
	// Sample says from what data the type of its output was inferred; nil: it was not.
	Sample *Sample
	// Exprs are the expressions of its settings that have no problem, for tools to
	// list.
	Exprs []*expr.Expr
}

// A Sample is the data that a type was inferred from.
type Sample struct {
	Rows  string // which, such as "all 3 rows of a.csv"
	Whole bool   // there are no others
}

// An Input is an input port of a node.
type Input struct {
	Port
	Edges []*Edge
}

// Arriving is the type of what arrives: the bound of all edges is the kind's affair, so
// this is the type of the first; the Error type if there is none.
func (in *Input) Arriving() *types.Type {
	if len(in.Edges) == 0 || in.Edges[0].Type == nil {
		return types.Error
	}
	return in.Edges[0].Type
}

// An Output is an output port of a node. Its edges each get every item.
type Output struct {
	Port
	Carries *types.Type // inferred
	Edges   []*Edge
	Needed  Fields // what later nodes read of a record
}

// Input finds an input port, nil if the node has none of that name.
func (n *Node) Input(name string) *Input {
	for _, p := range n.In {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Output finds an output port, nil if the node has none of that name.
func (n *Node) Output(name string) *Output {
	for _, p := range n.Out {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Acknowledges reports whether a node is a source that is told when what it gave has
// arrived for good.
func (n *Node) Acknowledges() bool {
	if n.Spec == nil || !n.Spec.Acks {
		return false
	}
	a, ok := n.Config.(Acker)
	return !ok || a.Acks()
}

// Workers is how many workers the node has if the call of the run does not say: what the
// flow says, else what its settings do. The zero value leaves it to the kind.
func (n *Node) Workers() WorkerRange {
	m, ok := n.Config.(Manner)
	if n.Engine.Workers.Max > 0 || !ok {
		return n.Engine.Workers
	}
	w := m.Workers()
	if n.Engine.Order == "key" { // each has keys of its own
		return FixedWorkers(w.Max)
	}
	return w
}

// inputNames lists the input ports.
func (n *Node) inputNames() []string {
	names := make([]string, len(n.In))
	for i, p := range n.In {
		names[i] = p.Name
	}
	return names
}

// outputNames lists the output ports but the one for errors.
func (n *Node) outputNames() []string {
	names := make([]string, len(n.Out)-1)
	for i := range names {
		names[i] = n.Out[i].Name
	}
	return names
}

// An Edge leads from an output port to an input port: one bounded channel.
type Edge struct {
	ID       int // place in Flow.Edges
	From     *Node
	FromPort *Output
	To       *Node
	ToPort   *Input
	Type     *types.Type
	Contract Contract
	At       diag.Span // where `in` names the source
}

// String gives "late.out -> named.left".
func (e *Edge) String() string {
	return e.From.ID + "." + e.FromPort.Name + " -> " + e.To.ID + "." + e.ToPort.Name
}

// Kept says what the reader of the edge keeps of its items in memory, beyond those that leave
// again; "" if nothing. A node that reads one input to its end first keeps that one.
func (e *Edge) Kept() string {
	if e.ToPort.ReadOrder != First && slices.ContainsFunc(e.To.In, func(in *Input) bool { return in.ReadOrder == First }) {
		return ""
	}
	return e.To.Spec.State()
}

// KeepsBehind reports whether a node behind this one keeps something of its items, so that
// what was made of them may come out later, although all are done with what they were given.
func (n *Node) KeepsBehind() bool {
	seen := map[*Edge]bool{}
	var visit func(n *Node) bool
	visit = func(n *Node) bool {
		return slices.ContainsFunc(n.Out, func(out *Output) bool {
			return slices.ContainsFunc(out.Edges, func(e *Edge) bool {
				if seen[e] {
					return false
				}
				seen[e] = true
				return e.Kept() != "" || visit(e.To)
			})
		})
	}
	return visit(n)
}

// Engine holds the settings that mean the same on every kind.
type Engine struct {
	Workers WorkerRange   `yaml:"workers" doc:"How many goroutines work on the node: a number, or {min, max} to follow the load. Order is kept all the same."`
	Order   string        `yaml:"order" enum:"strict|key|none" doc:"What order several workers keep: that of the input (strict), that among items with an equal key, or none."`
	Key     []config.Name `yaml:"key" lone:"true" doc:"The fields that make the key for order: key."`
	Timeout time.Duration `yaml:"timeout" min:"1ms" doc:"How long one try of one item may take. It does not apply to nodes that work on whole batches."`
	Retry   Retry         `yaml:"retry" doc:"How often and when an item that failed is tried again."`
	OnError string        `yaml:"on_error" enum:"fail|skip|dead" doc:"What becomes of an item that failed for good: stop the flow, leave it out, or send it to the port errors."`
	Rate    Rate          `yaml:"rate" doc:"How many items the node takes in a time at most, such as 100/s or 10/100ms; of a source, how many it gives. {limit: 100/s, burst: 20} lets 20 go at once after a pause; without a burst it is what comes in 5ms, at least one. All workers share it."`
	Breaker Breaker       `yaml:"breaker" doc:"{failures: 5, open_for: 30s}: once this many items in a row have failed for good, the node takes nothing for a while; then it tries one item, and goes on if that succeeds. Items wait meanwhile."`
	Batch   Batching      `yaml:"batch" doc:"{count: 100, bytes: 1MB, period: 1s}: how many items the node is given at once; fewer if they have so many bytes, if the first one has waited so long, or if no more will come."`
	Ack     string        `yaml:"ack" enum:"sinks|early" doc:"Of a source that acknowledges what it takes: when all sinks have it for good (sinks), or at once (early). With early a crash loses what was on its way, and what nodes keep in memory."`
	About   string        `yaml:"about" doc:"What the node is for."`
}

// AckEarly is the value of Engine.Ack for sources that acknowledge what they take at once.
const AckEarly = "early"

// Retry says how an item that failed is tried again.
type Retry struct {
	Attempts        int           `yaml:"attempts" min:"1" max:"1000" doc:"Tries in all."`
	InitialInterval time.Duration `yaml:"initial_interval" min:"0s" doc:"The wait before the second try."`
	MaxInterval     time.Duration `yaml:"max_interval" min:"0s" doc:"The longest wait between two tries."`
	Multiplier      float64       `yaml:"multiplier" min:"1" doc:"By how much the wait grows each time."`
	Jitter          float64       `yaml:"jitter" min:"0" max:"1" doc:"By which share each wait is longer or shorter at random, so that what failed together is not tried together again."`
	MaxElapsed      time.Duration `yaml:"max_elapsed" min:"0s" doc:"No further try after this long; 0s sets no bound."`
}

// DefaultEngine is how a node is treated when the flow does not say. Workers is 0: the
// kind decides.
func DefaultEngine() Engine {
	return Engine{
		Order: "strict", Ack: "sinks",
		Retry: Retry{Attempts: 1, InitialInterval: 100 * time.Millisecond, MaxInterval: 10 * time.Second, Multiplier: 2, Jitter: 0.2},
	}
}

// A Contract is what an edge promises: how much it holds, and what happens then.
type Contract struct {
	Capacity int         `yaml:"capacity" min:"1" max:"100000000" doc:"Items that wait on the edge at most."`
	Bytes    config.Size `yaml:"bytes" min:"1KB" doc:"Memory that waits on the edge at most."`
	OnFull   string      `yaml:"on_full" enum:"block|spill|drop_newest|drop_oldest|fail" doc:"What a full edge does: make the sender wait, put the overflow into a temporary file, drop what comes, drop what has waited longest, or stop the flow."`

	Priority config.Text   `yaml:"priority" doc:"An expression over the item: items with a higher number leave first, equal ones in their order."`
	Aging    time.Duration `yaml:"aging" min:"1ms" doc:"How long an item waits to gain one unit of priority, so that low ones get their turn too."`
	Delay    config.Text   `yaml:"delay" doc:"How long items wait on the edge: a duration such as 5s, or an expression that gives one."`

	Isolate bool `yaml:"isolate" doc:"The edge never makes its sender wait, so that a slow reader here does not hold up those that read the same output. What does not fit goes to a temporary file, unless on_full says drop_newest or drop_oldest."`

	Given    bool          `yaml:"-"` // the file says on_full
	Watched  bool          `yaml:"-"` // the reader only looks on: for it alone the sender does not work
	Rank     *expr.Expr    `yaml:"-"` // of Priority or of Delay, once checked; nil: none
	DelayFor time.Duration `yaml:"-"` // of a Delay that is no expression; a program may set it beside the text
}

// Defaults of a contract.
const (
	DefaultCapacity = 8192
	DefaultBytes    = 64 << 20
	DefaultAging    = 10 * time.Second
)

// Reorders reports whether items may leave an edge in another order than they
// came in.
func (c *Contract) Reorders() bool { return c.Rank != nil || c.DelayFor > 0 }

// Blocks reports whether a full edge makes its sender wait.
func (c *Contract) Blocks() bool { return c.OnFull == "block" }

// DefaultContract is what an edge promises when the flow does not say.
func DefaultContract() Contract {
	return Contract{Capacity: DefaultCapacity, Bytes: DefaultBytes, OnFull: "block", Aging: DefaultAging}
}
