package nodes

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
)

// This file has what a kind gives the engine: an operator, and what else it can do.

// A Maker is a settings struct that knows how to run. Operator is called once for
// each run, after Infer. It must not start anything: that is for Open.
type Maker interface {
	Operator(env *Env) (Operator, error)
}

// An Operator is what the engine runs for a node. The engine owns the loop: which
// edge is read and when, the order, timers, ends, stop, pause and errors. An operator
// is only ever called; it receives nothing by itself.
//
// Process is the serial part: one call at a time, in the order of the input. It is
// the one method that every operator has. What else an operator can do is a method
// of its own, which the engine looks for once, before the run:
//
//	NewWorker              a part that runs on all workers at once         Parallel
//	WholeBatches           the parallel part wants batches as they come     Gatherer
//	Wants                  which inputs it reads now                        Selective
//	Due, OnTime            when it is to be woken                           Timed
//	End                    an input has ended                               Ender
//	Open · Close           before the node begins · when it has ended       Starter · Closer
//	Next                   it is a source                                   Puller
//	Drain · Taken · Seek   of a source: at a stop, acknowledged, restored   Drainer · Acknowledger · Seeker
//	Endless                of a source: to be stopped is its end            Endless
//	MaxInFlight · Flush    of a sink: calls at once · nothing held back     InFlighter · Flusher
//	Settle                 it learns later which items have failed          Settler
//	Lasts                  of a sink: what it flushed outlives a kill       Laster
//	Held                   it holds items back, and gives them on later     Holder
//	Seal, Commit, Abort    of a sink whose output appears at once           Committer
//	Keep                   of one: a run that ends badly leaves it some      Keeper
//	Recover                of a sink: what a run before has left            Recoverer
//	Save, Load             of whoever keeps state                           Stateful
//
// An interface that says what an operator does ends in -er; one that says what it is like
// is an adjective.
//
// Laws.
//  1. Process, OnTime, End and Settle are called one at a time, in one order, and never
//     while one of Seal, Save or another of them runs: what they share needs no lock. Work
//     runs beside them, and beside itself.
//  2. A call that returns an error ends the run, unless the error is ErrDone, which
//     ends the node. An item that failed is no error of the call: Out.Bad takes it.
//  3. With a parallel part, what Work made is what Process gets; where Work made nil,
//     there is nothing to process. Without one, Process gets every input.
//  4. An operator with a parallel part changes what it wants in End alone.
//  5. What is due comes before what arrives, and both before the end of an input.
type Operator interface {
	Process(ctx context.Context, in Input, out Out) error
}

// An Input is what one call works on. Its data belongs to the engine: to pass it on,
// emit in.Data.Retain().
type Input struct {
	Port int         // the input port, by its index
	Edge int         // the edge, by its index among those of the port
	Data record.Data // records, or Go values where the port takes them; nil in a source
	Made any         // for Process: what Work made; in a source: the task that Next gave

	flag   *atomic.Bool
	holder Yielder
}

// A Yielder is the engine's side of Input.Yield.
type Yielder interface {
	Yield(done int) (upTo int, err error)
}

// NewInput makes the input of a call that may be interrupted: flag says that it is
// to yield.
func NewInput(in Input, flag *atomic.Bool, holder Yielder) Input {
	in.flag, in.holder = flag, holder
	return in
}

// Interrupted says that Yield is to be called. Whoever works on one item after the
// other, and knows that one may be slow, asks between any two; it costs a load.
func (in *Input) Interrupted() bool { return in.flag != nil && in.flag.Load() }

// Yield is called between two items, when done of them are done. It gives how many
// items the call is to do in all: the others are not its own any more, because
// another worker has nothing to do. The error says that the run is over: no further
// item must begin.
func (in *Input) Yield(done int) (upTo int, err error) {
	if in.holder == nil {
		return in.Data.Len(), nil
	}
	return in.holder.Yield(done)
}

// Parallel operators have a part that runs on all workers at once, before Process.
// The engine calls NewWorker once for each worker that it starts: before the worker is
// counted, on its goroutine or before any of them begins.
type Parallel interface {
	NewWorker(ctx context.Context) (Worker, error)
}

// A Worker is the parallel part, for one goroutine. What it makes goes to Process,
// which may come after other calls of Work. What is never processed, because the node
// has ended meanwhile, is released if it has a method Release().
//
// A Worker that is a Closer is closed when it leaves.
type Worker interface {
	Work(ctx context.Context, in Input, out Out) (made any, err error)
}

// A Gatherer is a Parallel operator that makes something of a batch as a whole: what
// was taken at once reaches Work as it came. Without it the engine hands a batch out
// in several tasks, so that slow items are shared among workers and results are not held
// back.
type Gatherer interface {
	WholeBatches() bool
}

// Selective operators say which of their edges they read now; without it, all of
// them. The engine asks before it takes something: after each call, or, of an
// operator with a parallel part, after each End.
type Selective interface {
	Wants(port, edge int) bool
}

// Timed operators are woken. Due is asked after each call: the zero time is never. A
// time that has passed is at once: so an operator does something before its first
// input. OnTime is called when the time has come, or later.
//
// When all inputs have ended, the node ends once nothing is due any more. Once the
// flow was told to stop, an operator that only waits for its time is woken early.
type Timed interface {
	Due() time.Time
	OnTime(ctx context.Context, now time.Time, out Out) error
}

// An EndedEdge has nothing more to give.
type EndedEdge struct {
	Port int
	Edge int  // its index among those of the port; -1: the port has no edges
	Last bool // no other edge of the port is open
}

// Ender operators are told when an edge has ended, in turn: all that came over it was
// processed. They are not told once they are done.
type Ender interface {
	End(ctx context.Context, e EndedEdge, out Out) error
}

// A Starter is opened before the run begins: those downstream first, before anything
// is read. An operator that is a Closer is closed when its node has ended, and in any
// case if it was opened.
type Starter interface {
	Open(ctx context.Context) error
}

// A Position says how far a source is, in its own words. It is kept by the engine and
// given back to Seek, perhaps of another process.
type Position []byte

// A Puller is a source. Next gives the next task, which goes to Work, and
// the position after it, nil if there is none to come back to; io.EOF at the end. It
// is never called twice at once. When the flow is stopped ctx is cancelled, and Next
// returns soon, with whatever error; a source that has come to its end says io.EOF all
// the same, for it is asked once more.
type Puller interface {
	Next(ctx context.Context) (task any, after Position, err error)
}

// A Drainer is a source that has taken what it has not given yet, from somebody who
// will not give it again. After a stop, Drain is called instead of Next until it gives
// io.EOF. It must not wait for more.
type Drainer interface {
	Drain(ctx context.Context) (task any, after Position, err error)
}

// An Endless source may have no end of its own, such as a clock or a connection: then to
// be stopped is its end. Of any other source a stop before its end makes the run a part of
// what it should have been, and no sink commits. The engine asks at any time once the
// operator is open.
type Endless interface {
	Endless() bool
}

// An Acknowledger is a source that is told up to where everything was taken for good: all
// that was made of it has left the flow, and the sinks have flushed it, so that a kill
// loses none of it. If a sink keeps what it has to the end of the run, that is after its
// Commit, and once. Under `ack: early` it is told as soon as Next has returned.
//
// Taken is called on any goroutine, also while Next runs, but never twice at once, and
// before Close, with positions that only go forward. A flow that waits for it draws no
// further cut.
type Acknowledger interface {
	Taken(after Position) error
}

// A Seeker is a source that goes on after a position. Seek is called after Open and
// before Next.
type Seeker interface {
	Seek(ctx context.Context, after Position) error
}

// An InFlighter bears so many calls of Work at once: its node has no more workers,
// and as many if the flow does not say.
type InFlighter interface {
	MaxInFlight() int
}

// A Flusher holds back what it was given, such as to write it in larger parts. Flush
// returns when everything has arrived. It is called at every cut, in turn, and at the end,
// before Seal.
type Flusher interface {
	Flush(ctx context.Context) error
}

// A Settler may learn only later which of the items that it was given have failed, such as
// what a broker does not take. Settle is called at every cut, in turn, before the cut goes
// on and before Flush: it waits until all is known of what was given, and reports what
// failed, which thus leaves before the cut. What it reported later, a source might have been
// told to be safe while it was on its way. At the end of its input, End does the same.
type Settler interface {
	Settle(ctx context.Context, out Out) error
}

// A Laster is a Committer that may give what it has flushed before the run ends: then
// Lasts is true, and Flush returns when what was processed outlives a kill of the process.
// A sink that is no Committer always does so.
type Laster interface {
	Lasts() bool
}

// A Holder keeps items back and gives them on later, or what it made of them. Held gives
// how many of the items that came last it takes to have all among them that are still
// held, counted as they came, with those that failed: 0 if nothing is. It is asked in turn,
// as Process is called. An operator with a parallel part cannot be one.
//
// So the engine knows from when on what it was given has left it; that is how it
// acknowledges although something is held.
type Holder interface {
	Held() int
}

// A Committer is a sink whose output becomes visible at once, or not at all. Seal
// says that an epoch ends here: what was processed up to now is complete, and safe,
// and still not visible. Commit makes it visible; it may be called again for an epoch
// that was committed already. Abort takes back what was not committed.
//
// A run without checkpoints is one epoch, number 1.
type Committer interface {
	Seal(ctx context.Context, epoch uint64) error
	Commit(ctx context.Context, epoch uint64) error
	Abort(ctx context.Context) error
}

// A Keeper is a Committer that has, beside what appears at once, something that is of use
// whatever becomes of the run, such as lines of a log. Keep is called where Commit will not
// be, because the run has failed or was stopped before its end, and before Abort of any
// sink: it gives that of what was processed, for good. An error of it is that of a run
// which has no other.
type Keeper interface {
	Keep(ctx context.Context) error
}

// A Recoverer is a Committer that a run before may have left something of. Recover is
// called after Open: what was sealed up to the epoch is committed, what was sealed
// later is thrown away.
type Recoverer interface {
	Recover(ctx context.Context, epoch uint64) error
}

// Stateful operators keep state from one item to the next that can be written down. Save
// is called in turn and returns at once: what it gives writes the state as it was then, at
// any time, on another goroutine. Load is called after Open, before anything else. A kind
// whose state grows with its input says what it saves: see Holds. No run calls either yet;
// the conformance kit does, and looks whether an operator that was loaded goes on alike.
type Stateful interface {
	Save() (write func(w io.Writer) error, err error)
	Load(r io.Reader) error
}

// ErrDone ends a node early without an error: it wants no more input. What is
// left on its edges is thrown away, and nodes that only feed it end too.
var ErrDone = errors.New("no more input wanted")

// Out takes what a call produces, and belongs to it.
type Out interface {
	// Emit hands data over to an output port, by its index. An error means that
	// the call must return it at once: the flow ends, or nobody reads any more.
	Emit(port int, d record.Data) error
	// Bad reports an item that failed for good. The node's on_error decides: an
	// error means that the call must return it.
	Bad(item BadItem) error
	// Filtered counts items that were left out on purpose.
	Filtered(n int)
}

// A BadItem is an item that failed. If an error in the chain of Err has a method
// Hint() diag.Hint, that is shown beside the message; it is called when somebody looks,
// perhaps after the run. If one has Place() diag.Span, as those of expressions do, that
// place in the flow is shown and not the node as a whole.
type BadItem struct {
	Err      error
	Data     record.Data // with Row: the item; nil if there is only a text
	Row      int         // where in Data: a physical row of a batch, an index of items
	Raw      string      // the text of an item that could not be read
	Shown    string      // what messages show in the place of Raw, if that has secrets which only its reader can tell; "" for Raw
	File     string      // where it was read from, "" if nowhere
	Line     int         // from 1
	Attempts int         // 0 counts as 1
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
