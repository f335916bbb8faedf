package expr

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// A value is one value of any type: an item of a list, an argument of a function,
// a constant. Scalars on the hot path never become values.
type value struct {
	n    int64   // int, time, duration, decimal; the bits of a float; 1 for true
	s    string  // string, enum, bytes; the JSON text of any
	list []value // the items of a list, the fields of a record
	null bool
}

var null = value{null: true}

func intValue(n int64) value     { return value{n: n} }
func floatValue(f float64) value { return value{n: int64(math.Float64bits(f))} }
func textValue(s string) value   { return value{s: s} }
func listValue(l []value) value  { return value{list: l} }

func boolValue(b bool) value {
	if b {
		return value{n: 1}
	}
	return value{}
}

func (v value) float() float64 { return math.Float64frombits(uint64(v.n)) }
func (v value) bool() bool     { return v.n != 0 }

// isTrue reports whether a condition is true; null is not.
func (v value) isTrue() bool { return !v.null && v.bool() }

// readValue gives row i of a column. Items and fields are put in the memory of r.
func readValue(r *row, c *record.Column, i int) value {
	if c == nil || c.IsNull(i) {
		return null
	}
	switch c.Form {
	case record.FormInt:
		return intValue(c.Int[i])
	case record.FormFloat:
		return floatValue(c.Float[i])
	case record.FormBool:
		return boolValue(c.Bool[i])
	case record.FormText:
		return textValue(c.Str[i])
	case record.FormList:
		from, to := c.Range(i)
		items := r.values(to - from)
		for k := range items {
			items[k] = readValue(r, c.Elem, from+k)
		}
		return listValue(items)
	}
	fields := r.values(len(c.Fields))
	for k := range fields {
		fields[k] = readValue(r, c.Fields[k], i)
	}
	return listValue(fields)
}

// writeValue sets row i of a column whose rows before i are written.
func writeValue(c *record.Column, i int, v value) {
	if v.null {
		c.SetNull(i)
		return
	}
	c.Clear(i)
	switch c.Form {
	case record.FormInt:
		c.Int[i] = v.n
	case record.FormFloat:
		c.Float[i] = v.float()
	case record.FormBool:
		c.Bool[i] = v.bool()
	case record.FormText:
		c.Str[i] = v.s
	case record.FormList:
		at := 0
		if i > 0 {
			at = int(c.Ends[i-1])
		}
		c.Elem.Resize(at + len(v.list))
		for k, item := range v.list {
			writeValue(c.Elem, at+k, item)
		}
		c.Ends[i] = int32(at + len(v.list))
	case record.FormRecord:
		for k, f := range c.Fields {
			if f != nil {
				writeValue(f, i, v.list[k])
			}
		}
	}
}

// forget takes all nulls and list items out of a column that is written anew.
func forget(c *record.Column) {
	c.Null = c.Null[:0]
	if c.Elem != nil {
		c.Elem.Resize(0)
		forget(c.Elem)
	}
	for _, f := range c.Fields {
		if f != nil {
			forget(f)
		}
	}
}

// clone copies a value out of the memory of a row.
func (v value) clone() value {
	v.s = strings.Clone(v.s)
	if v.list != nil {
		items := slices.Clone(v.list)
		for i := range items {
			items[i] = items[i].clone()
		}
		v.list = items
	}
	return v
}

// compareValues orders two values of an ordered type; null comes first, then
// NaN.
func compareValues(t *types.Type, a, b value) int {
	switch {
	case a.null || b.null:
		return cmp.Compare(bit(!a.null), bit(!b.null))
	case t.Kind == types.KindFloat:
		return cmp.Compare(a.float(), b.float())
	case record.FormOf(t) == record.FormText:
		return cmp.Compare(a.s, b.s)
	}
	return cmp.Compare(a.n, b.n)
}

// equalValues reports whether two values of type t are equal. Inside lists and
// records null equals null; NaN equals nothing.
func equalValues(t *types.Type, a, b value) bool {
	if a.null || b.null {
		return a.null && b.null
	}
	switch record.FormOf(t) {
	case record.FormFloat:
		return a.float() == b.float()
	case record.FormText:
		return a.s == b.s
	case record.FormList:
		return slices.EqualFunc(a.list, b.list, func(x, y value) bool { return equalValues(t.Elem, x, y) })
	case record.FormRecord:
		for k, f := range t.Fields {
			if !equalValues(f.Type, a.list[k], b.list[k]) {
				return false
			}
		}
		return true
	}
	return a.n == b.n
}

// bit is 1 for true; it compiles to a flag move, not to a jump.
func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
