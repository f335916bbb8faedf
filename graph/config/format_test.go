package config

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
)

func TestFormat(t *testing.T) {
	for _, c := range formatCases {
		text, want, _ := strings.Cut(strings.TrimPrefix(c, "\n"), "-----\n")
		got, err := Format([]byte(text))
		if err != nil || string(got) != want {
			t.Errorf("%s\n--- got %v\n%s\n--- want\n%s", text, err, got, want)
		}
		checkFormatted(t, []byte(text), got)
	}
}

// checkFormatted proves that nothing was lost and that formatting again changes
// nothing.
func checkFormatted(t *testing.T, text, got []byte) {
	t.Helper()
	var before, after diag.List
	a := Parse(diag.NewSource("a", text), &before)
	b := Parse(diag.NewSource("b", got), &after)
	if !a.Equal(b) || len(before) != len(after) {
		t.Errorf("%q\nbecame\n%q\n%v\nbecame\n%v", text, got, a, b)
	}
	if again, err := Format(got); err != nil || string(again) != string(got) {
		t.Errorf("%q\nbecame\n%q\nand then\n%q %v", text, got, again, err)
	}
}

var formatCases = []string{`
nodes:
  numbers: {use: generate}
  look:    {use: log, in: numbers}
  # Apart.
  a: {use: drop}
  größe: {use: drop}
  b:
    use: drop
  c:   {use: drop}
    # And more.
  dd: {use: drop,
    in: c}
  e:        {use: drop}
  f: [1]
-----
nodes:
  numbers: {use: generate}
  look:    {use: log, in: numbers}
  # Apart.
  a: {use: drop}
  größe: {use: drop}
  b:
    use: drop
  c: {use: drop}
  # And more.
  dd: {use: drop,
    in: c}
  e: {use: drop}
  f: [1]
`, `
n:
    long:  {a: 1}
    l:  {a: 1}
    größer: {a: 1}
-----
n:
  long:   {a: 1}
  l:      {a: 1}
  größer: {a: 1}
`, `
flow:   late
about:    Where?   # a note


# The nodes.
nodes:
    # One.
    late:
        use: filter
        with: {where: delay > 15,   to: x}
        in: [a,b]

    # Two.
    named:
            use:   join
   # Three.



-----
flow: late
about: Where?   # a note

# The nodes.
nodes:
  # One.
  late:
    use: filter
    with: {where: delay > 15, to: x}
    in: [a, b]

  # Two.
  named:
    use: join
# Three.
`, `
a:
- b
-   c: 1
    d:   2
-
    e: 3
- - f
  -   - g
      - h
# end
-----
a:
  - b
  - c: 1
    d: 2
  -
    e: 3
  - - f
    - - g
      - h
# end
`, `
a:
    |
    b
     c

b: >2-
   d
  e

c:
      - |
        f

        g


      - h
-----
a:
  |
  b
   c

b: >2-
   d
  e

c:
  - |
    f

    g

  - h
`, `
a:
      "b
          c"
b: {c: 1,
    d: [2,
        3]}
c:
        e: 'f

            g'
        h: {i: x ?? 0, # why
            j: 2}
-----
a:
  "b
      c"
b: {c: 1,
    d: [2,
        3]}
c:
  e: 'f

      g'
  h: {i: x ?? 0, # why
      j: 2}
`, `
a: &x b
*x : 1
-----
a: &x b
*x : 1
`, `
a: &x !!map
   b: !!str   1
   c: *x
   <<: *x
   "d":   &z
         e: 1
-----
a: &x !!map
  b: !!str   1
  c: *x
  <<: *x
  "d": &z
    e: 1
`, `
# only


# comments
-----
# only

# comments
`, `
---

a: 1
...
# over
-----
---

a: 1
...
# over
`, `
a: |+
  b


-----
a: |+
  b


`, `
- a   
-     b
# c
-   # d
    e: 1
-----
- a
- b
# c
-   # d
  e: 1
`, `
-----
`}

func TestFormatEdges(t *testing.T) {
	for text, want := range map[string]string{
		"a: 1":                  "a: 1\n",
		"a: |\n  b":             "a: |\n  b", // a line end would be text
		"a: |-\n   b":           "a: |-\n  b\n",
		"\uFEFFa:  1\r\nb: 2\r": "a: 1\nb: 2\n",
		"{a: float?,\n b: 1}":   "{a: float?,\n b: 1}\n",
		"  - a\n  - b\n":        "- a\n- b\n",
		"a: b\n    c   \n  d\n": "a: b\n    c\n  d\n",
		"a: |\n\n\n  b\n   \n":  "a: |\n\n\n  b\n   \n", // the last line is text
		"a: |\n   b\n  \n":      "a: |\n  b\n",
		"\n\n\n":                "",
	} {
		got, err := Format([]byte(text))
		if err != nil || string(got) != want {
			t.Errorf("%q: %q %v, want %q", text, got, err, want)
		}
		checkFormatted(t, []byte(text), got)
	}
}

func TestFormatRefuses(t *testing.T) {
	for _, text := range []string{"? a\n: b\n", "a: 1\n---\nb: 2\n", "--- a\n", "--- {a: 1}\n"} {
		if got, err := Format([]byte(text)); err != errMeaning {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
	_, err := FormatSource(diag.NewSource("a.yaml", []byte("a: [1\nb: 2\n")))
	if err == nil || err.Error() != "a.yaml:1:4: this [ is not closed" {
		t.Error(err)
	}
	_, err = Format([]byte("a: [1\nb: \xff\n"))
	if err == nil || err.Error() != ":2:4: byte 0xFF is not UTF-8; save the text as UTF-8" {
		t.Error(err)
	}
}

// Rows of a list that have the same keys are a table, those of keys if their author had
// begun one; in other brackets on one line there is a blank behind commas and colons.
var bracketCases = map[string]string{
	"{a: 1,b: 2}\n":                        "{a: 1, b: 2}\n",
	"a: {  b:   1 ,c: [1,2 ,  3] }\n":      "a: {b: 1, c: [1, 2, 3]}\n",
	"a: [ ]\nb: {  }\n":                    "a: []\nb: {}\n",
	"a: [1,2,]\n":                          "a: [1, 2,]\n",
	"a: {b: x  y,c: \"d,e\",d: 'f , g'}\n": "a: {b: x  y, c: \"d,e\", d: 'f , g'}\n",
	"a: {b: &x 1,c: *x,d: !!str  2}\n":     "a: {b: &x 1, c: *x, d: !!str  2}\n",
	"a: {b: 1,   c: 2} #  note,here\n":     "a: {b: 1, c: 2} #  note,here\n",
	// What is odd stays.
	"a: {b,  c: 1}\n":        "a: {b,  c: 1}\n",
	"a: [b:  1,c]\n":         "a: [b:  1,c]\n",
	"a: {b: ,  c: 1}\n":      "a: {b: ,  c: 1}\n",
	"a: {b:  1,\n  c:  2}\n": "a: {b:  1,\n  c:  2}\n",
	// Lists of mappings.
	"- {a: 1, b: x}\n- {a: 100,b: y}   # note\n":                             "- {a: 1,   b: x}\n- {a: 100, b: y}   # note\n",
	"r:\n  - {ä: größe, b: 1}\n  - {ä: x, b: [1,2]}\n":                       "r:\n  - {ä: größe, b: 1}\n  - {ä: x,     b: [1, 2]}\n",
	"r: [\n  {a: 10, b: 1},\n  {a: 1, b: 1}]\n":                              "r: [\n  {a: 10, b: 1},\n  {a: 1,  b: 1}]\n",
	"- {a: 1, b: 1}\n# apart\n- {a: 10, b: 1}\n":                             "- {a: 1, b: 1}\n# apart\n- {a: 10, b: 1}\n",
	"- {a: 1, b: 1}\n\n- {a: 10, b: 1}\n":                                    "- {a: 1, b: 1}\n\n- {a: 10, b: 1}\n",
	"- {a: 1, b: 1}\n- {b: 10, a: 1}\n":                                      "- {a: 1, b: 1}\n- {b: 10, a: 1}\n",
	"- {a: 1, b: 1}\n- {a: 10}\n- {a: 1, c: 1}\n- {a: 10, c: 1}\n":           "- {a: 1, b: 1}\n- {a: 10}\n- {a: 1,  c: 1}\n- {a: 10, c: 1}\n",
	"- {a:    1, b: 1}\n- {a: 10,b: 1, c: 1}\n":                              "- {a:    1, b: 1}\n- {a: 10, b: 1, c: 1}\n", // spread by hand
	"- [1,   2]\n- [100,2]\n":                                                "- [1,   2]\n- [100, 2]\n",
	"- {a: 1, b: " + strings.Repeat("x", 110) + "}\n- {a: 12345678, b: y}\n": "- {a: 1, b: " + strings.Repeat("x", 110) + "}\n- {a: 12345678, b: y}\n",
	// Values of keys.
	"n:\n  x: {a: 1, b: 1}\n  y: {a: 10, b: 1}\n":   "n:\n  x: {a: 1, b: 1}\n  y: {a: 10, b: 1}\n",
	"n:\n  x: {a: 1,   b: 1}\n  y: {a: 10, b: 1}\n": "n:\n  x: {a: 1,  b: 1}\n  y: {a: 10, b: 1}\n",
	"n:\n  x: {a: 1,   b: 1}\n  yy: {a: 10,b: 1}\n": "n:\n  x: {a: 1,   b: 1}\n  yy: {a: 10, b: 1}\n",
	"n:\n  x: {a:   1}\n  y: 1\n  z: {a:   1}\n":    "n:\n  x: {a: 1}\n  y: 1\n  z: {a: 1}\n",
}

func TestFormatBrackets(t *testing.T) {
	for text, want := range bracketCases {
		got, err := Format([]byte(text))
		if err != nil || string(got) != want {
			t.Errorf("%q:\n%s%v, want\n%s", text, got, err, want)
		}
		checkFormatted(t, []byte(text), got)
	}
}
