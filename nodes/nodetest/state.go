package nodetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

// This file checks operators that keep state: one that was saved and loaded again, at
// any point of a run, goes on as if nothing had happened.

// A step is one call of the serial part, with what the parallel part has seen before it.
type step struct {
	part  nodes.Part
	in    nodes.Input     // of PartProcess; its data has a reference that is the step's
	ended nodes.EndedEdge // of PartEnd
	at    time.Time
}

// recordOperators note the calls that the operator of a node gets in a run.
type recordOperators struct {
	Operators
	node  string
	steps *[]step
}

// Operator implements Operators.
func (r recordOperators) Operator(n *graph.Node, env *nodes.Env) (nodes.Operator, error) {
	if n.ID == r.node {
		env.Intercept(nodes.Intercept{Around: func(ctx context.Context, c nodes.Call, out nodes.Out, next func(context.Context, nodes.Out) error) error {
			now := time.Now().Round(0) // what bubbles of virtual time have in common
			switch c.Part {
			case nodes.PartProcess:
				in := c.Input
				in.Data.Retain()
				in.Made = nil
				*r.steps = append(*r.steps, step{part: c.Part, in: in, at: now})
			case nodes.PartTime, nodes.PartEnd:
				*r.steps = append(*r.steps, step{part: c.Part, at: now})
			}
			return next(ctx, out)
		}})
	}
	return r.Operators.Operator(n, env)
}

// numberEnds says which edge it is that ended: of those over which nothing comes any
// more, the first.
func numberEnds(n *graph.Node, steps []step) {
	var open []nodes.EndedEdge
	for port, in := range n.In {
		for edge := range in.Edges {
			open = append(open, nodes.EndedEdge{Port: port, Edge: edge})
		}
		if len(in.Edges) == 0 {
			open = append(open, nodes.EndedEdge{Port: port, Edge: -1})
		}
	}
	for i := range steps {
		if steps[i].part != nodes.PartEnd {
			continue
		}
		k := slices.IndexFunc(open, func(e nodes.EndedEdge) bool {
			return !slices.ContainsFunc(steps[i:], func(s step) bool {
				return s.part == nodes.PartProcess && s.in.Port == e.Port && s.in.Edge == e.Edge
			})
		})
		if k < 0 {
			continue
		}
		e := open[k]
		open = slices.Delete(open, k, k+1)
		e.Last = !slices.ContainsFunc(open, func(o nodes.EndedEdge) bool { return o.Port == e.Port })
		steps[i].ended = e
	}
}

// restores records what a node gets in the serial run, plays it to fresh operators, and
// saves and loads them in between.
func (c *conformance) restores(id string) {
	c.recorded(id, "the state of "+id, func(steps []step) {
		every := 1 + len(steps)/12
		for at := 0; at <= len(steps) && len(c.problems) == 0; at += every {
			c.restoresAt(id, steps, at)
		}
	})
}

// recorded gives f the calls that a node gets in the serial run.
func (c *conformance) recorded(id, what string, f func(steps []step)) {
	var steps []step
	defer func() {
		for _, s := range steps {
			if s.in.Data != nil {
				s.in.Data.Release()
			}
		}
	}()
	c.virtual(what, func(e *fixture) bool {
		r := e.run(e.t.Context(), Setup{Serial: true}, recordOperators{c.registry, id, &steps})
		if r.Err != nil {
			c.wrong("%s: %v", what, r.Err)
		}
		numberEnds(e.flow.Node(id), steps)
		return false // the steps keep data
	})
	f(steps)
}

// restoresAt saves after the first steps, and writes the state only when the rest was
// done too: it must be as it was then.
func (c *conformance) restoresAt(id string, steps []step, at int) {
	what := fmt.Sprintf("the state of %s after %d of %d calls", id, at, len(steps))
	var state bytes.Buffer
	var want []string
	var due time.Time
	good := false
	c.virtual(what, func(e *fixture) bool {
		err := e.played(c.registry, id, nil, func(d *driver) error {
			if err := d.play(e.t.Context(), steps[:at]); err != nil {
				return err
			}
			write, err := d.parts.Stateful.Save()
			if err != nil {
				return err
			}
			due, d.lines = d.due(), nil
			if err := d.play(e.t.Context(), steps[at:]); err != nil {
				return err
			}
			want = d.lines
			return write(&state)
		})
		if good = err == nil; !good {
			c.wrong("%s: %v", what, err)
		}
		return good
	})
	if !good {
		return
	}
	c.virtual(what, func(e *fixture) bool {
		if at > 0 {
			time.Sleep(time.Until(steps[at-1].at))
		}
		err := e.played(c.registry, id, bytes.NewReader(state.Bytes()), func(d *driver) error {
			if got := d.due(); !got.Equal(due) {
				c.wrong("%s: when it was loaded it is due at %v, before it was %v", what, got, due)
			}
			err := d.play(e.t.Context(), steps[at:])
			if wrong := differ(d.lines, want); wrong != "" && err == nil {
				c.wrong("%s: when it was loaded, %s", what, wrong)
			}
			return err
		})
		if err != nil {
			c.wrong("%s: when it was loaded: %v", what, err)
		}
		return err == nil
	})
}

// played opens an operator, from a state if there is one, and closes it after f.
func (e *fixture) played(operators Operators, id string, state io.Reader, f func(*driver) error) error {
	d, err := e.drive(e.t.Context(), operators, id, func(parts nodes.Parts) error {
		if state == nil {
			return nil
		}
		return parts.Stateful.Load(state)
	})
	if err != nil {
		return err
	}
	err = f(d)
	if closed := d.close(); err == nil {
		err = closed
	}
	return err
}

func (d *driver) due() time.Time {
	if d.parts.Timed == nil {
		return time.Time{}
	}
	return d.parts.Timed.Due()
}

// play does steps, each at its time, until the operator wants no more.
func (d *driver) play(ctx context.Context, steps []step) error {
	for _, s := range steps {
		if d.done {
			return nil
		}
		time.Sleep(time.Until(s.at))
		var err error
		switch {
		case s.part == nodes.PartProcess:
			err = d.give(ctx, s.in)
		case s.part == nodes.PartTime:
			err = d.parts.Timed.OnTime(ctx, s.at, d)
		case d.parts.Ender != nil:
			err = d.parts.Ender.End(ctx, s.ended, d)
		}
		if d.done = errors.Is(err, nodes.ErrDone); err != nil && !d.done {
			return err
		}
	}
	return nil
}
