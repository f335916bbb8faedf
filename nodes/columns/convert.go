package columns

import (
	"math"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// A Conversion turns batches into batches of a wider type: integers and decimals
// become floats, decimals get more digits, fields that are not there become null.
type Conversion struct {
	to     *types.Type
	needed []bool // of the fields of to; nil: all
	same   bool   // batches are of type to already, but for the name
	fields []int  // the column of the input for each field of to, -1: none
	from   *types.Type
}

// NewConversion prepares for batches of type from. to is an upper bound of it;
// needed says which fields of it later nodes read, nil: all.
func NewConversion(from, to *types.Type, needed []bool) *Conversion {
	c := &Conversion{from: from, to: to, needed: needed, same: sameForm(from, to) && from.IsRecord() == to.IsRecord()}
	for _, f := range to.Fields {
		c.fields = append(c.fields, from.Index(f.Name))
	}
	return c
}

// Batch gives b as a batch of the wider type, with a reference of its own.
func (c *Conversion) Batch(b *record.Batch) *record.Batch {
	if c.same {
		b.Retain()
		return b
	}
	d := b.Derive(c.to)
	if !c.to.IsRecord() {
		// Records, some of which may be null elsewhere, travel as one column.
		d.Cols[0] = Convert(Whole(c.from, b.Cols), c.from, c.to, b.Rows)
		return d
	}
	for i, from := range c.fields {
		switch {
		case c.needed != nil && !c.needed[i]:
		case from >= 0:
			d.Cols[i] = Convert(b.Cols[from], c.from.Fields[from].Type, c.to.Fields[i].Type, b.Rows)
		default:
			Nulls(d.Fresh(i), b.Rows)
		}
	}
	return d
}

// Nulls makes all rows of a column null.
func Nulls(c *record.Column, rows int) {
	c.Resize(rows)
	for i := range rows {
		c.SetNull(i)
	}
}

// sameForm reports whether columns of one type may stand for columns of the
// other: types that differ in null, names, or between enum and string only.
func sameForm(from, to *types.Type) bool {
	if from.IsText() && to.IsText() {
		return true
	}
	if from.Kind != to.Kind {
		return false
	}
	switch from.Kind {
	case types.KindList:
		return sameForm(from.Elem, to.Elem)
	case types.KindDecimal:
		return from.Scale == to.Scale
	case types.KindRecord:
		if len(from.Fields) != len(to.Fields) {
			return false
		}
		for i, f := range from.Fields {
			if g := to.Fields[i]; f.Name != g.Name || !sameForm(f.Type, g.Type) {
				return false
			}
		}
	}
	return true
}

// Convert gives a column of values of type from as one of type to, an upper bound
// of it. The result shares what it can with src, so it must not outlive src's
// batch; a nil column stays nil.
func Convert(src *record.Column, from, to *types.Type, rows int) *record.Column {
	if src == nil || sameForm(from, to) {
		return src
	}
	switch {
	case from.Kind == types.KindNull:
		dst := record.NewColumn(to)
		Nulls(dst, rows)
		return dst
	case to.Kind == types.KindFloat:
		return toFloat(src, from)
	case to.Kind == types.KindDecimal:
		factor := pow10(to.Scale - from.Scale)
		dst := &record.Column{Form: record.FormInt, Int: make([]int64, len(src.Int)), Null: src.Null}
		for i, v := range src.Int {
			dst.Int[i] = v * factor // fits: the bound has as many digits before the point
		}
		return dst
	case to.Kind == types.KindList:
		return &record.Column{
			Form: record.FormList, Ends: src.Ends, Null: src.Null,
			Elem: Convert(src.Elem, from.Elem, to.Elem, src.Elem.Len()),
		}
	}
	dst := &record.Column{Form: record.FormRecord, Null: src.Null}
	for _, f := range to.Fields {
		var field *record.Column
		if i := from.Index(f.Name); i >= 0 {
			field = Convert(src.Fields[i], from.Fields[i].Type, f.Type, rows)
		} else {
			field = record.NewColumn(f.Type)
			Nulls(field, rows)
		}
		dst.Fields = append(dst.Fields, field)
	}
	return dst
}

// toFloat converts integers and decimals.
func toFloat(src *record.Column, from *types.Type) *record.Column {
	dst := &record.Column{Form: record.FormFloat, Float: make([]float64, len(src.Int)), Null: src.Null}
	scale := 1.0
	if from.Kind == types.KindDecimal {
		scale = math.Pow10(from.Scale)
	}
	for i, v := range src.Int {
		dst.Float[i] = float64(v) / scale
	}
	return dst
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}
