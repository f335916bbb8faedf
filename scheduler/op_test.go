package scheduler_test

import (
	"context"
	"fmt"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// An op is an operator of functions. It has the methods that change how the engine
// drives a node only where their functions are set; of the others, those without a
// function do nothing.
type op struct {
	process func(ctx context.Context, in nodes.Input, out nodes.Out) error
	worker  func(ctx context.Context) (nodes.Worker, error)
	work    nodes.WorkFunc                         // of every worker, in place of worker
	next    func(ctx context.Context) (any, error) // of a source; the position after a piece is its text
	drain   func(ctx context.Context) (any, error)
	taken   func(after nodes.Position) error // of a source
	endless bool                             // of a source: to be stopped is its end
	wants   func(port, edge int) bool
	due     func() time.Time
	onTime  func(ctx context.Context, now time.Time, out nodes.Out) error

	end    func(ctx context.Context, e nodes.EndedEdge, out nodes.Out) error
	open   func() error
	close  func() error
	flush  func() error
	seal   func() error
	commit func() error
	abort  func() error
	keep   func() error
}

// operator gives the operator of o.
func (o *op) operator() nodes.Operator {
	base, parallel, pulls, picks, timed := opBase{o}, opParallel{o}, opPuller{o}, opSelective{o}, opTimed{o}
	has := o.letters()
	switch has {
	case "":
		return base
	case "W":
		return struct {
			opBase
			opParallel
		}{base, parallel}
	case "N":
		return struct {
			opBase
			opPuller
		}{base, pulls}
	case "WN":
		return struct {
			opBase
			opParallel
			opPuller
		}{base, parallel, pulls}
	case "ND":
		return struct {
			opBase
			opPuller
			opDrainer
		}{base, pulls, opDrainer{o}}
	case "WND":
		return struct {
			opBase
			opParallel
			opPuller
			opDrainer
		}{base, parallel, pulls, opDrainer{o}}
	case "S":
		return struct {
			opBase
			opSelective
		}{base, picks}
	case "WS":
		return struct {
			opBase
			opParallel
			opSelective
		}{base, parallel, picks}
	case "T":
		return struct {
			opBase
			opTimed
		}{base, timed}
	case "WT":
		return struct {
			opBase
			opParallel
			opTimed
		}{base, parallel, timed}
	case "ST":
		return struct {
			opBase
			opSelective
			opTimed
		}{base, picks, timed}
	}
	panic(fmt.Sprintf("no test has needed the methods %s together", has))
}

// letters tells which methods an operator has that change how it is driven.
func (o *op) letters() (has string) {
	for letter, is := range []bool{o.worker != nil || o.work != nil, o.next != nil, o.drain != nil, o.wants != nil, o.due != nil} {
		if is {
			has += "WNDST"[letter : letter+1]
		}
	}
	return has
}

type (
	opBase      struct{ base *op }
	opParallel  struct{ parallel *op }
	opPuller    struct{ puller *op }
	opDrainer   struct{ drainer *op }
	opSelective struct{ selective *op }
	opTimed     struct{ timed *op }
)

// call calls a function that may not be there.
func call(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

func (o opBase) Process(ctx context.Context, in nodes.Input, out nodes.Out) error {
	if o.base.process == nil {
		return nil
	}
	return o.base.process(ctx, in, out)
}

func (o opBase) End(ctx context.Context, e nodes.EndedEdge, out nodes.Out) error {
	if o.base.end == nil {
		return nil
	}
	return o.base.end(ctx, e, out)
}

func (o opBase) Open(context.Context) error           { return call(o.base.open) }
func (o opBase) Close() error                         { return call(o.base.close) }
func (o opBase) Flush(context.Context) error          { return call(o.base.flush) }
func (o opBase) Seal(context.Context, uint64) error   { return call(o.base.seal) }
func (o opBase) Commit(context.Context, uint64) error { return call(o.base.commit) }
func (o opBase) Abort(context.Context) error          { return call(o.base.abort) }

func (o opBase) Keep(context.Context) error { return call(o.base.keep) }

func (o opParallel) NewWorker(ctx context.Context) (nodes.Worker, error) {
	if o.parallel.work != nil {
		return o.parallel.work, nil
	}
	return o.parallel.worker(ctx)
}

func (o opPuller) Next(ctx context.Context) (any, nodes.Position, error) {
	piece, err := o.puller.next(ctx)
	return piece, nodes.Position(fmt.Sprint(piece)), err
}

func (o opPuller) Taken(after nodes.Position) error {
	if o.puller.taken == nil {
		return nil
	}
	return o.puller.taken(after)
}

func (o opPuller) Endless() bool { return o.puller.endless }

func (o opDrainer) Drain(ctx context.Context) (any, nodes.Position, error) {
	piece, err := o.drainer.drain(ctx)
	return piece, nodes.Position(fmt.Sprint(piece)), err
}

func (o opSelective) Wants(port, edge int) bool { return o.selective.wants(port, edge) }

func (o opTimed) Due() time.Time { return o.timed.due() }

func (o opTimed) OnTime(ctx context.Context, now time.Time, out nodes.Out) error {
	return o.timed.onTime(ctx, now, out)
}
