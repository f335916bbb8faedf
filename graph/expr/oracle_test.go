package expr

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	vm "github.com/expr-lang/expr"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// TestAgainstTheVM compares with expr-lang's own evaluator where both languages
// mean the same: rows without null, small numbers, no rows that fail.
func TestAgainstTheVM(t *testing.T) {
	env := mustType(t, plainType)
	g := &generator{Rand: rand.New(rand.NewPCG(5, 6)), plain: true}
	b := g.batch(env, 30, false)
	b.Sel = nil
	var rows []map[string]any
	for i := range b.Rows {
		fields := map[string]any{}
		for k, c := range b.Cols {
			fields[env.Fields[k].Name] = goValue(env.Fields[k].Type, readValue(&row{}, c, i))
		}
		rows = append(rows, fields)
	}
	compared := 0
	for n := range 6_000 {
		source := g.expr([]string{"bool", "int", "float", "string", "[int]"}[n%5], 1+n%4)
		var list diag.List
		e := Check(text(source), env, &list)
		program, err := vm.Compile(source, vm.Env(rows[0]))
		if e.root == nil || err != nil {
			continue
		}
		p := e.Compile()
		dst := record.NewColumn(e.typ)
		dst.Resize(b.Rows)
		var errs RowErrors
		p.Eval(b, dst, record.NewArena(0), &errs)
		failed := map[int]bool{}
		for k := range errs.Len() {
			i, _ := errs.At(k)
			failed[i] = true
		}
		for i := range b.Rows {
			if failed[i] {
				continue
			}
			want, err := vm.Run(program, rows[i])
			if err != nil {
				t.Fatalf("%s\nthe VM fails: %v\n%s", source, err, rowText(b, i))
			}
			compared++
			got := readValue(&row{}, dst, i)
			if !same(e.typ, got, want) {
				t.Fatalf("%s\ngives %s, the VM %v\n%s", source, appendText(nil, got, e.typ), want, rowText(b, i))
			}
		}
	}
	t.Logf("%d comparisons", compared)
	if compared < 50_000 {
		t.Error("too few comparisons")
	}
}

// goValue gives a value as the VM takes it.
func goValue(t *types.Type, v value) any {
	switch t.Kind {
	case types.KindInt:
		return int(v.n)
	case types.KindFloat:
		return v.float()
	case types.KindBool:
		return v.bool()
	case types.KindList:
		list := []int{}
		for _, item := range v.list {
			list = append(list, int(item.n))
		}
		return list
	}
	return v.s
}

// same compares a value with a result of the VM.
func same(t *types.Type, v value, want any) bool {
	if want == nil {
		return v.null
	}
	switch t.Kind {
	case types.KindFloat:
		f, err := strconv.ParseFloat(fmt.Sprint(want), 64)
		return err == nil && f == v.float() // the VM leaves abs(-0.0) as it is
	case types.KindList:
		return string(appendJSON(nil, v, t)) == jsonOf(want)
	}
	return string(appendText(nil, v, t)) == fmt.Sprint(want)
}

func jsonOf(list any) string {
	out := fmt.Sprint(list)
	b := []byte(out)
	for i := range b {
		if b[i] == ' ' {
			b[i] = ','
		}
	}
	return string(b)
}
