package config

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file has the tree that a text in YAML becomes.

// A Kind is the shape of a value.
type Kind uint8

// The kinds.
const (
	Null     Kind = iota // nothing: ~, null, or no text at all
	Scalar               // one text, number or truth value
	Mapping              // keys and values, in the order of the text
	Sequence             // items
)

// A Type is what a scalar is by its writing, by the rules of YAML 1.2's core
// schema: quoted text is always a String, and so is whatever has leading zeros.
type Type uint8

// The types.
const (
	String Type = iota
	Bool
	Int
	Float
)

// A Style is how a scalar is written.
type Style uint8

// The styles.
const (
	Plain        Style = iota // not quoted
	SingleQuoted              // 'text'
	DoubleQuoted              // "text"
	Literal                   // a block after |
	Folded                    // a block after >
)

// A Value is what stands at one place of a YAML text. Aliases and merge keys are resolved:
// what they stand for is copied, so that a tree shares no value.
type Value struct {
	Kind      Kind
	Type      Type      // of a scalar
	Style     Style     // of a scalar
	FlowStyle bool      // a mapping in {} or a sequence in []
	Secret    bool      // a scalar that holds a secret
	Bad       bool      // what is wrong with it was reported; readers say no more
	Text      string    // of a scalar, decoded; of Null as written
	Span      diag.Span // where it is written; an alias: where the alias is
	Entries   []Entry   // of a mapping
	Items     []*Value  // of a sequence

	origin  *origin   // how the text was written; nil for values made by hand
	key     diag.Span // of the value of a mapping: its key
	via     diag.Span // the alias through which the value came here, or zero
	pieces  []piece   // the variables replaced in Text, in order
	loose   bool      // the text is that of a variable, which has no type of its own
	comment string    // of Null: the comment that stands where a value should
}

// An Entry is one key of a mapping with its value.
type Entry struct {
	Key     string
	KeySpan diag.Span
	Value   *Value
}

// Get gives the value of a key of a mapping, nil if there is none. It may be
// called on nil and on any kind.
func (v *Value) Get(key string) *Value {
	if e := v.Entry(key); e != nil {
		return e.Value
	}
	return nil
}

// Entry gives the entry of a key, nil if there is none.
func (v *Value) Entry(key string) *Entry {
	if v == nil {
		return nil
	}
	for i := range v.Entries {
		if v.Entries[i].Key == key {
			return &v.Entries[i]
		}
	}
	return nil
}

// Has reports whether a mapping has the key.
func (v *Value) Has(key string) bool { return v.Entry(key) != nil }

// Keys gives the keys of a mapping in the order of the text.
func (v *Value) Keys() []string {
	if v == nil {
		return nil
	}
	keys := make([]string, len(v.Entries))
	for i, e := range v.Entries {
		keys[i] = e.Key
	}
	return keys
}

// Scalars walks through the scalars of a tree in the order of the text, without keys.
func (v *Value) Scalars() iter.Seq[*Value] {
	return func(yield func(*Value) bool) { v.eachScalar(yield) }
}

func (v *Value) eachScalar(yield func(*Value) bool) bool {
	switch {
	case v.IsNull():
	case v.Kind == Scalar:
		return yield(v)
	case v.Kind == Mapping:
		for _, e := range v.Entries {
			if !e.Value.eachScalar(yield) {
				return false
			}
		}
	default:
		for _, item := range v.Items {
			if !item.eachScalar(yield) {
				return false
			}
		}
	}
	return true
}

// IsNull reports whether there is nothing: no value, or one that says nothing.
func (v *Value) IsNull() bool { return v == nil || v.Kind == Null }

// typed gives the type of a scalar. The text of a variable has none of its own:
// its looks decide, even in quotes.
func (v *Value) typed() Type {
	if v.loose && v.Kind == Scalar {
		_, t := resolve(v.Text)
		return t
	}
	return v.Type
}

// maxShown bounds how much of a text a message repeats, in characters.
const maxShown = 40

// Describe names the value in the words of someone who writes YAML: `float 1.5`,
// `text "abc"`, `a mapping`. A secret is not shown.
func (v *Value) Describe() string {
	switch {
	case v.IsNull():
		return "nothing"
	case v.Kind == Mapping:
		return "a mapping"
	case v.Kind == Sequence:
		return "a list"
	case v.Secret:
		return "a secret"
	}
	switch v.Type {
	case Bool:
		return v.Text
	case Int:
		return "integer " + shorten(v.Text)
	case Float:
		return "float " + shorten(v.Text)
	}
	return fmt.Sprintf("text %q", shorten(v.Text))
}

// shorten cuts a text for a message.
func shorten(s string) string {
	if utf8.RuneCountInString(s) <= maxShown {
		return s
	}
	return string([]rune(s)[:maxShown-1]) + "…"
}

// Equal reports whether two trees hold the same values: kinds, types, texts, and
// the entries and items in their order. Places and styles do not count.
func (v *Value) Equal(o *Value) bool {
	if v == nil || o == nil {
		return v.IsNull() && o.IsNull()
	}
	if v.Kind != o.Kind {
		return false
	}
	switch v.Kind {
	case Scalar:
		return v.Type == o.Type && v.Text == o.Text && v.Secret == o.Secret
	case Mapping:
		return slices.EqualFunc(v.Entries, o.Entries, func(a, b Entry) bool { return a.Key == b.Key && a.Value.Equal(b.Value) })
	case Sequence:
		return slices.EqualFunc(v.Items, o.Items, (*Value).Equal)
	}
	return true
}

// String gives the tree as one line of YAML flow style, for tests and messages.
func (v *Value) String() string {
	var b strings.Builder
	v.write(&b)
	return b.String()
}

func (v *Value) write(b *strings.Builder) {
	switch {
	case v.IsNull():
		b.WriteString("null")
	case v.Kind == Mapping:
		b.WriteByte('{')
		for i, e := range v.Entries {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(quoteText(e.Key) + ": ")
			e.Value.write(b)
		}
		b.WriteByte('}')
	case v.Kind == Sequence:
		b.WriteByte('[')
		for i, item := range v.Items {
			if i > 0 {
				b.WriteString(", ")
			}
			item.write(b)
		}
		b.WriteByte(']')
	case v.Secret:
		b.WriteString(redacted)
	case v.Type == String:
		b.WriteString(quoteText(v.Text))
	default:
		b.WriteString(v.Text)
	}
}
