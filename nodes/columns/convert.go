package columns

import (
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// A Conversion turns batches into batches of a wider type: integers and decimals
// become floats, decimals get more digits, fields that are not there become null.
type Conversion struct {
	to     *types.Type
	needed []bool // of the fields of to; nil: all
	same   bool   // batches are of type to already, but for the name
	fields []int  // the column of the input for each field of to, -1: none
	from   *types.Type
	rounds bool // it may change values
}

// NewConversion prepares for batches of type from. to is an upper bound of it;
// needed says which fields of it later nodes read, nil: all.
func NewConversion(from, to *types.Type, needed []bool) *Conversion {
	c := &Conversion{from: from, to: to, needed: needed, same: sameForm(from, to) && from.IsRecord() == to.IsRecord(), rounds: rounds(from, to)}
	for _, f := range to.Fields {
		c.fields = append(c.fields, from.Index(f.Name))
	}
	return c
}

// Batch gives b as a batch of the wider type, with a reference of its own. Items with a
// value that the wider type does not hold are reported to out and left out.
func (c *Conversion) Batch(b *record.Batch, out nodes.Out) (*record.Batch, error) {
	if c.same {
		b.Retain()
		return b, nil
	}
	sel, err := c.kept(b, out)
	if err != nil {
		return nil, err
	}
	d := b.Derive(c.to)
	if sel != nil {
		d.Sel = append(d.SelBuf(), sel...)
	}
	if !c.to.IsRecord() {
		// Records, some of which may be null elsewhere, travel as one column.
		d.Cols[0] = Convert(Whole(c.from, b.Cols), c.from, c.to, b.Rows)
		return d, nil
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
	return d, nil
}

// kept gives the rows of b that are left when those are reported that the wider type does
// not hold; nil if all are left.
func (c *Conversion) kept(b *record.Batch, out nodes.Out) (sel []uint16, err error) {
	if !c.rounds {
		return nil, nil
	}
	for i := range b.Len() {
		row := b.Row(i)
		err := c.rounded(b, row)
		switch {
		case err == nil && sel == nil:
			continue
		case err == nil:
			sel = append(sel, uint16(row))
			continue
		case sel == nil:
			sel = make([]uint16, i, b.Len())
			for k := range sel {
				sel[k] = uint16(b.Row(k))
			}
		}
		if err := out.Bad(nodes.BadItem{Err: err, Data: b, Row: row}); err != nil {
			return nil, err
		}
	}
	return sel, nil
}

// rounded says what of an item the wider type does not hold; nil if it holds all.
func (c *Conversion) rounded(b *record.Batch, row int) error {
	const why = "in what comes out, as another input has it"
	if !c.to.IsRecord() {
		if !keeps(Whole(c.from, b.Cols), c.from, c.to, row) {
			return &RoundedError{"", c.from, c.to, why}
		}
		return nil
	}
	for i, from := range c.fields {
		if from < 0 || c.needed != nil && !c.needed[i] {
			continue
		}
		if f := c.from.Fields[from]; !keeps(b.Cols[from], f.Type, c.to.Fields[i].Type, row) {
			return &RoundedError{f.Name, f.Type, c.to.Fields[i].Type, why}
		}
	}
	return nil
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
	if from.Kind == types.KindDecimal {
		for i, v := range src.Int {
			dst.Float[i] = decimalFloat(v, from.Scale)
		}
		return dst
	}
	for i, v := range src.Int {
		dst.Float[i] = float64(v)
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
