package columns

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

type text string

func (s text) Source() string          { return string(s) }
func (text) At(int, int) (s diag.Span) { return s }

func check(t *testing.T, s string, env *types.Type) *expr.Expr {
	t.Helper()
	var list diag.List
	e := expr.Check(text(s), env, &list)
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return e
}

func parse(t *testing.T, s string) *types.Type {
	t.Helper()
	typ, err := types.Parse(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func TestWithout(t *testing.T) {
	b := record.New(types.Record(types.Field{Name: "a", Type: types.Int}))
	b.Rows = 10
	for _, c := range []struct{ sel, bad, want []uint16 }{
		{nil, nil, []uint16{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{nil, []uint16{0, 4, 9}, []uint16{1, 2, 3, 5, 6, 7, 8}},
		{[]uint16{2, 4, 8}, []uint16{0, 1, 3, 4, 5, 9}, []uint16{2, 8}}, // failed rows that are not selected
		{[]uint16{2, 4, 8}, []uint16{8}, []uint16{2, 4}},
		{[]uint16{}, []uint16{1}, []uint16{}},
	} {
		var errs expr.RowErrors
		for _, row := range c.bad {
			errs.Add(int(row), errors.New("bad"))
		}
		b.Sel = c.sel
		if got := Without(b, &errs, []uint16{}); !slices.Equal(got, c.want) {
			t.Errorf("%v without %v: %v, want %v", c.sel, c.bad, got, c.want)
		}
	}
}

func TestFieldOf(t *testing.T) {
	env := parse(t, `{a: int, "odd name": int, "back`+"``"+`tick": int}`)
	for s, want := range map[string]string{"a": "a", " a ": "a", "`odd name`": "odd name", "`a`": "a", "a + 0": "", "-a": "", "(a)": "", "1": "", "null": ""} {
		if got := FieldOf(check(t, s, env), env); got != env.Index(want) {
			t.Errorf("%s: got %d, want %q", s, got, want)
		}
	}
}

// The argument of mean(a) is written like the field, but it is a float.
func TestFieldOfAnotherType(t *testing.T) {
	env := parse(t, "{a: int, b: float}")
	var list diag.List
	for text, want := range map[text]int{"mean(a)": -1, "mean(b)": 1, "sum(a)": 0} {
		if got := FieldOf(expr.CheckAggregate(text, env, &list).Aggs[0].Arg, env); got != want {
			t.Errorf("the argument of %s is field %d, want %d", text, got, want)
		}
	}
}

// A field is shared, an expression is computed, and both may stand beside each
// other.
func TestColumnsShareFields(t *testing.T) {
	env := parse(t, "{a: int, b: string}")
	c := New()
	c.Compute(types.Field{Name: "x", Type: types.Int}, check(t, "a", env), env)
	c.Compute(types.Field{Name: "y", Type: types.Int}, check(t, "a + 1", env), env)
	c.Take(types.Field{Name: "z", Type: types.String}, "b", env)
	c.Omit(types.Field{Name: "w", Type: types.String})
	b := record.New(env)
	b.Rows = 2
	b.Cols[0].Resize(2)
	b.Cols[1].Resize(2)
	b.Cols[0].Int[0], b.Cols[0].Int[1] = 1, math.MaxInt64
	var errs expr.RowErrors
	d := c.Computer().Columns(b, &errs)
	if d.Cols[0] != b.Cols[0] || d.Cols[2] != b.Cols[1] || d.Cols[3] != nil || d.Cols[1].Int[0] != 2 {
		t.Errorf("got %v", d.Cols)
	}
	if row, _ := errs.At(0); errs.Len() != 1 || row != 1 {
		t.Errorf("%d rows failed", errs.Len())
	}
	if got := c.Needs().Names(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("needs %v", got)
	}
}

func TestConversionKeepsBatchesThatFit(t *testing.T) {
	for _, c := range []struct {
		from, to string
		same     bool
	}{
		{"{a: int}", "{a: int?}", true}, {"{a: enum(x|y)}", "{a: string}", true}, {"{a: int}", "{a: float}", false}, {"{a: int}", "{a: int, b: int?}", false},
		{"{a: int, b: int}", "{b: int, a: int}", false}, {"{a: [int]}", "{a: [int?]}", true}, {"{a: [int]}", "{a: [float]}", false}, {"{a: int}", "{a: int}?", false},
		{"{a: decimal(4,2)}", "{a: decimal(6,2)}", true}, {"{a: decimal(4,2)}", "{a: decimal(6,3)}", false}, {"[int]", "[int?]", true}, {"int", "float", false},
		{"{a: {b: int}}", "{a: {b: int?}?}", true},
	} {
		if got := NewConversion(parse(t, c.from), parse(t, c.to), nil).same; got != c.same {
			t.Errorf("%s to %s: same is %v", c.from, c.to, got)
		}
	}
}

// Records become one column where others may be null as a whole.
func TestConversionToNullableRecords(t *testing.T) {
	from, to := parse(t, "{a: int}"), parse(t, "{a: float}?")
	b := record.New(from)
	b.Rows = 1
	b.Cols[0].Resize(1)
	b.Cols[0].Int[0] = 3
	d, err := NewConversion(from, to, nil).Batch(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Cols) != 1 || d.Cols[0].Form != record.FormRecord || d.Cols[0].Fields[0].Float[0] != 3 {
		t.Errorf("got %+v", d.Cols[0])
	}
	d.Release()
	b.Release()
}

func TestCompare(t *testing.T) {
	column := func(typ *types.Type, write func(c *record.Column)) *record.Column {
		c := record.NewColumn(typ)
		c.Resize(2)
		write(c)
		return c
	}
	for _, c := range []*record.Column{
		column(types.Int, func(c *record.Column) { c.Int[0], c.Int[1] = math.MinInt64, math.MaxInt64 }),
		column(types.Float, func(c *record.Column) { c.Float[0], c.Float[1] = -1e300, 0.5 }),
		column(types.Bool, func(c *record.Column) { c.Bool[0], c.Bool[1] = false, true }),
		column(types.String, func(c *record.Column) { c.Str[0], c.Str[1] = "Z", "a" }),
	} {
		if Compare(c, 0, c, 1) != -1 || Compare(c, 1, c, 0) != 1 || Compare(c, 1, c, 1) != 0 {
			t.Errorf("form %d is not in order", c.Form)
		}
	}
}
