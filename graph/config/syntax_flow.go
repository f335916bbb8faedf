package config

import (
	"strconv"
	"strings"
)

// How the linter passes {} and [].

// A bracket is a [ or { that is open.
type bracket struct {
	at    int
	colon bool // the entry at hand had its colon
}

// flow passes a {} or [] with all that is in it.
func (l *linter) flow(at int) (end int) {
	var open []bracket
	begun := -1       // where the text at hand began, -1 between texts
	complete := false // a value has ended, and no comma followed
	for i := at; i < len(l.b) && !l.stop; {
		c := l.b[i]
		switch {
		case c == '#' && isGap(l.b, i-1):
			i = lineEnd(l.b, i)
		case lineBreak(l.b, i) > 0:
			i += lineBreak(l.b, i)
			if complete || begun >= 0 {
				l.nextFlowLine(open, i)
			}
		case isBlank(l.b, i):
			i++
		case c == ',':
			i, begun, complete = i+1, -1, false
			open[len(open)-1].colon = false
		case c == ']' || c == '}':
			last := open[len(open)-1].at
			if (c == ']') != (l.b[last] == '[') {
				l.report(i, i+1, "", "%c closes the %c of line %d", c, l.b[last], l.text.row(last))
				return i
			}
			i, begun, complete = i+1, -1, true
			if open = open[:len(open)-1]; len(open) == 0 {
				return i
			}
		case begun >= 0 && (c == '[' || c == '{'):
			l.bracketInText(begun, i)
		case c == ':' && isGap(l.b, i+1):
			l.flowColon(&open[len(open)-1], i, begun < 0 && !complete)
			i, begun, complete = i+1, -1, false
		case begun >= 0:
			i++
		case complete:
			l.textAfter(i, i, i)
		case c == '[' || c == '{':
			open = append(open, bracket{at: i})
			i++
		case c == '"' || c == '\'':
			i, complete = l.flowQuoted(i), true
		case c == '*':
			i, complete = l.alias(i, ",]}"), true
		case c == '&' || c == '!':
			i = l.property(i, i)
		case strings.IndexByte("@`%|>", c) >= 0:
			l.report(i, i+1, "quote the text", "a text cannot start with %c", c)
		default:
			begun = i
			i++
		}
	}
	if len(open) > 0 {
		last := open[len(open)-1].at
		l.report(last, last+1, "", "this %c is not closed", l.b[last])
	}
	return len(l.b)
}

// flowColon looks at a colon within brackets, which follows a key or nothing.
func (l *linter) flowColon(b *bracket, at int, nothing bool) {
	if b.colon {
		l.report(at, at+1, "quote the value, or put a comma before the next key", "a colon followed by a space is not allowed in unquoted text")
	} else if nothing {
		l.report(at, at+1, "", "a key is missing before the colon")
	}
	b.colon = true
}

// flowQuoted passes a quoted text within brackets.
func (l *linter) flowQuoted(at int) (end int) {
	if end = l.quoted(at); l.stop {
		return end
	}
	after := skipBlanks(l.b, end)
	if l.endsHere(after) || strings.IndexByte(",]}:", l.b[after]) >= 0 {
		return end
	}
	if row := l.text.row(at); row != l.text.row(end) {
		l.report(at, l.text.rowEnd(row), "the next quote is on line "+strconv.Itoa(l.text.row(end-1)), "this quote is not closed on its line")
		return end
	}
	stop := after
	for lineEnd(l.b, stop) > stop && strings.IndexByte(",]}", l.b[stop]) < 0 {
		stop++
	}
	l.report(after, stop, "quote all of it: "+hintQuoted(strings.TrimSpace(string(l.b[at:stop]))), "this text follows the end of a value")
	return end
}

// nextFlowLine looks at a line that follows a value without a comma: a key there
// means that the comma or the bracket before it was forgotten.
func (l *linter) nextFlowLine(open []bracket, line int) {
	text := skipBlanks(l.b, line)
	if text >= len(l.b) || l.b[text] == '#' {
		return
	}
	if _, isKey := l.plainLine(text); !isKey || strings.IndexByte("{}[],:", l.b[text]) >= 0 {
		return
	}
	last := open[len(open)-1].at
	row := l.text.row(last)
	indent := skipBlanks(l.b, l.text.rows[row-1]) - l.text.rows[row-1]
	if text-line <= indent {
		l.report(last, last+1, "", "this %c is not closed", l.b[last])
		return
	}
	end := line
	for end > 0 && isGap(l.b, end-1) {
		end--
	}
	l.report(end, end+1, "", "a comma is missing after this value")
}

// bracketInText reports a [ or { within a text.
func (l *linter) bracketInText(begun, at int) {
	stop := at
	for depth := 0; lineEnd(l.b, stop) > stop; stop++ {
		if c := l.b[stop]; c == '[' || c == '{' {
			depth++
		} else if c == ']' || c == '}' {
			if depth--; depth < 0 {
				break
			}
		} else if c == ',' && depth == 0 {
			break
		}
	}
	whole := hintQuoted(strings.TrimSpace(string(l.b[begun:stop])))
	if l.b[at] == '{' && l.b[at-1] == '$' {
		l.report(at-1, stop, "quote it: "+whole, "inside {} and [] a variable must be quoted")
		return
	}
	l.report(at, at+1, "quote it: "+whole, "inside {} and [] a text with %c must be quoted", l.b[at])
}
