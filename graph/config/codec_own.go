package config

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
)

// The codecs of the types of this package, Size, Secret, Text and Name, and of any.

type sizeCodec struct{ bound[Size] }

func newSizeCodec(r rule) (codec, error) {
	parse := func(s string) (Size, error) {
		if x, ok := ParseSize(s); ok {
			return x, nil
		}
		return 0, fmt.Errorf("%q is no size", s)
	}
	b, err := readBound(r, parse, Size.String)
	return sizeCodec{b}, errors.Join(err, r.only("min", "max"))
}

func (c sizeCodec) read(d *decodeRun, n *Value, v reflect.Value) {
	x, ok := ParseSize(strings.ReplaceAll(n.Text, "_", ""))
	switch {
	case n.Kind != Scalar || !ok:
		p := d.wrong(n, "a size")
		if n.Kind == Scalar {
			p.WithHint("write 512, 64kB, 64MB or 1GiB")
			if _, ok := ParseSize(n.Text + "B"); ok {
				p.WithHint("write %sB", n.Text)
			}
		}
	case !c.permit(d, n, x, n.Text):
	default:
		v.SetInt(int64(x))
	}
}

func (c sizeCodec) check(d *decodeRun, at *Value, v reflect.Value) bool {
	return c.permit(d, at, Size(v.Int()), showInt(v.Int()))
}

func (c sizeCodec) words() string { return c.bound.words("size") }
func (c sizeCodec) schema() map[string]any {
	return map[string]any{"type": []any{"integer", "string"}, "pattern": `^([0-9]+(\.[0-9]+)? ?[A-Za-z]*|.*\$\{.*)$`}
}
func (c sizeCodec) show(v reflect.Value) any {
	if s := Size(v.Int()); s.String() != fmt.Sprint(int64(s)) {
		return s.String()
	}
	return v.Int()
}

type secretCodec struct{}

func (secretCodec) read(d *decodeRun, n *Value, v reflect.Value) {
	if n.Secret || d.isText(n, "a string") {
		v.Set(reflect.ValueOf(NewSecret(n.Text)))
	}
}

func (secretCodec) words() string            { return "secret" }
func (secretCodec) schema() map[string]any   { return map[string]any{"type": "string"} }
func (secretCodec) show(v reflect.Value) any { return nil }

type textCodec struct{}

func (textCodec) read(d *decodeRun, n *Value, v reflect.Value) {
	if n.Kind == Mapping || n.Kind == Sequence || n.Text == "" && n.IsNull() {
		p := d.wrong(n, "an expression")
		if n.FlowStyle && n.origin != nil {
			written := n.Span.Source.Line(n.Span.Line)
			if runes := []rune(written); n.Span.Col+n.Span.Width-1 <= len(runes) {
				p.WithHint("quote it: %s", hintQuoted(string(runes[n.Span.Col-1:n.Span.Col-1+n.Span.Width])))
			}
		}
		return
	}
	v.Set(reflect.ValueOf(Text{Value: n.Text, YAML: n}))
}

func (textCodec) words() string { return "expression" }
func (textCodec) schema() map[string]any {
	return map[string]any{"type": []any{"string", "number", "boolean", "null"}}
}
func (textCodec) show(v reflect.Value) any {
	if t := v.Interface().(Text); t.Value != "" {
		return t.Value
	}
	return nil
}

type nameCodec struct{}

func (nameCodec) read(d *decodeRun, n *Value, v reflect.Value) {
	switch {
	case !d.isText(n, "a name"):
	case n.Text == "":
		d.add(n, "the name is empty")
	default:
		v.Set(reflect.ValueOf(Name{Value: n.Text, At: n.At(0, math.MaxInt32)}))
	}
}

func (nameCodec) words() string          { return "name" }
func (nameCodec) schema() map[string]any { return map[string]any{"type": "string", "minLength": 1} }
func (nameCodec) show(v reflect.Value) any {
	if name := v.Interface().(Name); name.Value != "" {
		return name.Value
	}
	return nil
}

// An anyCodec reads whatever is there: nil, bool, int64, float64, string, []any or
// Map[any].
type anyCodec struct{}

func (anyCodec) read(d *decodeRun, n *Value, v reflect.Value) {
	if x := d.free(n); x != nil {
		v.Set(reflect.ValueOf(x))
	} else {
		v.SetZero()
	}
}

// free gives a node as a Go value.
func (d *decodeRun) free(n *Value) any {
	switch {
	case n.Bad || n.Kind == Null:
		return nil
	case n.Secret:
		d.add(n, "a secret cannot be used here")
		return nil
	case n.Kind == Mapping:
		m := make(Map[any], len(n.Entries))
		for i, e := range n.Entries {
			m[i] = Pair[any]{e.Key, e.KeySpan, d.free(e.Value)}
		}
		return m
	case n.Kind == Sequence:
		items := make([]any, len(n.Items))
		for i, item := range n.Items {
			items[i] = d.free(item)
		}
		return items
	}
	switch n.Type {
	case Bool:
		return parseBool(n.Text)
	case Int:
		x, err := parseInt(n.Text)
		if err != nil {
			d.add(n, "integer too large: %s", shorten(n.Text)).WithHint("integers go from %d to %d; in quotes it is text", math.MinInt64, math.MaxInt64)
		}
		return x
	case Float:
		x, err := parseFloat(n.Text)
		if err != nil {
			d.add(n, "number too large: %s", shorten(n.Text))
		}
		return x
	}
	return n.Text
}

func (anyCodec) words() string          { return "any value" }
func (anyCodec) schema() map[string]any { return map[string]any{} }
func (anyCodec) show(v reflect.Value) any {
	if v.IsNil() {
		return nil
	}
	return v.Interface()
}
