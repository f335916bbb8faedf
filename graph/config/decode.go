package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file fills Go structs from mappings.

// Decode fills a struct of the prototype's type from a mapping. What the struct
// holds already are the defaults: a copy of the prototype's value will do, since
// Decode writes through no slice or pointer that it finds there. Everything wrong
// is added to the list, and what is right is read all the same. A nil or Null value
// is a mapping without keys.
func (s *Schema) Decode(v *Value, into any, list *diag.List) {
	s.DecodeAt(v, diag.Span{}, into, list)
}

// DecodeAt is Decode with the place at which missing keys are reported, which
// else is that of the mapping.
func (s *Schema) DecodeAt(v *Value, at diag.Span, into any, list *diag.List) {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.Type().Elem() != s.typ {
		panic(fmt.Sprintf("config: the schema of %s cannot decode into %T", s.typ, into))
	}
	d := &decodeRun{list}
	switch {
	case v != nil && v.Bad:
	case v.IsNull():
		if at.IsZero() && v != nil {
			at = v.Span
		}
		s.decode(d, &Value{Kind: Mapping, Span: at}, at, target.Elem())
	default:
		s.decode(d, v, at, target.Elem())
	}
}

// DecodeInt reads an integer from least to most, for a Decoder that may be written as
// one; math.MaxInt is no bound. What is none is reported, and 0.
func DecodeInt(v *Value, least, most int, list *diag.List) (x int) {
	c := intCodec{bound[int64]{show: showInt}, true}
	low, high := int64(least), int64(most)
	if c.min = &low; most < math.MaxInt {
		c.max = &high
	}
	(&decodeRun{list}).read(c, v, reflect.ValueOf(&x).Elem())
	return x
}

// A structCodec reads nested structs.
type structCodec struct{ s *Schema }

func (c structCodec) read(d *decodeRun, v *Value, into reflect.Value) { c.s.decode(d, v, v.key, into) }
func (c structCodec) words() string                                   { return "mapping" }
func (c structCodec) schema() map[string]any                          { return c.s.JSONSchema() }

func (c structCodec) check(d *decodeRun, at *Value, v reflect.Value) bool {
	at.Kind = Mapping
	for i := range c.s.fields {
		f := &c.s.fields[i]
		x := v.FieldByIndex(f.index)
		if x.IsZero() {
			x.Set(f.preset)
			continue
		}
		value := &Value{Span: at.Span}
		at.Entries = append(at.Entries, Entry{Key: f.name, KeySpan: at.Span, Value: value})
		d.check(f, value, x)
	}
	return true
}

// show gives nothing: the settings of a nested struct have defaults of their own.
func (c structCodec) show(reflect.Value) any { return nil }

func (s *Schema) decode(d *decodeRun, v *Value, at diag.Span, into reflect.Value) {
	if v.Kind != Mapping {
		p := d.wrong(v, "a mapping")
		if key, value, ok := strings.Cut(v.Text, ":"); ok && v.Style == Plain && s.field(key) != nil {
			p.WithHint("put a space after the colon: %s: %s", key, value)
		} else if names := s.Names(); p.Hint.IsZero() && len(names) > 0 && len(names) <= 16 {
			p.WithHint("it has the keys %s", strings.Join(names, ", "))
		}
		return
	}
	if at.IsZero() {
		at = v.Span
	}
	var unknown []Entry
	given := map[string]bool{} // settings, also those under a wrong name
	for _, e := range v.Entries {
		f := s.field(e.Key)
		if f == nil {
			unknown = append(unknown, e)
			continue
		}
		given[f.name] = true
		d.read(f.codec, e.Value, into.FieldByIndex(f.index))
	}
	// What is there already was not meant by a wrong name.
	free := slices.DeleteFunc(s.Names(), func(name string) bool { return given[name] })
	for _, e := range unknown {
		given[s.unknown(d, e, free)] = true
	}
	for _, f := range s.fields {
		if f.required && !given[f.name] {
			d.list.Add(diag.MissingKey, at, "the key %q is required", f.name).
				WithNote(diag.Span{}, "%s (%s): %s", f.name, f.codec.words(), f.doc)
		}
	}
}

// maxWord bounds the keys for which a near name is looked for, in bytes.
const maxWord = 64

// unknown reports a key that is no setting, and gives the setting that was most
// likely meant, of those that are free.
func (s *Schema) unknown(d *decodeRun, e Entry, free []string) (meant string) {
	p := d.list.Add(diag.UnknownKey, e.KeySpan, "unknown key %q", shorten(e.Key))
	if v := e.Value; v != nil && !v.via.IsZero() && v.via != v.Span {
		p.WithNote(v.via, "used here")
	}
	if right, ok := s.near[e.Key]; ok {
		p.WithHint("did you mean %q?", right)
		return right
	}
	if key, value, ok := strings.Cut(e.Key, ":"); ok && s.field(key) != nil {
		p.WithHint("put a space after the colon: %s: %s", key, value)
		return key
	}
	if len(s.fields) == 0 {
		p.WithHint("there are no settings here")
		return ""
	}
	if len(e.Key) > maxWord {
		return ""
	}
	if near := diag.Nearest(e.Key, free); near != "" {
		p.WithHint("did you mean %q?", near)
		return near
	}
	p.DidYouMean(e.Key, s.Names())
	return ""
}
