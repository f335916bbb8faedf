package expr_test

import (
	"fmt"
	"os"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// A line is a Text that fills a line of a file. The text of a setting is one, too; it
// knows its place in a flow file through quotes and folded lines.
type line struct {
	file   *diag.Source
	number int
}

func (l line) Source() string { return l.file.Line(l.number) }

func (l line) At(offset, width int) diag.Span {
	return diag.Span{Source: l.file, Line: l.number, Col: 1 + offset, Width: width}
}

var parcel = types.Record(
	types.Field{Name: "to", Type: types.String},
	types.Field{Name: "grams", Type: types.Int},
	types.Field{Name: "paid", Type: types.Float.Opt()},
)

// An expression is checked once, with all that is wrong said at once; each worker
// compiles it, and it is computed for a batch of rows.
func Example() {
	text := line{diag.NewSource("where.txt", []byte("upper(to) == 'BERLIN' && paid / grams > 0.01")), 1}
	var problems diag.List
	e := expr.Check(text, parcel, &problems)
	e.Want(types.Bool.Opt(), "where", &problems)
	if problems.Err() != nil {
		diag.Print(os.Stdout, problems, diag.Style{})
		return
	}
	fmt.Println(e.Type(), e.Fields())

	b := record.New(parcel)
	defer b.Release()
	for i, to := range []string{"Berlin", "Paris", "berlin", "Berlin", "Berlin"} {
		for _, col := range b.Cols {
			col.Resize(i + 1)
		}
		b.Cols[0].Str[i], b.Cols[1].Int[i], b.Cols[2].Float[i] = to, int64(100*(4-i)), 5
		b.Rows++
	}
	b.Cols[2].SetNull(3)

	program, errs := e.Compile(), &expr.RowErrors{}
	fmt.Println("rows", program.Filter(b, nil, errs))
	for i := range errs.Len() {
		row, err := errs.At(i)
		fmt.Println("row", row, err)
	}
	// Output:
	// bool? [grams paid to]
	// rows [0 2]
	// row 4 division by zero: 5 / 0
}

// What is wrong is shown where it stands, with what was probably meant.
func ExampleCheck() {
	text := line{diag.NewSource("where.txt", []byte("gram > 500 && paid == to")), 1}
	var problems diag.List
	expr.Check(text, parcel, &problems)
	diag.Print(os.Stdout, problems, diag.Style{})
	// Output:
	// where.txt:1:1: unknown field "gram" [E301]
	//     1 | gram > 500 && paid == to
	//       | ^^^^
	//   hint: did you mean "grams"?
	// where.txt:1:15: cannot apply "==" to float? and string [E303]
	//     1 | gram > 500 && paid == to
	//       |               ^^^^^^^^^^
	//   hint: to is text; declare it `float` in the reader's type or use float(to)
}
