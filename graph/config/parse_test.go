package config

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"":                                            "null",
		"# nothing\n":                                 "null",
		"---\n":                                       "null",
		"a: 1\nb: x\n":                                `{a: 1, b: x}`,
		"a: ~\nb:\nc: null\nd: ''\n":                  `{a: null, b: null, c: null, d: ""}`,
		"a: [1, 2.5, true, no, 007]":                  `[1, 2.5, true, "no", "007"]`,
		"a: [0x1F, 1_000, 1__0, 0b1]":                 `[0x1F, 1_000, "1__0", 0b1]`,
		"a: [2024-01-02, 12:30, 1e3]":                 `["2024-01-02", "12:30", 1e3]`,
		"a: [.inf, +.INF, .nan, +-.inf, -, .]":        `[.inf, +.INF, .nan, "+-.inf", "-", "."]`,
		"a: {x: float?, \"y\": a ?? 0, z: [b?]}":      `{x: "float?", "y": "a ?? 0", z: ["b?"]}`,
		"a: {? x : 1, ? y}":                           `{x: 1, "y": null}`,
		"a: \"x\u2028y\u0085z?\"":                     `"x\u2028y\u0085z?"`,
		"a: [\"\\uE000\", \"\\uE001?\"]":              "[\"\uE000\", \"\uE001?\"]",
		"? a\n: 1\n":                                  `{a: 1}`,
		"1: x\ntrue: y\n~: z\n\"\": e\n":              `{"1": x, "true": "y", "~": z, "": e}`,
		"a: &x [1]\nb: *x\nc: [*x, *x]\n":             `{a: [1], b: [1], c: [[1], [1]]}`,
		"a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3, r: 4}": `{a: {p: 1, q: 2}, b: {p: 1, q: 3, r: 4}}`,
		"a: &x {p: 1}\nb: &y {p: 2, q: 2}\nc: {r: 0, <<: [*x, *y]}": `{a: {p: 1}, b: {p: 2, q: 2}, c: {r: 0, p: 1, q: 2}}`,
		"\"<<\": 1": `{"<<": 1}`,
		"a: !!bool 'true'\nb: !!null ''\nc: !!int 0x1F\nd: !!map {}\n": `{a: true, b: null, c: 0x1F, d: {}}`,
		"a: !!str 12\nb: !!int \"12\"\nc: !!float 1\n":                 `{a: "12", b: 12, c: 1}`,
		"\uFEFFa: 1":                           `{a: 1}`,
		"a: 1\r\nb: 2\r\n":                     `{a: 1, b: 2}`,
		"a: |\n  x\n   y\n\nb: >-\n  x\n  y\n": `{a: "x\n y\n", b: x y}`,
	} {
		v := parse(t, text)
		if strings.HasPrefix(text, "a: ") && !strings.Contains(text, "\nb: ") && len(v.Entries) == 1 {
			v = v.Get("a")
		}
		if got := v.String(); got != want && got != "{a: "+want+"}" {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestNodes(t *testing.T) {
	v := parse(t, "a: 1\nb: {c: [x]}\n")
	if got := fmt.Sprint(v.Keys(), v.Has("b"), v.Has("c"), v.Get("x").Get("y"), " ", v.Get("b").Get("c").Items[0].Text); got != "[a b] true false null x" {
		t.Error(got)
	}
	for text, want := range map[string]string{
		"x":                      `text "x"`,
		"12":                     "integer 12",
		"1.5":                    "float 1.5",
		"yes":                    `text "yes"`,
		"TRUE":                   "TRUE",
		"~":                      "nothing",
		"[]":                     "a list",
		"{}":                     "a mapping",
		strings.Repeat("é", 100): `text "` + strings.Repeat("é", 39) + `…"`,
	} {
		if got := parse(t, text).Describe(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestSpans(t *testing.T) {
	// Each ^ stands under the place of the value or key above it, in the order of
	// the text; ~ goes on with it.
	for _, text := range []string{
		"abc: def\n" +
			"^~~  ^~~",
		"é: \"a\\tb\" # c\n" +
			"^  ^~~~~~",
		"a: {b: [1, 22], c: }\n" +
			"^  ^~~~~~~~~~~~~~~~~",
		"- x\n" +
			"^",
		"a: &x !!str 'it''s'\n" +
			"^           ^~~~~~~",
		"a: |+2  # note\n" +
			"^  ^~~",
		"a:\n" +
			"^",
	} {
		line, marks, _ := strings.Cut(text, "\n")
		v := parse(t, line+"\n\n")
		var got []diag.Span
		if v.Kind == Mapping {
			got = append(got, v.Entries[0].KeySpan, v.Entries[0].Value.Span)
		} else {
			got = append(got, v.Span)
		}
		drawn := []byte(strings.Repeat(" ", len(marks)))
		for _, s := range got {
			for i := range max(s.Width, 1) {
				drawn[s.Col-1+i] = "^~"[min(i, 1)]
			}
		}
		if string(drawn) != marks {
			t.Errorf("\n%s\n%s\nwant\n%s", line, drawn, marks)
		}
	}
	v := parse(t, "\uFEFFa: &x\n   b: {c:\n     1}\nd: *x\n")
	for span, want := range map[diag.Span]string{
		v.Entries[0].KeySpan:                      "a.yaml:1:2",
		v.Get("a").Span:                           "a.yaml:2:4",
		v.Get("a").Get("b").Span:                  "a.yaml:2:7",
		v.Get("a").Get("b").Get("c").Span:         "a.yaml:3:6",
		v.Get("d").Span:                           "a.yaml:4:4",
		v.Get("d").Get("b").Get("c").Span:         "a.yaml:3:6",
		parse(t, "a: 1\rb: 2").Entries[1].KeySpan: "a.yaml:1:6",
	} {
		if span.String() != want {
			t.Errorf("%v, want %s", span, want)
		}
	}
}

// What is wrong with the tree but not with the syntax.
func TestParseFaults(t *testing.T) {
	for text, want := range map[string]string{
		"a: 1\nb: 2\na: 3\na: 4\n": `
a.yaml:3:1: the key "a" is given twice [E003]
    3 | a: 3
      | ^
  the first one (a.yaml:1:1)
    1 | a: 1
      | ^
a.yaml:4:1: the key "a" is given twice [E003]
    4 | a: 4
      | ^
  the first one (a.yaml:1:1)
    1 | a: 1
      | ^
`,
		"[a]: 1\n": `
a.yaml:1:1: a list cannot be a key [E001]
    1 | [a]: 1
      | ^^^
  hint: a key is a text; to begin a text with { or [, quote it
`,
		"a: 1\n: 2\n": `
a.yaml:2:1: a key is missing before the colon [E001]
    2 | : 2
      | ^
`,
		"a: &x [1, *x]\nb: &y {<<: *y}\n": `
a.yaml:1:11: the anchor "x" contains itself here [E001]
    1 | a: &x [1, *x]
      |           ^^
  hint: write the value out
a.yaml:2:12: the anchor "y" contains itself here [E001]
    2 | b: &y {<<: *y}
      |            ^^
  hint: write the value out
`,
		"a: {<<: 3}": `
a.yaml:1:9: << merges mappings, this is integer 3 [E001]
    1 | a: {<<: 3}
      |         ^
  hint: write <<: *name, where &name is put before a mapping
`,
		"a: !!int x\nb: !active\nc: !!binary aGk=\n": `
a.yaml:1:4: "x" is not an integer [E001]
    1 | a: !!int x
      |    ^^^^^
a.yaml:2:4: "!active" is a YAML tag, and tags mean nothing here [E001]
    2 | b: !active
      |    ^^^^^^^
  hint: if it is a text, quote all of it: "!active"
a.yaml:3:4: "!!binary" is a YAML tag, and tags mean nothing here [E001]
    3 | c: !!binary aGk=
      |    ^^^^^^^^
  hint: if it is a text, quote all of it: "!!binary aGk="
`,
		"a: 1\n---\nb: 2\n": `
a.yaml:2:1: a second document starts here [E001]
    2 | ---
      | ^^^
  hint: keep one document in a file, and leave out the line ---
`,
		"a: {w: max(a, f(b, c)) > 3, x: 1}\nb: [f(x, 2), 3]\n": `
a.yaml:1:8: a comma ends a text inside {} and [] [E001]
    1 | a: {w: max(a, f(b, c)) > 3, x: 1}
      |        ^^^^^^^^^^^^^^^^^^^
  hint: quote it: "max(a, f(b, c)) > 3"
a.yaml:2:5: a comma ends a text inside {} and [] [E001]
    2 | b: [f(x, 2), 3]
      |     ^^^^^^^
  hint: quote it: "f(x, 2)"
`,
	} {
		var list diag.List
		Parse(diag.NewSource("a.yaml", []byte(text)), &list)
		comparePicture(t, text, list, want)
	}
}

// Places may be asked for by many goroutines; the race detector watches.
func TestAtFromManyGoroutines(t *testing.T) {
	v := parse(t, "a: é b\nc: \"d\\te\"\n")
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for _, e := range v.Entries {
				for i := range 4 {
					if at := e.Value.At(i, 1); at.Line == 0 {
						t.Error("no place")
					}
				}
			}
		})
	}
	wait.Wait()
}

// A text cut by commas is put together again, so that what follows sees it whole.
func TestMended(t *testing.T) {
	var list diag.List
	v := Parse(diag.NewSource("a.yaml", []byte("a: {w: max(a, b) > 3, x: 1, y: (, z: 2}\nb: [f(x, 2), 3]\n")), &list)
	if got, want := v.String(), `{a: {w: "max(a, b) > 3", x: 1, "y": "(", z: 2}, b: ["f(x, 2)", 3]}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if at := v.Get("a").Get("w").At(7, 1); at.Col != 15 {
		t.Errorf("b stands at %v", at)
	}
}

func TestLimits(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'i'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 10), ", "))
	}
	merges := "a: &a {x: 1}\n"
	for c := 'b'; c <= 'z'; c++ {
		merges += fmt.Sprintf("%c: &%c {<<: [%s]}\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 10), ", "))
	}
	for _, c := range []struct{ name, text, want string }{
		{"just deep enough", deep(MaxDepth + 1), ""},
		{"too deep", deep(MaxDepth + 2), "a.yaml:1:66: collections are nested more than 64 deep"},
		{"far too deep", deep(5000), "a.yaml:1:66: collections are nested more than 64 deep"},
		{"too deep for the parser", strings.Repeat("[", 20000), "a.yaml:1:1: collections are nested too deep"},
		{"large", "a: " + strings.Repeat("x", MaxBytes-3), ""},
		{"too large", "a: " + strings.Repeat("x", MaxBytes-2), "a.yaml: the text has 1048577 bytes; at most 1048576 are read"},
		{"many", "[" + strings.Repeat("x,", MaxValues-2) + "]", ""},
		{"too many", "[" + strings.Repeat("x,", MaxValues+1) + "]", "the text has more than 500000 values"},
		{"alias bomb", bomb, "aliases make the text more than 1100 values large; write out less with aliases"},
		{"merge bomb", merges, "aliases make the text more than"},
		{"few aliases", "a: &a [1, 2, 3]\nb: [" + strings.Repeat("*a, ", 200) + "]", ""},
		{"many aliases of much", "a: &a [" + strings.Repeat("1, ", 9000) + "]\nb: [" + strings.Repeat("*a, ", 20) + "]", "aliases make the text more than 90"},
		{"long line", "[" + strings.Repeat("é,", 90_000) + "]", ""},
	} {
		var list diag.List
		Parse(diag.NewSource("a.yaml", []byte(c.text)), &list)
		got := ""
		if len(list) > 0 {
			got = list[0].Error()
		}
		if len(list) > 1 || c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %d problems, first %q, want %q", c.name, len(list), got, c.want)
		}
	}
}
