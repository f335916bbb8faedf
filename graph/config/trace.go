package config

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/diag"
)

// An origin is how the text of a value was written. yaml.v3 gives the decoded
// text of a scalar and where it starts, no more; the way back from a character
// to its place is found by decoding the raw text a second time, here, with every
// decoded character emitted together with its place.
type origin struct {
	text  *text
	start int    // the first byte, behind anchor and tag
	value string // the decoded text, before variables are replaced
}

// endOnLine gives the byte at which a scalar ends, or any byte behind the line
// if it goes on.
func (o *origin) endOnLine(style Style) int {
	t := tracer{b: o.text.body}
	switch style {
	case SingleQuoted:
		return t.single(o.start)
	case DoubleQuoted:
		return t.double(o.start)
	case Plain:
		return t.plain(o.start, utf8.RuneCountInString(o.value))
	}
	end := lineEnd(t.b, o.start)
	if i := bytes.IndexByte(t.b[o.start:end], '#'); i >= 0 {
		end = o.start + i
	}
	return o.start + len(bytes.TrimRight(t.b[o.start:end], " \t"))
}

// A mark is where one decoded character is written, in bytes.
type mark struct{ from, to int }

// A tracer decodes the raw text of one scalar.
type tracer struct {
	b     []byte
	runes []rune
	marks []mark
	last  int // the end of the last line of a block that has text
}

func (t *tracer) emit(r rune, from, to int) {
	t.runes = append(t.runes, r)
	t.marks = append(t.marks, mark{from, to})
}

// copy emits the character at a byte as it is and gives the byte behind it.
func (t *tracer) copy(at int) int {
	r, size := utf8.DecodeRune(t.b[at:])
	t.emit(r, at, at+size)
	return at + size
}

// At gives the place of width characters of the scalar's text that start at an
// offset, both in characters (runes). It is exact for every style of scalar; a
// stretch that comes from a variable is the place of the variable, one that goes
// over several lines ends with the first. Behind the end of the text it is the
// place behind the last character that shows. For other values it is Span.
func (v *Value) At(offset, width int) diag.Span {
	if v == nil {
		return diag.Span{}
	}
	first, last := v.written(max(offset, 0), max(width, 1))
	return v.placeOf(first, last)
}

// placeOf gives the place of the characters of the written text from the first to
// the last.
func (v *Value) placeOf(first, last int) diag.Span {
	if v.origin == nil || v.Kind == Mapping || v.Kind == Sequence {
		return v.Span
	}
	marks, runes, _, ok := v.origin.trace(v.Style)
	if !ok || len(marks) == 0 {
		return v.Span
	}
	t := *v.origin.text // a copy, because finding places moves its cursors
	if first >= len(marks) {
		end := len(marks) - 1
		for end > 0 && unicode.IsSpace(runes[end]) {
			end--
		}
		return t.span(marks[end].to, marks[end].to+1)
	}
	last = min(max(first, last), len(marks)-1)
	return t.span(marks[first].from, marks[last].to)
}

// written maps characters of the text, after variables were replaced, to the
// first and last character of the text as it was decoded.
func (v *Value) written(offset, width int) (first, last int) {
	toWritten := func(at int, end bool) int {
		shift := 0
		for _, p := range v.pieces {
			switch {
			case at < p.from:
				return at + shift
			case at < p.to && end:
				return p.writtenTo - 1
			case at < p.to:
				return p.writtenFrom
			}
			shift = p.writtenTo - p.to
		}
		return at + shift
	}
	return toWritten(offset, false), toWritten(offset+width-1, true)
}

// trace gives the place of every character of the decoded text and the byte
// behind the scalar. It is not ok if the raw text cannot be understood, which is
// a fault of this file that the tests look for.
func (o *origin) trace(style Style) (marks []mark, runes []rune, end int, ok bool) {
	count := utf8.RuneCountInString(o.value)
	t := &tracer{b: o.text.body, marks: make([]mark, 0, count), runes: make([]rune, 0, count)}
	switch style {
	case Plain:
		end = t.plain(o.start, count)
	case SingleQuoted:
		end = t.single(o.start)
	case DoubleQuoted:
		end = t.double(o.start)
	default:
		_, end = t.findBlock(o.start, style == Folded, o.value)
	}
	return t.marks, t.runes, end, string(t.runes) == o.value
}

// plain decodes an unquoted scalar of count characters. The count is known from
// yaml.v3, so the rules for what ends such a scalar are not needed.
func (t *tracer) plain(at, count int) (end int) {
	for len(t.runes) < count && at < len(t.b) {
		if isGap(t.b, at) {
			at = t.fold(at, false)
		} else {
			at = t.copy(at)
		}
	}
	return at
}

// single decodes single quotes, within which a doubled one stands for itself.
func (t *tracer) single(at int) (end int) {
	for at++; at < len(t.b); {
		switch {
		case t.b[at] == '\'' && at+1 < len(t.b) && t.b[at+1] == '\'':
			t.emit('\'', at, at+2)
			at += 2
		case t.b[at] == '\'':
			return at + 1
		case isGap(t.b, at):
			at = t.fold(at, false)
		default:
			at = t.copy(at)
		}
	}
	return at
}

// double decodes "…" with its escapes.
func (t *tracer) double(at int) (end int) {
	for at++; at < len(t.b); {
		switch {
		case t.b[at] == '"':
			return at + 1
		case t.b[at] == '\\' && lineBreak(t.b, at+1) > 0:
			at = t.fold(at+1+lineBreak(t.b, at+1), true)
		case t.b[at] == '\\':
			at = t.escape(at)
		case isGap(t.b, at):
			at = t.fold(at, false)
		default:
			at = t.copy(at)
		}
	}
	return at
}

// escapes are the characters that one letter after a backslash stands for.
var escapes = map[byte]rune{
	'0': 0, 'a': '\a', 'b': '\b', 't': '\t', '\t': '\t', 'n': '\n', 'v': '\v', 'f': '\f', 'r': '\r', 'e': '\x1b',
	' ': ' ', '"': '"', '\'': '\'', '\\': '\\', 'N': '\u0085', '_': '\u00a0', 'L': '\u2028', 'P': '\u2029',
}

// hexEscapes are the lengths of the escapes that give a character's number.
var hexEscapes = map[byte]int{'x': 2, 'u': 4, 'U': 8}

func (t *tracer) escape(at int) int {
	if at+1 >= len(t.b) {
		return len(t.b)
	}
	if digits := hexEscapes[t.b[at+1]]; digits > 0 {
		end := min(at+2+digits, len(t.b))
		code, err := strconv.ParseUint(string(t.b[at+2:end]), 16, 32)
		if err != nil {
			code = unicode.ReplacementChar
		}
		t.emit(rune(code), at, end)
		return end
	}
	t.emit(escapes[t.b[at+1]], at, at+2)
	return at + 2
}

// fold decodes a run of blanks and line ends inside a scalar: without a line end
// the blanks stand for themselves; else one line end is a blank and each further
// one a line end, and the blanks around them are nothing. After an escaped line
// end there is no first one.
func (t *tracer) fold(at int, escaped bool) (next int) {
	start, first := at, -1
	var more []mark
	for ; isGap(t.b, at) && at < len(t.b); at++ {
		width := lineBreak(t.b, at)
		switch {
		case width == 0:
			continue
		case first < 0 && !escaped:
			first = at
		default:
			more = append(more, mark{at, at + width})
		}
		at += width - 1
	}
	switch {
	case first < 0 && !escaped:
		for i := start; i < at; i++ {
			t.emit(rune(t.b[i]), i, i+1)
		}
	case len(more) > 0:
		for _, m := range more {
			t.emit('\n', m.from, m.to)
		}
	case !escaped:
		t.emit(' ', start, first)
	}
	return at
}

// findBlock decodes a | or > block. How far its lines are indented follows from
// the collection around it, which the scalar does not know; so it is taken from
// the first line that shows something, of which the known value has the rest.
func (t *tracer) findBlock(at int, folded bool, value string) (indent, end int) {
	longest, first := 0, 0 // blanks at the start of lines, and of the first that shows
	for line := nextLine(t.b, at); line < len(t.b); line = nextLine(t.b, line) {
		text := line
		for text < len(t.b) && t.b[text] == ' ' {
			text++
		}
		longest = max(longest, text-line)
		if first = text - line; lineEnd(t.b, text) > text {
			break
		}
	}
	// Without anything to show, no line may be indented enough to be text.
	indent = longest + 1
	if text := strings.TrimLeft(value, " \n"); text != "" {
		before := value[:len(value)-len(text)]
		indent = first - (len(before) - 1 - strings.LastIndexByte(before, '\n'))
	}
	indent = max(indent, 1)
	return indent, t.block(at, indent, folded)
}

// block decodes a block whose lines are indented by so many blanks.
func (t *tracer) block(at, indent int, folded bool) (next int) {
	header := t.b[at:lineEnd(t.b, at)]
	if i := bytes.IndexByte(header, '#'); i >= 0 {
		header = header[:i]
	}
	at = nextLine(t.b, at)
	var pending []mark // the line ends since the last text, the first of them its own
	at, pending = t.emptyLines(at, indent, nil)
	for opened, indented := false, false; t.atText(at, indent); {
		text := at + indent
		blank := isBlank(t.b, text)
		if opened && folded && !indented && !blank {
			if len(pending) == 1 {
				t.emit(' ', pending[0].from, pending[0].to)
			}
			pending = pending[1:]
		}
		for _, m := range pending {
			t.emit('\n', m.from, m.to)
		}
		opened, indented = true, blank
		for stop := lineEnd(t.b, text); text < stop; {
			text = t.copy(text)
		}
		pending = pending[:0]
		if width := lineBreak(t.b, text); width > 0 {
			pending = append(pending, mark{text, text + width})
		}
		t.last = text
		at, pending = t.emptyLines(text+lineBreak(t.b, text), indent, pending)
	}
	switch {
	case bytes.IndexByte(header, '+') >= 0:
	case bytes.IndexByte(header, '-') >= 0 || t.last == 0:
		pending = nil
	default:
		pending = pending[:min(1, len(pending))]
	}
	for _, m := range pending {
		t.emit('\n', m.from, m.to)
	}
	return at
}

// atText reports whether a line with text of the block starts at a byte.
func (t *tracer) atText(at, indent int) bool {
	return at+indent < len(t.b) && len(bytes.TrimLeft(t.b[at:at+indent], " ")) == 0
}

// emptyLines passes the lines of a block that have no more than indentation.
func (t *tracer) emptyLines(at, indent int, ends []mark) (next int, all []mark) {
	for {
		text := at
		for text < len(t.b) && text-at < indent && t.b[text] == ' ' {
			text++
		}
		width := lineBreak(t.b, text)
		if width == 0 {
			return at, ends
		}
		ends = append(ends, mark{text, text + width})
		at = text + width
	}
}
