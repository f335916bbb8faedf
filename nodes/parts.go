package nodes

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"sync"
	"time"
)

// Parts are the methods of an operator, found once. A nil field is a method that the
// operator does not have.
type Parts struct {
	Operator
	Parallel     Parallel
	Gatherer     Gatherer
	Selective    Selective
	Timed        Timed
	Ender        Ender
	Starter      Starter
	Closer       Closer
	Puller       Puller
	Drainer      Drainer
	Endless      Endless
	Acknowledger Acknowledger
	Seeker       Seeker
	InFlighter   InFlighter
	Flusher      Flusher
	Settler      Settler
	Laster       Laster
	Holder       Holder
	Committer    Committer
	Keeper       Keeper
	Recoverer    Recoverer
	Stateful     Stateful
}

// PartsOf finds the methods of an operator. A method that has the name of one of them
// and another signature would never be called, so it is an error.
func PartsOf(op Operator) (Parts, error) {
	p := Parts{Operator: op}
	p.Parallel, _ = op.(Parallel)
	p.Gatherer, _ = op.(Gatherer)
	p.Selective, _ = op.(Selective)
	p.Timed, _ = op.(Timed)
	p.Ender, _ = op.(Ender)
	p.Starter, _ = op.(Starter)
	p.Closer, _ = op.(Closer)
	p.Puller, _ = op.(Puller)
	p.Drainer, _ = op.(Drainer)
	p.Endless, _ = op.(Endless)
	p.Acknowledger, _ = op.(Acknowledger)
	p.Seeker, _ = op.(Seeker)
	p.InFlighter, _ = op.(InFlighter)
	p.Flusher, _ = op.(Flusher)
	p.Settler, _ = op.(Settler)
	p.Laster, _ = op.(Laster)
	p.Holder, _ = op.(Holder)
	p.Committer, _ = op.(Committer)
	p.Keeper, _ = op.(Keeper)
	p.Recoverer, _ = op.(Recoverer)
	p.Stateful, _ = op.(Stateful)
	t := reflect.TypeOf(op)
	verdict, known := verdicts.Load(t)
	if !known {
		verdict, _ = verdicts.LoadOrStore(t, misspelt(op))
	}
	err, _ := verdict.(error)
	return p, err
}

// signatures are what the methods of an operator look like.
var signatures = map[string]reflect.Type{
	"NewWorker":    reflect.TypeFor[func(context.Context) (Worker, error)](),
	"WholeBatches": reflect.TypeFor[func() bool](),
	"Wants":        reflect.TypeFor[func(port, edge int) bool](),
	"Due":          reflect.TypeFor[func() time.Time](),
	"OnTime":       reflect.TypeFor[func(context.Context, time.Time, Out) error](),
	"End":          reflect.TypeFor[func(context.Context, EndedEdge, Out) error](),
	"Open":         reflect.TypeFor[func(context.Context) error](),
	"Close":        reflect.TypeFor[func() error](),
	"Next":         reflect.TypeFor[func(context.Context) (any, Position, error)](),
	"Drain":        reflect.TypeFor[func(context.Context) (any, Position, error)](),
	"Endless":      reflect.TypeFor[func() bool](),
	"Taken":        reflect.TypeFor[func(Position) error](),
	"Seek":         reflect.TypeFor[func(context.Context, Position) error](),
	"MaxInFlight":  reflect.TypeFor[func() int](),
	"Flush":        reflect.TypeFor[func(context.Context) error](),
	"Settle":       reflect.TypeFor[func(context.Context, Out) error](),
	"Lasts":        reflect.TypeFor[func() bool](),
	"Held":         reflect.TypeFor[func() int](),
	"Seal":         reflect.TypeFor[func(context.Context, uint64) error](),
	"Commit":       reflect.TypeFor[func(context.Context, uint64) error](),
	"Keep":         reflect.TypeFor[func(context.Context) error](),
	"Abort":        reflect.TypeFor[func(context.Context) error](),
	"Recover":      reflect.TypeFor[func(context.Context, uint64) error](),
	"Save":         reflect.TypeFor[func() (func(io.Writer) error, error)](),
	"Load":         reflect.TypeFor[func(io.Reader) error](),
}

// together are methods that say nothing alone.
var together = [][]string{{"Due", "OnTime"}, {"Seal", "Commit", "Abort"}, {"Save", "Load"}}

// verdicts are what misspelt found, an error or nil, by the type of the operator. Ten
// thousand nodes are of some dozens of types.
var verdicts sync.Map

func misspelt(op Operator) error {
	v := reflect.ValueOf(op)
	for name, want := range signatures {
		if m := v.MethodByName(name); m.IsValid() && m.Type() != want {
			return fmt.Errorf("the method %s of operator %T is %s, want %s", name, op, m.Type(), want)
		}
	}
	for _, names := range together {
		for _, name := range names {
			if v.MethodByName(name).IsValid() != v.MethodByName(names[0]).IsValid() {
				return fmt.Errorf("operator %T has only some of the methods %v", op, names)
			}
		}
	}
	return nil
}
