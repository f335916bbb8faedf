package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
)

var testVariables = map[string]string{
	"N": "4", "DIR": "/data", "EMPTY": "", "F": "1.5", "T": "true", "NAME": "é日", "YAML": "[a, b]", "NULL": "null",
	"env:TOKEN": "geheim", "file:/run/key": "auch geheim",
}

func lookupTest(name string) (Variable, bool) {
	v, ok := testVariables[name]
	return Variable{Text: v}, ok
}

func TestSubstitute(t *testing.T) {
	for text, want := range map[string]string{
		"a: ${N}":                       "{a: 4} [N]",
		"a: '${N}'":                     `{a: "4"} [N]`,
		"a: ${F}":                       "{a: 1.5} [F]",
		"a: ${T}":                       "{a: true} [T]",
		"a: ${NULL}":                    "{a: null} [NULL]",
		"a: ${EMPTY}":                   `{a: ""} [EMPTY]`,
		"a: ${YAML}":                    `{a: "[a, b]"} [YAML]`, // text, never syntax
		"a: ${N}0":                      `{a: "40"} [N]`,
		"a: ${DIR}/${NAME}.csv":         `{a: "/data/é日.csv"} [DIR NAME]`,
		"a: ${X:-b}":                    "{a: b} [X]",
		"a: ${EMPTY:-7}":                "{a: 7} [EMPTY]",
		"a: ${N:-7}":                    "{a: 4} [N]",
		"a: ${X:-${DIR}/${Y:-z}}!":      "{a: \"/data/z!\"} [X DIR Y]",
		"a: ${N:?give N}":               "{a: 4} [N]",
		"a: $$ $${N} $x $":              `{a: "$ ${N} $x $"} []`,
		"a: $$$${N}":                    `{a: "$${N}"} []`,
		"a: |\n  x ${N}\nb: [\"${N}\"]": `{a: "x 4\n", b: ["4"]} [N]`,
		"a: &x ${N}\nb: *x":             "{a: 4, b: 4} [N]",
		"a: ${env:TOKEN}":               "{a: [secret]} [env:TOKEN]",
		"a: ${file:/run/key}":           "{a: [secret]} [file:/run/key]",
		"a: ${env:NONE:-dflt}":          "{a: [secret]} [env:NONE]",
		"a: 12":                         "{a: 12} []",
	} {
		var list diag.List
		v := parse(t, text)
		used := Substitute(v, lookupTest, &list)
		if got := fmt.Sprint(v, " ", used); got != want || len(list) > 0 {
			t.Errorf("%s: %s, want %s\n%v", text, got, want, list)
		}
	}
	if v := parse(t, "a: ${env:TOKEN}"); v != nil {
		Substitute(v, lookupTest, new(diag.List))
		if d := v.Get("a").Describe(); d != "a secret" || v.Get("a").Text != "geheim" {
			t.Errorf("described as %s", d)
		}
	}
}

// Places keep pointing at what was written.
func TestAtBehindVariables(t *testing.T) {
	v := parse(t, "a: \"\\t${DIR}/x + ${EMPTY}y > ${N}\"\n")
	Substitute(v, lookupTest, new(diag.List))
	a := v.Get("a")
	if a.Text != "\t/data/x + y > 4" {
		t.Fatal(a.Text)
	}
	for _, c := range []struct {
		word      string
		col, wide int
	}{{"/data", 7, 6}, {"data", 7, 6}, {"/x", 13, 2}, {"/data/x", 7, 8}, {"x", 14, 1}, {"y", 26, 1}, {"4", 30, 4}, {"> 4", 28, 6}} {
		got := a.At(strings.LastIndex(a.Text, c.word), len(c.word))
		if got.Line != 1 || got.Col != c.col || got.Width != c.wide {
			t.Errorf("%s: %v+%d, want 1:%d+%d", c.word, got, got.Width, c.col, c.wide)
		}
	}
}

func TestVariableFaults(t *testing.T) {
	text := `a: ${X}
b: "${N:5} and ${N=5}"
c: ${DIR
d: ${}
e: x${Y:?give Y a path}
${N}: f
g: é ${env:NO_TOKEN}!
h: ${env:NONE}
i: ${file:/none}
j: ${EMPTY:?}
k: ${X:-${Z}}
`
	var list diag.List
	v := parse(t, text)
	Substitute(v, lookupTest, &list)
	list.Sort()
	comparePicture(t, text, list, `
a.yaml:1:4: the variable X is not set [E004]
    1 | a: ${X}
      |    ^^^^
  hint: set it with -s X=value, or give a default: ${X:-value}
a.yaml:2:5: ":5" cannot follow the name of a variable [E004]
    2 | b: "${N:5} and ${N=5}"
      |     ^^^^^^
  hint: for a default write ${N:-5}
a.yaml:2:16: "=5" cannot follow the name of a variable [E004]
    2 | b: "${N:5} and ${N=5}"
      |                ^^^^^^
  hint: for a default write ${N:-5}
a.yaml:3:4: the variable is not closed [E004]
    3 | c: ${DIR
      |    ^^
  hint: write ${NAME}, or $${ for the characters as such
a.yaml:4:4: the variable has no name [E004]
    4 | d: ${}
      |    ^^^
  hint: write ${NAME}, or $${ for the characters as such
a.yaml:5:5: give Y a path [E004]
    5 | e: x${Y:?give Y a path}
      |     ^^^^^^^^^^^^^^^^^^^
  hint: set it with -s Y=value, or give a default: ${Y:-value}
a.yaml:6:1: a variable cannot be used in a key [E004]
    6 | ${N}: f
      | ^^^^
a.yaml:7:6: the environment variable NO_TOKEN is not set [E004]
    7 | g: é ${env:NO_TOKEN}!
      |      ^^^^^^^^^^^^^^^
  hint: set NO_TOKEN in the environment
a.yaml:8:4: the environment variable NONE is not set [E004]
    8 | h: ${env:NONE}
      |    ^^^^^^^^^^^
  hint: set NONE in the environment
a.yaml:9:4: the secret file /none cannot be read [E004]
    9 | i: ${file:/none}
      |    ^^^^^^^^^^^^^
  hint: put the secret into /none
a.yaml:10:4: the variable EMPTY is empty [E004]
   10 | j: ${EMPTY:?}
      |    ^^^^^^^^^^
  hint: set it with -s EMPTY=value, or give a default: ${EMPTY:-value}
a.yaml:11:9: the variable Z is not set [E004]
   11 | k: ${X:-${Z}}
      |         ^^^^
  hint: set it with -s Z=value, or give a default: ${Z:-value}
`)
	for _, e := range v.Entries {
		if e.Key != "${N}" && !e.Value.Bad {
			t.Errorf("%s is not marked", e.Key)
		}
	}
}
