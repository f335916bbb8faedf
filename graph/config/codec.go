package config

import (
	"fmt"
	"reflect"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
)

// A codec knows everything about one type of setting: how it is read, what it is
// called, and how its values are shown.
type codec interface {
	// read fills into, which holds the default, from a value that is neither Bad nor,
	// unless the codec is a hider, a secret.
	read(d *decodeRun, v *Value, into reflect.Value)
	// words names the type for people: "integer", "list of string".
	words() string
	// schema describes the type to editors.
	schema() map[string]any
	// show gives a value as JSON would hold it, nil if there is nothing to show.
	show(v reflect.Value) any
}

// A hider is a codec of values that show themselves to nobody, so that secrets may be read
// into them.
type hider interface{ hides() }

var (
	durationType  = reflect.TypeFor[time.Duration]()
	sizeType      = reflect.TypeFor[Size]()
	secretType    = reflect.TypeFor[Secret]()
	urlType       = reflect.TypeFor[URL]()
	textType      = reflect.TypeFor[Text]()
	nameType      = reflect.TypeFor[Name]()
	anyType       = reflect.TypeFor[any]()
	mapType       = reflect.TypeFor[interface{ isMap() }]()
	decoderType   = reflect.TypeFor[Decoder]()
	describerType = reflect.TypeFor[Describer]()
	defaulterType = reflect.TypeFor[Defaulter]()
)

// codec finds the codec for the type of a value, whose own value is the default.
func (b *schemaBuilder) codec(v reflect.Value, r rule) (codec, error) {
	c, err := b.bareCodec(v, r)
	if err != nil || !reflect.PointerTo(v.Type()).Implements(describerType) {
		return c, err
	}
	text, schema := reflect.New(v.Type()).Interface().(Describer).ConfigType()
	return describerCodec{c, text, schema}, nil
}

func (b *schemaBuilder) bareCodec(v reflect.Value, r rule) (codec, error) {
	t := v.Type()
	switch {
	case reflect.PointerTo(t).Implements(decoderType):
		taker, _ := reflect.New(t).Interface().(SecretTaker)
		return customCodec{taker}, r.only()
	case t == durationType:
		return newDurationCodec(r)
	case t == sizeType:
		return newSizeCodec(r)
	case t == secretType:
		return secretCodec{}, r.only()
	case t == urlType:
		return urlCodec{}, r.only()
	case t == textType:
		return textCodec{}, r.only()
	case t == nameType:
		return nameCodec{}, r.only()
	case t == anyType:
		return anyCodec{}, r.only()
	case t.Implements(mapType):
		return b.mapping(v, r)
	}
	switch t.Kind() {
	case reflect.Bool:
		return boolCodec{}, r.only()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return newIntCodec(t, r)
	case reflect.Float32, reflect.Float64:
		return newFloatCodec(r)
	case reflect.String:
		return newStringCodec(r)
	case reflect.Pointer:
		return b.pointer(v, r)
	case reflect.Slice:
		return b.list(v, r)
	case reflect.Struct:
		return structCodec{b.structure(v)}, r.only()
	}
	return nil, fmt.Errorf("the type %s cannot be a setting", t)
}

// A describerCodec is a codec whose type describes itself.
type describerCodec struct {
	codec
	text string
	form map[string]any
}

func (c describerCodec) check(d *decodeRun, at *Value, v reflect.Value) bool {
	inner, ok := c.codec.(checker)
	return !ok || inner.check(d, at, v)
}

func (c describerCodec) words() string          { return c.text }
func (c describerCodec) schema() map[string]any { return c.form }

// A customCodec is for a type that reads itself.
type customCodec struct{ taker SecretTaker } // nil: it takes no secrets

func (c customCodec) read(d *decodeRun, v *Value, into reflect.Value) {
	if s := v.firstSecret(); s != nil && c.taker == nil {
		d.noSecret(s)
		return
	}
	into.Addr().Interface().(Decoder).DecodeConfig(v, d.list)
}

func (customCodec) check(d *decodeRun, at *Value, v reflect.Value) bool {
	if c, ok := v.Addr().Interface().(Checker); ok {
		c.CheckConfig(at, d.list)
	}
	return true
}

func (customCodec) words() string          { return "value" }
func (customCodec) schema() map[string]any { return map[string]any{} }

// show asks the type itself, which may be a fmt.Stringer.
func (customCodec) show(v reflect.Value) any {
	if s, ok := v.Interface().(fmt.Stringer); ok && !v.IsZero() {
		return s.String()
	}
	return nil
}

// A decodeRun is one run of Decode.
type decodeRun struct{ list *diag.List }

// read fills into from a value by a codec.
func (d *decodeRun) read(c codec, v *Value, into reflect.Value) {
	_, hides := c.(hider)
	if p, ok := c.(pointerCodec); ok {
		_, hides = p.elem.(hider)
	}
	switch {
	case v.Bad:
	case v.Secret && !hides:
		d.noSecret(v)
	default:
		c.read(d, v, into)
	}
}

// noSecret reports that a setting takes no secrets.
func (d *decodeRun) noSecret(v *Value) {
	d.add(v, "a secret cannot be used here").WithHint("this setting is shown in logs and reports; only settings made for secrets take one")
}

// firstSecret gives the first secret in a tree, nil if there is none.
func (v *Value) firstSecret() *Value {
	if v == nil || v.Secret {
		return v
	}
	for _, e := range v.Entries {
		if s := e.Value.firstSecret(); s != nil {
			return s
		}
	}
	for _, item := range v.Items {
		if s := item.firstSecret(); s != nil {
			return s
		}
	}
	return nil
}

// add reports a problem at a value; what came through an alias is shown where it is
// written and where it is used.
func (d *decodeRun) add(v *Value, format string, args ...any) *diag.Diagnostic {
	p := d.list.Add(diag.WrongValue, v.Span, format, args...)
	switch {
	case v.via.IsZero():
	case v.via == v.Span:
		if written := v.At(0, len([]rune(v.Text))); v.Kind == Scalar && written != v.Span {
			p.WithNote(written, "the value is written here")
		}
	default:
		p.WithNote(v.via, "used here")
	}
	return p
}

// wrong reports that a value is not what the setting wants.
func (d *decodeRun) wrong(v *Value, want string) *diag.Diagnostic {
	p := d.add(v, "want %s, got %s", want, v.Describe())
	switch {
	case v.comment != "":
		p.WithHint("everything after # is a comment; to use it, quote it: %s", doubleQuoted(v.comment))
	case v.IsNull():
		p.WithHint("give a value, or leave the key out")
	}
	return p
}
