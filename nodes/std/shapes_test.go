package std_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

// shapes is a kind of each shape.
var shapes = []nodes.Decl{
	nodes.Read("shape.read", "Makes items.", &reads{}),
	nodes.ReadFrom("shape.read_from", "Makes items and can go on.", &readsFrom{}),
	nodes.ReadFrom("shape.read_acks", "Makes items and is told how far they were taken.", &readsAcked{seen: &acknowledged}),
	nodes.Map("shape.map", "Maps.", &mappings{}),
	nodes.Expand("shape.expand", "Expands.", &expands{}),
	nodes.Split("shape.split", "Splits.", &splits{}),
	nodes.Process("shape.process", "Works on batches.", &processes{}),
	nodes.Fold("shape.fold", "Folds.", &folds{}),
	nodes.Connect("shape.connect", "Works on two inputs.", &connects{}),
	nodes.Write("shape.write", "Writes.", &writes{}),
	nodes.Write("shape.write_many", "Writes several batches at once.", &writesMany{}),
}

// shapeSubjects are flows of the shapes, with what their functions do.
func shapeSubjects() (all []subject) {
	for _, d := range shapes {
		flow := func(mode string) graph.Example {
			text := "nodes:\n  numbers: {use: generate, with: {count: 4, set: {n: n}}}\n  it: {use: " + d.Spec.Kind + ", with: {mode: " + mode + "}"
			for i, p := range d.Spec.In {
				text += []string{", in: {", ", "}[i] + p.Name + ": numbers"
			}
			if len(d.Spec.In) > 0 {
				text += "}"
			}
			text += "}\n"
			for _, p := range d.Spec.Out {
				text += fmt.Sprintf("  %s: {use: drop, in: it.%s}\n", p.Name, p.Name)
			}
			return graph.Example{Flow: text}
		}
		s := subject{kind: d.Spec.Kind, usual: flow("usual"), slow: flow("slow")}
		if len(d.Spec.In) > 0 {
			s.failed = flow("fails")
		}
		all = append(all, s)
	}
	return all
}

// A number is what the shapes take and give.
type number struct {
	N int64 `flow:"n"`
}

// acted is what the function of a shape does with an item.
type acted struct {
	Mode string `yaml:"mode" doc:"What becomes of an item: usual, fails or slow."`
}

func (a *acted) act(ctx context.Context) error {
	switch a.Mode {
	case "fails":
		return errors.New("it fails")
	case "slow":
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Hour):
		}
	}
	return nil
}

type reads struct{ acted }

func (r *reads) Read(_ context.Context, emit func(number) error) error {
	for n := range int64(4) {
		if err := emit(number{n}); err != nil {
			return err
		}
	}
	return nil
}

type readsFrom struct{ acted }

func (r *readsFrom) ReadFrom(_ context.Context, _ nodes.Position, emit func(number, nodes.Position) error) error {
	for n := range int64(4) {
		if err := emit(number{n}, nodes.Position{byte(n)}); err != nil {
			return err
		}
	}
	return nil
}

// readsAcked is slow enough for an acknowledgement to come before its end.
type readsAcked struct {
	readsFrom
	seen *taken
}

// taken is when a source was first acknowledged, counted from when it began to read.
type taken struct {
	begun time.Time
	first atomic.Int64 // 0: never
}

// acknowledged is that of shape.read_acks, in the last run.
var acknowledged taken

func (r *readsAcked) ReadFrom(ctx context.Context, after nodes.Position, emit func(number, nodes.Position) error) error {
	r.seen.begun = time.Now()
	return r.readsFrom.ReadFrom(ctx, after, func(x number, at nodes.Position) error {
		time.Sleep(10 * time.Millisecond)
		return emit(x, at)
	})
}

func (r *readsAcked) Taken(nodes.Position) error {
	r.seen.first.CompareAndSwap(0, int64(time.Since(r.seen.begun)))
	return nil
}

type mappings struct{ acted }

func (m *mappings) Map(ctx context.Context, x number) (number, error) { return x, m.act(ctx) }

type expands struct{ acted }

func (e *expands) Expand(ctx context.Context, x number, emit func(number) error) error {
	if err := e.act(ctx); err != nil {
		return err
	}
	return emit(x)
}

type splits struct{ acted }

func (s *splits) Split(ctx context.Context, x number, first, second func(number)) error {
	first(x)
	second(x)
	return s.act(ctx)
}

type processes struct{ acted }

func (p *processes) Process(ctx context.Context, in, out []number) ([]number, error) {
	return append(out, in...), p.act(ctx)
}

type folds struct{ acted }

func (*folds) Key(number) string { return "" }

func (f *folds) Fold(ctx context.Context, _ *int, x number, emit func(number)) error {
	emit(x)
	return f.act(ctx)
}

type connects struct{ acted }

func (c *connects) Left(ctx context.Context, x number, emit func(number)) error {
	emit(x)
	return c.act(ctx)
}

func (c *connects) Right(ctx context.Context, x number, emit func(number)) error {
	return c.Left(ctx, x, emit)
}

type writes struct{ acted }

func (w *writes) Write(ctx context.Context, _ []number) error { return w.act(ctx) }

type writesMany struct{ writes }

func (*writesMany) MaxInFlight() int { return 4 }
