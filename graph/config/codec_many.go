package config

import (
	"errors"
	"reflect"
	"strings"
)

// The codecs of values that hold others: pointers, slices and Map.

// fresh makes a value for which the prototype has no default: the item of a list,
// the value of a Map, what an empty pointer will point to.
func fresh(t reflect.Type) reflect.Value {
	v := reflect.New(t)
	if v.Type().Implements(defaulterType) {
		v.Interface().(Defaulter).SetDefaults()
	}
	return v.Elem()
}

// A pointerCodec reads values that may be absent.
type pointerCodec struct{ elem codec }

func (b *schemaBuilder) pointer(v reflect.Value, r rule) (codec, error) {
	elem := fresh(v.Type().Elem())
	if !v.IsNil() {
		elem = v.Elem()
	}
	c, err := b.codec(elem, r)
	return pointerCodec{c}, err
}

// read never writes through the pointer that is there, because it may be the
// prototype's own.
func (c pointerCodec) read(d *decodeRun, v *Value, into reflect.Value) {
	if v.IsNull() {
		into.SetZero()
		return
	}
	elem := reflect.New(into.Type().Elem())
	if into.IsNil() {
		elem.Elem().Set(fresh(into.Type().Elem()))
	} else {
		elem.Elem().Set(into.Elem())
	}
	d.read(c.elem, v, elem.Elem())
	into.Set(elem)
}

func (c pointerCodec) words() string          { return c.elem.words() }
func (c pointerCodec) schema() map[string]any { return c.elem.schema() }
func (c pointerCodec) show(v reflect.Value) any {
	if v.IsNil() {
		return nil
	}
	return c.elem.show(v.Elem())
}

// A listCodec reads slices.
type listCodec struct {
	elem   codec
	length bound[int64]
	lone   bool
}

func (b *schemaBuilder) list(v reflect.Value, r rule) (codec, error) {
	length, err := readLength(r)
	elem, elemErr := b.codec(fresh(v.Type().Elem()), rule{enum: r.enum})
	return listCodec{elem, length, r.lone}, errors.Join(err, elemErr)
}

func (c listCodec) read(d *decodeRun, v *Value, into reflect.Value) {
	items := v.Items
	switch {
	case v.Kind == Sequence:
	case c.lone && !v.IsNull():
		items = []*Value{v}
	default:
		p := d.wrong(v, "a list")
		if v.Kind == Scalar && v.Style == Plain {
			p.WithHint("write [%s]", v.Text)
		}
		return
	}
	if !c.length.allows(int64(len(items))) {
		d.add(v, "want %s items, got %d", c.length, len(items))
		return
	}
	out := reflect.MakeSlice(into.Type(), len(items), len(items))
	for i, item := range items {
		out.Index(i).Set(fresh(into.Type().Elem()))
		d.read(c.elem, item, out.Index(i))
	}
	into.Set(out)
}

func (c listCodec) words() string {
	words := "list of " + c.elem.words()
	if c.lone {
		words = c.elem.words() + ", or " + words
	}
	if s := c.length.String(); s != "" {
		words += " (" + s + ")"
	}
	return words
}

func (c listCodec) schema() map[string]any {
	list := c.length.limit(map[string]any{"type": "array", "items": c.elem.schema()}, "minItems", "maxItems")
	if c.lone {
		return map[string]any{"anyOf": []any{list, c.elem.schema()}}
	}
	return list
}

func (c listCodec) show(v reflect.Value) any {
	if v.Len() == 0 {
		return nil
	}
	items := make([]any, v.Len())
	for i := range items {
		items[i] = c.elem.show(v.Index(i))
	}
	return items
}

// A mapCodec reads Map[V].
type mapCodec struct {
	elem   codec
	length bound[int64]
}

func (b *schemaBuilder) mapping(v reflect.Value, r rule) (codec, error) {
	length, err := readLength(r)
	elem, elemErr := b.codec(fresh(pairValue(v.Type())), rule{enum: r.enum})
	return mapCodec{elem, length}, errors.Join(err, elemErr, r.only("min", "max", "enum"))
}

// pairValue gives V of the type Map[V].
func pairValue(t reflect.Type) reflect.Type {
	f, _ := t.Elem().FieldByName("Value")
	return f.Type
}

func (c mapCodec) read(d *decodeRun, v *Value, into reflect.Value) {
	if v.Kind != Mapping {
		p := d.wrong(v, "a mapping")
		if v.Kind == Scalar && v.Style == Plain && strings.Contains(v.Text, ":") {
			p.WithHint("put a space after the colon")
		}
		return
	}
	if !c.length.allows(int64(len(v.Entries))) {
		d.add(v, "want %s entries, got %d", c.length, len(v.Entries))
		return
	}
	out := reflect.MakeSlice(into.Type(), len(v.Entries), len(v.Entries))
	for i, e := range v.Entries {
		pair := out.Index(i)
		pair.FieldByName("Key").SetString(e.Key)
		pair.FieldByName("At").Set(reflect.ValueOf(e.KeySpan))
		value := pair.FieldByName("Value")
		value.Set(fresh(value.Type()))
		d.read(c.elem, e.Value, value)
	}
	into.Set(out)
}

func (c mapCodec) words() string {
	words := "mapping to " + c.elem.words()
	if s := c.length.String(); s != "" {
		words += " (" + s + ")"
	}
	return words
}

func (c mapCodec) schema() map[string]any {
	return c.length.limit(map[string]any{"type": "object", "additionalProperties": c.elem.schema()}, "minProperties", "maxProperties")
}

func (c mapCodec) show(v reflect.Value) any {
	if v.Len() == 0 {
		return nil
	}
	m := make(Map[any], v.Len())
	for i := range m {
		pair := v.Index(i)
		m[i] = Pair[any]{Key: pair.FieldByName("Key").String(), Value: c.elem.show(pair.FieldByName("Value"))}
	}
	return m
}
