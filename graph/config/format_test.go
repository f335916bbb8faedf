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
    with: {where: delay > 15,   to: x}
    in: [a,b]

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
