package config

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// How yaml.v3 is made to read YAML 1.2.

// masked are the characters that yaml.v3 takes for syntax where YAML 1.2 does
// not: a question mark inside a text within {} or [], as in `{mean: float?}` or
// `{set: x ?? 0}`, and three characters that ended lines in YAML 1.1. They are
// hidden from it behind characters of the private use area, one for one, so that
// lines and columns stay the same, and are put back into everything it returns.
var masked = []rune{'?', '\u0085', '\u2028', '\u2029'}

// A mask is the first of the characters that stand for the masked ones, or 0 if
// nothing had to be hidden.
type mask rune

// hide replaces what yaml.v3 would misread. A question mark that starts a token
// keeps its meaning as the mark of a long key.
func hide(b []byte) ([]byte, mask) {
	out := make([]byte, 0, len(b)+64)
	m := freeMask(b)
	hidden := false
	last := byte(0) // the last character that is no blank on this line; 0 at its start
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		at := strings.IndexRune("?\u0085\u2028\u2029", r)
		switch {
		case m == 0 || at < 0, at == 0 && (last == 0 || strings.IndexByte("-?:{[,", last) >= 0):
			out = append(out, b[i:i+size]...)
		default:
			for k, c := range masked {
				if c == r {
					out = utf8.AppendRune(out, rune(m)+rune(k))
				}
			}
			hidden, r = true, 'x'
		}
		switch {
		case r == '\n' || r == '\r':
			last = 0
		case r >= utf8.RuneSelf:
			last = 'x'
		case r != ' ' && r != '\t':
			last = byte(r)
		}
		i += size
	}
	if !hidden {
		return b, 0
	}
	return out, m
}

// freeMask finds characters that the text has neither as such nor as a number
// in an escape.
func freeMask(b []byte) mask {
	upper := bytes.ToUpper(b)
	for m := rune(0xE000); m < 0xF800; m += rune(len(masked)) {
		free := true
		for k := range rune(len(masked)) {
			free = free && !bytes.ContainsRune(b, m+k) && !bytes.Contains(upper, fmt.Appendf(nil, "%X", m+k))
		}
		if free {
			return mask(m)
		}
	}
	return 0
}

// show puts the hidden characters back.
func (m mask) show(s string) string {
	if m == 0 || !strings.ContainsFunc(s, m.covers) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if m.covers(r) {
			return masked[r-rune(m)]
		}
		return r
	}, s)
}

func (m mask) covers(r rune) bool { return r >= rune(m) && r < rune(m)+rune(len(masked)) }

func (m mask) showAll(n *yaml.Node) {
	n.Value, n.Anchor, n.Tag = m.show(n.Value), m.show(n.Anchor), m.show(n.Tag)
	for _, c := range n.Content {
		m.showAll(c)
	}
}

// readYAML gives the syntax tree of a text: its root, nil if the text is empty,
// and the start of a second document, nil if there is none. reached is how far
// yaml.v3 had read when it gave up, in bytes.
func readYAML(b []byte) (root, second *yaml.Node, reached int, err error) {
	b, m := hide(b)
	docs, err := readDocuments(bytes.NewReader(b))
	if err != nil {
		// Fed byte by byte, the parser shows how far it came, which its
		// messages do not say.
		slow := &byteReader{b: b}
		if _, again := readDocuments(slow); again != nil {
			err = again
		}
		return nil, nil, len(m.show(string(b[:slow.at]))), fmt.Errorf("%s", m.show(err.Error()))
	}
	for i, n := range docs {
		m.showAll(n)
		switch i {
		case 0:
			root = n
		case 1:
			second = n
		}
	}
	return root, second, 0, nil
}

// readDocuments reads up to two documents.
func readDocuments(r io.Reader) (docs []*yaml.Node, err error) {
	defer func() {
		// The parser panics where it finds itself wrong.
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: %v", p)
		}
	}()
	d := yaml.NewDecoder(r)
	for range 2 {
		n := new(yaml.Node)
		if err := d.Decode(n); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		docs = append(docs, n)
	}
	return docs, nil
}

// A byteReader gives one byte at a time.
type byteReader struct {
	b  []byte
	at int
}

func (r *byteReader) Read(p []byte) (int, error) {
	if r.at == len(r.b) {
		return 0, io.EOF
	}
	p[0] = r.b[r.at]
	r.at++
	return 1, nil
}
