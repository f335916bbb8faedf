package flow

import (
	"slices"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/types"
)

// An outField is a field of what a map gives.
type outField struct {
	types.Field
	from string     // the field of the input, if it is not computed
	e    *expr.Expr // what computes it
}

// recordOf is the type that the fields make; nil if there is none.
func recordOf(fields []outField) *types.Type {
	if len(fields) == 0 {
		return nil
	}
	t := &types.Type{Kind: types.KindRecord}
	for _, f := range fields {
		t.Fields = append(t.Fields, f.Field)
	}
	return t
}

// A mapPlan finds out what a map gives, and reports settings that contradict each
// other or the input.
type mapPlan struct {
	k  *mapping
	c  *graph.Inference
	in *types.Type // nil: unknown, and already reported
}

// fields gives the fields in order; none if that cannot be said.
func (p *mapPlan) fields() []outField {
	set := map[string]*expr.Expr{}
	graph.Makes(p.c, p.k.Set)
	for _, r := range p.k.Rename {
		p.c.Hide(r.Value.Value, "it is a new name, and expressions see what comes in", "write "+types.Quote(r.Key))
	}
	for _, s := range p.k.Set {
		set[s.Key] = p.c.Expr(s.Value, p.in)
	}
	if p.in == nil || p.c.Unread("select") {
		return nil
	}
	p.checkNames(set)
	renamed := map[string]config.Name{}
	for _, r := range p.k.Rename {
		renamed[r.Key] = r.Value
	}
	var out []outField
	placed := map[string]bool{}
	for _, name := range p.kept() {
		f, exists := p.in.Field(name)
		if e := set[name]; e != nil {
			out = append(out, p.computed(name, e))
			placed[name] = true
			continue
		}
		if exists {
			if new, ok := renamed[name]; ok {
				f.Name, f.Origin = new.Value, p.c.Origin("renamed from "+types.Quote(name), new.At)
			}
			out = append(out, outField{Field: f, from: name})
		}
	}
	for _, s := range p.k.Set {
		if !placed[s.Key] {
			out = append(out, p.computed(s.Key, set[s.Key]))
		}
	}
	p.checkClashes(out)
	if len(out) == 0 {
		p.c.List().Add(diag.Conflict, p.c.Node.UseAt, "no field is left")
	}
	return out
}

func (p *mapPlan) computed(name string, e *expr.Expr) outField {
	at := p.c.Node.At
	for _, s := range p.k.Set {
		if s.Key == name {
			at = s.At
		}
	}
	return outField{Field: types.Field{Name: name, Type: e.Type(), Origin: p.c.Origin("set", at)}, e: e}
}

// kept lists the names that come out in place: of the input, or of `select`.
func (p *mapPlan) kept() []string {
	var names []string
	if len(p.k.Select) > 0 {
		for _, n := range p.k.Select {
			names = append(names, n.Value)
		}
		return names
	}
	for _, f := range p.in.Fields {
		if !slices.ContainsFunc(p.k.Drop, func(n config.Name) bool { return n.Value == f.Name }) {
			names = append(names, f.Name)
		}
	}
	return names
}

// checkNames reports names that the input does not have, and settings that speak
// of one field twice.
func (p *mapPlan) checkNames(set map[string]*expr.Expr) {
	list := p.c.List()
	if len(p.k.Select) > 0 && len(p.k.Drop) > 0 {
		list.Add(diag.Conflict, p.k.Drop[0].At, "select says which fields stay, so drop has no effect").WithHint("leave %q out of select, and remove drop", p.k.Drop[0].Value)
	}
	seen := map[string]bool{}
	for _, n := range p.k.Select {
		if seen[n.Value] {
			list.Add(diag.NameClash, n.At, "field %q is selected twice", n.Value)
		}
		if seen[n.Value] = true; set[n.Value] == nil {
			p.c.Field(n, p.in)
		}
	}
	for _, n := range p.k.Drop {
		if p.c.Field(n, p.in); set[n.Value] != nil {
			list.Add(diag.Conflict, n.At, "field %q is dropped, and computed by set", n.Value)
		}
	}
	for _, r := range p.k.Rename {
		old := config.Name{Value: r.Key, At: r.At}
		_, exists := p.c.Field(old, p.in)
		switch {
		case !exists:
		case set[r.Key] != nil:
			list.Add(diag.Conflict, r.At, "field %q is renamed, and computed by set under its old name", r.Key).
				WithHint("to keep both, write set: {%s: %s} instead of renaming", r.Value.Value, r.Key)
		case !slices.Contains(p.kept(), r.Key):
			list.Add(diag.Conflict, r.At, "field %q is renamed, but is not kept", r.Key).WithHint("add %q to select, or remove it from drop", r.Key)
		}
	}
}

// checkClashes reports two fields of one name.
func (p *mapPlan) checkClashes(out []outField) {
	seen := map[string]types.Field{}
	for _, f := range out {
		if first, twice := seen[f.Name]; twice {
			p.c.List().Add(diag.NameClash, f.Origin.At, "two fields would be called %q", f.Name).
				WithNote(first.Origin.At, "the other one: %s", first.Type)
			continue
		}
		seen[f.Name] = f.Field
	}
}
