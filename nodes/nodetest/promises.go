package nodetest

import (
	"context"
	"fmt"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

// This file checks that a declaration says what the operator does with items that are
// acknowledged: whoever checks a flow sees only the declaration.

// promises compares what a node says of acknowledgement with what its operator can do.
func (c *conformance) promises(e *fixture, n *graph.Node, parts nodes.Parts) {
	wrong := func(what string) { c.wrong("%s: %s", n.ID, what) }
	_, says := n.Config.(graph.Acker)
	switch acks := parts.Acknowledger != nil; {
	case n.Spec.Acks && len(n.In) > 0:
		wrong("it says that it acknowledges, and is no source")
	case says && !n.Spec.Acks:
		wrong("its settings have a method Acks, and the declaration says nothing of it: add nodes.Acknowledges")
	case acks && !n.Spec.Acks:
		wrong("its operator has a method Taken, and the declaration does not say that it acknowledges")
	case acks && !n.Acknowledges():
		wrong("its operator has a method Taken, although its settings say that it does not acknowledge")
	case !acks && n.Acknowledges():
		wrong("it says that it acknowledges, and its operator has no method Taken")
	}
	withholds := false
	if w, ok := n.Config.(graph.Withholder); ok {
		_, withholds = w.Withholds(e.flow.Path)
	}
	keeps := parts.Committer != nil && (parts.Laster == nil || !parts.Laster.Lasts())
	switch {
	case parts.Laster != nil && parts.Committer == nil:
		wrong("its operator has a method Lasts, which is for one that commits")
	case parts.Keeper != nil && parts.Committer == nil:
		wrong("its operator has a method Keep, which is for one that commits")
	case keeps && !withholds:
		wrong("its operator commits what it has at the end alone, and its settings have no method Withholds that says so")
	case withholds && !keeps:
		wrong("its settings say that it withholds what it has to the end, and its operator does not")
	}
	switch {
	case n.Spec.Returns && parts.Holder == nil:
		wrong("it says that what it holds leaves again, and its operator has no method Held")
	case parts.Holder != nil && parts.Parallel != nil:
		wrong("its operator has a method Held, which is not for one with a parallel part")
	case parts.Holder != nil:
		c.holders = append(c.holders, n.ID)
	}
}

// holds records what a Holder gets in the serial run, plays it to fresh operators, and
// looks at what it says that it holds.
func (c *conformance) holds(id string) {
	c.recorded(id, "what is held by "+id, func(steps []step) {
		idle := 0 // what comes of no item
		every := 1 + len(steps)/12
		for at := 0; at <= len(steps) && len(c.problems) == 0; at += every {
			c.holdsAt(id, steps, at, &idle)
		}
	})
}

// holdsAt plays some steps, asks for what is held after each, and ends the operator: what
// comes then was held.
func (c *conformance) holdsAt(id string, steps []step, at int, idle *int) {
	what := fmt.Sprintf("what is held by %s after %d of %d calls", id, at, len(steps))
	c.virtual(what, func(e *fixture) bool {
		err := e.played(c.registry, id, nil, func(d *driver) error {
			given, held := 0, d.parts.Holder.Held()
			for _, s := range steps[:at] {
				if err := d.play(e.t.Context(), []step{s}); err != nil || d.done {
					return err
				}
				if s.part == nodes.PartProcess {
					given += s.in.Data.Len()
				}
				if held = d.parts.Holder.Held(); held < 0 || held > given {
					c.wrong("%s: Held is %d, of %d that were given", what, held, given)
					return nil
				}
			}
			d.lines = nil
			if err := d.finish(e.t.Context(), steps[at:]); err != nil || d.done {
				return err
			}
			if at == 0 {
				*idle = len(d.lines)
			}
			if after := d.parts.Holder.Held(); after != 0 {
				c.wrong("%s: Held is %d after its end", what, after)
			} else if held == 0 && len(d.lines) > *idle {
				c.wrong("%s: Held is 0, and this came later: %s", what, d.lines[0])
			}
			return nil
		})
		if err != nil {
			c.wrong("%s: %v", what, err)
		}
		return err == nil
	})
}

// finish ends an operator, with those of the steps that are ends, and wakes it until it is
// not due any more.
func (d *driver) finish(ctx context.Context, steps []step) error {
	for _, s := range steps {
		if s.part != nodes.PartEnd {
			continue
		}
		s.at = time.Now()
		if err := d.play(ctx, []step{s}); err != nil || d.done {
			return err
		}
	}
	for due := d.due(); !due.IsZero() && !d.done; due = d.due() {
		time.Sleep(time.Until(due))
		if err := d.play(ctx, []step{{part: nodes.PartTime, at: time.Now()}}); err != nil {
			return err
		}
	}
	return nil
}
