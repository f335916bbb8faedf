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

func (c sizeCodec) read(d *decodeRun, v *Value, into reflect.Value) {
	x, ok := ParseSize(strings.ReplaceAll(v.Text, "_", ""))
	switch {
	case v.Kind != Scalar || !ok:
		p := d.wrong(v, "a size")
		if v.Kind == Scalar {
			p.WithHint("write 512, 64kB, 64MB or 1GiB")
			if _, ok := ParseSize(v.Text + "B"); ok {
				p.WithHint("write %sB", v.Text)
			}
		}
	case !c.permit(d, v, x, v.Text):
	default:
		into.SetInt(int64(x))
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

func (secretCodec) hides() {}

func (secretCodec) read(d *decodeRun, v *Value, into reflect.Value) {
	if v.Secret || d.isHiddenText(v, "a string") {
		into.Set(reflect.ValueOf(NewSecret(v.Text)))
	}
}

// isHiddenText is isText for a value that messages must not repeat.
func (d *decodeRun) isHiddenText(v *Value, want string) bool {
	if v.Kind != Scalar || v.Type == String || v.loose {
		return d.isText(v, want)
	}
	d.add(v, "want %s, got something that is no text", want).WithHint("put it in quotes")
	return false
}

func (secretCodec) words() string            { return "secret" }
func (secretCodec) schema() map[string]any   { return map[string]any{"type": "string"} }
func (secretCodec) show(v reflect.Value) any { return nil }

type textCodec struct{}

func (textCodec) read(d *decodeRun, v *Value, into reflect.Value) {
	if v.Kind == Mapping || v.Kind == Sequence || v.Text == "" && v.IsNull() {
		p := d.wrong(v, "an expression")
		if v.FlowStyle && v.origin != nil {
			written := v.Span.Source.Line(v.Span.Line)
			if runes := []rune(written); v.Span.Col+v.Span.Width-1 <= len(runes) {
				p.WithHint("quote it: %s", hintQuoted(string(runes[v.Span.Col-1:v.Span.Col-1+v.Span.Width])))
			}
		}
		return
	}
	into.Set(reflect.ValueOf(Text{Value: v.Text, YAML: v}))
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

func (nameCodec) read(d *decodeRun, v *Value, into reflect.Value) {
	switch {
	case !d.isText(v, "a name"):
	case v.Text == "":
		d.add(v, "the name is empty")
	default:
		into.Set(reflect.ValueOf(Name{Value: v.Text, At: v.At(0, math.MaxInt32)}))
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

func (anyCodec) read(d *decodeRun, v *Value, into reflect.Value) {
	if x := d.free(v); x != nil {
		into.Set(reflect.ValueOf(x))
	} else {
		into.SetZero()
	}
}

// free gives a node as a Go value.
func (d *decodeRun) free(v *Value) any {
	switch {
	case v.Bad || v.Kind == Null:
		return nil
	case v.Secret:
		d.add(v, "a secret cannot be used here")
		return nil
	case v.Kind == Mapping:
		m := make(Map[any], len(v.Entries))
		for i, e := range v.Entries {
			m[i] = Pair[any]{e.Key, e.KeySpan, d.free(e.Value)}
		}
		return m
	case v.Kind == Sequence:
		items := make([]any, len(v.Items))
		for i, item := range v.Items {
			items[i] = d.free(item)
		}
		return items
	}
	switch v.Type {
	case Bool:
		return parseBool(v.Text)
	case Int:
		x, err := parseInt(v.Text)
		if err != nil {
			d.add(v, "integer too large: %s", shorten(v.Text)).WithHint("integers go from %d to %d; in quotes it is text", math.MinInt64, math.MaxInt64)
		}
		return x
	case Float:
		x, err := parseFloat(v.Text)
		if err != nil {
			d.add(v, "number too large: %s", shorten(v.Text))
		}
		return x
	}
	return v.Text
}

func (anyCodec) words() string          { return "any value" }
func (anyCodec) schema() map[string]any { return map[string]any{} }
func (anyCodec) show(v reflect.Value) any {
	if v.IsNil() {
		return nil
	}
	return v.Interface()
}
