package config

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file finds out what is wrong with a text that is no YAML, and says so better
// than yaml.v3.

// explain reports why yaml.v3 could not read the text. Its messages name no
// column, often the wrong line or none, and the words of a parser's author. So
// the text is read a second time by a linter that knows the mistakes people make;
// only where that finds nothing are yaml.v3's words translated.
func (t *text) explain(err error, reached int, list *diag.List) {
	reached = min(reached, len(t.body))
	l := linter{text: t, b: t.body, reached: reached, list: list}
	if l.run(); l.found {
		return
	}
	message := err.Error()
	at := reached
	for at > 0 && isGap(t.body, at-1) {
		at--
	}
	row := t.row(max(at-1, 0))
	from := skipBlanks(t.body, t.rows[row-1])
	span := t.span(from, t.rowEnd(row))
	for _, w := range parserWords {
		if !strings.Contains(message, w.theirs) {
			continue
		}
		if d := list.Add(w.code, span, "%s", w.ours); w.hint != "" {
			d.WithHint("%s", w.hint)
		}
		return
	}
	message = regexp.MustCompile(`^yaml: (line [0-9]+: )?`).ReplaceAllString(message, "")
	list.Add(diag.BadYAML, span, "this is not YAML: %s", message)
}

// parserWords translates messages of yaml.v3.
var parserWords = []struct {
	theirs string
	code   diag.Code
	ours   string
	hint   string
}{
	{"exceeded max depth", diag.TooLarge, "collections are nested too deep", ""},
	{"did not find expected ',' or ']'", diag.BadYAML, "a comma or the closing ] is missing here or before", "a text with [ ] { } , in it must be quoted"},
	{"did not find expected ',' or '}'", diag.BadYAML, "a comma or the closing } is missing here or before", "a text with [ ] { } , in it must be quoted"},
	{"did not find expected key", diag.BadYAML, "this does not fit what is above it", "the keys of a mapping line up under each other; a text with signs in it must be quoted"},
	{"did not find expected '-' indicator", diag.BadYAML, "want the next item of the list, starting with -", ""},
	{"did not find expected node content", diag.BadYAML, "a value is missing here", ""},
	{"mapping values are not allowed", diag.BadYAML, "a colon followed by a space makes a key, and no key is allowed here", "if it is a text, quote it"},
	{"mapping keys are not allowed", diag.BadYAML, "no key is allowed here", "if it is a text, quote it"},
	{"block sequence entries are not allowed", diag.BadYAML, "no list can begin here", "begin it on a line of its own"},
	{"could not find expected ':'", diag.BadYAML, "a colon is missing after this key", ""},
	{"alphabetic or numeric character", diag.BadYAML, "a text cannot start with & or *", "quote it"},
	{"cannot start any token", diag.BadYAML, "a text cannot start with this sign", "quote it"},
	{"found unexpected end of stream", diag.BadYAML, "a quote is not closed", ""},
	{"document indicator", diag.BadYAML, "a quote is not closed before the end of the document", ""},
	{"tab character", diag.BadYAML, "a tab cannot indent", "indent with spaces"},
	{"parsing a tag", diag.BadYAML, "a text cannot start with !", "quote it"},
	{"tag", diag.BadYAML, "a text cannot start with !", "quote it"},
	{"directive", diag.BadYAML, "a line that starts with % is a directive of YAML, and this is none", ""},
	{"expected <document start>", diag.BadYAML, "this is one value too many: the text ended above", "a text is one mapping, whose keys line up under each other"},
	{"YAML document", diag.BadYAML, "this version of YAML is not known", "leave the line out"},
}

// A linter walks through a text that is not YAML and looks for the first mistake
// that it knows. It understands lines, quotes, brackets and blocks, and only as
// much as it needs: it never sees a text that is right.
type linter struct {
	text    *text
	b       []byte
	reached int // yaml.v3 found its problem here or before
	list    *diag.List
	found   bool

	at      int // the next line
	stop    bool
	levels  []level
	open    bool // the last line ended with a key or dash that waits for its value
	anchors []string
}

// A level is a block mapping or sequence that lines may continue.
type level struct {
	col   int // from 0
	items bool
}

// report adds a problem, if it is not behind the place where yaml.v3 stopped, and
// ends the walk.
func (l *linter) report(from, to int, hint, format string, args ...any) {
	if l.stop {
		return
	}
	l.stop = true
	if from > l.reached {
		return
	}
	l.found = true
	l.list.Add(diag.BadYAML, l.text.span(from, to), format, args...).WithHint("%s", hint)
}

// run walks through the lines.
func (l *linter) run() {
	for !l.stop && l.at < len(l.b) {
		start := l.at
		text := start
		for text < len(l.b) && l.b[text] == ' ' {
			text++
		}
		full := skipBlanks(l.b, text)
		l.at = nextLine(l.b, start)
		switch {
		case full > text: // even on a line with nothing else
			l.report(text, full, "indent with spaces", "a tab cannot indent")
		case lineEnd(l.b, full) == full || l.b[full] == '#':
		case text == start && (l.b[text] == '%' || l.isMarker(text)):
			l.levels, l.open = nil, true
		default:
			l.line(start, text)
		}
	}
}

func (l *linter) isMarker(at int) bool {
	return strings.HasPrefix(string(l.b[at:min(at+3, len(l.b))]), "---") && isGap(l.b, at+3) ||
		strings.HasPrefix(string(l.b[at:min(at+3, len(l.b))]), "...") && isGap(l.b, at+3)
}

// top is the innermost level; its column is -1 if there is none.
func (l *linter) top() level {
	if len(l.levels) == 0 {
		return level{col: -1}
	}
	return l.levels[len(l.levels)-1]
}

// line checks a line of block structure.
func (l *linter) line(start, text int) {
	col := text - start
	dash := l.b[text] == '-' && isGap(l.b, text+1)
	var last level
	closed := false
	for top := l.top(); top.col > col || top.col == col && top.items && !dash; top = l.top() {
		l.levels, closed, last = l.levels[:len(l.levels)-1], true, top
	}
	end := l.text.rowEnd(l.text.row(text))
	switch top := l.top(); {
	case closed && top.col < col && last.col == col && l.b[text] == '-':
		l.report(text, end, "put a space after the dash: - "+string(l.b[text+1:end]), "want the next item of the list")
		return
	case closed && top.col < col && last.col == col:
		l.report(text, end, "a mapping has keys, a list has items, and they cannot be mixed", "a key among the items of a list")
		return
	case closed && top.col < col:
		hint := "it starts in column " + strconv.Itoa(col+1) + ", those above in " + strconv.Itoa(last.col+1)
		if top.col >= 0 {
			hint += " or " + strconv.Itoa(top.col+1)
		}
		l.report(text, end, hint, "the indentation fits no line above")
		return
	case top.col >= 0 && top.col < col && !l.open:
		l.report(text, end, "indent it like the line above, or quote the value above if this is a part of it", "unexpected indentation: the line above is complete")
		return
	}
	for dash {
		if top := l.top(); top.col < col || top.col == col && !top.items && l.open {
			l.levels = append(l.levels, level{col, true})
		} else if !top.items {
			l.report(text, text+1, "a mapping has keys, a list has items, and they cannot be mixed", "a list item among keys")
			return
		}
		if text = skipBlanks(l.b, text+1); l.endsHere(text) {
			l.open = true
			return
		}
		col, l.open = text-start, true
		dash = l.b[text] == '-' && isGap(l.b, text+1)
	}
	switch c := l.b[text]; {
	case c == '?' && isGap(l.b, text+1):
		l.stop = true // long keys are beyond this linter
		return
	case c == ':' && isGap(l.b, text+1):
		l.report(text, text+1, "", "a key is missing before the colon")
		return
	}
	l.entry(text, col)
}

// endsHere reports whether nothing but a comment is left on a line.
func (l *linter) endsHere(at int) bool {
	return lineEnd(l.b, at) == at || l.b[at] == '#' && (at == 0 || isGap(l.b, at-1))
}

// entry checks a key with its value, or a value that stands alone.
func (l *linter) entry(text, col int) {
	end, isKey := l.node(text, l.top().col)
	if l.stop {
		return
	}
	l.open = false
	if !isKey {
		if top := l.top(); top.col == col && !top.items {
			l.missingColon(text)
		}
		return
	}
	if l.top().col < col {
		l.levels = append(l.levels, level{col, false})
	}
	value := skipBlanks(l.b, end)
	if l.endsHere(value) {
		l.open = true
		return
	}
	if l.b[value] == '-' && isGap(l.b, value+1) {
		l.report(value, value+1, "begin the list on the next line, or write [a, b]", "a list cannot begin on the line of its key")
		return
	}
	after, second := l.node(value, col)
	if l.stop {
		return
	}
	if second {
		l.colonInText(value, after-1)
		return
	}
	// `key: &name` and `key: !!map` go on in the next lines.
	l.open = after <= value
}

func (l *linter) missingColon(text int) {
	end := l.text.rowEnd(l.text.row(text))
	line := string(l.b[text:end])
	hint := "a key ends with a colon: " + shorten(line) + ":"
	if key, value, ok := strings.Cut(line, " "); ok && settingName.MatchString(key) {
		hint = "a key ends with a colon: " + key + ": " + shorten(strings.TrimSpace(value))
	}
	if key, value, ok := strings.Cut(line, ":"); ok {
		hint = "put a space after the colon: " + key + ": " + strings.TrimSpace(value)
	} else if item, ok := strings.CutPrefix(line, "-"); ok {
		hint = "put a space after the dash: - " + item
	}
	l.report(text, end, hint, "a colon is missing after this key")
}

// colonInText reports `a: b: c`.
func (l *linter) colonInText(from, colon int) {
	end := l.text.rowEnd(l.text.row(from))
	whole := strings.TrimSpace(string(l.b[from:end]))
	l.report(colon, colon+1, "quote the value: "+hintQuoted(whole), "a colon followed by a space is not allowed in unquoted text")
}
