package flowrun

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// Merge gives the items of all streams as they come: in their order among those of
// one stream, in no certain order among those of several.
func Merge[T any](id string, stream Stream[T], more ...Stream[T]) Stream[T] {
	n := gathering[T]("go.merge", "Gives the items of all streams as they come.", id, graph.Free)
	n.spec.Interleaves = true
	return gathered(n, stream, more)
}

// Concat gives the items of one stream after those of the other.
func Concat[T any](id string, stream Stream[T], more ...Stream[T]) Stream[T] {
	return gathered(gathering[T]("go.concat", "Gives the items of one stream after those of the other.", id, graph.InOrder), stream, more)
}

func gathering[T any](kind, summary, id string, reading graph.Reading) *node {
	in := typed[T]("in")
	in.Arity, in.Reading = graph.Many, reading
	return &node{
		id: id,
		spec: graph.Spec{
			Kind: kind, Summary: summary, Workers: graph.Single, Conserves: true,
			In: []graph.Port{in}, Out: []graph.Port{typed[T]("out")},
		},
		program: func(*nodes.Env) (*nodes.Program, error) {
			return &nodes.Program{Stages: []nodes.Stage{{
				GoValues: true,
				Commit: func(_ context.Context, in record.Data, _ any, out nodes.Out) error {
					return out.Emit(0, in.Retain())
				},
			}}}, nil
		},
	}
}

func gathered[T any](n *node, stream Stream[T], more []Stream[T]) Stream[T] {
	wires := []wire{{from: stream.port}}
	for _, s := range more {
		s.graph()
		wires = append(wires, wire{from: s.port})
	}
	return first[T](stream.graph(), stream.g.add(n, nil, wires...))
}

// Split gives the items for which is holds by one stream and the rest by another.
func Split[T any](in Stream[T], id string, is func(x T) bool, opts ...Option) (yes, rest Stream[T]) {
	n := transform[T, T]("go.split", "Parts the items in two.", id, func(*nodes.Env) nodes.Work {
		ins, outs := new(inputs[T]), new(record.Pool[T])
		return func(_ context.Context, in record.Data, _ any, out nodes.Out) (any, error) {
			xs, err := ins.of(in, out)
			if err != nil {
				return nil, err
			}
			defer xs.Release()
			parts := [2]*record.Items[T]{outs.Get(len(xs.V)), outs.Get(len(xs.V))}
			for i, x := range xs.V {
				part := 1
				err := guard(func() error {
					if is(x) {
						part = 0
					}
					return nil
				})
				if err == nil {
					parts[part].V = append(parts[part].V, x)
				} else if err := out.Bad(nodes.BadItem{Err: err, Data: xs.Items, Row: i}); err != nil {
					parts[0].Release()
					parts[1].Release()
					return nil, err
				}
			}
			if err := out.Emit(0, parts[0]); err != nil {
				parts[1].Release()
				return nil, err
			}
			return nil, out.Emit(1, parts[1])
		}
	})
	n.spec.Conserves = true
	n.spec.Out = append(n.spec.Out, typed[T]("rest"))
	in.graph().add(n, opts, wire{from: in.port})
	return first[T](in.g, n), Stream[T]{port{g: in.g, n: n, name: "rest"}}
}

// Zip pairs the first item of left with the first of right, the second with the
// second, and so on, until one of the streams ends.
func Zip[L, R, O any](left Stream[L], right Stream[R], id string, pair func(L, R) O, opts ...Option) Stream[O] {
	in := []graph.Port{typed[L]("left"), typed[R]("right")}
	// Each waits for the other, which is how the check finds out that one of the
	// edges may have to spill.
	in[0].Reading, in[1].Reading = graph.First, graph.First
	n := &node{
		id: id,
		spec: graph.Spec{
			Kind: "go.zip", Summary: "Pairs items by their place.", Workers: graph.Single,
			In: in, Out: []graph.Port{typed[O]("out")},
		},
		program: func(*nodes.Env) (*nodes.Program, error) {
			return &nodes.Program{Run: func(ctx context.Context, io *nodes.IO) error {
				out := io.Out()
				z := zip[L, R, O]{pair: pair, e: emission[O]{out: out, pool: new(record.Pool[O])}}
				z.left.from, z.right.from = io.In[0][0], io.In[1][0]
				defer z.drop()
				if err := z.run(ctx, out); err != nil {
					return err
				}
				return out.Close()
			}}, nil
		},
	}
	return first[O](left.graph(), left.g.add(n, opts, wire{from: left.port, in: "left"}, wire{from: right.port, in: "right"}))
}

// A zip is a running Zip.
type zip[L, R, O any] struct {
	left  side[L]
	right side[R]
	pair  func(L, R) O
	e     emission[O]
}

// A side is what a zip has of one of its streams.
type side[T any] struct {
	from nodes.Receiver
	ins  inputs[T]
	xs   *record.Items[T]
	at   int
}

// fill sees to it that there is an item; there is none at the end of the stream.
// Before it waits, or finds the end, it calls flush, so that nothing is held back.
func (s *side[T]) fill(ctx context.Context, out nodes.Out, flush func() error) (bool, error) {
	for s.xs == nil || s.at == len(s.xs.V) {
		s.drop()
		in, ok := s.from.TryReceive()
		if !ok {
			if err := flush(); err != nil {
				return false, err
			}
			var err error
			if in, err = s.from.Receive(ctx); in == nil || err != nil {
				return false, err
			}
		}
		xs, err := s.ins.of(in, out)
		in.Release()
		if err != nil {
			return false, err
		}
		s.xs, s.at = xs.Items, 0
	}
	return true, nil
}

func (s *side[T]) drop() {
	if s.xs != nil {
		s.xs.Release()
		s.xs = nil
	}
}

// run pairs until a side has ended: its fill has then sent what was held.
func (z *zip[L, R, O]) run(ctx context.Context, out nodes.Out) error {
	for {
		if more, err := z.left.fill(ctx, out, z.e.flush); !more || err != nil {
			return err
		}
		if more, err := z.right.fill(ctx, out, z.e.flush); !more || err != nil {
			return err
		}
		err := guard(func() error { z.e.add(z.pair(z.left.xs.V[z.left.at], z.right.xs.V[z.right.at])); return nil })
		if err := z.e.settle(err, nodes.BadItem{Data: z.left.xs, Row: z.left.at}); err != nil {
			return err
		}
		z.left.at++
		z.right.at++
	}
}

func (z *zip[L, R, O]) drop() {
	z.left.drop()
	z.right.drop()
	z.e.drop()
}
