package expr

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
)

const elsewhereType = "{l: [int], s: string, p: string, x: float, t: time, u: time, d: string, j: any, n: int?, c: bool}"

// Every name of another language gives its hint, and what the hint says to write is
// an expression.
func TestNamesOfOtherLanguages(t *testing.T) {
	env := mustType(t, elsewhereType)
	if len(elsewhere) < 60 {
		t.Fatalf("%d names", len(elsewhere))
	}
	for name, form := range elsewhere {
		if functionNamed(name) != nil {
			t.Errorf("%s is a function of ours", name)
			continue
		}
		var list diag.List
		if Check(text(strings.ReplaceAll(form, "x in l", "2 in l")), env, &list); len(list) > 0 {
			t.Errorf("%s: the hint %s is wrong:\n%s", name, form, printed(list))
		}
		hinted(t, name+"(s, 1)", "write "+form)
	}
	for name, words := range inWords {
		hinted(t, name+"(s, 1)", words)
	}
}

func hinted(t *testing.T, source, hint string) {
	t.Helper()
	var list diag.List
	Check(text(source), mustType(t, elsewhereType), &list)
	if len(list) != 1 || list[0].Hint.String() != hint {
		t.Errorf("%s wants the hint %s, got\n%s", source, hint, printed(list))
	}
}

// So does what stands in other languages where a value does, and one mistake has one message.
func TestValuesOfOtherLanguages(t *testing.T) {
	for source, hint := range map[string]string{
		"s == NULL": "write null", "n == None": "write null", "n == undefined": "write null", "c == True": "write true", "FALSE": "write false",
		"this.s": "a field stands by its name alone: amount, not this.amount", "$.s": "a field stands by its name alone: amount, not $.amount", "root.s": "a field stands by its name alone: amount, not root.amount",
		"Math.max(x, 1)": "functions stand by their names alone: max(x, 1), not Math.max(x, 1)", "JSON.parse(s)": "write parse_json(s), or json(x)",
		`s.contains("x")`: "write it between its operands: a contains b", "s.startsWith(p)": "write it between its operands: a startsWith b",
		"s.len": "write len(s)", "s.length": "write len(s)", "s.len()": "write len(s), or s | len()", "s.length()": "write len(s)",
	} {
		hinted(t, source, hint)
	}
}

func TestOperatorsOfOtherLanguages(t *testing.T) {
	for source, hint := range map[string]string{
		`s =~ "a"`: `write a matches r"pattern"`, "s === p": "write == or !=", "s !== p": "write == or !=", "s <> p": "write !=",
		"x between 1": "write a <= x && x <= b", "s like p": "write contains, startsWith or matches", "c AND c": "write && or and", "n is null": "write == null or != null",
		"c & c": "write && for and", "x = 1": "write == to compare",
	} {
		hinted(t, source, hint)
	}
}
