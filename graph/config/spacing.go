package config

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file sets the blanks inside brackets, as in {a: 1, b: [2, 3]}, and makes tables of
// rows with equal keys.

// How a bracket stands on its line.
type standing uint8

const (
	amid     standing = iota // behind something else
	listRow                  // first, or behind a dash
	keyedRow                 // as the value of a key
)

// maxTable is how wide a table may be made, in characters: longer lines read better with
// their own widths.
const maxTable = 120

// A group is a flow collection that stands on one line, and in no other that does.
type group struct {
	node     *yaml.Node
	from, to int // in bytes
	line     int
	standing standing
	indent   int // of its line, in bytes
	column   int // its own, in characters
	cells    []string
	comma    string // behind the last cell, if there is one
	spread   bool   // two blanks or more stand somewhere
	tight    []int  // where a blank is missing behind a comma or colon
}

// A spacing finds the brackets of a text that is laid out.
type spacing struct {
	layout
	all []group
	odd map[*yaml.Node]bool // collections that are no group
}

// space sets the blanks inside of brackets that stand on one line: one behind a comma and
// a colon, no others. Mappings below each other in a list are a table if they have the
// same keys in one order: these stand in columns. So are the values of keys below each
// other if their author had begun to. Where rows below each other are spread and cannot be
// a table, their blanks are left to their author.
func space(out []byte) []byte {
	root, second, _, err := readYAML(out)
	if err != nil || second != nil || root == nil {
		return out
	}
	t := newText(diag.NewSource("", out))
	s := &spacing{layout: layout{text: t, b: t.body}, odd: map[*yaml.Node]bool{}}
	s.find(root)
	var b bytes.Buffer
	at := 0
	for from := 0; from < len(s.all); {
		to := from + 1
		for to < len(s.all) && below(&s.all[to-1], &s.all[to]) {
			to++
		}
		for i, text := range s.arranged(s.all[from:to]) {
			k := &s.all[from+i]
			b.Write(s.b[at:k.from])
			b.WriteString(text)
			at = k.to
		}
		from = to
	}
	b.Write(s.b[at:])
	return b.Bytes()
}

// below reports whether a row follows another one.
func below(a, b *group) bool {
	return a.standing != amid && a.standing == b.standing && b.line == a.line+1 && a.indent == b.indent && a.node.Kind == b.node.Kind
}

// arranged gives the texts of rows below each other.
func (s *spacing) arranged(rows []group) []string {
	texts := make([]string, len(rows))
	spread := false // a row that is in no table
	for from := 0; from < len(rows); {
		to := from + 1
		for to < len(rows) && sameKeys(rows[from].node, rows[to].node) {
			to++
		}
		table := rows[from:to]
		widths := columns(table)
		if rows[0].standing == keyedRow && !slices.ContainsFunc(table, func(k group) bool { return k.spread }) {
			widths = nil
		}
		for i := range table {
			if widths != nil {
				texts[from+i] = table[i].joined(widths)
			} else {
				spread = spread || table[i].spread
			}
		}
		from = to
	}
	for i := range rows {
		switch {
		case texts[i] != "":
		case spread && len(rows) > 1:
			texts[i] = s.parted(&rows[i])
		default:
			texts[i] = rows[i].joined(nil)
		}
	}
	return texts
}

// parted is the text of a group as its author spread it, but for blanks that are missing.
func (s *spacing) parted(k *group) string {
	var b strings.Builder
	at := k.from
	for _, gap := range k.tight {
		b.Write(s.b[at:gap])
		b.WriteByte(' ')
		at = gap
	}
	b.Write(s.b[at:k.to])
	return b.String()
}

// columns gives the widths of the cells of a table; nil if the rows make none.
func columns(rows []group) []int {
	if len(rows) < 2 || rows[0].node.Kind != yaml.MappingNode || len(rows[0].cells) < 2 {
		return nil
	}
	widths := make([]int, len(rows[0].cells))
	for _, r := range rows {
		if r.column != rows[0].column {
			return nil
		}
		for i, cell := range r.cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	total := rows[0].column
	for _, w := range widths {
		total += w + len(", ")
	}
	if total > maxTable {
		return nil
	}
	return widths
}

// sameKeys reports whether two mappings have the same keys in one order.
func sameKeys(a, b *yaml.Node) bool {
	if a.Kind != yaml.MappingNode || len(a.Content) != len(b.Content) {
		return false
	}
	for i := 0; i < len(a.Content); i += 2 {
		if !sameTree(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}

// joined is the text of a bracket whose cells have at least the given widths.
func (k *group) joined(widths []int) string {
	open, end := "[", "]"
	if k.node.Kind == yaml.MappingNode {
		open, end = "{", "}"
	}
	var b strings.Builder
	b.WriteString(open)
	for i, cell := range k.cells {
		b.WriteString(cell)
		if i == len(k.cells)-1 {
			break
		}
		b.WriteString(", ")
		if widths != nil {
			b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
		}
	}
	return b.String() + k.comma + end
}

// find finds the brackets of a node and what is in it.
func (s *spacing) find(n *yaml.Node) {
	if n.Style&yaml.FlowStyle != 0 && (n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode) {
		at := s.text.offset(n.Line, n.Column)
		if k := (group{node: n}); s.read(&k, at) {
			s.stand(&k)
			s.all = append(s.all, k)
			return
		}
	}
	for i, c := range n.Content {
		if n.Kind != yaml.MappingNode || i%2 == 1 {
			s.find(c)
		}
	}
}

// stand finds how a bracket stands on its line.
func (s *spacing) stand(k *group) {
	k.line = s.lineOf(k.from)
	start := s.text.lines[k.line]
	before := s.b[start:k.from]
	k.indent, k.column = skipBlanks(s.b, start)-start, utf8.RuneCount(before)
	switch before := bytes.TrimRight(before, " "); {
	case len(bytes.Trim(before, "- ")) == 0:
		k.standing = listRow
	case bytes.HasSuffix(before, []byte{':'}) && !bytes.ContainsAny(before, "{["):
		k.standing = keyedRow
	}
}

// read reads a flow collection that begins at a byte, on one line and with nothing odd in
// it. Each that is odd is looked at once, however many others it is in.
func (s *spacing) read(k *group, at int) bool {
	if s.odd[k.node] || !s.readCells(k, at) {
		s.odd[k.node] = true
		return false
	}
	return true
}

func (s *spacing) readCells(k *group, at int) bool {
	n := k.node
	if at >= len(s.b) || s.b[at] != '{' && s.b[at] != '[' || (s.b[at] == '{') != (n.Kind == yaml.MappingNode) {
		return false
	}
	k.from = at
	at++
	for i := 0; i < len(n.Content); i++ {
		commas := 1
		if i == 0 {
			commas = 0
		}
		text, end, ok := s.part(k, n.Content[i], at, ',', commas)
		if ok && n.Kind == yaml.MappingNode {
			i++
			var value string
			value, end, ok = s.part(k, n.Content[i], end, ':', 1)
			text += ": " + value
		}
		if !ok {
			return false
		}
		k.cells = append(k.cells, text)
		at = end
	}
	end := s.skipOnLine(at)
	if end < len(s.b) && s.b[end] == ',' && len(k.cells) > 0 {
		k.comma = ","
		end = s.skipOnLine(end + 1)
	}
	k.spread = k.spread || end > at+1+len(k.comma)
	k.to = end + 1
	return end < len(s.b) && (s.b[end] == '}' && n.Kind == yaml.MappingNode || s.b[end] == ']' && n.Kind == yaml.SequenceNode)
}

// part reads what stands behind a byte and a number of separators, up to its end.
func (s *spacing) part(k *group, n *yaml.Node, at int, separator byte, separators int) (text string, end int, ok bool) {
	if n.Kind == yaml.ScalarNode && n.Value == "" && n.Style&^yaml.TaggedStyle == 0 {
		return "", 0, false
	}
	from := s.text.offset(n.Line, n.Column)
	if from < at {
		return "", 0, false
	}
	gap := s.b[at:from]
	if bytes.Count(gap, []byte{separator}) != separators || len(bytes.Trim(gap, " "+string(separator))) > 0 {
		return "", 0, false
	}
	k.spread = k.spread || bytes.Contains(gap, []byte("  "))
	if separators > 0 && gap[len(gap)-1] == separator {
		k.tight = append(k.tight, from)
	}
	if n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode {
		inner := group{node: n}
		if !s.read(&inner, from) {
			return "", 0, false
		}
		k.spread, k.tight = k.spread || inner.spread, append(k.tight, inner.tight...)
		return inner.joined(nil), inner.to, true
	}
	end = s.nodeEnd(n, from)
	text = string(s.b[from:end])
	return text, end, end > from && !strings.ContainsAny(text, "\r\n")
}

func (s *spacing) skipOnLine(at int) int {
	for at < len(s.b) && s.b[at] == ' ' {
		at++
	}
	return at
}
