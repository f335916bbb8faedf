package types

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"time"
	"unicode"
)

// This file has the types of Go values.

var (
	goTime     = reflect.TypeFor[time.Time]()
	goDuration = reflect.TypeFor[time.Duration]()
	goDate     = reflect.TypeFor[CivilDate]()
	goRaw      = reflect.TypeFor[json.RawMessage]()
)

// FromGo gives the type of a Go type's values. Integers up to 64 bits are int
// (uint64 and uint are checked per value), *T is T?, json.RawMessage and any are
// any, CivilDate is date, structs are records by GoFields. A struct with a field that
// no type can hold (func, chan, map, complex), and any other such type, is opaque.
func FromGo(t reflect.Type) *Type {
	if known, ok := goTypes.Load(t); ok {
		return known.(*Type)
	}
	ft := fromGo(t, 0)
	if ft == nil {
		ft = &Type{Kind: KindOpaque, Go: t}
	}
	goTypes.Store(t, ft)
	return ft
}

// What was found for a Go type, because it is asked for with every batch.
var (
	goTypes  sync.Map // reflect.Type -> *Type
	goFields sync.Map // reflect.Type -> []GoField
)

func fromGo(t reflect.Type, depth int) *Type {
	if depth > maxDepth {
		return nil
	}
	switch t {
	case goTime:
		return Time
	case goDate:
		return Date
	case goDuration:
		return Duration
	case goRaw:
		return Any
	}
	switch t.Kind() {
	case reflect.Bool:
		return Bool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return Int
	case reflect.Float32, reflect.Float64:
		return Float
	case reflect.String:
		return String
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return Any
		}
	case reflect.Pointer:
		if elem := fromGo(t.Elem(), depth+1); elem != nil && !elem.Nullable {
			return elem.Opt()
		}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return Bytes
		}
		if elem := fromGo(t.Elem(), depth+1); elem != nil {
			return List(elem)
		}
	case reflect.Struct:
		return fromStruct(t, depth)
	}
	return nil
}

func fromStruct(t reflect.Type, depth int) *Type {
	out := &Type{Kind: KindRecord, Go: t}
	for _, f := range GoFields(t) {
		ft := fromGo(f.Type, depth+1)
		if ft == nil || out.Index(f.Name) >= 0 {
			return nil
		}
		out.Fields = append(out.Fields, Field{Name: f.Name, Type: ft, Origin: Origin{How: "Go type " + t.String()}})
	}
	if len(out.Fields) == 0 {
		return nil
	}
	return out
}

// A GoField is a struct field that is a field of the record.
type GoField struct {
	Name  string // in flows
	Type  reflect.Type
	Index []int // for reflect.Value.FieldByIndex
}

// GoFields lists the fields of a struct that are fields of its record: the
// exported ones, embedded structs inlined. A field's name is that of its `flow`
// tag, else of its `json` tag, else the Go name in snake case; "-" leaves it
// out. The result must not be written to.
func GoFields(t reflect.Type) []GoField {
	if known, ok := goFields.Load(t); ok {
		return known.([]GoField)
	}
	out := fieldsOf(t)
	goFields.Store(t, out)
	return out
}

func fieldsOf(t reflect.Type) []GoField {
	var out []GoField
	for i := range t.NumField() {
		f := t.Field(i)
		name, tagged := f.Tag.Lookup("flow")
		if !tagged {
			name, _, _ = strings.Cut(f.Tag.Get("json"), ",")
		}
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct && f.Type != goTime {
			for _, inner := range GoFields(f.Type) {
				inner.Index = append([]int{i}, inner.Index...)
				out = append(out, inner)
			}
			continue
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = snake(f.Name)
		}
		out = append(out, GoField{name, f.Type, []int{i}})
	}
	return out
}

// snake turns MeanDelay into mean_delay and HTTPCode into http_code.
func snake(s string) string {
	var b strings.Builder
	r := []rune(s)
	for i, c := range r {
		if unicode.IsUpper(c) {
			if i > 0 && (!unicode.IsUpper(r[i-1]) || i+1 < len(r) && unicode.IsLower(r[i+1])) {
				b.WriteByte('_')
			}
			c = unicode.ToLower(c)
		}
		b.WriteRune(c)
	}
	return b.String()
}
