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
	nodes.Read("shape.read", "Makes items.", &readKind{}),
	nodes.ReadFrom("shape.read_from", "Makes items and can go on.", &readFromKind{}),
	nodes.ReadFrom("shape.read_acks", "Makes items and is told how far they were taken.", &ackKind{seen: &acknowledged}),
	nodes.Map("shape.map", "Maps.", &mapKind{}),
	nodes.Expand("shape.expand", "Expands.", &expandKind{}),
	nodes.Split("shape.split", "Splits.", &splitKind{}),
	nodes.Process("shape.process", "Works on batches.", &processKind{}),
	nodes.Fold("shape.fold", "Folds.", &foldKind{}),
	nodes.Connect("shape.connect", "Works on two inputs.", &connectKind{}),
	nodes.Write("shape.write", "Writes.", &writeKind{}),
	nodes.Write("shape.write_many", "Writes several batches at once.", &writeManyKind{}),
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

// An action is what the function of a shape does with an item.
type action struct {
	Mode string `yaml:"mode" doc:"What becomes of an item: usual, fails or slow."`
}

func (a *action) act(ctx context.Context) error {
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

type readKind struct{ action }

func (r *readKind) Read(_ context.Context, emit func(number) error) error {
	for n := range int64(4) {
		if err := emit(number{n}); err != nil {
			return err
		}
	}
	return nil
}

type readFromKind struct{ action }

func (r *readFromKind) ReadFrom(_ context.Context, _ nodes.Position, emit func(number, nodes.Position) error) error {
	for n := range int64(4) {
		if err := emit(number{n}, nodes.Position{byte(n)}); err != nil {
			return err
		}
	}
	return nil
}

// An ackKind is slow enough for an acknowledgement to come before its end.
type ackKind struct {
	readFromKind
	seen *ackTime
}

// An ackTime is when a source was first acknowledged, counted from when it began to read.
type ackTime struct {
	begun time.Time
	first atomic.Int64 // 0: never
}

// acknowledged is that of shape.read_acks, in the last run.
var acknowledged ackTime

func (r *ackKind) ReadFrom(ctx context.Context, after nodes.Position, emit func(number, nodes.Position) error) error {
	r.seen.begun = time.Now()
	return r.readFromKind.ReadFrom(ctx, after, func(x number, at nodes.Position) error {
		time.Sleep(10 * time.Millisecond)
		return emit(x, at)
	})
}

func (r *ackKind) Taken(nodes.Position) error {
	r.seen.first.CompareAndSwap(0, int64(time.Since(r.seen.begun)))
	return nil
}

type mapKind struct{ action }

func (m *mapKind) Map(ctx context.Context, x number) (number, error) { return x, m.act(ctx) }

type expandKind struct{ action }

func (e *expandKind) Expand(ctx context.Context, x number, emit func(number) error) error {
	if err := e.act(ctx); err != nil {
		return err
	}
	return emit(x)
}

type splitKind struct{ action }

func (s *splitKind) Split(ctx context.Context, x number, first, second func(number)) error {
	first(x)
	second(x)
	return s.act(ctx)
}

type processKind struct{ action }

func (p *processKind) Process(ctx context.Context, in, out []number) ([]number, error) {
	return append(out, in...), p.act(ctx)
}

type foldKind struct{ action }

func (*foldKind) Key(number) string { return "" }

func (f *foldKind) Fold(ctx context.Context, _ *int, x number, emit func(number)) error {
	emit(x)
	return f.act(ctx)
}

type connectKind struct{ action }

func (c *connectKind) Left(ctx context.Context, x number, emit func(number)) error {
	emit(x)
	return c.act(ctx)
}

func (c *connectKind) Right(ctx context.Context, x number, emit func(number)) error {
	return c.Left(ctx, x, emit)
}

type writeKind struct{ action }

func (w *writeKind) Write(ctx context.Context, _ []number) error { return w.act(ctx) }

type writeManyKind struct{ writeKind }

func (*writeManyKind) MaxInFlight() int { return 4 }
