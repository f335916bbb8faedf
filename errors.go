package flowrun

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/internal/gosource"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// This file has what Run returns, what functions of nodes return to say more than that
// an item failed, and the streams of failed items.

// Permanent marks an error as one that another try cannot mend: Retry does not apply to
// it. Its text stays, and errors.Is and errors.As find what it wraps.
func Permanent(err error) error { return nodes.Permanent(err) }

// ErrStopped is what Run returns when Stop has cut a source short: see Graph.Stop. The
// outcome of the report is "stopped" then.
var ErrStopped = scheduler.ErrStopped

// ErrDone says that the function of a sink wants no more: when one of Each or
// Write returns it, the sink ends without an error, and with it the nodes that feed
// nothing else.
var ErrDone = nodes.ErrDone

// A PanicError is a panic of a node's function as the error of its item: see errors.As.
// It unwraps to what was panicked with, if that is an error.
type PanicError = nodes.PanicError

// Errors gives the items that fail on a node for good. Reading them is what sets
// the node's OnError to Dead.
func Errors(of Output) Stream[ItemError] {
	p := of.output()
	p.graph()
	p.n.failed = append(p.n.failed, failedAs{"Errors", nil, caller()})
	return Stream[ItemError]{port{g: p.g, n: p.n, name: graph.ErrorPort}}
}

// An ItemError is an item that failed for good, as any node tells of it. It is an error
// itself.
type ItemError struct {
	Node     string          `flow:"node"`
	Message  string          `flow:"error"`
	Item     json.RawMessage `flow:"item"` // the item as JSON; a string if it could not be read
	File     string          `flow:"file"` // where it was read from, "" if nowhere
	Line     int             `flow:"line"` // 0 if nowhere
	Attempts int             `flow:"attempts"`
	Time     time.Time       `flow:"time"`
	Stack    string          `flow:"stack"` // where the function of the node panicked, "" if it did not
}

func (e ItemError) Error() string { return e.Node + ": " + e.Message }

// Failures is Errors for a node of this package, whose items are Go values: it gives
// them as they are, with the error that the function returned or the panic. T is the
// type of the items that the node takes, or an interface that all of them have, such as
// any for a Join. A node's failures are read by Errors or by Failures, not by both.
//
//	parsed := flowrun.Map(lines, "parse", parse)
//	bad := flowrun.Failures[string](parsed)
func Failures[T any](of Output) Stream[Failed[T]] {
	p := of.output()
	p.graph()
	p.n.failed = append(p.n.failed, failedAs{"Failures", reflect.TypeFor[T](), caller()})
	if p.n.spec.Dead == nil {
		p.n.spec.Dead = typed[Failed[T]](graph.ErrorPort).Type
		p.n.letters = letters[T]
	}
	return Stream[Failed[T]]{port{g: p.g, n: p.n, name: graph.ErrorPort}}
}

// A Failed item is one that failed for good: the item and the error themselves. It is
// an error, too.
type Failed[T any] struct {
	Item     T // zero if it is a record that does not fit T
	Err      error
	Attempts int
}

func (f Failed[T]) Error() string { return f.Err.Error() }

// Unwrap gives the error of the node's function.
func (f Failed[T]) Unwrap() error { return f.Err }

// letters makes the data of the error port.
func letters[T any](items []nodes.BadItem) record.Data {
	failed := make([]Failed[T], len(items))
	for i, item := range items {
		failed[i] = Failed[T]{Err: item.Err, Attempts: max(item.Attempts, 1)}
		if d, ok := item.Data.(record.GoItems); ok {
			failed[i].Item, _ = d.At(item.Row).(T)
		}
	}
	return record.Wrap(failed)
}

// failedAs is how somebody reads the failed items of a node.
type failedAs struct {
	by   string
	item reflect.Type // of Failures
	at   gosource.Place
}

func (f failedAs) String() string {
	if f.item == nil {
		return f.by
	}
	return fmt.Sprintf("%s[%s]", f.by, f.item)
}
