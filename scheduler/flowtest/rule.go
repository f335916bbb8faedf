package flowtest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/graph/types"
)

// A rule is a checked ruleText.
type rule struct {
	*ruleText
	when *expr.Expr    // nil: for every item
	out  int           // the port of a stub that gets the items
	give *record.Batch // of a stub; nil: none
	set  []*expr.Expr  // of a stub, one for each field of what comes out
	to   *types.Type   // what comes out
}

// checkWhen checks the condition of a rule over items of type in.
func (r *rule) checkWhen(in *types.Type, list *diag.List) {
	if r.When.Value == "" {
		return
	}
	r.when = graph.CheckExpr(r.When, r.at, in, list)
	r.when.Want(types.Bool.Opt(), "when", list)
}

// checkOutcome checks what a rule of a stub gives: items of type out, for items of
// type in.
func (r *rule) checkOutcome(in, out *types.Type, list *diag.List) {
	r.to = out
	switch {
	case out.Kind == types.KindError:
	case out.Kind == types.KindOpaque && r.Error == "":
		list.Add(diag.WrongType, r.at, "%s is a Go type, which no file can hold", out)
	case r.Give != nil:
		items := []*config.Value{r.Give.Value}
		if r.Give.Kind == config.Sequence && out.Kind != types.KindList {
			items = r.Give.Items
		}
		r.give = batchOf(items, out, nil, list)
	case r.Pass:
		if why, ok := types.Fits(in, out); !ok {
			list.Add(diag.TypeMismatch, r.at, "the item cannot come out as it is: what comes in is %s, what comes out %s: %s", in, out, why).
				WithHint("say by set: or give: what comes out")
		}
		if in.IsRecord() && out.IsRecord() {
			r.checkSet(in, out, list)
		}
	case r.Set != nil:
		if !out.IsRecord() {
			list.Add(diag.WrongType, r.at, "set makes records, but what comes out is %s", out).WithHint("use give")
			return
		}
		r.checkSet(in, out, list)
	}
}

// checkSet finds an expression for each field of what comes out.
func (r *rule) checkSet(in, out *types.Type, list *diag.List) {
	for _, p := range r.Set {
		if out.Index(p.Key) < 0 {
			list.Add(diag.UnknownField, p.At, "unknown field %q of what comes out", p.Key).DidYouMean(p.Key, out.FieldNames())
		}
	}
	for _, f := range out.Fields {
		text, given := r.Set.Get(f.Name)
		came, here := in.Field(f.Name)
		switch {
		case given:
			e := graph.CheckExpr(text, r.at, in, list)
			if e.Want(f.Type, f.Name, list) && e.Type().Kind != types.KindError {
				e = e.As(f.Type)
			}
			r.set = append(r.set, e)
		case here && fits(came.Type, f.Type):
			r.set = append(r.set, constant("`"+f.Name+"`", in).As(f.Type))
		case f.Type.Nullable:
			r.set = append(r.set, constant("null", in).As(f.Type))
		default:
			list.Add(diag.MissingKey, r.at, "the field %q of what comes out is not set, and what comes in has none that fits: it is %s", f.Name, f.Type)
		}
	}
}

func fits(from, to *types.Type) bool {
	_, ok := types.Fits(from, to)
	return ok
}

// constant is an expression of our own.
func constant(source string, env *types.Type) *expr.Expr {
	var list diag.List
	return graph.CheckExpr(config.Text{Value: source}, diag.Span{}, env, &list)
}

// batchOf reads items of a file; nil if there is none or something is wrong.
func batchOf(items []*config.Value, t *types.Type, needed []bool, list *diag.List) *record.Batch {
	before := len(*list)
	w := &writer{list: list, needed: needed}
	var lines []byte
	for _, v := range items {
		lines = append(w.append(lines, t, v), '\n')
	}
	if len(*list) > before || len(items) == 0 {
		return nil
	}
	b, bad := rowsOf(t, needed, lines)
	if bad != nil {
		list.Add(diag.WrongValue, items[0].Span, "%s", redact.Text(bad.Error()))
		return nil
	}
	return b
}

// A judge applies rules to items. One goroutine at a time uses it.
type judge struct {
	rules []rule
	when  []*expr.Program // nil where there is no condition
	set   [][]*expr.Program
}

func newJudge(rules []rule) *judge {
	j := &judge{rules: rules, when: make([]*expr.Program, len(rules)), set: make([][]*expr.Program, len(rules))}
	for i, r := range rules {
		if r.when != nil {
			j.when[i] = r.when.Compile()
		}
		for _, e := range r.set {
			j.set[i] = append(j.set[i], e.Compile())
		}
	}
	return j
}

// find gives the first rule for an item, which is all there is in d and has a
// number, on a try of it; -1 if there is none.
func (j *judge) find(d record.Data, number int64, try int) int {
	for i, r := range j.rules {
		switch {
		case len(r.Item) > 0 && !slices.Contains(r.Item, int(number)):
		case r.Times > 0 && try > r.Times:
		case j.when[i] != nil && !j.holds(i, d):
		default:
			return i
		}
	}
	return -1
}

func (j *judge) holds(i int, d record.Data) bool {
	b, ok := d.(*record.Batch)
	if !ok {
		return false // a condition was checked over records
	}
	var errs expr.RowErrors
	return len(j.when[i].Filter(b, nil, &errs)) > 0
}

// outcome gives what comes out for an item by rule i; nil for nothing.
func (j *judge) outcome(i int, d record.Data) (record.Data, error) {
	r := &j.rules[i]
	switch {
	case r.set != nil:
		return j.compute(i, d.(*record.Batch))
	case r.Pass:
		return d.Retain(), nil
	case r.give == nil:
		return nil, nil
	}
	return r.give.Retain(), nil
}

// compute makes a record by the expressions of a rule.
func (j *judge) compute(i int, in *record.Batch) (record.Data, error) {
	out := in.Derive(j.rules[i].to)
	var errs expr.RowErrors
	arena := out.Arena()
	for k, p := range j.set[i] {
		p.Eval(in, out.Fresh(k), arena, &errs)
	}
	if errs.Len() > 0 {
		_, err := errs.At(0)
		out.Release()
		return nil, fmt.Errorf("the stub: %w", err)
	}
	return out, nil
}

var errNoRule = errors.New("no rule of the stub is for this item")
