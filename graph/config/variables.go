package config

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/diag"
)

// Variables in texts, replaced so that every character still has its place.

// A Variable is what a name in ${} stands for.
type Variable struct {
	Text string
	Type string // as declared: bool, duration, float, int or string; "": as its text looks

	// At is where the text is written, if that is in the flow itself.
	At diag.Span
}

// A piece is a stretch of a text that came from a variable, or from $$, in characters,
// with the stretch of the written text that it replaced.
type piece struct {
	from, to, writtenFrom, writtenTo int

	variable *Variable // nil: $$
	secret   bool      // ${env:NAME} or ${file:/path}
}

// redacted stands for a secret wherever it would be shown.
const redacted = "[secret]"

// Substitute replaces variables in the values of a tree and gives the names that
// were asked for, each once, in order:
//
//	${NAME}            the value; it is an error if NAME is not set
//	${NAME:-default}   the default if NAME is not set or empty
//	${NAME:?message}   an error with this message if NAME is not set or empty
//	$$                 a dollar sign
//
// Defaults may contain variables themselves. NAME is letters, digits and
// underscores. `${env:NAME}` and `${file:/path}` are secrets: they are asked for
// as "env:NAME" and "file:/path". A value that has one in it is secret as a whole, and
// only settings of type Secret and URL take it.
//
// A value that is one variable and nothing else takes on the type of its text, so
// `workers: ${N}` can be an integer; quoted, it is text, which settings of other
// types read all the same. Places keep pointing at the text that was written.
func Substitute(v *Value, lookup func(name string) (Variable, bool), list *diag.List) (used []string) {
	s := substitution{lookup: lookup, list: list}
	s.walk(v)
	return s.used
}

type substitution struct {
	lookup func(string) (Variable, bool)
	list   *diag.List
	used   []string
}

func (s *substitution) walk(v *Value) {
	if v == nil {
		return
	}
	for i := range v.Entries {
		e := &v.Entries[i]
		if strings.Contains(e.Key, "${") {
			s.list.Add(diag.BadVariable, e.KeySpan, "a variable cannot be used in a key")
		}
		s.walk(e.Value)
	}
	for _, item := range v.Items {
		s.walk(item)
	}
	if v.Kind == Scalar && v.Type == String && !v.Bad && strings.Contains(v.Text, "$") {
		s.scalar(v)
	}
}

// scalar replaces the variables of one text.
func (s *substitution) scalar(v *Value) {
	written := v.Text
	_, size := cutReference(written)
	v.loose = size == len(written)
	text, ok := s.expand(v, written, 0, 0)
	if !ok {
		v.Bad, v.pieces = true, nil
		return
	}
	v.Text = text
	if v.loose && v.Style == Plain && !v.Secret && text != "" {
		v.Kind, v.Type = resolve(text)
	}
}

// expand replaces the variables in a part of the text of a value that starts at a
// character of the written text. Parts within defaults are deeper.
func (s *substitution) expand(v *Value, part string, start, deep int) (text string, ok bool) {
	var out strings.Builder
	ok = true
	for at := 0; at < len(part); {
		next := strings.IndexByte(part[at:], '$')
		if next < 0 {
			out.WriteString(part[at:])
			break
		}
		out.WriteString(part[at : at+next])
		at += next
		ref, size := cutReference(part[at:])
		value := Variable{Text: "$"}
		from := start + utf8.RuneCountInString(part[:at])
		switch {
		case strings.HasPrefix(part[at:], "$$"):
			size = 2
		case size > 0:
			var good bool
			value, good = s.value(v, ref, from, utf8.RuneCountInString(part[at:at+size]), deep)
			ok = ok && good
		case strings.HasPrefix(part[at:], "${"):
			s.list.Add(diag.BadVariable, v.placeOf(from, from+1), "the variable is not closed").
				WithHint("write ${NAME}, or $${ for the characters as such")
			return part, false
		default:
			size = 1
		}
		if deep == 0 && size > 1 {
			p := pieceOf(&out, value.Text, part[:at], part[at:at+size])
			if size > len("$$") {
				p.variable, p.secret = &value, isSecret(ref)
			}
			v.pieces = append(v.pieces, p)
		}
		out.WriteString(value.Text)
		at += size
	}
	return out.String(), ok
}

// pieceOf says where a text that replaces ref stands, and where ref stood.
func pieceOf(out *strings.Builder, text, before, ref string) piece {
	from, written := utf8.RuneCountInString(out.String()), utf8.RuneCountInString(before)
	return piece{
		from: from, to: from + utf8.RuneCountInString(text),
		writtenFrom: written, writtenTo: written + utf8.RuneCountInString(ref),
	}
}

// cutReference gives what stands within the ${} at the start of a text, and the
// length of it all; 0 if there is none.
func cutReference(s string) (ref string, size int) {
	if !strings.HasPrefix(s, "${") {
		return "", 0
	}
	depth := 0
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '{' && s[i-1] == '$':
			depth++
		case s[i] == '}':
			if depth--; depth == 0 {
				return s[2:i], i + 1
			}
		}
	}
	return "", 0
}

var (
	variableName = regexp.MustCompile(`^(env:)?[A-Za-z_][A-Za-z0-9_]*`)
	fileName     = regexp.MustCompile(`^file:.*?(:[-?]|$)`)
)

// isSecret reports whether a reference is one to a secret.
func isSecret(ref string) bool {
	return strings.HasPrefix(ref, "env:") || strings.HasPrefix(ref, "file:")
}

// maxDefaults bounds how deep variables may stand in the defaults of others.
const maxDefaults = 8

// value gives what a reference stands for. It is written at a character of the
// text of the value.
func (s *substitution) value(v *Value, ref string, at, width, deep int) (value Variable, ok bool) {
	place := v.placeOf(at, at+width-1)
	name := variableName.FindString(ref)
	if file := fileName.FindString(ref); file != "" {
		name = strings.TrimSuffix(strings.TrimSuffix(file, ":-"), ":?")
	}
	rest := ref[len(name):]
	fallback, hasDefault := strings.CutPrefix(rest, ":-")
	message, hasMessage := strings.CutPrefix(rest, ":?")
	switch {
	case ref == "":
		s.list.Add(diag.BadVariable, place, "the variable has no name").WithHint("write ${NAME}, or $${ for the characters as such")
		return Variable{}, false
	case name == "":
		s.list.Add(diag.BadVariable, place, "%q is not the name of a variable", shorten(ref)).WithHint("write ${NAME}: letters, digits and underscores; or $${ for the characters as such")
		return Variable{}, false
	case rest != "" && !hasDefault && !hasMessage:
		d := s.list.Add(diag.BadVariable, place, "%q cannot follow the name of a variable", shorten(rest))
		if text := strings.TrimLeft(rest, ":-=? "); text != "" {
			d.WithHint("for a default write ${%s:-%s}", name, text)
		}
		return Variable{}, false
	case deep > maxDefaults:
		s.list.Add(diag.BadVariable, place, "too many variables within defaults")
		return Variable{}, false
	}
	v.Secret = v.Secret || isSecret(ref)
	if !slices.Contains(s.used, name) {
		s.used = append(s.used, name)
	}
	value, set := s.lookup(name)
	switch {
	case set && (value.Text != "" || rest == ""):
		return value, true
	case hasDefault:
		start := at + len("${") + utf8.RuneCountInString(name) + len(":-")
		value.Text, ok = s.expand(v, fallback, start, deep+1)
		if value.At = (diag.Span{}); value.Text == fallback {
			value.At = v.placeOf(start, start+utf8.RuneCountInString(fallback)-1)
		}
		return value, ok
	case hasMessage && message != "":
		s.list.Add(diag.BadVariable, place, "%s", message).WithHint("%s", howToSet(name))
	case set:
		s.list.Add(diag.BadVariable, place, "%s is empty", nameWords(name)).WithHint("%s", howToSet(name))
	case strings.HasPrefix(name, "file:"):
		s.list.Add(diag.BadVariable, place, "%s cannot be read", nameWords(name)).WithHint("%s", howToSet(name))
	default:
		s.list.Add(diag.BadVariable, place, "%s is not set", nameWords(name)).WithHint("%s", howToSet(name))
	}
	return Variable{}, false
}

func nameWords(name string) string {
	if env, ok := strings.CutPrefix(name, "env:"); ok {
		return "the environment variable " + env
	}
	if file, ok := strings.CutPrefix(name, "file:"); ok {
		return "the secret file " + file
	}
	return "the variable " + name
}

func howToSet(name string) string {
	if env, ok := strings.CutPrefix(name, "env:"); ok {
		return "set " + env + " in the environment"
	}
	if file, ok := strings.CutPrefix(name, "file:"); ok {
		return "put the secret into " + file
	}
	return "set it with -s " + name + "=value, or give a default: ${" + name + ":-value}"
}

// A Part is a stretch of a text: as its author wrote it, or what a variable stands for.
type Part struct {
	Text        string
	Variable    *Variable // nil: as written
	first, last int       // characters of the written text
}

// Parts gives the stretches of a scalar in which variables stand beside other text. It
// is empty if there is no variable in it, or nothing else.
func (v *Value) Parts() []Part {
	if v == nil || v.loose || !slices.ContainsFunc(v.pieces, func(p piece) bool { return p.variable != nil }) {
		return nil
	}
	var parts []Part
	text, at, shift := []rune(v.Text), 0, 0
	written := func(to int) {
		if to > at {
			parts = append(parts, Part{Text: string(text[at:to]), first: at + shift, last: to - 1 + shift})
		}
	}
	for _, p := range v.pieces {
		written(p.from)
		parts = append(parts, Part{Text: string(text[p.from:p.to]), Variable: p.variable, first: p.writtenFrom, last: p.writtenTo - 1})
		at, shift = p.to, p.writtenTo-p.to
	}
	written(len(text))
	return parts
}

// AtPart gives the place of a stretch that begins at a character of one part and ends
// with a character of another, or of the same. That of a variable is all of it.
func (v *Value) AtPart(from Part, first int, to Part, last int) diag.Span {
	first, last = from.first+first, to.first+last
	if from.Variable != nil {
		first = from.first
	}
	if to.Variable != nil {
		last = to.last
	}
	return v.placeOf(first, last)
}
