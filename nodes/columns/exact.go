package columns

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file finds values that a wider type does not hold: ints and decimals with more
// digits than a float keeps.

// FailsRounded says when kinds fail that convert what comes.
const FailsRounded = "an int or a decimal has more digits than the float keeps that it becomes, and on_error says fail"

// exactDigits is how many digits of a decimal every float keeps.
const exactDigits = 15

// rounds reports whether Convert may change values.
func rounds(from, to *types.Type) bool {
	switch to.Kind {
	case types.KindFloat:
		return from.Kind == types.KindInt || from.Kind == types.KindDecimal && from.Precision > exactDigits
	case types.KindList:
		return from.Kind == types.KindList && rounds(from.Elem, to.Elem)
	case types.KindRecord:
		return from.Kind == types.KindRecord && slices.ContainsFunc(to.Fields, func(f types.Field) bool {
			own, ok := from.Field(f.Name)
			return ok && rounds(own.Type, f.Type)
		})
	}
	return false
}

// keeps reports whether Convert leaves the value in a row what it is. A decimal is kept
// if the float is written with its digits.
func keeps(src *record.Column, from, to *types.Type, row int) bool {
	if src == nil || src.IsNull(row) {
		return true
	}
	switch {
	case from.Kind == types.KindInt && to.Kind == types.KindFloat:
		f := record.ExactFloat(src.Int[row])
		return f == f
	case from.Kind == types.KindDecimal && to.Kind == types.KindFloat:
		f := record.ExactDecimal(src.Int[row], from.Scale)
		return f == f
	case !rounds(from, to):
		return true
	case to.Kind == types.KindList:
		start, end := src.Range(row)
		for i := start; i < end; i++ {
			if !keeps(src.Elem, from.Elem, to.Elem, i) {
				return false
			}
		}
		return true
	}
	for _, f := range to.Fields {
		if i := from.Index(f.Name); i >= 0 && !keeps(src.Fields[i], from.Fields[i].Type, f.Type, row) {
			return false
		}
	}
	return true
}

// decimalFloat gives the float nearest to a decimal.
func decimalFloat(n int64, scale int) float64 {
	if -1<<53 <= n && n <= 1<<53 {
		return float64(n) / float64(pow10(scale)) // of two numbers that are exact
	}
	f, _ := strconv.ParseFloat(strconv.FormatInt(n, 10)+"e-"+strconv.Itoa(scale), 64)
	return f
}

// A RoundedError is of an item that has a value which the type it is converted to does
// not hold.
type RoundedError struct {
	Field    string // "" of the item as a whole
	From, To *types.Type
	Why      string // the value is to be converted
}

func (e *RoundedError) Error() string {
	what := "the item"
	if e.Field != "" {
		what = types.Quote(e.Field)
	}
	return fmt.Sprintf("%s has more digits than a float keeps: it is %s here, and %s %s", what, e.From.NotNull(), e.To.NotNull(), e.Why)
}

// Hint says what to do about it.
func (e *RoundedError) Hint() diag.Hint {
	if e.From.Kind == types.KindInt {
		return diag.Hint{Text: "if the float holds whole numbers only, make ints of them first, with map: int(…)"}
	}
	return diag.Hint{Text: "convert one of them first, with map"}
}
