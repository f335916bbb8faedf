package config

import (
	"bytes"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file makes a tree of values of a text in YAML.

// The limits of Parse.
const (
	MaxBytes  = 1 << 20 // of the text
	MaxDepth  = 64      // of nested collections
	MaxValues = 500_000 // of the tree, with aliases written out

	// Aliases may make a tree this many times larger than it is written, so that
	// a few lines cannot stand for millions. Small trees are exempt.
	maxGrowth = 10
	smallTree = 1_000
)

// Parse reads one YAML document into a tree with places. What is wrong is added
// to the list: bad syntax with the place that most likely caused it, keys that
// stand twice, aliases of nothing, and whatever exceeds the limits. It gives nil
// only when nothing could be read; an empty text is a Null value.
//
// The text must be UTF-8 and one document. Merge keys (`<<: *name`) are resolved:
// keys that are written win over merged ones. Keys are texts as they are written,
// so `1: x` has the key "1". Tags other than those of YAML's own scalars and
// collections are refused.
func Parse(src *diag.Source, list *diag.List) *Value {
	t := newText(src)
	if !t.readable(list) {
		return nil
	}
	root, second, reached, err := readYAML(t.body)
	if err != nil {
		t.explain(err, reached, list)
		return nil
	}
	if second != nil {
		at := t.offset(second.Line, second.Column)
		list.Add(diag.BadYAML, t.span(at, lineEnd(t.body, at)), "a second document starts here").
			WithHint("keep one document in a file, and leave out the line ---")
	}
	if root == nil {
		return &Value{Kind: Null, Span: t.span(0, 0)}
	}
	written, deep := measure(root, MaxValues+1)
	b := builder{text: t, list: list, written: written, open: map[*yaml.Node]bool{}}
	if written > MaxValues {
		list.Add(diag.TooLarge, t.span(t.offset(deep.Line, deep.Column), 0), "the text has more than %d values", MaxValues)
		return nil
	}
	return b.value(root.Content[0], 0, diag.Span{})
}

// printable is YAML's own list of characters that may stand in a text.
func printable(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r <= '~' || r == 0x85 ||
		r >= 0xA0 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000
}

// measure counts the nodes of a syntax tree, aliases as one each, up to a limit,
// and gives the last one counted.
func measure(n *yaml.Node, limit int) (count int, last *yaml.Node) {
	count, last = 1, n
	for _, c := range n.Content {
		if count >= limit {
			break
		}
		var more int
		more, last = measure(c, limit-count)
		count += more
	}
	return count, last
}

// A builder turns the syntax tree into ours.
type builder struct {
	text    *text
	list    *diag.List
	written int // nodes of the syntax tree
	built   int // values so far

	end      int                 // the byte behind what was built last, as it is written
	open     map[*yaml.Node]bool // anchored nodes that are being built
	tooDeep  bool                // reported already
	tooLarge bool                // reported already
}

// value builds one value. The alias through which it is reached is zero for what
// is written in its place.
func (b *builder) value(y *yaml.Node, depth int, via diag.Span) *Value {
	b.built++
	at := b.text.offset(y.Line, y.Column)
	if limit := max(smallTree, maxGrowth*b.written); b.built > min(limit, MaxValues) {
		if !b.tooLarge {
			b.tooLarge = true
			b.list.Add(diag.TooLarge, b.aliasSpan(at, via), "aliases make the text more than %d values large", min(limit, MaxValues)).
				WithHint("write out less with aliases")
		}
		return b.broken(at)
	}
	if depth > MaxDepth {
		if !b.tooDeep {
			b.tooDeep = true
			b.list.Add(diag.TooLarge, b.text.span(at, at+1), "collections are nested more than %d deep", MaxDepth)
		}
		return b.broken(at)
	}
	switch y.Kind {
	case yaml.AliasNode:
		return b.alias(y, at, depth, via)
	case yaml.ScalarNode:
		return b.scalar(y, at, via)
	}
	return b.collection(y, at, depth, via)
}

func (b *builder) aliasSpan(at int, via diag.Span) diag.Span {
	if !via.IsZero() {
		return via
	}
	return b.text.span(at, at+1)
}

// broken stands for what was reported as unreadable.
func (b *builder) broken(at int) *Value {
	return &Value{Kind: Null, Bad: true, Span: b.text.span(at, at+1)}
}

func (b *builder) alias(y *yaml.Node, at, depth int, via diag.Span) *Value {
	end := at + 1 + len(y.Value)
	span := b.text.span(at, end)
	if b.end = end; b.open[y.Alias] {
		b.list.Add(diag.BadYAML, span, "the anchor %q contains itself here", y.Value).WithHint("write the value out")
		return b.broken(at)
	}
	if via.IsZero() {
		via = span
	}
	v := b.value(y.Alias, depth, via)
	v.Span, b.end = span, end
	return v
}

// collection builds a mapping or a sequence.
func (b *builder) collection(y *yaml.Node, at, depth int, via diag.Span) *Value {
	if y.Anchor != "" {
		b.open[y] = true
		defer delete(b.open, y)
	}
	start := skipProperties(b.text.body, at)
	v := &Value{Kind: Mapping, FlowStyle: y.Style&yaml.FlowStyle != 0, via: via, origin: &origin{text: b.text, start: start}}
	b.checkTag(y, at)
	b.end = start + 1
	if y.Kind == yaml.SequenceNode {
		v.Kind = Sequence
		for _, c := range y.Content {
			v.Items = append(v.Items, b.value(c, depth+1, via))
		}
	} else {
		b.entries(v, y, depth, via)
	}
	v.Span = b.text.span(start, start+1)
	switch {
	case v.FlowStyle:
		b.end = closing(b.text.body, b.end)
		v.Span = b.text.span(start, b.end)
		b.mendItems(v)
		b.mendEntries(v)
	case len(v.Entries) > 0 && v.Entries[0].KeySpan.Line == v.Span.Line:
		v.Span.Width = v.Entries[0].KeySpan.Width
	}
	return v
}

// closing gives the byte behind the bracket that ends a {} or [], from the end of
// its last part.
func closing(b []byte, at int) int {
	for {
		switch at = skipGaps(b, at); {
		case at < len(b) && (b[at] == ',' || b[at] == ':'):
			at++
		case at < len(b) && (b[at] == '}' || b[at] == ']'):
			return at + 1
		default:
			return at
		}
	}
}

// scalar builds a scalar or Null.
func (b *builder) scalar(y *yaml.Node, at int, via diag.Span) *Value {
	start := at
	if y.Value != "" || y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		start = skipProperties(b.text.body, at)
	}
	v := &Value{Kind: Scalar, Text: y.Value, via: via, origin: &origin{text: b.text, start: start, value: y.Value}}
	switch {
	case y.Style&yaml.SingleQuotedStyle != 0:
		v.Style = SingleQuoted
	case y.Style&yaml.DoubleQuotedStyle != 0:
		v.Style = DoubleQuoted
	case y.Style&yaml.LiteralStyle != 0:
		v.Style = Literal
	case y.Style&yaml.FoldedStyle != 0:
		v.Style = Folded
	default:
		v.Kind, v.Type = resolve(y.Value)
	}
	b.end = v.origin.endOnLine(v.Style)
	v.Span = b.text.span(start, b.end)
	if tag := b.checkTag(y, at); tag != "" && !b.convert(v, tag) {
		b.list.Add(diag.BadYAML, b.text.span(at, at+len(tag)), "%q is not %s", shorten(v.Text), tagWords[tag])
		v.Bad = true
	}
	return v
}

// tagWords are the tags that are understood, and what they want.
var tagWords = map[string]string{
	"!!null": "null", "!!str": "a text", "!!bool": "true or false", "!!int": "an integer", "!!float": "a number",
	"!!map": "a mapping", "!!seq": "a list",
}

// checkTag gives the tag that is written before a value, "" if there is none.
func (b *builder) checkTag(y *yaml.Node, at int) (tag string) {
	if y.Style&yaml.TaggedStyle == 0 {
		return ""
	}
	if tagWords[y.Tag] != "" {
		return y.Tag
	}
	if i := bytes.IndexByte(b.text.body[at:lineEnd(b.text.body, at)], '!'); i >= 0 {
		at += i
	}
	end := at
	for !isGap(b.text.body, end) {
		end++
	}
	d := b.list.Add(diag.BadYAML, b.text.span(at, end), "%q is a YAML tag, and tags mean nothing here", string(b.text.body[at:end]))
	if y.Kind == yaml.ScalarNode && y.Style == yaml.TaggedStyle {
		d.WithHint("if it is a text, quote all of it: %s", doubleQuoted(strings.TrimSpace(string(b.text.body[at:end])+" "+y.Value)))
	}
	return ""
}

// convert makes a scalar what its tag says.
func (b *builder) convert(v *Value, tag string) bool {
	kind, typ := resolve(v.Text)
	switch tag {
	case "!!str":
		v.Kind, v.Type = Scalar, String
		return true
	case "!!float":
		v.Kind, v.Type = Scalar, Float
		return kind == Scalar && (typ == Int || typ == Float)
	case "!!int":
		v.Kind, v.Type = Scalar, Int
		return kind == Scalar && typ == Int
	case "!!bool":
		v.Kind, v.Type = Scalar, Bool
		return kind == Scalar && typ == Bool
	case "!!null":
		v.Kind, v.Type = Null, String
		return kind == Null
	}
	return false
}

// skipProperties passes the anchor and the tag before a value.
func skipProperties(b []byte, at int) int {
	for at < len(b) && (b[at] == '&' || b[at] == '!') {
		tag := b[at] == '!'
		for at++; !isGap(b, at) && (tag || isNameByte(b[at])); {
			at++
		}
		at = skipGaps(b, at)
	}
	return at
}

// isNameByte reports whether a byte may stand in the name of an anchor.
func isNameByte(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
