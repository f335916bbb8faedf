package flowrun

import (
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/internal/gosource"
)

// An Option says how the engine treats a node or the edges that it reads. The
// same settings stand beside `use` and `from` in a flow file.
type Option func(*node)

func (o Option) apply(n *node) { o(n) }

// A setting is a value that an option sets, of a node or of the edges that it reads.
type setting[T graph.Engine | graph.Contract] struct {
	name string // of the function that made it
	at   gosource.Place
	key  string   // that it has in a flow file
	keys []string // below key, of what could also be left out
	set  func(of *T, at diag.Span)
}

func engine(name, key string, set func(e *graph.Engine), keys ...string) Option {
	s := setting[graph.Engine]{name, caller(), key, keys, func(e *graph.Engine, _ diag.Span) { set(e) }}
	return func(n *node) { n.engine = append(n.engine, s) }
}

func contract(name, key string, set func(c *graph.Contract, at diag.Span)) Option {
	s := setting[graph.Contract]{name, caller(), key, nil, set}
	return func(n *node) { n.contract = append(n.contract, s) }
}

// written is an expression that a program wrote.
func written(text string, at diag.Span) config.Text {
	return config.Text{Value: text, YAML: &config.Value{Kind: config.Scalar, Text: text, Span: at}}
}

// Workers lets n goroutines work on the node. The order of the items is kept all
// the same. Functions given to the node are then called by several goroutines at
// once. Nodes with state, such as Fold, have one worker always.
func Workers(n int) Option {
	return engine("Workers", "workers", func(e *graph.Engine) { e.Workers = graph.FixedWorkers(n) })
}

// ElasticWorkers lets between low and high goroutines work on the node, as many as
// its load asks for: see Workers.
func ElasticWorkers(low, high int) Option {
	return engine("ElasticWorkers", "workers", func(e *graph.Engine) { e.Workers = graph.WorkerRange{Min: low, Max: high} })
}

// Unordered lets items leave a node with several workers in the order in which
// they are done.
func Unordered() Option {
	return engine("Unordered", "order", func(e *graph.Engine) { e.Order = "none" })
}

// Timeout bounds one try of one item, for the same functions as Retry. It cancels the
// context that the function is given; a function that does not look at it is not ended.
func Timeout(d time.Duration) Option {
	return engine("Timeout", "timeout", func(e *graph.Engine) { e.Timeout = d })
}

// A RetryPolicy says how often and when an item that failed is tried again. What
// is left zero has the default: one try, 100ms before the second one, twice as
// long before each next one, at most 10s, each of these up to a fifth longer or shorter
// at random, and no bound on all of them together.
type RetryPolicy = graph.Retry

// Retry tries items that failed again. It is for Map, FlatMap, Fork and Each, and for
// Write and WriteTo, which try a whole batch again; on the others Check says why it has no
// effect. What panicked is not tried again, nor what failed with an error that is
// Permanent, nor anything once the run is over.
func Retry(p RetryPolicy) Option {
	return engine("Retry", "retry", func(e *graph.Engine) { e.Retry = p })
}

// An ErrorPolicy says what becomes of an item that failed for good.
type ErrorPolicy string

// The policies. Fail is the default; a node whose errors are read has Dead.
const (
	Fail ErrorPolicy = "fail" // the flow ends with the error
	Skip ErrorPolicy = "skip" // the item is left out and counted
	Dead ErrorPolicy = "dead" // the item goes to Errors or Failures of the node
)

// OnError sets what becomes of items for which the function of the node returned
// an error or panicked, after all tries.
func OnError(p ErrorPolicy) Option {
	return engine("OnError", "on_error", func(e *graph.Engine) { e.OnError = string(p) })
}

// Rate bounds how many items the node takes in a time, over all its workers; of a
// source, how many it gives. burst is how many may go at once after a pause; without
// one it is what comes in 5ms, at least one.
func Rate(items int, per time.Duration, burst ...int) Option {
	rate, keys := graph.Rate{Count: items, Per: per}, []string(nil)
	if len(burst) > 0 {
		rate.Burst, keys = burst[0], []string{"burst"}
	}
	return engine("Rate", "rate", func(e *graph.Engine) { e.Rate = rate }, keys...)
}

// Breaker makes the node take nothing for a while after so many items in a row that
// failed for good; then it tries one, and goes on if that succeeds. Items wait
// meanwhile. It needs OnError(Skip) or OnError(Dead).
func Breaker(failures int, openFor time.Duration) Option {
	return engine("Breaker", "breaker", func(e *graph.Engine) { e.Breaker = graph.Breaker{Failures: failures, OpenFor: openFor} })
}

// Batched sets how many items the function of a Write, or another node that works
// on many items at once, is given. See Batch for a stream of slices.
func Batched(p BatchPolicy) Option {
	return engine("Batched", "batch", func(e *graph.Engine) {
		e.Batch = graph.Batching{Count: p.Count, Bytes: config.Size(p.Bytes), Period: p.Period}
	})
}

// A BatchPolicy says how many items a node is given at once: Count, or fewer if they
// have Bytes, if the first one has waited for Period, or if no more will come. What
// is zero sets no bound.
type BatchPolicy struct {
	Count  int
	Bytes  int64
	Period time.Duration
}

// AckEarly lets a source that acknowledges what it gave, a ReadFrom with a method Taken,
// do so as soon as it was taken. Without it the source is told once all sinks have what
// was made of it. With it a crash loses what was on its way, and what the graph keeps in
// memory; so such a source may stand before a Fold, a Join and others of that kind.
func AckEarly() Option {
	return engine("AckEarly", "ack", func(e *graph.Engine) { e.Ack = graph.AckEarly })
}

// About says what the node is for; it is shown in drawings.
func About(text string) Option {
	return engine("About", "about", func(e *graph.Engine) { e.About = text })
}

// Capacity bounds the items that wait on each edge that the node reads. A full
// edge makes the node before it wait.
func Capacity(items int) Option {
	return contract("Capacity", "capacity", func(c *graph.Contract, _ diag.Span) { c.Capacity = items })
}

// Bytes bounds the memory of the items that wait on each edge that the node
// reads. What items point to is not counted.
func Bytes(n int64) Option {
	return contract("Bytes", "bytes", func(c *graph.Contract, _ diag.Span) { c.Bytes = config.Size(n) })
}

// A FullPolicy says what a full edge does.
type FullPolicy string

// The policies. Block is the default, Spill where Block could stop the flow for
// good.
const (
	Block      FullPolicy = "block"       // the sender waits
	Spill      FullPolicy = "spill"       // records go to a temporary file; Go values wait in memory
	DropNewest FullPolicy = "drop_newest" // what comes is dropped and counted
	DropOldest FullPolicy = "drop_oldest" // what has waited longest is dropped and counted
	FailFull   FullPolicy = "fail"        // the flow ends with an error
)

// OnFull sets what the edges that the node reads do when they are full.
func OnFull(p FullPolicy) Option {
	return contract("OnFull", "on_full", func(c *graph.Contract, _ diag.Span) { c.OnFull = string(p) })
}

// Isolate sees to it that an edge never makes its sender wait, so that a slow node
// here does not hold up the others that read the same stream. What does not fit
// stays in memory for Go values and goes to a file for records, unless OnFull says
// what to drop.
func Isolate() Option {
	return contract("Isolate", "isolate", func(c *graph.Contract, _ diag.Span) { c.Isolate = true })
}

// Priority lets items with a higher number leave the edges that the node reads
// before others that wait there. The number is an expression over the fields of
// the item, as in a flow file.
func Priority(expr string) Option {
	return contract("Priority", "priority", func(c *graph.Contract, at diag.Span) { c.Priority = written(expr, at) })
}

// Aging is for Priority: an item gains one unit for each d that it waits.
func Aging(d time.Duration) Option {
	return contract("Aging", "aging", func(c *graph.Contract, _ diag.Span) { c.Aging = d })
}

// Delay lets items wait for d on the edges that the node reads.
func Delay(d time.Duration) Option {
	return contract("Delay", "delay", func(c *graph.Contract, at diag.Span) { c.Delay, c.DelayFor = written(d.String(), at), d })
}
