package config

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/graph/diag"
)

// How the linter passes one value in block structure.

// node checks one node of block structure whose parent stands at a column. It
// gives the byte behind the node on its line, and whether it is a key, in which
// case the byte is the one behind the colon. Lines that belong to the node are
// passed.
func (l *linter) node(at, col int) (end int, isKey bool) {
	start := at
	for at < len(l.b) && (l.b[at] == '&' || l.b[at] == '!') {
		at = l.property(start, at)
		if l.stop || l.endsHere(at) {
			return start, false
		}
	}
	switch c := l.b[at]; {
	case c == '*':
		end = l.alias(at, "")
	case c == '"' || c == '\'':
		end = l.quoted(at)
	case c == '[' || c == '{':
		end = l.flow(at)
	case c == '|' || c == '>':
		return l.block(at, col), false
	case strings.IndexByte("@`%]},", c) >= 0:
		l.report(at, at+1, "quote it: "+l.quotedLine(at), "a text cannot start with %c", c)
		return at, false
	default:
		return l.plain(at, col)
	}
	if l.stop {
		return end, false
	}
	l.at = max(l.at, nextLine(l.b, end))
	after := skipBlanks(l.b, end)
	switch {
	case l.endsHere(after):
		return end, false
	case l.b[after] == ':' && isGap(l.b, after+1):
		return after + 1, true
	}
	l.textAfter(at, end, after)
	return end, false
}

// quotedLine is the rest of a line, in quotes.
func (l *linter) quotedLine(at int) string {
	return hintQuoted(string(l.b[at:l.text.rowEnd(l.text.row(at))]))
}

// property passes an anchor or a tag with the blanks behind it. The node to which
// it belongs starts at a byte before it.
func (l *linter) property(start, at int) int {
	end := at
	for !isGap(l.b, end) {
		end++
	}
	name := string(l.b[at+1 : end])
	if l.b[at] == '&' {
		if !anchorName.MatchString(name) {
			l.report(start, end, "quote it: "+l.quotedLine(start), "a text cannot start with %c", l.b[start])
		}
		l.anchors = append(l.anchors, name)
	} else if !tagName.MatchString(name) {
		l.report(start, end, "quote it: "+l.quotedLine(start), "a text cannot start with %c", l.b[start])
	}
	return skipBlanks(l.b, end)
}

var (
	anchorName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	tagName    = regexp.MustCompile(`^(<[^>]*>|!?[A-Za-z0-9_.:/%#-]*)$`)
)

// alias passes `*name`, which ends at a blank or at one of the signs.
func (l *linter) alias(at int, signs string) (end int) {
	end = at + 1
	for !isGap(l.b, end) && strings.IndexByte(signs, l.b[end]) < 0 {
		end++
	}
	name := string(l.b[at+1 : end])
	if slices.Contains(l.anchors, name) {
		return end
	}
	hint := "if it is a text, quote it: " + hintQuoted(string(l.b[at:end]))
	if near := diag.Nearest(shorten(name), l.anchors); near != "" {
		hint = "did you mean *" + near + "?"
	}
	if !anchorName.MatchString(name) {
		l.report(at, end, hint, "a text cannot start with *")
	} else {
		l.report(at, end, hint, "there is no anchor &%s above", name)
	}
	return end
}

// textAfter reports what stands on a line behind a node that has ended.
func (l *linter) textAfter(at, end, after int) {
	row := l.text.row(at)
	if c := l.b[at]; (c == '"' || c == '\'') && l.text.row(end) != row {
		l.report(at, l.text.rowEnd(row), "the next quote is on line "+strconv.Itoa(l.text.row(end-1)), "this quote is not closed on its line")
		return
	}
	stop := l.text.rowEnd(l.text.row(end))
	if l.text.row(end) != row {
		l.report(after, stop, "", "this text follows the end of a value")
		return
	}
	hint := "quote all of it: " + hintQuoted(string(l.b[at:stop]))
	if c := l.b[at]; l.b[stop-1] == c && after == end && c == '"' {
		hint = `within double quotes write \" for a quote`
	} else if l.b[stop-1] == c && after == end && c == '\'' {
		hint = "within single quotes write '' for a quote"
	}
	l.report(after, stop, hint, "this text follows the end of a value")
}

// quoted passes a quoted text.
func (l *linter) quoted(at int) (end int) {
	quote := l.b[at]
	for end = at + 1; end < len(l.b); end++ {
		switch {
		case quote == '"' && l.b[end] == '\\':
			l.checkEscape(end)
			end++
		case l.b[end] == quote && quote == '\'' && end+1 < len(l.b) && l.b[end+1] == '\'':
			end++
		case l.b[end] == quote:
			return end + 1
		}
	}
	l.report(at, l.text.rowEnd(l.text.row(at)), "", "this quote is not closed")
	return len(l.b)
}

func (l *linter) checkEscape(at int) {
	if at+1 >= len(l.b) || lineBreak(l.b, at+1) > 0 {
		return
	}
	c := l.b[at+1]
	digits := hexEscapes[c]
	if _, known := escapes[c]; known && digits == 0 {
		return
	}
	given := l.b[at+2 : min(at+2+digits, len(l.b))]
	if hex := bytes.Trim(given, "0123456789abcdefABCDEF"); digits > 0 && len(given) == digits && len(hex) == 0 {
		return
	}
	l.report(at, at+2+digits, `in double quotes write \\ for a backslash, or use single quotes`, "%s is not an escape in double quotes", string(l.b[at:min(at+2, len(l.b))]))
}

// block passes a | or > block.
func (l *linter) block(at, col int) (end int) {
	end = lineEnd(l.b, at)
	if !blockHeader.Match(l.b[at:end]) {
		l.report(at, end, "begin the text on the next line; if it starts with this sign itself, quote it", "%c begins a block, whose text is in the lines below", l.b[at])
		return end
	}
	indent := -1
	for next := l.at; next < len(l.b); next = nextLine(l.b, next) {
		text := next
		for text < len(l.b) && l.b[text] == ' ' {
			text++
		}
		if text < len(l.b) && l.b[text] == '\t' && (indent < 0 || text-next <= col) {
			l.report(text, text+1, "indent with spaces", "a tab cannot indent")
			return end
		}
		if full := lineEnd(l.b, text) > text; full && text-next <= col {
			break
		} else if full && indent < 0 {
			indent = text - next
		} else if full && text-next < indent && l.b[text] != '#' {
			l.report(text, l.text.rowEnd(l.text.row(text)), "indent it like the first line of the text", "this line is indented less than the text to which it belongs")
			return end
		}
		l.at = nextLine(l.b, next)
	}
	return end
}

var blockHeader = regexp.MustCompile(`^[|>]([-+]?[1-9]?|[1-9][-+])[ \t]*([ \t]#.*)?$`)

// plain passes a text without quotes: a key, or a value with the lines that
// continue it.
func (l *linter) plain(at, col int) (end int, isKey bool) {
	end, isKey = l.plainLine(at)
	if isKey {
		return end, true
	}
	first := at
	for end == lineEnd(l.b, end) && l.at < len(l.b) {
		text := l.at
		for text < len(l.b) && isGap(l.b, text) {
			text++
		}
		if text >= len(l.b) {
			break
		}
		row := l.text.row(text)
		if text-l.text.rows[row-1] <= col || l.b[text] == '#' {
			break
		}
		if bytes.IndexByte(l.b[l.text.rows[row-1]:text], '\t') >= 0 {
			l.report(l.text.rows[row-1], text, "indent with spaces", "a tab cannot indent")
			return end, false
		}
		if end, isKey = l.plainLine(text); isKey && l.isKeyPlace(first, text-l.text.rows[row-1]) {
			l.missingColon(first)
			return end, false
		} else if isKey {
			l.report(text, end, "indent it like the key above, or quote the value above if this is a part of it",
				"this key is indented under %s, which is a value already", quoteText(shorten(string(l.b[first:l.text.rowEnd(l.text.row(first))]))))
			return end, false
		}
		l.at = nextLine(l.b, text)
	}
	return end, false
}

// isKeyPlace reports whether a text stands where a key should, judging by a key in
// a line below it: it has its line for itself, and the key stands at its column or
// another key stood there before.
func (l *linter) isKeyPlace(at, below int) bool {
	start := l.text.rows[l.text.row(at)-1]
	top := l.top()
	return len(bytes.Trim(l.b[start:at], " -")) == 0 && (below <= at-start || top.col == at-start && !top.items)
}

// plainLine finds the end of a text without quotes on its line: a colon before a
// blank, a comment, or the end of the line.
func (l *linter) plainLine(at int) (end int, isKey bool) {
	for end = at; lineEnd(l.b, end) > end; end++ {
		switch {
		case l.b[end] == ':' && isGap(l.b, end+1):
			return end + 1, true
		case l.b[end] == '#' && end > at && isGap(l.b, end-1):
			return end, false
		}
	}
	return end, false
}
