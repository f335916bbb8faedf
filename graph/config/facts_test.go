package config

import (
	"fmt"
	"testing"

	"gopkg.in/yaml.v3"
)

// What yaml.v3 does with the texts that this package reads differently. If one of
// these fails after an upgrade, what works around it can go.
func TestFactsAboutYAML(t *testing.T) {
	type values struct {
		N int
		A string
	}
	for text, want := range map[string]values{
		"n: 1.5":  {1, ""},     // no error
		"n: ~":    {7, ""},     // no error, the value is left
		"a: 12":   {7, "12"},   // no error
		"n: 0777": {511, ""},   // octal
		"a: 0777": {7, "0777"}, // and not octal
	} {
		got := values{N: 7}
		if err := yaml.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: %+v %v, want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"\tn: 1":                   "yaml: found character that cannot start any token",                         // no line
		"a: 1\nb: 2\nc: *x":        "yaml: unknown anchor 'x' referenced",                                       // no line
		"a: 1\nb: [\nc: 3\nd: 4\n": "yaml: line 1: did not find expected ',' or ']'",                            // line 2, or where it noticed, 3
		"n: 1\nn: 2":               `yaml: unmarshal errors: line 2: mapping key "n" already defined at line 1`, // no column
		"{a: float?}":              "yaml: did not find expected ',' or '}'",                                    // YAML 1.2 allows it
		"{a: x ?? 0}":              "yaml: did not find expected ',' or '}'",                                    // and this
	} {
		err := yaml.Unmarshal([]byte(text), &map[string]any{})
		if got := fmt.Sprint(err); oneLine(got) != want {
			t.Errorf("%q: %s\nwant %s", text, oneLine(got), want)
		}
	}
	for text, want := range map[string]string{
		"x: |\n  amount >\n   10\n":  "1:4 !!str",   // the |, not the text
		"x: &a\n  b: 1\n":            "1:4 !!map",   // the anchor, not the mapping
		"x: 12345678901234567890123": "1:4 !!float", // an integer too large
		"x: 2024-01-02":              "1:4 !!timestamp",
		"y: 1\u2028x: 2":             "1:4 !!int", // a line end of YAML 1.1
	} {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		n := doc.Content[0].Content[1]
		if got := fmt.Sprintf("%d:%d %s", n.Line, n.Column, n.Tag); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func oneLine(s string) string {
	out := ""
	for i, r := range s {
		if r == '\n' {
			r = ' '
		}
		if r == ' ' && i > 0 && out[len(out)-1] == ' ' {
			continue
		}
		out += string(r)
	}
	return out
}
