package expr

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// A script is an expression that is a file of its own.
type script struct{ source *diag.Source }

func text(s string) script { return script{diag.NewSource("flow.yaml", []byte(s))} }

func (s script) Source() string { return string(s.source.Text) }

func (s script) At(offset, width int) diag.Span {
	line, col := 1, 1
	for i, r := range []rune(s.Source()) {
		if i == offset {
			break
		}
		if col++; r == '\n' {
			line, col = line+1, 1
		}
	}
	return diag.Span{Source: s.source, Line: line, Col: col, Width: width}
}

func mustType(t testing.TB, s string) *types.Type {
	t.Helper()
	typ, err := types.Parse(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func mustCheck(t testing.TB, source string, env *types.Type) *Expr {
	t.Helper()
	var list diag.List
	e := Check(text(source), env, &list)
	if len(list) > 0 {
		t.Fatalf("%s\n%s", source, printed(list))
	}
	return e
}

func printed(l diag.List) string {
	var b strings.Builder
	diag.Print(&b, l, diag.Style{})
	return b.String()
}

// toValue turns a Go value into one of type t: nil, bool, int, float64, string,
// []any for lists and records; times and durations as text.
func toValue(t *types.Type, x any) value {
	switch x := x.(type) {
	case nil:
		return null
	case bool:
		return boolValue(x)
	case int:
		if t.Kind == types.KindFloat {
			return floatValue(float64(x))
		}
		return intValue(int64(x))
	case int64:
		return intValue(x)
	case float64:
		return floatValue(x)
	case string:
		switch t.Kind {
		case types.KindTime:
			ns, err := parseTime(x)
			if err != nil {
				panic(err)
			}
			return intValue(ns)
		case types.KindDuration:
			d, err := time.ParseDuration(x)
			if err != nil {
				panic(err)
			}
			return intValue(int64(d))
		}
		return textValue(x)
	case []any:
		items := make([]value, len(x))
		for i := range x {
			elem := t.Elem
			if t.Kind == types.KindRecord {
				elem = t.Fields[i].Type
			}
			items[i] = toValue(elem, x[i])
		}
		return listValue(items)
	}
	panic(fmt.Sprintf("no value of %T", x))
}

// batchOf makes a batch of records, or of other items if env is no record.
func batchOf(env *types.Type, rows ...[]any) *record.Batch {
	b := record.New(env)
	b.Rows = len(rows)
	for k, c := range b.Cols {
		t := env
		if env.IsRecord() {
			t = env.Fields[k].Type
		}
		c.Resize(b.Rows)
		forget(c)
		for i, row := range rows {
			writeValue(c, i, toValue(t, row[k]))
		}
	}
	return b
}

// eval computes an expression for all selected rows and gives the results as JSON
// text, or as "error: ..." for the rows that fail; "" for rows not selected.
func eval(p *Program, b *record.Batch) []string {
	dst := record.NewColumn(p.typ)
	dst.Resize(b.Rows)
	var errs RowErrors
	p.Eval(b, dst, record.NewArena(0), &errs)
	out := make([]string, b.Rows)
	r := &row{}
	for k := range b.Len() {
		i := b.Row(k)
		v := readValue(r, dst, i)
		if v.null && !isZero(dst, i) {
			return []string{fmt.Sprintf("row %d is null and yet has a value", i)}
		}
		out[i] = string(appendJSON(nil, v, p.typ))
		if p.typ.Kind == types.KindFloat && !v.null && notFinite(v.float()) {
			out[i] = fmt.Sprint(v.float())
		}
	}
	for k := range errs.Len() {
		i, err := errs.At(k)
		out[i] = "error: " + err.Error()
	}
	return out
}

// isZero reports whether nothing is left in a row that is null.
func isZero(c *record.Column, i int) bool {
	switch c.Form {
	case record.FormInt:
		return c.Int[i] == 0
	case record.FormFloat:
		return c.Float[i] == 0
	case record.FormBool:
		return !c.Bool[i]
	case record.FormText:
		return c.Str[i] == ""
	}
	return true
}

func TestExamples(t *testing.T) {
	env := types.Record(types.Field{Name: "x", Type: types.Int})
	b := batchOf(env, []any{1})
	for _, f := range Functions() {
		if f.Example == "" {
			continue
		}
		e := mustCheck(t, f.Example, env)
		if got := eval(e.Compile(), b)[0]; got != "true" {
			t.Errorf("%s: %s gives %s", f.Name, f.Example, got)
		}
	}
}
