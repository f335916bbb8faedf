package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
)

// seed gives the fuzzers every text of the tests' tables.
func seed(f *testing.F) {
	for _, cases := range [][]string{syntaxCases, decodeCases, formatCases} {
		for _, c := range cases {
			text, _, _ := strings.Cut(strings.TrimPrefix(c, "\n"), "---")
			f.Add([]byte(strings.ReplaceAll(text, "→", "\t")))
		}
	}
	for _, text := range []string{
		"|2\n   \n  0", "&0000:0", "a: |+2\n    b\n\n   c\n\n", "a: >-\n  b\n   c\n\n  d\n", "a: \"b \\\n  \\x41\\\"\n\n c\"", "a: 'b\n\n ''c'",
		"a: &x {b: *x}\nc: {<<: [*x, *x], d: ${N:-${M}}}", "{a: float?, b: x ?? 0, c: ?d}", "a: b\u2028c\u0085d\r\ne: f\rg: h",
		"path: x\nset: {a: max(a, b), b: ${env:X}}\nretry: {attempts: 1}\nfree: [1, 0x10, 1e3, .inf, ~]",
	} {
		f.Add([]byte(text))
	}
}

// guard ends the test with the text at which it hangs. No text needs a second; on a
// busy machine a second of work may take long.
func guard(text []byte) *time.Timer {
	return time.AfterFunc(5*time.Minute, func() { panic(fmt.Sprintf("hangs at %q", text)) })
}

// FuzzDecode looks for texts that break Parse, Substitute, Decode or the printer,
// take too long, lie about a place, or fail without a word.
func FuzzDecode(f *testing.F) {
	seed(f)
	schema := sinkSchema(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		defer guard(text).Stop()
		src := diag.NewSource("a.yaml", text)
		var list diag.List
		n := Parse(src, &list)
		if n == nil && len(list) != 1 {
			t.Fatalf("no tree, and %d problems: %v", len(list), list)
		}
		checkNode(t, n)
		before := n.String()
		Substitute(n, lookupTest, &list)
		if !strings.Contains(string(text), "$") && n.String() != before {
			t.Errorf("%s became %s", before, n)
		}
		into := newSink()
		schema.Decode(n, &into, &list)
		for _, d := range list {
			checkSpan(t, src, d.At)
			for _, note := range d.Notes {
				checkSpan(t, src, note.At)
			}
		}
		if shown := picture(list); strings.Contains(shown, "geheim") {
			t.Errorf("a secret in %s", shown)
		}
	})
}

func checkSpan(t *testing.T, src *diag.Source, s diag.Span) {
	t.Helper()
	if s.Source == nil || s.Line == 0 {
		return
	}
	if s.Line > src.Lines() || s.Col < 1 || s.Col+s.Width > len([]rune(src.Line(s.Line)))+2 {
		t.Errorf("no such place: %v+%d", s, s.Width)
	}
}

// checkNode checks that the text of every scalar can be traced to its places.
func checkNode(t *testing.T, n *Node) {
	if n == nil {
		return
	}
	if n.Span.Source != nil {
		checkSpan(t, n.Span.Source, n.Span)
	}
	for _, e := range n.Entries {
		checkSpan(t, e.KeySpan.Source, e.KeySpan)
		checkNode(t, e.Value)
	}
	for _, item := range n.Items {
		checkNode(t, item)
	}
	if n.Kind != Scalar || strings.Trim(n.Text, " \n") == "" {
		return // of a block that shows nothing, the indentation cannot be told
	}
	if _, runes, _, ok := n.origin.trace(n.Style); !ok {
		t.Errorf("%q is traced as %q, style %d", n.Text, string(runes), n.Style)
	}
}

// FuzzFormat looks for texts that Format changes in meaning or changes twice.
func FuzzFormat(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		defer guard(text).Stop()
		got, err := Format(text)
		if err == nil {
			checkFormatted(t, text, got)
		}
	})
}
