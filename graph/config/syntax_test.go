package config

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
)

// Texts that are no YAML, and all that a user sees of it.
func TestSyntax(t *testing.T) {
	for _, c := range syntaxCases {
		text, want, _ := strings.Cut(strings.TrimPrefix(c, "\n"), "---\n")
		text = strings.ReplaceAll(text, "→", "\t")
		var list diag.List
		if v := Parse(diag.NewSource("a.yaml", []byte(text)), &list); v != nil {
			t.Errorf("%s\ngives %v", text, v)
		}
		comparePicture(t, text, list, want)
	}
}

// In these, → is a tab.
var syntaxCases = []string{`
a:
→b: 1
---
a.yaml:2:1: a tab cannot indent [E001]
    2 | 	b: 1
      | ^
  hint: indent with spaces
`, `
a: "hello
b: "world"
---
a.yaml:1:4: this quote is not closed on its line [E001]
    1 | a: "hello
      |    ^^^^^^
  hint: the next quote is on line 2
`, `
a: 1
b: "hello
c: 3
---
a.yaml:2:4: this quote is not closed [E001]
    2 | b: "hello
      |    ^^^^^^
`, `
a: 'it's'
---
a.yaml:1:8: this text follows the end of a value [E001]
    1 | a: 'it's'
      |        ^^
  hint: within single quotes write '' for a quote
`, `
where: "paid" == status
---
a.yaml:1:15: this text follows the end of a value [E001]
    1 | where: "paid" == status
      |               ^^^^^^^^^
  hint: quote all of it: '"paid" == status'
`, `
with: {where: "paid" == status, to: x}
---
a.yaml:1:22: this text follows the end of a value [E001]
    1 | with: {where: "paid" == status, to: x}
      |                      ^^^^^^^^^
  hint: quote all of it: '"paid" == status'
`, `
nodes:
  late:
    with: {where: delay > 15
  named:
    use: join
---
a.yaml:3:11: this { is not closed [E001]
    3 |     with: {where: delay > 15
      |           ^
`, `
a: {b: 1
    c: 2}
---
a.yaml:1:9: a comma is missing after this value [E001]
    1 | a: {b: 1
      |         ^
`, `
a: [1, 2}
---
a.yaml:1:9: } closes the [ of line 1 [E001]
    1 | a: [1, 2}
      |         ^
`, `
where: late ? 1 : 0
---
a.yaml:1:17: a colon followed by a space is not allowed in unquoted text [E001]
    1 | where: late ? 1 : 0
      |                 ^
  hint: quote the value: "late ? 1 : 0"
`, `
with: {where: late ? 1 : 0}
---
a.yaml:1:24: a colon followed by a space is not allowed in unquoted text [E001]
    1 | with: {where: late ? 1 : 0}
      |                        ^
  hint: quote the value, or put a comma before the next key
`, `
with: {where: xs[0] > 1, to: b}
---
a.yaml:1:17: inside {} and [] a text with [ must be quoted [E001]
    1 | with: {where: xs[0] > 1, to: b}
      |                 ^
  hint: quote it: "xs[0] > 1"
`, `
with: {path: ${DIR}/x.csv, as: y}
---
a.yaml:1:14: inside {} and [] a variable must be quoted [E001]
    1 | with: {path: ${DIR}/x.csv, as: y}
      |              ^^^^^^^^^^^^
  hint: quote it: "${DIR}/x.csv"
`, `
a: @home
---
a.yaml:1:4: a text cannot start with @ [E001]
    1 | a: @home
      |    ^
  hint: quote it: "@home"
`, `
where: !late && true
---
a.yaml:1:8: a text cannot start with ! [E001]
    1 | where: !late && true
      |        ^^^^^^^^
  hint: quote it: "!late && true"
`, `
path: *.csv
---
a.yaml:1:7: a text cannot start with * [E001]
    1 | path: *.csv
      |       ^^^^^
  hint: if it is a text, quote it: "*.csv"
`, `
# *not this one
a: &food "*nor this"
b: *foo
---
a.yaml:3:4: there is no anchor &foo above [E001]
    3 | b: *foo
      |    ^^^^
  hint: did you mean *food?
`, `
a: 1
  b: 2
---
a.yaml:2:3: this key is indented under "1", which is a value already [E001]
    2 |   b: 2
      |   ^^
  hint: indent it like the key above, or quote the value above if this is a part of it
`, `
a:
    b: 1
  c: 2
---
a.yaml:3:3: the indentation fits no line above [E001]
    3 |   c: 2
      |   ^^^^
  hint: it starts in column 3, those above in 5 or 1
`, `
a: "x"
  b: 2
---
a.yaml:2:3: unexpected indentation: the line above is complete [E001]
    2 |   b: 2
      |   ^^^^
  hint: indent it like the line above, or quote the value above if this is a part of it
`, `
a: 1
b
c: 2
---
a.yaml:2:1: a colon is missing after this key [E001]
    2 | b
      | ^
  hint: a key ends with a colon: b:
`, `
a: 1
use:filter
b: 2
---
a.yaml:2:1: a colon is missing after this key [E001]
    2 | use:filter
      | ^^^^^^^^^^
  hint: put a space after the colon: use: filter
`, `
a: - x
---
a.yaml:1:4: a list cannot begin on the line of its key [E001]
    1 | a: - x
      |    ^
  hint: begin the list on the next line, or write [a, b]
`, `
a:
  - x
  -y
---
a.yaml:3:3: want the next item of the list [E001]
    3 |   -y
      |   ^^
  hint: put a space after the dash: - y
`, `
a: 1
- b
---
a.yaml:2:1: a list item among keys [E001]
    2 | - b
      | ^
  hint: a mapping has keys, a list has items, and they cannot be mixed
`, `
- a
b: 1
---
a.yaml:2:1: a key among the items of a list [E001]
    2 | b: 1
      | ^^^^
  hint: a mapping has keys, a list has items, and they cannot be mixed
`, `
a: "\d+"
---
a.yaml:1:5: \d is not an escape in double quotes [E001]
    1 | a: "\d+"
      |     ^^
  hint: in double quotes write \\ for a backslash, or use single quotes
`, `
where: |delay > 5
---
a.yaml:1:8: | begins a block, whose text is in the lines below [E001]
    1 | where: |delay > 5
      |        ^^^^^^^^^^
  hint: begin the text on the next line; if it starts with this sign itself, quote it
`, `
where: |
    delay > 5 and
  name == "x"
---
a.yaml:3:3: this line is indented less than the text to which it belongs [E001]
    3 |   name == "x"
      |   ^^^^^^^^^^^
  hint: indent it like the first line of the text
`, `
a: 1
%FOO
---
a.yaml:2:1: a line that starts with % is a directive of YAML, and this is none [E001]
    2 | %FOO
      | ^^^^
`, `
%FOO
a: 1
---
a.yaml:1:1: a line that starts with % is a directive of YAML, and this is none [E001]
    1 | %FOO
      | ^^^^
`, `
? [a]
: {b
c: 1
---
a.yaml:3:1: a comma or the closing } is missing here or before [E001]
    3 | c: 1
      | ^^^^
  hint: a text with [ ] { } , in it must be quoted
`, `
a:
  use group
  in: days
---
a.yaml:2:3: a colon is missing after this key [E001]
    2 |   use group
      |   ^^^^^^^^^
  hint: a key ends with a colon: use: group
`, `
a: 1
→
b: 2
---
a.yaml:2:1: a tab cannot indent [E001]
    2 | 	
      | ^
  hint: indent with spaces
`, `
{: 2}
---
a.yaml:1:2: a key is missing before the colon [E001]
    1 | {: 2}
      |  ^
`}

// What no YAML parser could read.
func TestUnreadable(t *testing.T) {
	for text, want := range map[string]string{
		"a: 1\nb: é\a\n": `
a.yaml:2:5: the control character U+0007 is not allowed in YAML [E001]
    2 | b: é�
      |     ^
  hint: remove it, or write "\u0007" in double quotes
`,
		"a: é\xff": `
a.yaml:1:5: byte 0xFF is not UTF-8 [E001]
    1 | a: é�
      |     ^
  hint: save the text as UTF-8
`,
		"\xff\xfea\x00:\x00": `
a.yaml: the text is UTF-16 [E001]
  hint: save it as UTF-8
`,
		"\x00a\x00:": `
a.yaml: the text is UTF-16 [E001]
  hint: save it as UTF-8
`,
	} {
		var list diag.List
		if v := Parse(diag.NewSource("a.yaml", []byte(text)), &list); v != nil {
			t.Errorf("%q gives %v", text, v)
		}
		comparePicture(t, text, list, want)
	}
}

// A text that one character breaks is reported on the line that was broken or next
// to it; only a key that was indented may be noticed first at the key that it left.
func TestDamage(t *testing.T) {
	const flow = `flow: late
about: |
  Where do flights run late,
    and by how much?

types:
  Flight: {delay: int?, origin: string, "US Gross": float}

nodes:
  flights:
    use: file.read      # a note
    with: {path: "data/flights.csv", as: Flight}

  # The worst.
  worst:
    use: group
    in: [flights, 'others']
    with:
      by: [state]
      set:
        mean: mean(delay) ?? 0
        name: "a" # quoted
      steps:
        - first: 1
          second: [1,
            2]
        - third
    about: some words
      that go on
`
	parse(t, flow)
	exact, all := 0, 0
	damage := func(at int, text string) {
		var list diag.List
		if v := Parse(diag.NewSource("a.yaml", []byte(text)), &list); v != nil {
			return // still YAML
		}
		broken := strings.Count(flow[:at], "\n") + 1
		all++
		switch found := list[0].At.Line; {
		case len(list) != 1 || found < broken-1 || found > broken+1 && text[at] != ' ':
			t.Errorf("line %d was broken at %d:\n%s", broken, at, picture(list))
		case found == broken:
			exact++
		}
	}
	for at := range len(flow) {
		if strings.IndexByte("\"'{}[]:,-|", flow[at]) >= 0 {
			damage(at, flow[:at]+flow[at+1:])
		}
		if at == 0 || flow[at-1] == '\n' {
			damage(at, flow[:at]+" "+flow[at:])
			damage(at, flow[:at]+"\t"+flow[at:])
		}
	}
	if all < 80 || exact*10 < all*8 {
		t.Errorf("%d of %d on the line itself", exact, all)
	}
}
