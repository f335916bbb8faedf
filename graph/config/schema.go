package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// A Schema is what a prototype says about its settings. It does not change after
// the calls to Alias, and may then be used by many goroutines at once.
type Schema struct {
	typ    reflect.Type      // the struct
	fields []field           // in the order of the struct
	near   map[string]string // wrong names and what they are meant to be
}

// A field is one setting.
type field struct {
	name     string
	doc      string
	required bool
	index    []int // in the struct, through inlined ones
	codec    codec
	preset   reflect.Value // the default: the prototype's value
}

// Of reads the tags and the values of a prototype, a pointer to a struct. The
// error names every field whose tags are wrong, whose type is not supported or
// that has no doc.
func Of(proto any) (*Schema, error) {
	v := reflect.ValueOf(proto)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("config: a prototype is a pointer to a struct, not %T", proto)
	}
	var b schemaBuilder
	s := b.structure(v.Elem())
	if len(b.problems) > 0 {
		return nil, fmt.Errorf("config: %T: %w", proto, errors.Join(b.problems...))
	}
	return s, nil
}

// Alias says that people write one name where they mean another, such as
// `threads` for `workers`. The wrong name is still refused, with this hint.
func (s *Schema) Alias(wrong, right string) {
	if s.near == nil {
		s.near = map[string]string{}
	}
	s.near[wrong] = right
}

// Meant gives the setting that a name stands for: that of the name, or that which people
// mean by it; "" if there is none.
func (s *Schema) Meant(name string) string {
	if s.Has(name) {
		return name
	}
	return s.near[name]
}

// Has reports whether there is a setting of a name, in the struct itself.
func (s *Schema) Has(name string) bool { return s.field(name) != nil }

// Names gives every setting's name in order, without those of nested structs.
func (s *Schema) Names() []string {
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.name
	}
	return names
}

func (s *Schema) field(name string) *field {
	for i := range s.fields {
		if s.fields[i].name == name {
			return &s.fields[i]
		}
	}
	return nil
}

// A schemaBuilder reflects over structs and collects what is wrong with them.
type schemaBuilder struct {
	problems []error
	within   []reflect.Type // the structs around the one that is being read
}

func (b *schemaBuilder) wrong(t reflect.Type, name, format string, args ...any) {
	b.problems = append(b.problems, fmt.Errorf("%s.%s: %s", t.Name(), name, fmt.Sprintf(format, args...)))
}

// structure reads a struct, whose values are the defaults.
func (b *schemaBuilder) structure(v reflect.Value) *Schema {
	s := &Schema{typ: v.Type()}
	if slices.Contains(b.within, s.typ) {
		b.problems = append(b.problems, fmt.Errorf("%s contains itself", s.typ))
		return s
	}
	b.within = append(b.within, s.typ)
	b.collect(s, v, nil)
	b.within = b.within[:len(b.within)-1]
	return s
}

// settingName is what a setting may be called.
var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// collect adds the settings of a struct, which stands at an index of the schema's
// struct, to the schema.
func (b *schemaBuilder) collect(s *Schema, v reflect.Value, index []int) {
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		at := append(slices.Clone(index), i)
		tag, tagged := sf.Tag.Lookup("yaml")
		name, option, _ := strings.Cut(tag, ",")
		switch {
		case !tagged && sf.Anonymous && sf.Type.Kind() == reflect.Struct:
			b.collect(s, v.Field(i), at)
			continue
		case !tagged || tag == "-":
			continue
		case !sf.IsExported():
			b.wrong(v.Type(), sf.Name, "a setting must be an exported field")
			continue
		case !settingName.MatchString(name):
			b.wrong(v.Type(), sf.Name, "the yaml tag %q has no proper name", tag)
			continue
		case option != "" && option != "required":
			b.wrong(v.Type(), sf.Name, "the yaml tag %q has an unknown option", tag)
			continue
		case s.field(name) != nil:
			b.wrong(v.Type(), sf.Name, "the name %q is taken", name)
			continue
		}
		f := field{name: name, doc: sf.Tag.Get("doc"), required: option == "required", index: at, preset: v.Field(i)}
		if f.doc == "" {
			b.wrong(v.Type(), sf.Name, "there is no doc tag")
		}
		if f.required && !f.preset.IsZero() {
			b.wrong(v.Type(), sf.Name, "what is required cannot have a default")
		}
		var err error
		if f.codec, err = b.codec(f.preset, readRule(sf.Tag)); err != nil {
			b.wrong(v.Type(), sf.Name, "%v", err)
			continue
		}
		s.fields = append(s.fields, f)
	}
}

// A rule is what the tags of a field demand of its values.
type rule struct {
	min, max string
	enum     []string
	lone     bool
}

func readRule(tag reflect.StructTag) rule {
	r := rule{min: tag.Get("min"), max: tag.Get("max"), lone: tag.Get("lone") == "true"}
	if e := tag.Get("enum"); e != "" {
		r.enum = strings.Split(e, "|")
	}
	return r
}

// only gives an error if the rule says anything beyond the tags named.
func (r rule) only(tags ...string) error {
	for _, t := range []struct {
		name string
		used bool
	}{{"min", r.min != ""}, {"max", r.max != ""}, {"enum", r.enum != nil}, {"lone", r.lone}} {
		if t.used && !slices.Contains(tags, t.name) {
			return fmt.Errorf("the tag %s has no meaning for this type", t.name)
		}
	}
	return nil
}
