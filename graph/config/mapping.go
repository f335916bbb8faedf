package config

import (
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/graph/diag"
)

// How the keys of a mapping are read, those that are merged too, and texts that a comma has cut.

// entries reads the keys and values of a mapping. Of a key that stands twice the
// first counts. What is merged stands where `<<` stands, with the values of the
// keys that are written.
func (b *builder) entries(v *Value, y *yaml.Node, depth int, via diag.Span) {
	index := make(map[string]int, len(y.Content)/2)
	merged := map[string]bool{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		if key.Kind == yaml.ScalarNode && key.Tag == "!!merge" {
			for _, e := range b.merge(value, depth, via) {
				if _, there := index[e.Key]; !there {
					index[e.Key], merged[e.Key] = len(v.Entries), true
					v.Entries = append(v.Entries, e)
				}
			}
			continue
		}
		e, ok := b.key(key, via)
		e.Value = b.value(value, depth+1, via)
		e.Value.key = e.KeySpan
		if e.Value.Kind == Null && e.Value.Text == "" && !e.Value.Bad && value.Kind == yaml.ScalarNode {
			b.nothing(&e)
		}
		first, there := index[e.Key]
		switch {
		case !ok:
		case merged[e.Key]:
			v.Entries[first], merged[e.Key] = e, false
		case there:
			b.list.Add(diag.DuplicateKey, e.KeySpan, "the key %q is given twice", e.Key).
				WithNote(v.Entries[first].KeySpan, "the first one")
		default:
			index[e.Key] = len(v.Entries)
			v.Entries = append(v.Entries, e)
		}
	}
}

// key reads a key; it is not ok if there is none that could be used.
func (b *builder) key(y *yaml.Node, via diag.Span) (e Entry, ok bool) {
	at := b.text.offset(y.Line, y.Column)
	v := b.value(y, 0, via)
	e = Entry{Key: v.Text, KeySpan: v.Span}
	switch {
	case v.Bad:
		return e, false
	case v.Kind == Mapping || v.Kind == Sequence:
		b.list.Add(diag.BadYAML, v.Span, "%s cannot be a key", v.Describe()).WithHint("a key is a text; to begin a text with { or [, quote it")
		return e, false
	case v.Kind == Null && v.Text == "":
		b.list.Add(diag.BadYAML, b.text.span(at, at+1), "a key is missing before the colon")
		return e, false
	}
	return e, true
}

// nothing improves the place of a value that is not there: its key. Where a
// comment took the value, as in `color: #fff`, the value remembers it.
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
	v := b.value(y, depth+1, via)
	from := []*Value{v}
	if v.Kind == Sequence {
		from = v.Items
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

func (b *builder) mendEntries(v *Value) {
	kept := v.Entries[:0]
	for i := 0; i < len(v.Entries); i++ {
		e := v.Entries[i]
		kept = append(kept, e)
		open := unclosed(e.Value)
		for last := i + 1; open > 0 && last < min(len(v.Entries), i+maxPieces); last++ {
			next := v.Entries[last]
			if next.Value.Kind != Null || next.Value.Text != "" {
				break
			}
			if open += depthOf(next.Key); open <= 0 {
				b.mend(e.Value, next.KeySpan, next.Key)
				i = last
			}
		}
	}
	v.Entries = kept
}

func (b *builder) mendItems(v *Value) {
	kept := v.Items[:0]
	for i := 0; i < len(v.Items); i++ {
		item := v.Items[i]
		kept = append(kept, item)
		open := unclosed(item)
		for last := i + 1; open > 0 && last < min(len(v.Items), i+maxPieces); last++ {
			next := v.Items[last]
			if next.Kind == Mapping || next.Kind == Sequence || next.Style != Plain {
				break
			}
			if open += depthOf(next.Text); open <= 0 {
				b.mend(item, next.Span, next.Text)
				i = last
			}
		}
	}
	v.Items = kept
}

// mend makes the text of a value reach to the end of the last piece.
func (b *builder) mend(v *Value, last diag.Span, piece string) {
	if v.origin == nil || v.Span.Line != last.Line || v.Span.Source != last.Source || !v.via.IsZero() {
		return
	}
	body, end, width := b.text.body, v.origin.start, last.Col+last.Width-v.Span.Col
	for range width {
		_, size := utf8.DecodeRune(body[end:])
		end += size
	}
	whole := string(body[v.origin.start:end])
	if !strings.HasSuffix(whole, piece) {
		return
	}
	v.Kind, v.Type, v.Text, v.origin.value = Scalar, String, whole, whole
	v.Span.Width = width
	b.list.Add(diag.BadYAML, v.Span, "a comma ends a text inside {} and []").WithHint("quote it: %s", hintQuoted(whole))
}

// unclosed counts the parentheses that an unquoted text leaves open.
func unclosed(v *Value) int {
	if v.Kind != Scalar || v.Style != Plain {
		return 0
	}
	return depthOf(v.Text)
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
