package columns

import (
	"fmt"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// A Pair is a field of left and one of right that belong together.
type Pair struct{ Left, Right config.Name }

// Pairs are the fields of a join's key: {left: right, ...}, or a field, or a list
// of fields, that are called the same on both sides.
type Pairs []Pair

// DecodeConfig implements config.Decoder.
func (k *Pairs) DecodeConfig(v *config.Value, list *diag.List) {
	switch v.Kind {
	case config.Mapping:
		for _, e := range v.Entries {
			if e.Value.Kind != config.Scalar {
				list.Add(diag.WrongValue, e.Value.Span, "want the name of a field of right, got %s", e.Value.Describe())
				continue
			}
			*k = append(*k, Pair{config.Name{Value: e.Key, At: e.KeySpan}, config.Name{Value: e.Value.Text, At: e.Value.Span}})
		}
	case config.Sequence:
		for _, item := range v.Items {
			k.same(item, list)
		}
	default:
		k.same(v, list)
	}
	if len(v.Entries)+len(v.Items) == 0 && v.Kind != config.Scalar {
		list.Add(diag.WrongValue, v.Span, "the key is empty").WithHint("write {FIELD_OF_LEFT: FIELD_OF_RIGHT}")
	}
}

// same adds a field that is called the same on both sides.
func (k *Pairs) same(v *config.Value, list *diag.List) {
	if v.Kind == config.Mapping && len(v.Entries) > 0 {
		k.DecodeConfig(v, list)
		return
	}
	if v.Kind != config.Scalar {
		list.Add(diag.WrongValue, v.Span, "want the name of a field, got %s", v.Describe())
		return
	}
	name := config.Name{Value: v.Text, At: v.Span}
	*k = append(*k, Pair{name, name})
}

// ConfigType implements config.Describer.
func (Pairs) ConfigType() (string, map[string]any) {
	text := map[string]any{"type": "string"}
	pairs := map[string]any{"type": "object", "additionalProperties": text, "minProperties": 1}
	return "{left: right}, field, or list of fields", map[string]any{"anyOf": []any{
		text, pairs, map[string]any{"type": "array", "items": map[string]any{"anyOf": []any{text, pairs}}, "minItems": 1},
	}}
}

// A PairedKey is a key of which each part is a field of left and one of right.
type PairedKey struct {
	Type        *types.Type // a record of the parts, of types that hold those of both sides
	Left, Right []int       // by part: the field of each side
}

// Key finds the fields of the key and the types in which they are compared. It
// reports fields that are not there or cannot be compared, and is nil then.
func (k Pairs) Key(c *graph.Inference, left, right *types.Type) *PairedKey {
	key, ok := &PairedKey{Type: types.Record()}, left != nil && right != nil
	for _, pair := range k {
		l, found := sideField(c, "left", pair.Left, left)
		r, foundToo := sideField(c, "right", pair.Right, right)
		if !found || !foundToo {
			ok = false
			continue
		}
		t, err := types.Bound(l.Type, r.Type)
		if err != nil {
			d := c.List().Add(diag.TypeMismatch, pair.Left.At, "left %s and right %s cannot be equal: %s", types.Quote(l.Name), types.Quote(r.Name), err)
			d.WithNote(l.Origin.At, "left %s is %s", types.Quote(l.Name), l.Type).WithNote(r.Origin.At, "right %s is %s", types.Quote(r.Name), r.Type)
			d.WithHint("convert one of them first, with map%s", example(l, r))
			ok = false
			continue
		}
		key.Type.Fields = append(key.Type.Fields, types.Field{Name: l.Name, Type: t, Origin: l.Origin})
		key.Left, key.Right = append(key.Left, left.Index(l.Name)), append(key.Right, right.Index(r.Name))
	}
	if !ok {
		return nil
	}
	return key
}

// example shows how the key of one side becomes that of the other, where the two are
// different ways to say when.
func example(l, r types.Field) string {
	for _, pair := range [][2]types.Field{{l, r}, {r, l}} {
		from, to := pair[0], pair[1]
		make := to.Type.NotNull().String()
		switch {
		case to.Type.Kind == types.KindDate && (from.Type.IsText() || from.Type.Kind == types.KindTime):
			make = "to_date"
		case (to.Type.Kind == types.KindTime || to.Type.Kind == types.KindDuration) && from.Type.IsText():
		default:
			continue
		}
		return fmt.Sprintf(": `set: {%s: %s(%[1]s)}`", types.Quote(from.Name), make)
	}
	return ""
}

// sideField finds a field of the key on one side.
func sideField(c *graph.Inference, side string, name config.Name, t *types.Type) (types.Field, bool) {
	if t == nil {
		return types.Field{}, false
	}
	f, ok := t.Field(name.Value)
	if !ok {
		c.List().Add(diag.UnknownField, name.At, "%s has no field %q", side, name.Value).DidYouMean(name.Value, t.FieldNames())
	}
	return f, ok && f.Type.Kind != types.KindError // which has a message of its own
}

// Batch gives the keys of the items of one side, whose fields have the given
// indexes, as a batch that the caller owns. A value that the type of the key does not
// hold is null there: nothing of the other side equals it.
func (k *PairedKey) Batch(b *record.Batch, fields []int) *record.Batch {
	d := b.Derive(k.Type)
	for i, at := range fields {
		from, to := b.Type.Fields[at].Type, k.Type.Fields[i].Type
		d.Cols[i] = Convert(b.Cols[at], from, to, b.Rows)
		if rounds(from, to) {
			d.Cols[i] = withoutRounded(d.Cols[i], b.Cols[at], from, to, b.Rows)
		}
	}
	return d
}

// withoutRounded makes null what Convert has changed. The bits of the result are its own:
// those of a converted column are still those of the items.
func withoutRounded(c, src *record.Column, from, to *types.Type, rows int) *record.Column {
	var null []uint64
	for i := range rows {
		if keeps(src, from, to, i) {
			continue
		}
		if null == nil {
			null = make([]uint64, (rows+63)/64)
			copy(null, c.Null)
		}
		null[i>>6] |= 1 << (i & 63)
	}
	if null == nil {
		return c
	}
	own := *c
	own.Null = null
	return &own
}

// Rounds reports whether a value of one side, whose fields have the given indexes, may be
// one that the type of the key does not hold.
func (k *PairedKey) Rounds(t *types.Type, fields []int) bool {
	for i, at := range fields {
		if rounds(t.Fields[at].Type, k.Type.Fields[i].Type) {
			return true
		}
	}
	return false
}

// Rounded says of an item of one side which value the type of the key does not hold; nil
// if it holds all. why says what the key is for.
func (k *PairedKey) Rounded(b *record.Batch, fields []int, row int, why string) error {
	for i, at := range fields {
		if f := b.Type.Fields[at]; !keeps(b.Cols[at], f.Type, k.Type.Fields[i].Type, row) {
			return &RoundedError{f.Name, f.Type, k.Type.Fields[i].Type, why}
		}
	}
	return nil
}
