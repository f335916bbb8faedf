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

// Program implements nodes.Programmer.
func (k *stubKind) Program(env *nodes.Env) (*nodes.Program, error) {
	s := k.c.stubs[k.Slot]
	p := &nodes.Program{}
	for i := range env.Node.In {
		stage := nodes.Stage{Input: i, Worker: func(context.Context) (nodes.Work, error) {
			if i > 0 {
				return drain, nil
			}
			j := newJudge(s.rules)
			return func(ctx context.Context, in record.Data, _ any, out nodes.Out) (any, error) {
				return nil, s.work(ctx, env, j, in, out)
			}, nil
		}}
		p.Stages = append(p.Stages, stage)
	}
	return p, nil
}

func drain(_ context.Context, in record.Data, _ any, out nodes.Out) (any, error) {
	out.Filtered(in.Len())
	return nil, nil
}

// work answers the items of a piece, one at a time.
func (s *stub) work(ctx context.Context, env *nodes.Env, j *judge, in record.Data, out nodes.Out) error {
	counts := env.Workers == 1
	for i := range in.Len() {
		if counts {
			s.number++
		}
		one := in.Slice(i, i+1)
		try, port := 0, 0
		var made record.Data
		attempts, err := env.Tries(ctx, func(ctx context.Context) error {
			try++
			k := j.find(one, s.number, try)
			if k < 0 {
				return errNoRule
			}
			r := &j.rules[k]
			if err := wait(ctx, r.Takes); err != nil {
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
		one.Release()
		switch {
		case err != nil && ctx.Err() != nil:
			return err
		case err != nil:
			err = out.Bad(nodes.BadItem{Err: err, Data: in, Row: rowOf(in, i), Attempts: attempts})
		case made != nil:
			err = out.Emit(port, made)
		}
		if err != nil {
			return err
		}
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
