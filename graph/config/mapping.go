package config

import (
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/graph/diag"
)

// entries reads the keys and values of a mapping. Of a key that stands twice the
// first counts. What is merged stands where `<<` stands, with the values of the
// keys that are written.
func (b *builder) entries(n *Node, y *yaml.Node, depth int, via diag.Span) {
	index := make(map[string]int, len(y.Content)/2)
	merged := map[string]bool{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		if key.Kind == yaml.ScalarNode && key.Tag == "!!merge" {
			for _, e := range b.merge(value, depth, via) {
				if _, there := index[e.Key]; !there {
					index[e.Key], merged[e.Key] = len(n.Entries), true
					n.Entries = append(n.Entries, e)
				}
			}
			continue
		}
		e, ok := b.key(key, via)
		e.Value = b.node(value, depth+1, via)
		e.Value.key = e.KeySpan
		if e.Value.Kind == Null && e.Value.Text == "" && !e.Value.Bad && value.Kind == yaml.ScalarNode {
			b.nothing(&e)
		}
		first, there := index[e.Key]
		switch {
		case !ok:
		case merged[e.Key]:
			n.Entries[first], merged[e.Key] = e, false
		case there:
			b.list.Add(diag.DuplicateKey, e.KeySpan, "the key %q is given twice", e.Key).
				WithNote(n.Entries[first].KeySpan, "the first one")
		default:
			index[e.Key] = len(n.Entries)
			n.Entries = append(n.Entries, e)
		}
	}
}

// key reads a key; it is not ok if there is none that could be used.
func (b *builder) key(y *yaml.Node, via diag.Span) (e Entry, ok bool) {
	at := b.text.offset(y.Line, y.Column)
	n := b.node(y, 0, via)
	e = Entry{Key: n.Text, KeySpan: n.Span}
	switch {
	case n.Bad:
		return e, false
	case n.Kind == Mapping || n.Kind == Sequence:
		b.list.Add(diag.BadYAML, n.Span, "%s cannot be a key", n.Describe()).WithHint("a key is a text; to begin a text with { or [, quote it")
		return e, false
	case n.Kind == Null && n.Text == "":
		b.list.Add(diag.BadYAML, b.text.span(at, at+1), "a key is missing before the colon")
		return e, false
	}
	return e, true
}

// nothing improves the place of a value that is not there: its key. Where a
// comment took the value, as in `color: #fff`, the node remembers it.
func (b *builder) nothing(e *Entry) {
	body, at := b.text.body, e.Value.origin.start
	e.Value.Span = e.KeySpan
	if at = skipBlanks(body, at); at+1 < len(body) && body[at] == '#' && !isGap(body, at+1) && body[at+1] != '#' {
		e.Value.comment = string(body[at:lineEnd(body, at)])
	}
}

// merge gives the entries that `<<` brings: those of one mapping or of a list of
// them, of which the earlier ones win.
func (b *builder) merge(y *yaml.Node, depth int, via diag.Span) []Entry {
	n := b.node(y, depth+1, via)
	from := []*Node{n}
	if n.Kind == Sequence {
		from = n.Items
	}
	var all []Entry
	for _, m := range from {
		switch {
		case m.Kind == Mapping:
			all = append(all, m.Entries...)
		case !m.Bad:
			b.list.Add(diag.BadYAML, m.Span, "<< merges mappings, this is %s", m.Describe()).
				WithHint("write <<: *name, where &name is put before a mapping")
		}
	}
	return all
}

// In {} and [] a comma ends a text, so `{where: max(a, b) > 3}` is not what its
// author thinks. mendEntries and mendItems find texts cut within parentheses,
// report them, and put them together again for the passes to come.

// maxPieces is how many pieces of one text are looked for: a list of texts that open
// parentheses and never close them must not be searched to its end for each of them.
const maxPieces = 64

func (b *builder) mendEntries(n *Node) {
	kept := n.Entries[:0]
	for i := 0; i < len(n.Entries); i++ {
		e := n.Entries[i]
		kept = append(kept, e)
		open := unclosed(e.Value)
		for last := i + 1; open > 0 && last < min(len(n.Entries), i+maxPieces); last++ {
			next := n.Entries[last]
			if next.Value.Kind != Null || next.Value.Text != "" {
				break
			}
			if open += depthOf(next.Key); open <= 0 {
				b.mend(e.Value, next.KeySpan, next.Key)
				i = last
			}
		}
	}
	n.Entries = kept
}

func (b *builder) mendItems(n *Node) {
	kept := n.Items[:0]
	for i := 0; i < len(n.Items); i++ {
		item := n.Items[i]
		kept = append(kept, item)
		open := unclosed(item)
		for last := i + 1; open > 0 && last < min(len(n.Items), i+maxPieces); last++ {
			next := n.Items[last]
			if next.Kind == Mapping || next.Kind == Sequence || next.Style != Plain {
				break
			}
			if open += depthOf(next.Text); open <= 0 {
				b.mend(item, next.Span, next.Text)
				i = last
			}
		}
	}
	n.Items = kept
}

// mend makes the text of a node reach to the end of the last piece.
func (b *builder) mend(n *Node, last diag.Span, piece string) {
	if n.origin == nil || n.Span.Line != last.Line || n.Span.Source != last.Source || !n.via.IsZero() {
		return
	}
	body, end, width := b.text.body, n.origin.start, last.Col+last.Width-n.Span.Col
	for range width {
		_, size := utf8.DecodeRune(body[end:])
		end += size
	}
	whole := string(body[n.origin.start:end])
	if !strings.HasSuffix(whole, piece) {
		return
	}
	n.Kind, n.Type, n.Text, n.origin.value = Scalar, String, whole, whole
	n.Span.Width = width
	b.list.Add(diag.BadYAML, n.Span, "a comma ends a text inside {} and []").WithHint("quote it: %s", hintQuoted(whole))
}

// unclosed counts the parentheses that an unquoted text leaves open.
func unclosed(n *Node) int {
	if n.Kind != Scalar || n.Style != Plain {
		return 0
	}
	return depthOf(n.Text)
}

func depthOf(s string) int { return strings.Count(s, "(") - strings.Count(s, ")") }

// hintQuoted quotes a text the way a person would: in double quotes, or in single
// ones if it has double quotes or backslashes itself.
func hintQuoted(s string) string {
	if strings.ContainsAny(s, `"\`) && !strings.ContainsAny(s, "\n\t") {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return doubleQuoted(s)
}
