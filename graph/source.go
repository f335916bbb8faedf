package graph

import (
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/types"
)

// This file checks expressions that stand in settings: it fills in their variables and
// finds their places in the file.

// CheckExpr checks an expression of a setting over items of type env; without a place in a
// file its problems are at the span. A variable in it is a value, never syntax, unless it
// is the whole setting.
func CheckExpr(text config.Text, at diag.Span, env *types.Type, list *diag.List) *expr.Expr {
	return checkText(text, at, expr.Scope{Env: env}, list, expr.Scope.Check)
}

func checkText[E any](text config.Text, at diag.Span, scope expr.Scope, list *diag.List, check func(expr.Scope, expr.Text, *diag.List) E) E {
	src := sourceText{text: text, at: at}
	if text.YAML != nil && text.YAML.Text == text.Value {
		src.parts = text.YAML.Parts()
	}
	if len(src.parts) > 0 {
		parts := make([]expr.Part, len(src.parts))
		for i, p := range src.parts {
			parts[i] = expr.Part{Text: p.Text, Value: p.Variable != nil}
			if parts[i].Value {
				parts[i].Type = variableTypes[p.Variable.Type]
			}
		}
		var touching int
		if src.filled, touching = expr.Fill(parts); touching >= 0 {
			p := src.parts[touching]
			list.Add(diag.BadExpression, text.YAML.AtPart(p, 0, p, 0), "a variable in an expression is a value: it cannot be a part of a name").
				WithHint("the name of a field stands in backquotes, and variables in it: `${NAME}_id`")
			return check(expr.Scope{Env: types.Error}, sourceText{text: config.Text{Value: "null"}, at: at}, list)
		}
	}
	before := len(*list)
	e := check(scope, src, list)
	for i := before; i < len(*list); i++ {
		src.explain(&(*list)[i], scope.Env)
	}
	return e
}

// A sourceText is an expression of a setting.
type sourceText struct {
	text   config.Text
	at     diag.Span     // of the node
	parts  []config.Part // where variables stand beside other text; else none
	filled expr.Filled
}

func (t sourceText) Source() string {
	if t.parts != nil {
		return t.filled.Source
	}
	return t.text.Value
}

func (t sourceText) At(offset, width int) diag.Span {
	switch {
	case t.text.YAML == nil:
		return t.at
	case t.parts == nil:
		return t.text.YAML.At(offset, width)
	}
	origin := t.filled.Origin
	last := len(origin) - 1
	from, to := origin[min(max(offset, 0), last)], origin[min(max(offset+width-1, offset, 0), last)]
	return t.text.YAML.AtPart(t.parts[from.Part], from.Char, t.parts[to.Part], to.Char)
}

// explain says beside a problem what its variables stand for.
func (t sourceText) explain(d *diag.Diagnostic, env *types.Type) {
	if t.parts == nil {
		return
	}
	d.WithNote(diag.Span{}, "with its variables the expression is %s", t.filled.Source)
	for _, p := range t.parts {
		if p.Variable != nil && env.IsRecord() && env.Index(p.Text) >= 0 {
			d.WithNote(diag.Span{}, "a variable is a value here; one that names a field stands in backquotes")
			return
		}
	}
}
