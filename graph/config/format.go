package config

import (
	"bytes"
	"errors"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/graph/diag"
)

// Texts laid out anew, and the check that this has changed no meaning.

// errMeaning is what Format says when a text cannot be formatted.
var errMeaning = errors.New("the text cannot be laid out anew without changing what it means; it has long keys (?), several documents or unusual indentation")

// Format lays a YAML text out anew: two blanks for each level, also for the items
// of lists; one blank behind the colon of a key and the dash of an item; no blanks
// at the ends of lines; one empty line where there were several, none at the start
// and the end. Mappings in {} below each other stand in one column if one of them stood
// apart from its key, as in a table. Brackets that stand on one line have one blank behind
// each comma and colon and no others; rows of a list that have the same keys are a table,
// see space. Everything else stays as its author wrote it: comments, quotes, the order of
// keys, brackets over several lines. Lines that continue a text or a bracket move along
// with the line on which it began.
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
		if !same(t.body, root, out) {
			continue
		}
		if spaced := space(out); same(t.body, root, spaced) {
			return spaced, nil
		}
		return out, nil
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
