package expr

import (
	"math/rand/v2"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
)

// The four expressions of the design's table, on batches of 1,024 rows.
var benchmarks = []struct{ name, source string }{
	{"filter", `amount > 100 && status == "ok"`},
	{"mul", `price * qty`},
	{"complex", `(price * qty - amount) / (amount + 1) < 0.1 || (region startsWith "eu" && qty >= 5)`},
	{"upper", `upper(region)`},
	{"default", `(discount ?? 0.0) * price`},
	{"checked", `qty * qty + qty`},
}

const orderType = `{id: int, price: float, qty: int, amount: float, status: string, region: string, discount: float?}`

func orders(tb testing.TB, n int) *record.Batch {
	env := mustType(tb, orderType)
	r := rand.New(rand.NewPCG(3, 4))
	regions := []string{"eu-west", "us-east", "ap-south", "eu-central-1"}
	status := []string{"ok", "ok", "late", "failed"}
	var rows [][]any
	for i := range n {
		price, qty := float64(r.IntN(10000))/100, r.IntN(10)
		var discount any
		if r.IntN(10) > 0 {
			discount = float64(r.IntN(30)) / 100
		}
		rows = append(rows, []any{i, price, qty, price*float64(qty) + r.Float64()*10 - 5, status[r.IntN(4)], regions[r.IntN(4)], discount})
	}
	return batchOf(env, rows...)
}

func BenchmarkEvaluators(b *testing.B) {
	data := orders(b, record.MaxRows)
	for _, bm := range benchmarks {
		for _, kernels := range []bool{true, false} {
			name := bm.name + "/closures"
			if kernels {
				name = bm.name + "/kernels"
			}
			e := mustCheck(b, bm.source, data.Type)
			p := e.compile(kernels)
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				var errs RowErrors
				if e.Type().Kind.String() == "bool" {
					sel := make([]uint16, 0, data.Rows)
					for b.Loop() {
						sel = p.Filter(data, sel[:0], &errs)
					}
				} else {
					dst := record.NewColumn(e.Type())
					dst.Resize(data.Rows)
					arena := record.NewArena(64 << 10)
					for b.Loop() {
						arena.Buf = arena.Buf[:0]
						p.Eval(data, dst, arena, &errs)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(data.Rows), "ns/row")
			})
		}
	}
}
