package text

import (
	"fmt"

	"github.com/flowrun/flowrun/graph/types"
)

// Extra says what becomes of data that the type of the rows has no field for: keys of
// an object, columns of a csv file.
type Extra uint8

const (
	ExtraDrop  Extra = iota // it is left out, and counted
	ExtraError              // the row is bad, unless its type ends in `...`
	ExtraKeep               // it is kept in the field that Keeping has added
)

// ExtraField is the name of the field that holds what other fields do not: an object
// with the keys and values as they were, null where nothing was left.
const ExtraField = "extra"

// Keeping gives t with an ExtraField at the end of every record in it. An error names
// the record that has such a field already.
func Keeping(t *types.Type, origin types.Origin) (*types.Type, error) {
	switch t.Kind {
	case types.KindList:
		elem, err := Keeping(t.Elem, origin)
		if err != nil {
			return nil, err
		}
		c := *t
		c.Elem = elem
		return &c, nil
	case types.KindRecord:
		c := *t
		c.Name, c.Fields = "", nil // the name stands for the type without that field
		for _, f := range t.Fields {
			if f.Name == ExtraField {
				return nil, fmt.Errorf("the type has a field %q already", ExtraField)
			}
			of, err := Keeping(f.Type, origin)
			if err != nil {
				return nil, fmt.Errorf("field %q: %w", f.Name, err)
			}
			f.Type = of
			c.Fields = append(c.Fields, f)
		}
		c.Fields = append(c.Fields, types.Field{Name: ExtraField, Type: types.Any, Origin: origin})
		return &c, nil
	}
	return t, nil
}
