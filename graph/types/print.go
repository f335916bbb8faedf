package types

import (
	"fmt"
	"strings"
	"unicode"
)

// This file writes types as text.

// String gives the type as a person writes it; a declared type by its name.
func (t *Type) String() string {
	var b strings.Builder
	t.write(&b, true)
	return b.String()
}

// Expanded is String with the outermost name replaced by what it stands for:
// what can be pasted under `types:`.
func (t *Type) Expanded() string {
	var b strings.Builder
	t.write(&b, false)
	return b.String()
}

func (t *Type) write(b *strings.Builder, byName bool) {
	switch {
	case t.Name != "" && byName:
		b.WriteString(t.Name)
	case t.Kind == KindList:
		b.WriteByte('[')
		t.Elem.write(b, true)
		b.WriteByte(']')
	case t.Kind == KindRecord:
		t.writeRecord(b)
	case t.Kind == KindDecimal:
		fmt.Fprintf(b, "decimal(%d,%d)", t.Precision, t.Scale)
	case t.Kind == KindEnum:
		b.WriteString("enum(" + strings.Join(t.Words, "|") + ")")
	case t.Kind == KindVar:
		b.WriteString(t.Var)
	case t.Kind == KindOpaque:
		b.WriteString("go:" + t.Go.String())
	default:
		b.WriteString(kindNames[t.Kind])
	}
	if t.Nullable && t.Kind != KindAny && t.Kind != KindNull {
		b.WriteByte('?')
	}
}

func (t *Type) writeRecord(b *strings.Builder) {
	b.WriteByte('{')
	for i, f := range t.Fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(Quote(f.Name) + ": ")
		f.Type.write(b, true)
	}
	if t.Open {
		if len(t.Fields) > 0 {
			b.WriteString(", ")
		}
		b.WriteString("...")
	}
	b.WriteByte('}')
}

var kindNames = [...]string{
	KindError: "<error>", KindNull: "null", KindAny: "any", KindBool: "bool", KindInt: "int", KindFloat: "float",
	KindString: "string", KindTime: "time", KindDate: "date", KindDuration: "duration", KindBytes: "bytes", KindDecimal: "decimal",
	KindEnum: "enum", KindList: "list", KindRecord: "record", KindVar: "variable", KindOpaque: "go type", KindReply: "reply",
}

// String names the kind, such as "record".
func (k Kind) String() string { return kindNames[k] }

// Quote gives a field name as it is written in a type: plain if it is a word,
// else in double quotes.
func Quote(name string) string {
	if IsWord(name) {
		return name
	}
	return fmt.Sprintf("%q", name)
}

// IsWord reports whether a name needs no quotes: letters, digits and
// underscores, not beginning with a digit.
func IsWord(s string) bool {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != ""
}
