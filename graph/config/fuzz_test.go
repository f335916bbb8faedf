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
		v := Parse(src, &list)
		if v == nil && len(list) != 1 {
			t.Fatalf("no tree, and %d problems: %v", len(list), list)
		}
		checkNode(t, v)
		before := v.String()
		Substitute(v, lookupTest, &list)
		if !strings.Contains(string(text), "$") && v.String() != before {
			t.Errorf("%s became %s", before, v)
		}
		into := newSink()
		schema.Decode(v, &into, &list)
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
func checkNode(t *testing.T, v *Value) {
	if v == nil {
		return
	}
	if v.Span.Source != nil {
		checkSpan(t, v.Span.Source, v.Span)
	}
	for _, e := range v.Entries {
		checkSpan(t, e.KeySpan.Source, e.KeySpan)
		checkNode(t, e.Value)
	}
	for _, item := range v.Items {
		checkNode(t, item)
	}
	if v.Kind != Scalar || strings.Trim(v.Text, " \n") == "" {
		return // of a block that shows nothing, the indentation cannot be told
	}
	if _, runes, _, ok := v.origin.trace(v.Style); !ok {
		t.Errorf("%q is traced as %q, style %d", v.Text, string(runes), v.Style)
	}
}

// FuzzFormat looks for texts that Format changes in meaning or changes twice.
func FuzzFormat(f *testing.F) {
	seed(f)
	for text := range bracketCases {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		defer guard(text).Stop()
		got, err := Format(text)
		if err == nil {
			checkFormatted(t, text, got)
		}
	})
}
