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

// A fault makes a node fail on purpose: its operator stays, and before it stand
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

// intercept puts the rules before an operator, or fails in place of a source.
func (f *fault) intercept(env *nodes.Env) nodes.Intercept {
	if f.source != nil {
		return nodes.Intercept{Around: func(ctx context.Context, c nodes.Call, out nodes.Out, next func(context.Context, nodes.Out) error) error {
			if c.Part == nodes.PartNext {
				return f.source
			}
			return next(ctx, out)
		}}
	}
	t := env.Node.In[f.port].Arriving()
	return nodes.Intercept{Arrive: func() func(context.Context, nodes.Input, nodes.Out) (record.Data, error) {
		j := newJudge(f.rules)
		return func(ctx context.Context, in nodes.Input, out nodes.Out) (record.Data, error) {
			if in.Port != f.port {
				return in.Data.Retain(), nil
			}
			items, err := records(in.Data, t, out)
			if err != nil {
				return nil, err
			}
			defer items.Release()
			return f.sift(ctx, env, j, items, out)
		}
	}}
}

// records gives data as records of a type, with a reference of its own: what conditions
// and expectations look into. Items that do not fit are bad items; without an out they
// are left out. Go values of an opaque type stay what they are.
func records(d record.Data, t *types.Type, out nodes.Out) (record.Data, error) {
	items, ok := d.(record.GoItems)
	if !ok || t.Kind == types.KindOpaque {
		return d.Retain(), nil
	}
	var stop error
	b := items.ToBatch(t, func(i int, err error) {
		if stop == nil && out != nil {
			stop = out.Bad(nodes.BadItem{Err: err, Data: items, Row: i})
		}
	})
	if stop != nil {
		b.Release()
		return nil, stop
	}
	return b, nil
}

// sift lets the rules look at every item and gives those that pass.
func (f *fault) sift(ctx context.Context, env *nodes.Env, j *judge, in record.Data, out nodes.Out) (record.Data, error) {
	var parts []record.Data // stretches of items that pass
	from := 0
	for i := range in.Len() {
		if env.Workers == 1 {
			f.number++
		}
		one := in.Slice(i, i+1)
		attempts, failed := f.judge(ctx, env, j, one)
		one.Release()
		if failed == nil {
			continue
		}
		if i > from {
			parts = append(parts, in.Slice(from, i))
		}
		from = i + 1
		err := failed
		if ctx.Err() == nil {
			err = out.Bad(nodes.BadItem{Err: failed, Data: in, Row: rowOf(in, i), Attempts: attempts})
		}
		if err != nil {
			for _, p := range parts {
				p.Release()
			}
			return nil, err
		}
	}
	if from < in.Len() || len(parts) == 0 {
		parts = append(parts, in.Slice(from, in.Len()))
	}
	return record.Concat(parts), nil
}

// judge tries one item against the rules: as often as the policy of the node says, if
// its kind tries items again at all. A test must not show what no run does.
func (f *fault) judge(ctx context.Context, env *nodes.Env, j *judge, one record.Data) (attempts int, err error) {
	try := 0
	judged := func(ctx context.Context) error {
		try++
		k := j.find(one, f.number, try)
		if k < 0 {
			return nil
		}
		if err := nodes.Sleep(ctx, j.rules[k].Takes); err != nil {
			return err
		}
		if j.rules[k].Error == "" {
			return nil
		}
		return errors.New(j.rules[k].Error)
	}
	if spec := env.Node.Spec; spec != nil && !spec.Acting().Has(graph.SettingTries) {
		return 1, nodes.Guard(func() error { return judged(ctx) })
	}
	return env.Tries(ctx, judged)
}
