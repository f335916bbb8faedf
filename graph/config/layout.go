package config

import (
	"bytes"
	"sort"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// A layout walks through the lines of a text that is YAML and writes them again
// at their new indentation. Only the structure of lines counts for that: keys,
// dashes and their columns.
type layout struct {
	text   *text
	b      []byte
	keys   map[int]int     // where the keys of block mappings begin and end
	owners map[int]*extent // of the lines within texts and brackets
	begins map[int]*extent // of the lines on which they begin

	levels  []column
	waiting []remark
	out     bytes.Buffer
	lines   int // written so far
	refused bool
	beside  beside   // of the line that is made
	table   []beside // all of them
}

// A column is a block collection, where its lines stood and where they stand now.
type column struct {
	old, new int
	items    bool
}

// A remark is a comment or an empty line (column -1) that is not written yet.
type remark struct {
	col  int
	text string
}

// lineOf gives the line of a byte, from 0, as YAML counts lines.
func (l *layout) lineOf(at int) int {
	return sort.Search(len(l.text.lines), func(i int) bool { return l.text.lines[i] > at }) - 1
}

func (l *layout) run() []byte {
	for i, start := range l.text.lines {
		end := lineEnd(l.b, start)
		text := start
		for text < end && l.b[text] == ' ' {
			text++
		}
		owner, full := l.owners[i], skipBlanks(l.b, text)
		switch {
		case owner != nil && owner.block:
			l.write(owner.floor, string(l.b[min(start+owner.indent, end):end]))
		case owner != nil:
			l.write(max(text-start+owner.shift, owner.floor), l.trimmed(owner, text, end))
		case full == end:
			l.wait(remark{-1, ""})
		case l.b[full] == '#':
			l.wait(remark{full - start, l.trimmed(nil, full, end)})
		case l.b[start] == '%' || l.isMarker(start):
			l.marker(start, end)
		default:
			l.structure(i, start, text, end)
		}
	}
	for n := len(l.waiting); n > 0 && l.waiting[n-1].col < 0; n-- {
		l.waiting = l.waiting[:n-1]
	}
	l.flush(l.levels, -1, -1)
	return alignBraces(l.out.Bytes(), l.table)
}

// trimmed is a stretch of a line without the blanks at its end, if they mean
// nothing.
func (l *layout) trimmed(e *extent, from, to int) string {
	s := string(l.b[from:to])
	if e != nil && e.keep && strings.Trim(s, " \t") != "" {
		return s
	}
	return strings.TrimRight(s, " \t")
}

func (l *layout) write(indent int, content string) {
	if content != "" {
		l.out.WriteString(strings.Repeat(" ", indent))
		l.out.WriteString(content)
	}
	l.out.WriteByte('\n')
	l.lines++
}

// wait keeps a comment or an empty line until it is known what follows. Of
// several empty lines one is kept, of those at the start none.
func (l *layout) wait(r remark) {
	n := len(l.waiting)
	if r.col < 0 && (n > 0 && l.waiting[n-1].col < 0 || n == 0 && l.out.Len() == 0) {
		return
	}
	l.waiting = append(l.waiting, r)
}

// flush writes what waits before a line that moves from one column to another. A
// comment goes with the line below if it stands at its column, else with the
// collection above at whose column it stands, else with the line below; at the end
// of the text, where new is -1, with the collection that it is not left of.
func (l *layout) flush(levels []column, old, new int) {
	for _, r := range l.waiting {
		to, at := max(new, 0), -1
		for _, level := range levels {
			if r.col != old && at < level.old && (level.old == r.col || new < 0 && level.old < r.col) {
				to, at = level.new, level.old
			}
		}
		l.write(to, r.text)
	}
	l.waiting = nil
}

// isMarker reports whether a line is `---` or `...`.
func (l *layout) isMarker(at int) bool {
	mark := string(l.b[at:min(at+3, len(l.b))])
	return (mark == "---" || mark == "...") && isGap(l.b, at+3)
}

// marker writes a line that is no part of a collection.
func (l *layout) marker(start, end int) {
	if after := skipBlanks(l.b, start+3); l.b[start] != '%' && after < end && l.b[after] != '#' {
		l.refused = true // content on the line of the marker
	}
	l.flush(l.levels, 0, 0)
	l.levels = nil
	l.write(0, l.trimmed(nil, start, end))
}

// structure writes a line with dashes, a key, or a value that stands alone.
func (l *layout) structure(i, start, text, end int) {
	l.beside = beside{}
	above := l.levels
	dash := l.isDash(text)
	for n := len(l.levels); n > 0; n-- {
		if top := l.levels[n-1]; top.old < text-start || top.old == text-start && (!top.items || dash) {
			break
		}
		// The capacity is cut so that entering a level leaves `above` alone.
		l.levels = l.levels[: n-1 : n-1]
	}
	first, at := -1, text
	var line strings.Builder
	for l.isDash(at) {
		new := l.enter(at-start, true)
		if first < 0 {
			first = new
		}
		next := skipBlanks(l.b, at+1)
		if next == end || l.b[next] == '#' {
			line.WriteString(l.trimmed(nil, at, end))
			at = end
			break
		}
		line.WriteString("- ")
		at = next
	}
	if at < end {
		new := l.content(&line, l.begins[i], start, at, end)
		if first < 0 {
			first = new
		}
	}
	l.flush(above, text-start, first)
	if l.beside.key > 0 && !dash {
		l.beside.line, l.beside.indent = l.lines, first
		l.table = append(l.table, l.beside)
	}
	l.write(first, line.String())
}

func (l *layout) isDash(at int) bool { return at < len(l.b) && l.b[at] == '-' && isGap(l.b, at+1) }

// content writes a key with its value or a value, up to the end of the line, and
// gives its new column. What begins on the line and goes on is told how.
func (l *layout) content(line *strings.Builder, e *extent, start, at, end int) (new int) {
	keyEnd, isKey := l.keys[at]
	parent := l.top()
	switch c := l.b[at]; {
	case (c == '?' || c == ':') && isGap(l.b, at+1), c == '\t':
		l.refused = true
		return 0
	case isKey:
		new = l.enter(at-start, false)
		parent = l.top()
	default:
		new = parent.new + 2
	}
	if e != nil {
		e.shift, e.floor = new-(at-start), max(parent.new+1, 0)
		if e.block && e.digit > 0 {
			e.floor = max(parent.new, 0) + e.digit
		} else if e.block {
			e.floor = max(parent.new, 0) + 2
		}
	}
	if isKey {
		colon := skipBlanks(l.b, keyEnd)
		if colon >= end || l.b[colon] != ':' {
			l.refused = true
			return new
		}
		value := skipBlanks(l.b, colon+1)
		if value < end && l.b[value] == '{' && e == nil {
			l.beside = beside{key: colon + 1 - at, width: utf8.RuneCount(l.b[at : colon+1]), apart: value > colon+2}
		}
		line.Write(l.b[at : colon+1])
		if at = colon + 1; value < end && l.b[value] != '#' {
			line.WriteByte(' ')
			at = value
		}
	}
	line.WriteString(l.trimmed(e, at, end))
	return new
}

// top is the innermost collection; the outermost begin two blanks right of it.
func (l *layout) top() column {
	if len(l.levels) == 0 {
		return column{old: -1, new: -2}
	}
	return l.levels[len(l.levels)-1]
}

// enter gives the new column of a dash or key, which may begin a collection.
func (l *layout) enter(old int, items bool) (new int) {
	top := l.top()
	if top.old < old || top.items != items {
		top = column{old, top.new + 2, items}
		l.levels = append(l.levels, top)
	}
	return top.new
}

// An extent is a node that goes over several lines.
type extent struct {
	block  bool
	keep   bool // blanks at the ends of lines can mean something
	indent int  // of a block's text
	digit  int  // the indentation indicator of a block, 0 if there is none

	shift int // how far the line on which it begins has moved
	floor int // the new indentation of a block's text, the least one of other lines
}

// survey finds where the keys of block mappings begin and end, and who owns the
// lines that are no block structure.
func (l *layout) survey(n *yaml.Node) {
	at := l.text.offset(n.Line, n.Column)
	switch {
	case n.Kind == yaml.ScalarNode:
		l.surveyScalar(n, at)
	case n.Style&yaml.FlowStyle != 0:
		start := skipProperties(l.b, at)
		l.own(&extent{keep: true}, start, l.flowEnd(n, start))
		return
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			from := l.text.offset(c.Line, c.Column)
			l.keys[from] = l.nodeEnd(c, from)
		}
		l.survey(c)
	}
}

func (l *layout) surveyScalar(n *yaml.Node, at int) {
	if n.Value == "" && n.Style&^yaml.TaggedStyle == 0 {
		return
	}
	start := skipProperties(l.b, at)
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		quoted := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0
		l.own(&extent{keep: quoted}, start, l.nodeEnd(n, at))
		return
	}
	t := tracer{b: l.b}
	e := &extent{block: true}
	var end int
	e.indent, end = t.findBlock(start, n.Style&yaml.FoldedStyle != 0, n.Value)
	header := string(l.b[start:lineEnd(l.b, start)])
	header, _, _ = strings.Cut(header, "#")
	if i := strings.IndexAny(header, "123456789"); i >= 0 {
		e.digit = int(header[i] - '0')
	}
	if !strings.Contains(header, "+") {
		end = t.last // empty lines behind it mean nothing
	}
	l.own(e, start, max(end, start))
}

// own gives the lines behind the first of a node to it.
func (l *layout) own(e *extent, start, end int) {
	first, last := l.lineOf(start), l.lineOf(max(start, end-1))
	for line := first + 1; line <= last; line++ {
		l.owners[line] = e
	}
	if last > first {
		l.begins[first] = e
	}
}

// nodeEnd gives the byte behind a scalar, an alias or a flow collection.
func (l *layout) nodeEnd(n *yaml.Node, at int) int {
	if n.Kind == yaml.AliasNode {
		return at + 1 + len(n.Value)
	}
	if n.Kind != yaml.ScalarNode {
		if n.Style&yaml.FlowStyle == 0 {
			return at
		}
		return l.flowEnd(n, skipProperties(l.b, at))
	}
	if n.Value == "" && n.Style&^yaml.TaggedStyle == 0 {
		return at
	}
	start := skipProperties(l.b, at)
	t := tracer{b: l.b}
	switch {
	case n.Style&yaml.SingleQuotedStyle != 0:
		return t.single(start)
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return t.double(start)
	}
	return t.plain(start, utf8.RuneCountInString(n.Value))
}

// flowEnd gives the byte behind the bracket that closes a flow collection.
func (l *layout) flowEnd(n *yaml.Node, start int) int {
	end := start + 1
	for _, c := range n.Content {
		end = max(end, l.nodeEnd(c, l.text.offset(c.Line, c.Column)))
	}
	return closing(l.b, end)
}
