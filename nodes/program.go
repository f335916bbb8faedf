package nodes

import (
	"context"
	"errors"

	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
)

// A Programmer is a settings struct that knows how to run. Program is called once
// for each run, after Infer. It must not start anything: files are opened by the
// first call of a stage, or by Open.
type Programmer interface {
	Program(env *Env) (*Program, error)
}

// A Program is what the engine runs for a node: stages, one after the other, each
// over one input; or, for what no stages can express, a Run of its own.
type Program struct {
	Stages []Stage
	// Run does the whole work of the node, on a goroutine of its own. It reads
	// every input to its end, or returns ErrDone.
	Run func(ctx context.Context, io *IO) error
	// Open is called before the first stage.
	Open func(ctx context.Context) error
	// Settle is called exactly once for every node whose Open was called, when
	// the whole flow has ended: ok says whether it succeeded. Sinks make their
	// output visible here, or take it back.
	Settle func(ok bool) error
}

// A Stage reads one input to its end. It has a part that runs on all workers at
// once and a part that runs in the order of the input, one batch at a time:
//
//	Next (sources, serial) -> Work (parallel) -> Commit (serial, in order)
//
// What Work and Commit emit leaves the node in the order of the input too, unless
// the flow says otherwise.
type Stage struct {
	// Input is the index of the input port. Sources have none: they set Next.
	Input int
	// Next gives the next piece of work of a source: io.EOF at the end. It is
	// never called twice at once. When the flow is stopped, ctx is cancelled and
	// Next returns soon, with whatever error.
	Next func(ctx context.Context) (any, error)
	// Worker makes the parallel part for one worker; nil: there is none.
	Worker func(ctx context.Context) (Work, error)
	// Commit is the serial part; nil: there is none. in is nil in a source, made
	// is what Work returned, or without Work what Next gave. What is never
	// committed, because the node has ended meanwhile, is released if it has a
	// method Release().
	Commit func(ctx context.Context, in record.Data, made any, out Out) error
	// Finish is called after the last Commit, with nothing else running.
	Finish func(ctx context.Context, out Out) error
	// GoValues says that the stage takes Go values as they come; without it the
	// engine turns them into records first.
	GoValues bool
	// Whole says that batches must reach Worker as they come. Without it the
	// engine hands out a batch in pieces, so that slow items are shared among
	// workers and results are not held back.
	Whole bool
}

// Work is the parallel part of a stage. Exactly one of in and piece is given: the
// data of an input, or what Next gave. in belongs to the engine: to pass it on,
// emit in.Retain(). The result goes to Commit.
type Work func(ctx context.Context, in record.Data, piece any, out Out) (made any, err error)

// ErrDone ends a node early without an error: it wants no more input. What is
// left on its edges is thrown away, and nodes that only feed it end too.
var ErrDone = errors.New("no more input wanted")

// Out takes what a stage produces. An Out belongs to the call it is given to.
type Out interface {
	// Emit hands data over to an output port, by its index. An error means that
	// the stage must return it at once: the flow ends, or nobody reads any more.
	Emit(port int, d record.Data) error
	// Bad reports an item that failed for good. The node's on_error decides: an
	// error means that the stage must return it.
	Bad(item BadItem) error
	// Filtered counts items that were left out on purpose.
	Filtered(n int)
}

// A BadItem is an item that failed.
type BadItem struct {
	Err      error
	Data     record.Data // with Row: the item; nil if there is only a text
	Row      int         // the place in Data: a physical row of a batch, an index of items
	Raw      string      // the text of an item that could not be read
	File     string      // where it was read from, "" if nowhere
	Line     int         // from 1
	Attempts int         // 0 counts as 1
}

// IO is what a Program with a Run of its own reads and writes by.
type IO struct {
	// In has the edges of each input port, in the order of the file.
	In [][]Receiver
	// Any receives from whichever edge of an input port has something first, which
	// it gives by its place; the port is one that is read Free. The caller must
	// Release the data. It is nil, and the edge -1, when all edges have ended.
	Any func(ctx context.Context, port int) (edge int, d record.Data, err error)
	// Out gives a new Out. Each goroutine of a Run needs its own; Close it.
	Out func() OutCloser
	// Gate waits while the run is paused. A source calls Await, and so Gate, before it
	// takes the next item; what it emits waits in any case. May be nil.
	Gate func()
}

// Await returns when a source may take something: at once, unless the run is
// paused.
func (io *IO) Await() {
	if io.Gate != nil {
		io.Gate()
	}
}

// OutCloser is an Out that must be closed when its goroutine ends.
type OutCloser interface {
	Out
	Close() error
}

// A Receiver is the reading end of an edge.
type Receiver interface {
	// Receive gives the next data, which the caller must Release; nil at the end
	// of the edge, an error when the flow is killed.
	Receive(ctx context.Context) (record.Data, error)
	// TryReceive is Receive that does not wait: ok is false if nothing is there.
	TryReceive() (d record.Data, ok bool)
	// Stop says that no more is wanted of this edge.
	Stop()
}

// BadRows reports the rows of b for which an expression failed.
func BadRows(out Out, b *record.Batch, errs *expr.RowErrors) error {
	for i := range errs.Len() {
		row, err := errs.At(i)
		if err := out.Bad(BadItem{Err: err, Data: b, Row: row}); err != nil {
			return err
		}
	}
	return nil
}

// Each is the program of kinds whose workers share nothing: one stage over the
// first input, a function per worker, no serial part.
func Each(worker func() (func(ctx context.Context, in *record.Batch, out Out) error, error)) *Program {
	return &Program{Stages: []Stage{{Worker: func(context.Context) (Work, error) {
		run, err := worker()
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, in record.Data, _ any, out Out) (any, error) {
			return nil, run(ctx, in.(*record.Batch), out)
		}, nil
	}}}}
}
