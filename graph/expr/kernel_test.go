package expr

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

var kinds = []string{"bool", "bool", "int", "float", "string", "time", "duration", "decimal", "[int]", "any"}

// TestKernelsAgreeWithClosures is the law of kernels: the same values, nulls and
// errors for generated expressions over rows with and without nulls, extremes and
// selections. Every program sees several batches, so that nothing of one is left
// in the next.
func TestKernelsAgreeWithClosures(t *testing.T) {
	env := mustType(t, fullType)
	g := &generator{Rand: rand.New(rand.NewPCG(1, 2))}
	var batches []*record.Batch
	for range 40 {
		batches = append(batches, g.batch(env, 1+g.IntN(70), g.IntN(4) > 0))
	}
	compared, vectorised, failed := 0, 0, 0
	for n := range 16_000 {
		source := g.expr(kinds[g.IntN(len(kinds))], 1+n%5)
		var list diag.List
		e := Check(text(source), env, &list)
		if e.root == nil {
			continue
		}
		rows, cols := e.compile(false), e.compile(true)
		cols.sparse = 1 << 20
		if cols.kernel != nil {
			vectorised++
		}
		for range 3 {
			b := batches[g.IntN(len(batches))]
			compared++
			want, got := eval(rows, b), eval(cols, b)
			conforms(t, source, rows, b)
			for i := range want {
				if want[i] != got[i] {
					t.Fatalf("%s\nrow %d: closures %s, kernels %s\n%s", source, i, want[i], got[i], rowText(b, i))
				}
				failed += bit(len(want[i]) > 6 && want[i][:6] == "error:")
			}
			if e.typ.Kind == types.KindBool {
				sameFilter(t, source, rows, cols, b, want)
			}
		}
	}
	t.Logf("%d comparisons, %d of 16000 expressions with kernels, %d rows failed", compared, vectorised, failed)
	if compared < 30_000 || vectorised < 5_000 || failed < 10_000 {
		t.Error("the generator makes too little of something")
	}
}

// conforms checks that what cannot be null by its type is not.
func conforms(t *testing.T, source string, p *Program, b *record.Batch) {
	t.Helper()
	dst := record.NewColumn(p.typ)
	dst.Resize(b.Rows)
	var errs RowErrors
	p.Eval(b, dst, record.NewArena(0), &errs)
	failed := map[int]bool{}
	for k := range errs.Len() {
		i, _ := errs.At(k)
		failed[i] = true
	}
	for k := range b.Len() {
		if i := b.Row(k); !failed[i] && !fitsType(p.typ, readValue(&row{}, dst, i)) {
			t.Fatalf("%s\nis %s, but row %d gives %s\n%s", source, p.typ, i, appendJSON(nil, readValue(&row{}, dst, i), p.typ), rowText(b, i))
		}
	}
}

func fitsType(t *types.Type, v value) bool {
	if v.null {
		return t.Nullable
	}
	for i, item := range v.list {
		elem := t.Elem
		if t.Kind == types.KindRecord {
			elem = t.Fields[i].Type
		}
		if !fitsType(elem, item) {
			return false
		}
	}
	return true
}

// sameFilter checks Filter against the results of Eval.
func sameFilter(t *testing.T, source string, rows, cols *Program, b *record.Batch, want []string) {
	t.Helper()
	var sel []uint16
	bad := 0
	for k := range b.Len() {
		i := b.Row(k)
		if want[i] == "true" {
			sel = append(sel, uint16(i))
		}
		bad += bit(len(want[i]) > 6 && want[i][:6] == "error:")
	}
	for _, p := range []*Program{rows, cols} {
		var errs RowErrors
		got := p.Filter(b, []uint16{7}, &errs)
		if fmt.Sprint(got[1:]) != fmt.Sprint(sel) || got[0] != 7 || errs.Len() != bad {
			t.Fatalf("%s\nfilter: want %v and %d errors, got %v and %d", source, sel, bad, got, errs.Len())
		}
		for k := range errs.Len() {
			if i, err := errs.At(k); "error: "+err.Error() != want[i] {
				t.Fatalf("%s\nfilter: row %d fails with %s, want %s", source, i, err, want[i])
			}
		}
	}
}

// A member is null where the record around it is, whatever is left in its column.
func TestMemberOfNullRecord(t *testing.T) {
	env := mustType(t, `{r: {a: int, in: {b: int}?}?}`)
	b := batchOf(env, []any{[]any{1, []any{10}}}, []any{[]any{2, nil}}, []any{[]any{3, []any{30}}})
	b.Cols[0].Null = []uint64{1 << 2} // and the columns inside know nothing of it
	b.Cols[0].Fields[1].Fields[0].Null = nil
	for source, want := range map[string]string{`r.a + 1`: "[2 3 null]", `r.in.b + 1`: "[11 null null]", `r.in == null`: "[false true true]", `r.a == null`: "[false false true]"} {
		for _, kernels := range []bool{false, true} {
			if got := fmt.Sprint(eval(mustCheck(t, source, env).compile(kernels), b)); got != want {
				t.Errorf("%s (kernels %v) gives %s, want %s", source, kernels, got, want)
			}
		}
	}
}

// A worker uses one program for all its batches: what a batch leaves behind must
// not be seen in the next one.
func TestProgramsForgetBatches(t *testing.T) {
	env := mustType(t, `{k: int?, s: string?, l: [int]?}`)
	first := batchOf(env, []any{nil, nil, nil}, []any{nil, nil, []any{1, 2}}, []any{1, "x", nil})
	second := batchOf(env, []any{5, "a", []any{7}}, []any{6, "b", []any{}})
	for source, want := range map[string]string{`k * 2`: "[10 12]", `upper(s)`: `["A" "B"]`, `k > 5 && s == "b"`: "[false true]", `l`: "[[7] []]", `{a: l, b: k}`: `[{"a":[7],"b":5} {"a":[],"b":6}]`} {
		for _, kernels := range []bool{false, true} {
			p := mustCheck(t, source, env).compile(kernels)
			eval(p, first)
			dst := record.NewColumn(p.typ)
			dst.Resize(3)
			var errs RowErrors
			p.Eval(first, dst, record.NewArena(0), &errs)
			dst.Resize(2)
			p.Eval(second, dst, record.NewArena(0), &errs)
			var got []string
			for i := range 2 {
				got = append(got, string(appendJSON(nil, readValue(&row{}, dst, i), p.typ)))
			}
			if fmt.Sprint(got) != want {
				t.Errorf("%s (kernels %v) gives %s, want %s", source, kernels, got, want)
			}
		}
	}
}

// Text that is computed lives in the arena given, so the next batch does not touch
// it; nor do programs of other workers.
func TestTextOutlivesTheNextBatch(t *testing.T) {
	env := mustType(t, `{s: string, t: time}`)
	first, second := batchOf(env, []any{"abc", "2024-05-17"}), batchOf(env, []any{"xyz", "1999-12-31"})
	for source, want := range map[string]string{`upper(s)`: `"ABC"`, `s + "!"`: `"abc!"`, `format(t, "2006")`: `"2024"`, `join([s, s])`: `"abcabc"`, `[upper(s)]`: `["ABC"]`,
		`{a: {b: s + s}}`: `{"a":{"b":"abcabc"}}`, `json(s)`: `"\"abc\""`, `parse_json(json({k: s}))`: `{"k":"abc"}`, `string(t)`: `"2024-05-17T00:00:00Z"`} {
		for _, kernels := range []bool{false, true} {
			p := mustCheck(t, source, env).compile(kernels)
			var errs RowErrors
			dst, next := record.NewColumn(p.typ), record.NewColumn(p.typ)
			dst.Resize(1)
			next.Resize(1)
			p.Eval(first, dst, record.NewArena(0), &errs)
			p.Eval(second, next, record.NewArena(0), &errs)
			if got := string(appendJSON(nil, readValue(&row{}, dst, 0), p.typ)); got != want {
				t.Errorf("%s (kernels %v) gives %s after the next batch, want %s", source, kernels, got, want)
			}
		}
	}
}

// An Expr is shared by workers, each with a program of its own.
func TestExprIsShared(t *testing.T) {
	env := mustType(t, rowType)
	b := batchOf(env, theRow)
	var wait sync.WaitGroup
	for _, source := range []string{`s matches (u ?? "h")`, `sort(l, "desc")`, `truncate(t, s == "x" ? "1h" : "1d")`, `hour(t, "Europe/Berlin")`, `map([3, 1, 2], # + i)`, `upper(s) + e`, `i in [1, 2, 7]`, `min([3, 2])`} {
		e := mustCheck(t, source, env)
		want := eval(e.compile(false), b)
		for range 4 {
			wait.Go(func() {
				for range 20 {
					if got := eval(e.Compile(), b); got[0] != want[0] {
						t.Errorf("%s gives %s, want %s", source, got, want)
					}
				}
			})
		}
	}
	wait.Wait()
}

func TestFilterThatIsAlwaysNull(t *testing.T) {
	env := mustType(t, `{a: int, c: bool?}`)
	b := batchOf(env, []any{1, nil}, []any{2, true})
	for _, source := range []string{`null`, `try(null)`, `c && null`, `a == 1 ? null : null`} {
		e := mustCheck(t, source, env)
		var list diag.List
		var errs RowErrors
		if !e.Want(types.Bool.Opt(), "where", &list) || len(e.Compile().Filter(b, nil, &errs)) > 0 {
			t.Errorf("%s: %v", source, list)
		}
	}
}

func TestRowErrors(t *testing.T) {
	var r RowErrors
	for _, i := range []int{3, 7, 5, 7, 1, 3} {
		r.Add(i, fmt.Errorf("error %d of row %d", r.Len(), i))
	}
	got := ""
	for k := range r.Len() {
		i, err := r.At(k)
		got += fmt.Sprintf("%d %s; ", i, err)
	}
	if got != "1 error 3 of row 1; 3 error 0 of row 3; 5 error 2 of row 5; 7 error 1 of row 7; " {
		t.Error(got)
	}
	if r.Reset(); r.Len() != 0 {
		t.Error("not reset")
	}
}

func TestRungs(t *testing.T) {
	env := mustType(t, fullType)
	for source, want := range map[string]string{`i > 3 && s == "ok"`: "kernel", `(h ?? 0.0) * f`: "kernel", `upper(s) + "x"`: "kernel", `try(i / j) ?? 0.0`: "kernel",
		`b ? r.a : rn.a`: "kernel", `s matches "a" && e in ["ok"]`: "kernel", `len(s) > 3`: "closure", `filter(l, # > 1)`: "closure", `year(t)`: "closure", `x.a`: "closure"} {
		if got := mustCheck(t, source, env).Compile().Rung(); got != want {
			t.Errorf("%s runs by %s, want %s", source, got, want)
		}
	}
}

// rowText shows a row of a batch, for messages.
func rowText(b *record.Batch, i int) string {
	out := ""
	for k, c := range b.Cols {
		f := b.Type.Fields[k]
		out += fmt.Sprintf("  %s = %s\n", f.Name, appendJSON(nil, readValue(&row{}, c, i), f.Type))
	}
	return out
}
