package expr

import (
	"fmt"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	literal "github.com/flowrun/flowrun/graph/record/text"
)

// This file compares time() with package time, where the text has an offset or
// none: what the name of a zone means is another matter.

// noLayout are what time() reads without a layout, by its documentation.
var noLayout = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05Z07:00",
}

var offsetLayouts = []string{
	"", "02.01.2006 15:04", "1/2/06 3:04PM", "2006-01-02T15:04:05.000-0700", "Mon, 02 Jan 2006 15:04:05 -0700", "Jan _2 15:04:05 2006", "2006-002", "20060102150405Z07", "2006-01-02 15:04:05 -07:00:00",
}

// FuzzTime tries each text by every layout.
func FuzzTime(f *testing.F) {
	for _, at := range []time.Time{
		time.Date(2026, 1, 3, 4, 5, 6, 789_000_000, time.UTC), time.Date(2024, 2, 29, 23, 59, 59, 0, time.FixedZone("", -5*3600)), time.Date(1969, 12, 31, 23, 59, 59, 1, time.FixedZone("", 20_700)),
		time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Unix(0, math.MinInt64).UTC(), time.Unix(0, math.MaxInt64).UTC(),
	} {
		for _, layout := range append(noLayout, offsetLayouts[1:]...) {
			f.Add(at.Format(layout))
		}
		f.Add(at.Format(time.RFC3339Nano))
	}
	env := mustType(f, "{s: string}")
	programs := make([]*Program, len(offsetLayouts))
	for i, layout := range offsetLayouts {
		source := "time(s)"
		if layout != "" {
			source = fmt.Sprintf("time(s, %q)", layout)
		}
		var list diag.List
		e := Check(text(source), env, &list)
		if list.HasErrors() {
			f.Fatal(list)
		}
		programs[i] = e.Compile()
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := record.New(env)
		defer b.Release()
		b.Cols[0].Resize(1)
		b.Cols[0].Str[0], b.Rows = s, 1
		for i, layout := range offsetLayouts {
			dst := record.NewColumn(mustType(t, "time"))
			dst.Resize(1)
			var errs RowErrors
			programs[i].Eval(b, dst, record.NewArena(0), &errs)
			want, ok := fromPackageTime(s, layout)
			if failed := errs.Len() > 0; failed == ok || ok && readValue(&row{}, dst, 0).n != want {
				t.Fatalf("%q as %q is %d, failed: %t; package time says %d, %t", s, layout, readValue(&row{}, dst, 0).n, failed, want, ok)
			}
			if strict, valid := literal.Time([]byte(s)); valid && layout == "" && strict != want {
				t.Fatalf("%q is %d in a file, %d in an expression", s, strict, want)
			}
		}
	})
}

func fromPackageTime(s, layout string) (ns int64, ok bool) {
	all := noLayout
	if layout != "" {
		all = []string{layout}
	}
	for _, l := range all {
		if at, err := time.Parse(l, s); err == nil {
			n := new(big.Int).Add(new(big.Int).Mul(big.NewInt(at.Unix()), big.NewInt(1e9)), big.NewInt(int64(at.Nanosecond())))
			return n.Int64(), n.IsInt64()
		}
	}
	return 0, false
}
