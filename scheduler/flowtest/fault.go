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

// A fault makes a node fail on purpose: its program stays, and before it stand
// rules that let items pass or fail. Tries, timeouts and what becomes of items are
// those of the node.
type fault struct {
	at     diag.Span
	node   string
	texts  rules
	port   int // the input that is looked at
	source error
	rules  []rule
	number int64 // of the item at hand, as in a stub
}

// check checks the rules against the node in the flow.
func (f *fault) check(n *graph.Node, list *diag.List) {
	if len(n.In) == 0 {
		for _, r := range f.texts {
			if len(r.Item) > 0 || r.When.Value != "" || r.Times > 0 || r.Takes > 0 {
				list.Add(diag.Conflict, r.at, "%s is a source: it fails as a whole", f.node).
					WithHint("feed it, with a step {error: MESSAGE} where it fails, or {bad: TEXT} for a bad item")
				return
			}
			f.source = errors.New(r.Error)
		}
		return
	}
	for i := range f.texts {
		r := rule{ruleText: &f.texts[i]}
		in := 0
		if r.Port != "" {
			var names []string
			in = -1
			for k, p := range n.In {
				names = append(names, p.Name)
				if p.Name == r.Port {
					in = k
				}
			}
			if in < 0 {
				list.Add(diag.UnknownPort, r.at, "%s has no input %q", f.node, r.Port).DidYouMean(r.Port, names)
				continue
			}
		}
		if i > 0 && in != f.port {
			list.Add(diag.Conflict, r.at, "all rules of %s look at one input", f.node)
		}
		f.port = in
		r.checkWhen(n.In[in].Arriving(), list)
		f.rules = append(f.rules, r)
	}
}

// in puts the rules before a program.
func (f *fault) in(p *nodes.Program, env *nodes.Env) *nodes.Program {
	q := *p
	q.Stages = nil
	for _, s := range p.Stages {
		switch {
		case f.source != nil && s.Next != nil:
			s.Next = func(context.Context) (any, error) { return nil, f.source }
		case f.source == nil && s.Next == nil && s.Input == f.port:
			s = f.stage(s, env)
		}
		q.Stages = append(q.Stages, s)
	}
	if run := p.Run; run != nil && f.source != nil {
		q.Run = func(context.Context, *nodes.IO) error { return f.source }
	} else if run != nil {
		q.Run = func(ctx context.Context, io *nodes.IO) error { return f.runWith(ctx, io, env, run) }
	}
	return &q
}

// pieces is what is left of a piece of work, with what the worker made of each part.
type pieces struct {
	parts []record.Data
	made  []any
}

// Release gives back what was never committed.
func (p *pieces) Release() {
	for i, d := range p.parts {
		d.Release()
		if r, ok := p.made[i].(interface{ Release() }); ok {
			r.Release()
		}
	}
}

func (f *fault) stage(s nodes.Stage, env *nodes.Env) nodes.Stage {
	worker, commit := s.Worker, s.Commit
	if env.Node.In[f.port].Arriving().Kind != types.KindOpaque {
		s.GoValues = false // conditions look into records
	}
	s.Worker = func(ctx context.Context) (nodes.Work, error) {
		var work nodes.Work
		if worker != nil {
			var err error
			if work, err = worker(ctx); err != nil {
				return nil, err
			}
		}
		j := newJudge(f.rules)
		return func(ctx context.Context, in record.Data, _ any, out nodes.Out) (any, error) {
			parts, err := f.sift(ctx, env, j, in, out)
			p := &pieces{parts: parts, made: make([]any, len(parts))}
			for i := range parts {
				if work == nil || err != nil {
					break
				}
				p.made[i], err = work(ctx, parts[i], nil, out)
			}
			if err != nil {
				p.Release()
				return nil, err
			}
			return p, nil
		}, nil
	}
	s.Commit = func(ctx context.Context, _ record.Data, made any, out nodes.Out) error {
		p := made.(*pieces)
		if commit == nil {
			p.Release()
			return nil
		}
		for i, d := range p.parts {
			err := commit(ctx, d, p.made[i], out)
			p.made[i] = nil // it is the kind's now
			if err != nil {
				p.Release()
				return err
			}
		}
		p.Release()
		return nil
	}
	return s
}

// sift lets the rules look at every item and gives those that pass, in stretches.
func (f *fault) sift(ctx context.Context, env *nodes.Env, j *judge, in record.Data, out nodes.Out) (parts []record.Data, err error) {
	from := 0
	for i := range in.Len() {
		if env.Workers == 1 {
			f.number++
		}
		one := in.Slice(i, i+1)
		try := 0
		attempts, failed := env.Tries(ctx, func(ctx context.Context) error {
			try++
			k := j.find(one, f.number, try)
			if k < 0 {
				return nil
			}
			if err := wait(ctx, j.rules[k].Takes); err != nil {
				return err
			}
			if j.rules[k].Error == "" {
				return nil
			}
			return errors.New(j.rules[k].Error)
		})
		one.Release()
		if failed == nil {
			continue
		}
		if i > from {
			parts = append(parts, in.Slice(from, i))
		}
		from = i + 1
		if ctx.Err() != nil {
			err = failed
		} else {
			err = out.Bad(nodes.BadItem{Err: failed, Data: in, Row: rowOf(in, i), Attempts: attempts})
		}
		if err != nil {
			return parts, err
		}
	}
	if from < in.Len() {
		parts = append(parts, in.Slice(from, in.Len()))
	}
	return parts, nil
}

// runWith runs a program without stages over inputs that are sifted.
func (f *fault) runWith(ctx context.Context, io *nodes.IO, env *nodes.Env, run func(context.Context, *nodes.IO) error) error {
	sifted := *io
	sifted.In = append([][]nodes.Receiver(nil), io.In...)
	sifted.In[f.port] = nil
	for _, r := range io.In[f.port] {
		out := io.Out()
		defer out.Close()
		sifted.In[f.port] = append(sifted.In[f.port], &sifter{Receiver: r, f: f, env: env, j: newJudge(f.rules), out: out, ctx: ctx, records: env.Node.In[f.port].Arriving()})
	}
	return run(ctx, &sifted)
}

// A sifter is the reading end of an edge with rules before it.
type sifter struct {
	nodes.Receiver
	f       *fault
	env     *nodes.Env
	j       *judge
	out     nodes.Out
	ctx     context.Context
	records *types.Type
	ready   []record.Data
	failed  error
}

// Receive implements nodes.Receiver.
func (s *sifter) Receive(ctx context.Context) (record.Data, error) {
	for s.failed == nil {
		if d := s.pop(); d != nil {
			return d, nil
		}
		d, err := s.Receiver.Receive(ctx)
		if d == nil || err != nil {
			return nil, err
		}
		s.push(d)
	}
	return nil, s.failed
}

// TryReceive implements nodes.Receiver. A failure is what the next Receive gives.
func (s *sifter) TryReceive() (record.Data, bool) {
	for s.failed == nil {
		if d := s.pop(); d != nil {
			return d, true
		}
		d, ok := s.Receiver.TryReceive()
		if !ok {
			break
		}
		s.push(d)
	}
	return nil, false
}

func (s *sifter) pop() record.Data {
	if len(s.ready) == 0 {
		return nil
	}
	d := s.ready[0]
	s.ready = s.ready[1:]
	return d
}

func (s *sifter) push(d record.Data) {
	if items, ok := d.(record.GoItems); ok && s.records.Kind != types.KindOpaque {
		b := items.ToBatch(s.records, func(i int, err error) {
			if s.failed == nil {
				s.failed = s.out.Bad(nodes.BadItem{Err: err, Data: items, Row: i})
			}
		})
		d.Release()
		d = b
	}
	defer d.Release()
	if s.failed == nil {
		s.ready, s.failed = s.f.sift(s.ctx, s.env, s.j, d, s.out)
	}
}
