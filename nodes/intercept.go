package nodes

import (
	"context"

	"github.com/flowrun/flowrun/graph/record"
)

// An Intercept stands between the engine and the operator of a node: to measure, to
// watch, to slow down, to fail on purpose. It sees the calls of every kind alike, and
// hides none of the methods of an operator. Fields may be nil.
type Intercept struct {
	// Around stands around each call. It calls next once, with an Out of its own if it
	// likes, or returns an error in its place. Of a source, io.EOF instead of Next is
	// the end. Process is announced for every input, also where the operator has
	// nothing to do there. Calls of Work come at once, on the goroutines of the workers.
	Around func(ctx context.Context, c Call, out Out, next func(ctx context.Context, out Out) error) error
	// Arrive makes, for each worker, what sees inputs before the operator does, and
	// gives the data that it is to have instead: with a reference of its own, such as
	// in.Data.Retain(), and not more items than came.
	Arrive func() func(ctx context.Context, in Input, out Out) (record.Data, error)
}

// A Part is one of the methods of an operator or a worker.
type Part uint8

// The parts that are intercepted.
const (
	PartOpen    Part = iota // Open; announced for every operator
	PartNext                // Next and Drain
	PartWork                // Work
	PartProcess             // Process
	PartTime                // OnTime
	PartEnd                 // End
	PartSettle              // Settle
)

// Serial reports whether the calls of a part come one at a time.
func (p Part) Serial() bool { return p != PartWork }

// A Call is what is about to be called. Its Input is empty but for Work and Process.
type Call struct {
	Part  Part
	Input Input
}

// Intercept puts an interception around the operator of the node, inside of those
// that are there. It is for whoever makes operators for the engine, in Operator.
func (e *Env) Intercept(i Intercept) { e.intercepts = append(e.intercepts, i) }

// Intercepts gives those of the node, the outermost first.
func (e *Env) Intercepts() []Intercept { return e.intercepts }

// Around makes a call through those who intercept.
func (e *Env) Around(ctx context.Context, c Call, out Out, call func(ctx context.Context, out Out) error) error {
	return through(ctx, e.intercepts, c, out, call)
}

func through(ctx context.Context, by []Intercept, c Call, out Out, call func(ctx context.Context, out Out) error) error {
	for len(by) > 0 && by[0].Around == nil {
		by = by[1:]
	}
	if len(by) == 0 {
		return call(ctx, out)
	}
	return by[0].Around(ctx, c, out, func(ctx context.Context, out Out) error {
		return through(ctx, by[1:], c, out, call)
	})
}
