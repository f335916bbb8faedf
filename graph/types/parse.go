package types

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file reads a type as a person writes it.

// A SyntaxError says what is wrong with the text of a type and where.
type SyntaxError struct {
	Code    diag.Code // BadType, UnknownType, BadName or NameClash
	Offset  int       // in characters from the start of the text
	Width   int       // in characters
	Message string
	Hint    string
}

func (e *SyntaxError) Error() string { return e.Message }

// Parse reads a type as a person writes it. names gives the declared types; it
// may be nil. The error is a *SyntaxError.
func Parse(text string, names map[string]*Type) (*Type, error) {
	p := &parser{text: []rune(text), names: names}
	t, err := p.typ()
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(p.text) {
		return nil, p.wrong("unexpected %q after the type %s", string(p.text[p.at:]), t)
	}
	return t, nil
}

type parser struct {
	text  []rune
	at    int
	depth int
	names map[string]*Type
}

// maxDepth bounds nested lists and records.
const maxDepth = 32

func (p *parser) wrong(format string, args ...any) *SyntaxError {
	return &SyntaxError{Code: diag.BadType, Offset: p.at, Width: 1, Message: fmt.Sprintf(format, args...)}
}

func (p *parser) space() {
	for p.at < len(p.text) && unicode.IsSpace(p.text[p.at]) {
		p.at++
	}
}

// accept takes r if it is next.
func (p *parser) accept(r rune) bool {
	if p.space(); p.at < len(p.text) && p.text[p.at] == r {
		p.at++
		return true
	}
	return false
}

func (p *parser) typ() (*Type, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.wrong("types may be nested %d deep at most", maxDepth)
	}
	defer func() { p.depth-- }()
	t, err := p.plain()
	if err != nil {
		return nil, err
	}
	if p.accept('?') {
		t = t.Opt()
	}
	return t, nil
}

func (p *parser) plain() (*Type, error) {
	switch {
	case p.accept('['):
		elem, err := p.typ()
		if err != nil {
			return nil, err
		}
		if !p.accept(']') {
			return nil, p.wrong("want ] after the type of a list")
		}
		return List(elem), nil
	case p.accept('{'):
		return p.record()
	}
	start := p.at
	word := p.word()
	switch word {
	case "":
		if p.at >= len(p.text) {
			return nil, p.wrong("a type is missing")
		}
		return nil, p.wrong("want a type, got %q", string(p.text[p.at]))
	case "decimal":
		return p.decimal(start)
	case "enum":
		return p.enum()
	}
	if t := bases[word]; t != nil {
		return t, nil
	}
	if t := p.names[word]; t != nil {
		return t, nil
	}
	if word == kindNames[KindReply] {
		return nil, noReply(start, p.at)
	}
	e := &SyntaxError{Code: diag.UnknownType, Offset: start, Width: p.at - start, Message: fmt.Sprintf("unknown type %q", word)}
	known := BaseNames()
	for name := range p.names {
		known = append(known, name)
	}
	slices.Sort(known)
	if near, ok := foreign[strings.ToLower(word)]; ok {
		e.Hint = fmt.Sprintf("did you mean %q?", near)
	} else if near := diag.Nearest(word, known); near != "" {
		e.Hint = fmt.Sprintf("did you mean %q?", near)
	} else {
		e.Hint = "the base types are " + strings.Join(BaseNames(), ", ") + "; declare others under `types:`"
	}
	return nil, e
}

// foreign maps what people write who come from elsewhere.
var foreign = map[string]string{
	"integer": "int", "int64": "int", "int32": "int", "long": "int", "bigint": "int", "number": "float", "double": "float",
	"float64": "float", "real": "float", "boolean": "bool", "str": "string", "text": "string", "varchar": "string",
	"timestamp": "time", "datetime": "time", "object": "any", "json": "any", "interval": "duration",
}

func (p *parser) word() string {
	p.space()
	start := p.at
	for p.at < len(p.text) && (p.text[p.at] == '_' || unicode.IsLetter(p.text[p.at]) || p.at > start && unicode.IsDigit(p.text[p.at])) {
		p.at++
	}
	return string(p.text[start:p.at])
}

// record parses behind the opening brace.
func (p *parser) record() (*Type, error) {
	t := &Type{Kind: KindRecord}
	for !p.accept('}') {
		if len(t.Fields) > 0 && !p.accept(',') {
			return nil, p.wrong("want , or } in a record")
		}
		if p.space(); strings.HasPrefix(string(p.text[p.at:]), "...") {
			p.at += 3
			t.Open = true
			if !p.accept('}') {
				return nil, p.wrong("... must be the last in a record")
			}
			return t, nil
		}
		start := p.at
		name, err := p.fieldName()
		if err != nil {
			return nil, err
		}
		width := p.at - start
		if !p.accept(':') {
			return nil, p.wrong("want : after the field name %q", name)
		}
		elem, err := p.typ()
		if err != nil {
			return nil, err
		}
		if t.Index(name) >= 0 {
			return nil, &SyntaxError{Code: diag.NameClash, Offset: start, Width: width, Message: fmt.Sprintf("field %q appears twice", name)}
		}
		t.Fields = append(t.Fields, Field{Name: name, Type: elem})
	}
	return t, nil
}

func (p *parser) fieldName() (string, error) {
	if p.space(); p.at < len(p.text) && (p.text[p.at] == '"' || p.text[p.at] == '\'' || p.text[p.at] == '`') {
		return p.quoted()
	}
	if w := p.word(); w != "" {
		return w, nil
	}
	return "", p.wrong("want a field name")
}

// quoted parses a name in quotes. Double quotes have escapes, because Quote writes
// names of any characters that way.
func (p *parser) quoted() (string, error) {
	quote, start := p.text[p.at], p.at
	for p.at++; p.at < len(p.text) && p.text[p.at] != quote; p.at++ {
		if quote == '"' && p.text[p.at] == '\\' {
			p.at++
		}
	}
	if p.at >= len(p.text) {
		p.at = len(p.text)
		return "", p.wrong("a quote is not closed")
	}
	p.at++
	if quote != '"' {
		return string(p.text[start+1 : p.at-1]), nil
	}
	name, err := strconv.Unquote(string(p.text[start:p.at]))
	if err != nil {
		e := p.wrong("%s is no quoted name", string(p.text[start:p.at]))
		e.Offset, e.Width, e.Hint = start, p.at-start, "write \\\\ for a backslash"
		return "", e
	}
	return name, nil
}

// decimal parses behind the word, which begins at start.
func (p *parser) decimal(start int) (*Type, error) {
	if !p.accept('(') {
		return nil, p.wrong("want decimal(precision,scale), such as decimal(12,2)")
	}
	precision, err := p.number()
	if err != nil {
		return nil, err
	}
	scale := 0
	if p.accept(',') {
		if scale, err = p.number(); err != nil {
			return nil, err
		}
	}
	if !p.accept(')') {
		return nil, p.wrong("want ) after decimal(%d,%d", precision, scale)
	}
	if precision < 1 || precision > 18 || scale > precision {
		e := p.wrong("decimal(%d,%d): precision goes from 1 to 18, scale from 0 to precision", precision, scale)
		e.Offset, e.Width = start, p.at-start
		return nil, e
	}
	return Decimal(precision, scale), nil
}

func (p *parser) number() (int, error) {
	p.space()
	start := p.at
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' && p.at-start < 4 {
		p.at++
	}
	n, err := strconv.Atoi(string(p.text[start:p.at]))
	if err != nil {
		return 0, p.wrong("want a number")
	}
	return n, nil
}

func (p *parser) enum() (*Type, error) {
	if !p.accept('(') {
		return nil, p.wrong("want enum(a|b), the words it may be")
	}
	var words []string
	for {
		p.space()
		start := p.at
		for p.at < len(p.text) && p.text[p.at] != '|' && p.text[p.at] != ')' {
			p.at++
		}
		word := strings.TrimSpace(string(p.text[start:p.at]))
		if word == "" || slices.Contains(words, word) {
			return nil, p.wrong("the words of an enum must not be empty or repeated, got %q", word)
		}
		words = append(words, word)
		if p.accept(')') {
			return Enum(words...), nil
		}
		if !p.accept('|') {
			return nil, p.wrong("want | or ) in an enum")
		}
	}
}
