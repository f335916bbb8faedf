package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/diag"
)

// A Kind is the shape of a node.
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

// A Node is one value of a YAML text. Aliases and merge keys are resolved: what
// they stand for is copied, so that a tree shares no node.
type Node struct {
	Kind    Kind
	Type    Type      // of a scalar
	Style   Style     // of a scalar
	Flow    bool      // a mapping in {} or a sequence in []
	Secret  bool      // a scalar that holds a secret
	Bad     bool      // what is wrong with it was reported; readers say no more
	Text    string    // of a scalar, decoded; of Null as written
	Span    diag.Span // where it is written; an alias: where the alias is
	Entries []Entry   // of a mapping
	Items   []*Node   // of a sequence

	origin  *origin   // how the text was written; nil for nodes made by hand
	key     diag.Span // of the value of a mapping: its key
	via     diag.Span // the alias through which the node came here, or zero
	pieces  []piece   // the variables replaced in Text, in order
	loose   bool      // the text is that of a variable, which has no type of its own
	comment string    // of Null: the comment that stands where a value should
}

// An Entry is one key of a mapping with its value.
type Entry struct {
	Key     string
	KeySpan diag.Span
	Value   *Node
}

// Get gives the value of a key of a mapping, nil if there is none. It may be
// called on nil and on any kind.
func (n *Node) Get(key string) *Node {
	if e := n.Entry(key); e != nil {
		return e.Value
	}
	return nil
}

// Entry gives the entry of a key, nil if there is none.
func (n *Node) Entry(key string) *Entry {
	if n == nil {
		return nil
	}
	for i := range n.Entries {
		if n.Entries[i].Key == key {
			return &n.Entries[i]
		}
	}
	return nil
}

// Has reports whether a mapping has the key.
func (n *Node) Has(key string) bool { return n.Entry(key) != nil }

// Keys gives the keys of a mapping in the order of the text.
func (n *Node) Keys() []string {
	if n == nil {
		return nil
	}
	keys := make([]string, len(n.Entries))
	for i, e := range n.Entries {
		keys[i] = e.Key
	}
	return keys
}

// IsNull reports whether there is no value: no node, or one that says nothing.
func (n *Node) IsNull() bool { return n == nil || n.Kind == Null }

// maxShown bounds how much of a text a message repeats, in characters.
const maxShown = 40

// Describe names the value in the words of someone who writes YAML: `float 1.5`,
// `text "abc"`, `a mapping`. A secret is not shown.
func (n *Node) Describe() string {
	switch {
	case n.IsNull():
		return "nothing"
	case n.Kind == Mapping:
		return "a mapping"
	case n.Kind == Sequence:
		return "a list"
	case n.Secret:
		return "a secret"
	}
	switch n.Type {
	case Bool:
		return n.Text
	case Int:
		return "integer " + shorten(n.Text)
	case Float:
		return "float " + shorten(n.Text)
	}
	return fmt.Sprintf("text %q", shorten(n.Text))
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
func (n *Node) Equal(o *Node) bool {
	if n == nil || o == nil {
		return n.IsNull() && o.IsNull()
	}
	if n.Kind != o.Kind {
		return false
	}
	switch n.Kind {
	case Scalar:
		return n.Type == o.Type && n.Text == o.Text && n.Secret == o.Secret
	case Mapping:
		return slices.EqualFunc(n.Entries, o.Entries, func(a, b Entry) bool { return a.Key == b.Key && a.Value.Equal(b.Value) })
	case Sequence:
		return slices.EqualFunc(n.Items, o.Items, (*Node).Equal)
	}
	return true
}

// String gives the tree as one line of YAML flow style, for tests and messages.
func (n *Node) String() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func (n *Node) write(b *strings.Builder) {
	switch {
	case n.IsNull():
		b.WriteString("null")
	case n.Kind == Mapping:
		b.WriteByte('{')
		for i, e := range n.Entries {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(quoteText(e.Key) + ": ")
			e.Value.write(b)
		}
		b.WriteByte('}')
	case n.Kind == Sequence:
		b.WriteByte('[')
		for i, item := range n.Items {
			if i > 0 {
				b.WriteString(", ")
			}
			item.write(b)
		}
		b.WriteByte(']')
	case n.Secret:
		b.WriteString(redacted)
	case n.Type == String:
		b.WriteString(quoteText(n.Text))
	default:
		b.WriteString(n.Text)
	}
}
