package flowtest

import (
	"context"
	"errors"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// A stub stands in place of a node: the first rule that fits an item of its first
// input says what comes out. Other inputs are read and thrown away.
type stub struct {
	at     diag.Span
	node   string
	texts  rules
	ports  []graph.Port
	gives  []*types.Type // of each port
	rules  []rule
	number int64 // of the item at hand; written by the only worker if a rule asks for it
}

// stubKind is the kind of the node that a stub makes.
type stubKind struct {
	Slot int `yaml:"slot" doc:"Which stub of the case."`

	c *Case
}

var stubSettings = mustSchema(&stubKind{})

// Outputs implements graph.Brancher.
func (k *stubKind) Outputs() []graph.Port { return k.c.stubs[k.Slot].ports }

// Infer implements graph.Inferer: what comes out is of the types that the node
// itself gives.
func (k *stubKind) Infer(c *graph.Inference) {
	s := k.c.stubs[k.Slot]
	for i, p := range s.ports {
		c.Out(p.Name, s.gives[i])
	}
	in := types.Error
	if len(c.Node.In) > 0 {
		in = c.Node.In[0].Arriving()
	}
	s.rules = nil
	for i := range s.texts {
		r := rule{ruleText: &s.texts[i]}
		r.checkWhen(in, c.List())
		if r.out = s.portOf(r.ruleText, c.List()); r.out >= 0 {
			r.checkOutcome(in, s.gives[r.out], c.List())
		}
		s.rules = append(s.rules, r)
	}
}

// portOf finds the output of a rule; -1 if there is none.
func (s *stub) portOf(r *ruleText, list *diag.List) int {
	var names []string
	for i, p := range s.ports {
		if p.Name == r.Port || r.Port == "" {
			return i
		}
		names = append(names, p.Name)
	}
	if r.Error == "" {
		list.Add(diag.UnknownPort, r.at, "%s has no output %q", s.node, r.Port).DidYouMean(r.Port, names)
	}
	return -1
}

// Operator implements nodes.Maker.
func (k *stubKind) Operator(env *nodes.Env) (nodes.Operator, error) {
	s := k.c.stubs[k.Slot]
	return nodes.Spread(func(context.Context) (nodes.Worker, error) {
		j := newJudge(s.rules)
		return nodes.WorkFunc(func(ctx context.Context, in nodes.Input, out nodes.Out) (any, error) {
			if in.Port > 0 {
				out.Filtered(in.Data.Len())
				return nil, nil
			}
			return nil, s.work(ctx, env, j, in, out)
		}), nil
	}), nil
}

// work answers the items of a piece, one at a time. A rule may take its time, so it
// gives those that are left to other workers if they ask.
func (s *stub) work(ctx context.Context, env *nodes.Env, j *judge, in nodes.Input, out nodes.Out) error {
	items, err := records(in.Data, env.Node.In[in.Port].Arriving(), out)
	if err != nil {
		return err
	}
	defer items.Release()
	upTo := items.Len()
	whole := upTo == in.Data.Len() // else places in items are not those in the input
	for i := 0; i < upTo; i++ {
		if whole && in.Interrupted() {
			if upTo, err = in.Yield(i); err != nil || i >= upTo {
				return err
			}
		}
		if env.Workers == 1 {
			s.number++
		}
		if err := s.answer(ctx, env, j, items, i, out); err != nil {
			return err
		}
	}
	return nil
}

// answer answers item i.
func (s *stub) answer(ctx context.Context, env *nodes.Env, j *judge, items record.Data, i int, out nodes.Out) error {
	one := items.Slice(i, i+1)
	defer one.Release()
	try, port := 0, 0
	var made record.Data
	attempts, err := env.Tries(ctx, func(ctx context.Context) error {
		try++
		k := j.find(one, s.number, try)
		if k < 0 {
			return errNoRule
		}
		r := &j.rules[k]
		if err := nodes.Sleep(ctx, r.Takes); err != nil {
			return err
		}
		if r.Error != "" {
			return errors.New(r.Error)
		}
		var err error
		port = r.out
		made, err = j.outcome(k, one)
		return err
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil:
		return out.Bad(nodes.BadItem{Err: err, Data: items, Row: rowOf(items, i), Attempts: attempts})
	case made != nil:
		return out.Emit(port, made)
	}
	return nil
}

// rowOf is the place of item i as nodes.BadItem wants it.
func rowOf(d record.Data, i int) int {
	if b, ok := d.(*record.Batch); ok {
		return b.Row(i)
	}
	return i
}
