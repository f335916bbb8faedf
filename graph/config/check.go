package config

import (
	"fmt"
	"reflect"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file checks the structs that a program has filled, as decoding does those that
// are read.

// Check does for a struct that a program has filled what Decode does for one that is
// read: what the tags of its fields do not allow is reported, in the same words, and gets
// the value of the prototype. Fields count that written names, a mapping of which the
// places matter and not the values; nil names none. Of a nested struct those count that are not zero; the
// others get the value of the prototype, and written gets the keys of those that count.
func (s *Schema) Check(written *Value, from any, list *diag.List) {
	v := reflect.ValueOf(from)
	if v.Kind() != reflect.Pointer || v.Type().Elem() != s.typ {
		panic(fmt.Sprintf("config: the schema of %s cannot check %T", s.typ, from))
	}
	if written == nil {
		return
	}
	d := &decodeRun{list}
	for _, e := range written.Entries {
		f := s.field(e.Key)
		if f == nil {
			panic(fmt.Sprintf("config: %s has no setting %q", s.typ, e.Key))
		}
		d.check(f, e.Value, v.Elem().FieldByIndex(f.index))
	}
}

// A checker is a codec whose values are not all allowed.
type checker interface {
	// check reports whether v is allowed, and says so at a node if it is not.
	check(d *decodeRun, at *Value, v reflect.Value) bool
}

func (d *decodeRun) check(f *field, at *Value, v reflect.Value) {
	if c, ok := f.codec.(checker); ok && !c.check(d, at, v) {
		v.Set(f.preset)
	}
}
