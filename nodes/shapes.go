package nodes

import "context"

// A Source reads until there is no more and returns nil then. emit hands an item
// on; an error of emit must be returned at once.
//
//	out ─a──b──c─|
type Source[O any] interface {
	Read(ctx context.Context, emit func(O) error) error
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

// A Processor works on a whole batch and appends to out. It must not keep or
// change in. An error is that of the whole batch: every item of it failed.
type Processor[I, O any] interface {
	Process(ctx context.Context, in []I, out []O) ([]O, error)
}

// A Folder keeps a state S per key. Items of one key come in order, one at a
// time. What is emitted by Fold leaves at once, in the order of the input. A
// Folder that is also a Closing folder emits more when the input has ended.
type Folder[I, S, O any] interface {
	Key(in I) string
	Fold(ctx context.Context, state *S, in I, emit func(O)) error
}

// A Closing folder emits what is left in a state at the end of the input. Keys
// come in the order of their first item.
type Closing[S, O any] interface {
	Close(ctx context.Context, key string, state *S, emit func(O)) error
}

// A Sink takes batches and gives nothing on. An error is that of the whole batch;
// ErrDone means that it wants no more. Calls come in order, one at a time.
type Sink[I any] interface {
	Write(ctx context.Context, in []I) error
}

// An Opener gets its surroundings before the first item: once per worker, on the
// worker's own copy of the struct.
type Opener interface {
	Open(ctx context.Context, env *Env) error
}

// A Closer is told when its worker has ended, in success or not.
type Closer interface{ Close() error }
