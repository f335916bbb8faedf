package nodes

import "context"

// A Source reads until there is no more and returns nil then. emit hands an item
// on; an error of emit must be returned at once.
//
//	out ─a──b──c─|
type Source[O any] interface {
	Read(ctx context.Context, emit func(O) error) error
}

// A ResumableSource is a Source that can go on where a run before ended. ReadFrom reads
// from the beginning if after is nil, and otherwise what comes after that position. With
// each item it emits the position after it, nil if there is none to come back to.
//
// One that is an Acknowledger is told up to where all sinks have for good what was made
// of its items: it may forget what came before.
type ResumableSource[O any] interface {
	ReadFrom(ctx context.Context, after Position, emit func(item O, after Position) error) error
}

// A Mapper gives one item for one item.
//
//	in  ─a──b──c─
//	out ─A──B──C─
type Mapper[I, O any] interface {
	Map(ctx context.Context, in I) (O, error)
}

// An Expander gives any number of items for one.
//
//	in  ─a─────b──c────
//	out ─A1─A2────C1───
type Expander[I, O any] interface {
	Expand(ctx context.Context, in I, emit func(O) error) error
}

// A Splitter gives any number of items of two types for one, each type by an output of
// its own. An item that fails leaves nothing behind.
//
//	in     ─a──b──c──
//	first  ─A─────C──
//	second ────2──3──
type Splitter[I, A, B any] interface {
	Split(ctx context.Context, in I, first func(A), second func(B)) error
}

// A Processor works on a whole batch and appends to out. It must not keep or
// change in. An error is that of the whole batch: every item of it failed.
type Processor[I, O any] interface {
	Process(ctx context.Context, in []I, out []O) ([]O, error)
}

// A Folder keeps a state S per key. Items of one key come in order, one at a
// time. What is emitted by Fold leaves at once, in the order of the input. A
// Folder that is also a StateCloser emits more when the input has ended.
//
// Fold returns CloseKey, which is no error, when a key is complete: its state is closed
// and dropped. A Fold that fails must leave the state as it was; what it emitted is
// taken back, and a key that it was the first item of stays unknown.
type Folder[I, S, O any] interface {
	Key(in I) string
	Fold(ctx context.Context, state *S, in I, emit func(O)) error
}

// A StateCloser is a Folder that emits what is left in a state when its key is closed: by Fold, or by
// the end of the input. Keys come in the order of their first item then.
type StateCloser[S, O any] interface {
	Close(ctx context.Context, key string, state *S, emit func(O)) error
}

// A Connector works on items of two inputs, which share what it keeps: one at a time, in
// the order in which they come. One that is a Finisher emits more when both have ended.
type Connector[L, R, O any] interface {
	Left(ctx context.Context, in L, emit func(O)) error
	Right(ctx context.Context, in R, emit func(O)) error
}

// A Finisher is a Connector that emits what is left when both inputs have ended. An error
// of emit must be returned at once.
type Finisher[O any] interface {
	End(ctx context.Context, emit func(O) error) error
}

// A Sink takes batches, which it must not keep or change, and gives nothing on. An error
// is that of the whole batch; ErrDone means that it wants no more. Calls come in order,
// one at a time.
//
// One that is an InFlighter is called by so many workers at once instead, in no certain
// order; it is one struct, so it needs locks. One that is a Flusher holds items back
// until Flush.
type Sink[I any] interface {
	Write(ctx context.Context, in []I) error
}

// An Opener gets its surroundings before the first item: once per worker of a Mapper,
// Expander, Splitter or Processor, on the worker's own copy of the struct; once per run
// of the others.
type Opener interface {
	Open(ctx context.Context, env *Env) error
}

// A Closer is told when its worker has left, or its node has ended, in success or not.
type Closer interface{ Close() error }
