package expr

import (
	"fmt"
	"math/rand/v2"
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
	for n := range 24_000 {
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
	t.Logf("%d comparisons, %d of 24000 expressions with kernels, %d rows failed", compared, vectorised, failed)
	if compared < 40_000 || vectorised < 8_000 || failed < 10_000 {
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

// rowText shows a row of a batch, for messages.
func rowText(b *record.Batch, i int) string {
	out := ""
	for k, c := range b.Cols {
		f := b.Type.Fields[k]
		out += fmt.Sprintf("  %s = %s\n", f.Name, appendJSON(nil, readValue(&row{}, c, i), f.Type))
	}
	return out
}
