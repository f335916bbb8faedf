package config

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/graph/diag"
)

// errMeaning is what Format says when a text cannot be formatted.
var errMeaning = errors.New("the text cannot be laid out anew without changing what it means; it has long keys (?), several documents or unusual indentation")

// Format lays a YAML text out anew: two blanks for each level, also for the items
// of lists; one blank behind the colon of a key and the dash of an item; no blanks
// at the ends of lines; one empty line where there were several, none at the start
// and the end. Everything else stays as its author wrote it: comments, quotes, the
// order of keys, mappings in {} and lists in []. Lines that continue a text or a
// bracket move along with the line on which it began.
//
// What was formatted once is not changed again. A text whose meaning would change
// is refused, and so is one that is not YAML, with a diag.List as the error.
func Format(src []byte) ([]byte, error) { return FormatSource(diag.NewSource("", src)) }

// FormatSource is Format for a text with a name, which the error shows.
func FormatSource(src *diag.Source) ([]byte, error) {
	var list diag.List
	t := newText(src)
	if !t.readable(&list) {
		return nil, list
	}
	root, second, reached, err := readYAML(t.body)
	switch {
	case err != nil:
		t.explain(err, reached, &list)
		return nil, list
	case second != nil:
		return nil, errMeaning
	}
	l := layout{text: t, b: t.body, keys: map[int]int{}, owners: map[int]*extent{}, begins: map[int]*extent{}}
	if root != nil {
		l.survey(root)
	}
	out := l.run()
	if l.refused {
		return nil, errMeaning
	}
	// A last line without a line end can be the text of a block, to which a line
	// end would add one.
	for _, out := range [][]byte{out, bytes.TrimSuffix(out, []byte("\n"))} {
		if same(t.body, root, out) {
			return out, nil
		}
	}
	return nil, errMeaning
}

// same reports whether a formatted text has the characters of the original but
// for blanks and line ends, and the same meaning.
func same(body []byte, root *yaml.Node, out []byte) bool {
	isSpace := func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' }
	squeeze := func(b []byte) []byte {
		return bytes.Join(bytes.FieldsFunc(b, isSpace), nil)
	}
	if !bytes.Equal(squeeze(body), squeeze(out)) {
		return false
	}
	again, second, _, err := readYAML(out)
	return err == nil && second == nil && sameTree(root, again)
}

// sameTree compares two syntax trees without places and comments.
func sameTree(a, b *yaml.Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Kind == b.Kind && a.Tag == b.Tag && a.Value == b.Value && a.Anchor == b.Anchor && a.Style == b.Style &&
		slices.EqualFunc(a.Content, b.Content, sameTree)
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
