package columns

import (
	"cmp"

	"github.com/flowrun/flowrun/graph/record"
)

// Compare orders row i of a before (-1), after (1) or with (0) row j of b, by
// their values. Null must be looked at before; lists and records have no order.
func Compare(a *record.Column, i int, b *record.Column, j int) int {
	switch a.Form {
	case record.FormInt:
		return cmp.Compare(a.Int[i], b.Int[j])
	case record.FormFloat:
		return cmp.Compare(a.Float[i], b.Float[j])
	case record.FormBool:
		return cmp.Compare(bit(a.Bool[i]), bit(b.Bool[j]))
	case record.FormText:
		return cmp.Compare(a.Str[i], b.Str[j])
	}
	return 0
}

func bit(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}
