package record_test

import (
	"fmt"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

var flight = types.Record(
	types.Field{Name: "origin", Type: types.String},
	types.Field{Name: "delay", Type: types.Int.Opt()},
)

// A batch is filled once. After that, others are made of it that share its columns: one
// with fewer rows, one with a column more.
func Example() {
	b := record.New(flight)
	for i, origin := range []string{"LAS", "PHL", "ORD"} {
		b.Cols[0].Resize(i + 1)
		b.Cols[1].Resize(i + 1)
		b.Cols[0].Str[i] = b.Arena().Copy(origin)
		b.Cols[1].Int[i] = int64(20 * i)
		b.Rows++
	}
	b.Cols[1].SetNull(1)

	known := b.Share() // a selection of its own: no row is copied
	sel := known.SelBuf()
	for i := range b.Len() {
		if row := b.Row(i); !b.Cols[1].IsNull(row) {
			sel = append(sel, uint16(row))
		}
	}
	known.Sel = sel
	b.Release() // known keeps alive what it needs

	hours := known.Derive(types.Record(flight.Fields[0], types.Field{Name: "hours", Type: types.Float}))
	hours.Cols[0] = known.Cols[0]
	col := hours.Fresh(1)
	for i := range known.Len() {
		row := known.Row(i)
		col.Float[row] = float64(known.Col("delay").Int[row]) / 60
	}
	known.Release()

	for i := range hours.Len() {
		row := hours.Row(i)
		fmt.Printf("%s %.2f\n", hours.Cols[0].Str[row], hours.Cols[1].Float[row])
	}
	hours.Release()
	// Output:
	// LAS 0.00
	// ORD 0.67
}

// Between nodes over Go types items travel as they are; ToBatch and ItemsOf are the way
// to records and back. Fields are paired by name.
func ExampleItemsOf() {
	type Flight struct {
		Origin string
		Delay  *int // null is nil
	}
	minutes := 330
	items := record.Wrap([]Flight{{"LAS", &minutes}, {"PHL", nil}})
	b := items.ToBatch(flight, func(i int, err error) { fmt.Println("item", i, err) })
	items.Release()
	fmt.Println(b.Col("delay").Int[0], b.Col("delay").IsNull(1))

	type Small struct{ Delay int8 } // null is 0
	var pool record.Pool[Small]
	back := record.ItemsOf(b, &pool, func(row int, err error) { fmt.Printf("row %d: %v\n", row, err) })
	b.Release()
	fmt.Println(back.V)
	back.Release()
	// Output:
	// 330 true
	// row 0: field "delay": 330 does not fit int8
	// [{0}]
}
