// Package types is the type system of flows: what an item on an edge is, down
// to single fields.
//
// Terms. A Type is a base type, a list, a record, an enum, a declared name for
// one of these, a variable (in the signature of a kind) or an opaque Go type.
// `T?` is T or null. A record is closed, it has just the fields it lists,
// unless it ends in `...`. The grammar, as a person writes it:
//
//	type  = base | "[" type "]" | "{" [field {"," field} ["," "..."]] "}" | Name ; each may be followed by "?"
//	base  = "bool" | "int" | "float" | "string" | "time" | "date" | "duration" | "bytes" | "any"
//	      | "decimal(" precision "," scale ")" | "enum(" word {"|" word} ")"
//	field = name ":" type
//
// Laws.
//  1. A *Type is immutable once made; types share parts freely.
//  2. The Error type unifies with everything, so that one mistake gives one
//     message.
//  3. Bound never invents `any`: types without a least upper bound are an
//     error for the caller to report.
//
// For example, Bound of `{id: int, x: float}` and `{id: float, y: string}` is
// `{id: float, x: float?, y: string?}`.
package types

import (
	"reflect"
	"slices"

	"github.com/flowrun/flowrun/graph/diag"
)

// Kind is the outermost constructor of a type.
type Kind uint8

const (
	KindError    Kind = iota // of something that already has a diagnostic
	KindNull                 // of the literal null
	KindAny                  // any JSON value; the only type that is looked into at run time
	KindBool                 //
	KindInt                  // 64 bits, signed; arithmetic is checked
	KindFloat                // IEEE 754, 64 bits
	KindString               // UTF-8 text
	KindTime                 // nanoseconds since 1970 in UTC
	KindDate                 // days since 1970-01-01, of the years 1 to 9999; of no zone
	KindDuration             // nanoseconds
	KindBytes                // any bytes
	KindDecimal              // Precision digits, Scale of them behind the point, at most 18 in all
	KindEnum                 // one of Words
	KindList                 // of Elem
	KindRecord               // Fields
	KindVar                  // a variable in a signature, bound by the first type that meets it
	KindOpaque               // a Go type that no record can hold; legal between Go nodes only
	KindReply                // a handle by which a request is answered; Words are the nodes that took it
)

// A Type is what one item, field or expression is. The exported parts are for
// reading.
type Type struct {
	Kind      Kind
	Nullable  bool
	Name      string       // the name under which it was declared; "" if none
	Elem      *Type        // KindList
	Fields    []Field      // KindRecord, in order
	Open      bool         // KindRecord: ends in `...`
	Words     []string     // KindEnum: what it may be; KindReply: the ids of the nodes whose requests it answers
	Precision int          // KindDecimal: digits in all
	Scale     int          // KindDecimal: digits behind the point
	Var       string       // KindVar: its name
	Go        reflect.Type // KindOpaque; set on types made by FromGo
}

// A Field is a named part of a record.
type Field struct {
	Name    string
	Type    *Type
	Origin  Origin   // what introduced it
	Reading *Reading // how a reader finds it; nil: under its own name
}

// Origin says what introduced a field, for messages and `flowrun types`.
type Origin struct {
	Node string    // the node's id; "" for a declared type
	How  string    // such as "declared in Flight", "sampled from data/airports.csv", "set"
	At   diag.Span // may be zero
}

// A Reading is the long form of a declared field: how a reader gets it from a
// text.
type Reading struct {
	From    string    // the name in the data, "" for the field's own
	Format  string    // of a time or date, in Go's reference layout or that of strptime
	Zone    string    // of times without an offset, such as Europe/Berlin; "" for UTC
	Default string    // the text read in place of null; only if HasDefault
	Has     bool      // whether Default is given
	At      diag.Span // where Default stands; may be zero
}

// The base types, not nullable. Compare with Equal or by Kind, never by
// pointer.
var (
	Error    = &Type{Kind: KindError}
	Null     = &Type{Kind: KindNull, Nullable: true}
	Any      = &Type{Kind: KindAny, Nullable: true}
	Bool     = &Type{Kind: KindBool}
	Int      = &Type{Kind: KindInt}
	Float    = &Type{Kind: KindFloat}
	String   = &Type{Kind: KindString}
	Time     = &Type{Kind: KindTime}
	Date     = &Type{Kind: KindDate}
	Duration = &Type{Kind: KindDuration}
	Bytes    = &Type{Kind: KindBytes}
)

// bases maps what a person writes to a base type.
var bases = map[string]*Type{
	"any": Any, "bool": Bool, "int": Int, "float": Float, "string": String,
	"time": Time, "date": Date, "duration": Duration, "bytes": Bytes,
}

// BaseNames lists the words for base types, for hints.
func BaseNames() []string {
	return []string{"any", "bool", "bytes", "date", "decimal(p,s)", "duration", "enum(a|b)", "float", "int", "string", "time"}
}

// List gives [elem].
func List(elem *Type) *Type { return &Type{Kind: KindList, Elem: elem} }

// Record gives a closed record of the fields, which it keeps.
func Record(fields ...Field) *Type { return &Type{Kind: KindRecord, Fields: fields} }

// Variable gives a type variable for a signature.
func Variable(name string) *Type { return &Type{Kind: KindVar, Var: name} }

// Decimal gives decimal(precision, scale).
func Decimal(precision, scale int) *Type {
	return &Type{Kind: KindDecimal, Precision: precision, Scale: scale}
}

// Enum gives enum(words...).
func Enum(words ...string) *Type { return &Type{Kind: KindEnum, Words: words} }

// Opt gives t?, which is t itself if null is in it already.
func (t *Type) Opt() *Type {
	if t.Nullable || t.Kind == KindError {
		return t
	}
	c := *t
	c.Nullable = true
	return &c
}

// NotNull gives t without null. The type of the literal null stays.
func (t *Type) NotNull() *Type {
	if !t.Nullable || t.Kind == KindNull || t.Kind == KindAny {
		return t
	}
	c := *t
	c.Nullable = false
	return &c
}

// WithOpt adds null if opt says so.
func (t *Type) WithOpt(opt bool) *Type {
	if opt {
		return t.Opt()
	}
	return t
}

// Named gives t under a declared name.
func (t *Type) Named(name string) *Type {
	c := *t
	c.Name = name
	return &c
}

// Field finds a field of a record by name.
func (t *Type) Field(name string) (Field, bool) {
	if i := t.Index(name); i >= 0 {
		return t.Fields[i], true
	}
	return Field{}, false
}

// Index is the place of a field in a record, -1 if it has none of that name.
func (t *Type) Index(name string) int {
	return slices.IndexFunc(t.Fields, func(f Field) bool { return f.Name == name })
}

// FieldNames lists the names of a record's fields, in order.
func (t *Type) FieldNames() []string {
	names := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		names[i] = f.Name
	}
	return names
}

// IsRecord reports whether items of the type have columns of their own: it is a
// record that is never null. All else travels as one column.
func (t *Type) IsRecord() bool { return t.Kind == KindRecord && !t.Nullable }

// IsNumber reports whether the type takes part in arithmetic with numbers.
func (t *Type) IsNumber() bool {
	return t.Kind == KindInt || t.Kind == KindFloat || t.Kind == KindDecimal
}

// IsText reports whether the values are held as text.
func (t *Type) IsText() bool { return t.Kind == KindString || t.Kind == KindEnum }

// IsScalar reports whether a value stands in one cell of a CSV file.
func (t *Type) IsScalar() bool {
	return t.Kind != KindList && t.Kind != KindRecord && t.Kind != KindOpaque && t.Kind != KindAny && t.Kind != KindReply
}

// Ordered reports whether values can be compared by < and sorted.
func (t *Type) Ordered() bool {
	switch t.Kind {
	case KindBool, KindInt, KindFloat, KindString, KindTime, KindDate, KindDuration, KindDecimal, KindEnum, KindBytes, KindError:
		return true
	}
	return false
}

// Flawed reports whether something in the type has a diagnostic already, so that another one
// about the type would be about the same mistake.
func (t *Type) Flawed() bool {
	switch t.Kind {
	case KindError:
		return true
	case KindList:
		return t.Elem.Flawed()
	case KindRecord:
		return slices.ContainsFunc(t.Fields, func(f Field) bool { return f.Type.Flawed() })
	}
	return false
}

// Equal reports whether two types hold the same values in the same form. Names,
// origins and readings do not matter, the order of fields does.
func Equal(a, b *Type) bool {
	if a == b {
		return true
	}
	if a.Kind != b.Kind || a.Nullable != b.Nullable {
		return false
	}
	switch a.Kind {
	case KindList:
		return Equal(a.Elem, b.Elem)
	case KindRecord:
		return a.Open == b.Open && slices.EqualFunc(a.Fields, b.Fields, func(f, g Field) bool {
			return f.Name == g.Name && Equal(f.Type, g.Type)
		})
	case KindDecimal:
		return a.Precision == b.Precision && a.Scale == b.Scale
	case KindEnum, KindReply:
		return slices.Equal(a.Words, b.Words)
	case KindVar:
		return a.Var == b.Var
	case KindOpaque:
		return a.Go == b.Go
	}
	return true
}
