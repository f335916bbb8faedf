package expr

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/expr-lang/expr/ast"

	"github.com/flowrun/flowrun/graph/diag"
)

// TestPlaceOfCoalesce: what ?? takes in, as the same text with parentheses; the
// operator that check names as standing beside it, if it does.
func TestPlaceOfCoalesce(t *testing.T) {
	for _, c := range [][3]string{
		{"a + 1 ?? 0", "(a + 1) ?? 0", "+"},
		{"a ?? 0 + 1", "a ?? (0 + 1)", "+"},
		{"a || b ?? c", "(a || b) ?? c", "||"},
		{"a or b ?? c", "(a or b) ?? c", "or"},
		{"a ?? b && c", "a ?? (b && c)", "&&"},
		{"a * 2 ?? b - 1", "(a * 2) ?? (b - 1)", "*"},
		{"c ? x : y ?? z", "c ? x : (y ?? z)", ""},
		{"c ?? d ? x : y", "(c ?? d) ? x : y", ""},
		{"c ? x ?? 1 : y ?? z", "c ? (x ?? 1) : (y ?? z)", ""},
		{"a ?? b ?? c", "(a ?? b) ?? c", ""},
		{"a + 1 ?? b ?? c", "((a + 1) ?? b) ?? c", "+"},
		{"a ?? b > 1 ?? c", "(a ?? (b > 1)) ?? c", ">"},
		{"a > 1 ?? false", "(a > 1) ?? false", ">"},
		{"a not in l ?? true", "(a not in l) ?? true", "not in"},
		{"a ?? b not in l", "a ?? (b not in l)", "not in"},
		{"a matches b ?? c", "(a matches b) ?? c", "matches"},
		{"1..3 ?? l", "(1..3) ?? l", ".."},
		{"2 ** a ?? 1", "(2 ** a) ?? 1", "**"},
		{"!a ?? true", "(!a) ?? true", "!"},
		{"not a ?? true", "(not a) ?? true", "not"},
		{"-a ?? 1", "(-a) ?? 1", "-"},
		{"a ?? -1", "a ?? (-1)", ""},
		{"a ?? !b", "a ?? (!b)", ""},
		{"r.x ?? 1", "(r.x) ?? 1", ""},
		{"r?.x ?? l[0] ?? f(1)", "((r?.x) ?? (l[0])) ?? (f(1))", ""},
		{"l[a ?? 0:b + 1 ?? 2]", "l[(a ?? 0):((b + 1) ?? 2)]", "+"},
		{"[a ?? 1, b]", "[(a ?? 1), b]", ""},
		{"{x: a ?? 1, y: b + 1 ?? 2}", "{x: (a ?? 1), y: ((b + 1) ?? 2)}", "+"},
		{"f(a ?? 1, {x: b ?? 2})", "f((a ?? 1), {x: (b ?? 2)})", ""},
		{"filter(l, # ?? 0 > 1)", "filter(l, # ?? (0 > 1))", ">"},
		{"map(l, .x ?? 0)", "map(l, (.x) ?? 0)", ""},
		{"filter(l, {let y = # ?? 0; y > 1})", "filter(l, {let y = (# ?? 0); y > 1})", ""},
		{"let y = a + 1 ?? 0; y ?? 1", "let y = ((a + 1) ?? 0); (y ?? 1)", "+"},
		{"if a ?? b { c ?? 1 } else { d + 1 ?? 2 }", "if (a ?? b) { (c ?? 1) } else { ((d + 1) ?? 2) }", "+"},
		{"if a { 1 } else if b ?? c { 2 } else { 3 }", "if a { 1 } else if (b ?? c) { 2 } else { 3 }", ""},
		{"a + 1 | f() ?? 0", "((a + 1) | f()) ?? 0", ""},
		{"a | f() + 1 ?? 0", "((a | f()) + 1) ?? 0", "+"},
		{"a ?? b | f()", "(a ?? b) | f()", ""},
		{"a ?? b | f() ?? c", "((a ?? b) | f()) ?? c", ""},
		{"(a ?? 0) + 1", "(a ?? 0) + 1", ""},
		{"a + (b ?? 0)", "a + (b ?? 0)", ""},
		{"a /* x ?? y */ ?? 1", "a ?? 1", ""},
		{`s + " ?? " + u`, `(s + " ?? ") + u`, ""},
		{"`a ?? b` + 1", "`a ?? b` + 1", ""},
	} {
		got, want := mustParse(t, c[0]), mustParse(t, c[1])
		if got == nil || want == nil {
			continue
		}
		if dump(got) != dump(want) {
			t.Errorf("%s is not %s:\n%s\n%s", c[0], c[1], dump(got), dump(want))
		}
		other := ""
		if len(got.loose) > 0 {
			other = got.loose[0].other
		}
		if other != c[2] {
			t.Errorf("%s: %q stands beside ??, want %q", c[0], other, c[2])
		}
		for _, l := range got.loose {
			if l.means == "" {
				continue
			}
			for _, s := range []string{l.means, l.instead} {
				if x := mustParse(t, strings.ReplaceAll(s, "#", "x")); x != nil && len(x.loose) > 0 {
					t.Errorf("%s: the hint %s is loose itself", c[0], s)
				}
			}
		}
	}
}

func mustParse(t *testing.T, source string) *tree {
	t.Helper()
	x, e := parse(source)
	if e != nil {
		t.Errorf("%s: %s at %d", source, e.message, e.offset)
		return nil
	}
	return x
}

// dump is a tree without its places.
func dump(t *tree) string { return anyAddress.ReplaceAllString(ast.Dump(t.root), "") }

var anyAddress = regexp.MustCompile(`0x[0-9a-f]+`)

// A term is an expression that a test has made: an operator with its operands, or
// a name.
type term struct {
	op   string
	args []*term
}

var ranks = map[string]int{"??": 1, "||": 2, "&&": 3, "==": 4, "<": 4, "+": 5, "-": 5, "*": 6, "/": 6}

func randomTerm(r *rand.Rand, depth int) *term {
	if depth == 0 || r.IntN(4) == 0 {
		return &term{op: []string{"a", "b", "r.x", "l[0]", "7", "f(a ?? b)", "{x: a ?? 1}.x", "`a b`"}[r.IntN(8)]}
	}
	ops := []string{"??", "??", "||", "&&", "==", "+", "-", "*", "?"}
	op := ops[r.IntN(len(ops))]
	n := 2
	if op == "?" {
		n = 3
	}
	x := &term{op: op}
	for range n {
		x.args = append(x.args, randomTerm(r, depth-1))
	}
	return x
}

// write is the term with parentheses everywhere, or with those alone that the table
// of operators asks for.
func (x *term) write(all bool, rank int) string {
	if len(x.args) == 0 {
		return x.op
	}
	own, text := ranks[x.op], ""
	if x.op == "?" {
		text = fmt.Sprintf("%s ? %s : %s", x.args[0].write(all, 1), x.args[1].write(all, 0), x.args[2].write(all, 0))
	} else {
		text = fmt.Sprintf("%s %s %s", x.args[0].write(all, own), x.op, x.args[1].write(all, own+1))
	}
	if all || own < rank {
		return "(" + text + ")"
	}
	return text
}

// Parentheses that the table of operators makes needless change nothing.
func TestCoalesceAmongRandomOperators(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		x := randomTerm(r, 4)
		bare, full := x.write(false, 0), x.write(true, 0)
		got, want := mustParse(t, bare), mustParse(t, full)
		if got == nil || want == nil {
			return
		}
		if dump(got) != dump(want) {
			t.Fatalf("%s is not %s", bare, full)
		}
		if len(want.loose) > 0 {
			t.Fatalf("%s: ?? stands beside %q", full, want.loose[0].other)
		}
	}
}

func TestLooseCoalesceIsNoted(t *testing.T) {
	env := mustType(t, rowType)
	for source, want := range map[string]string{
		"n + 1 ?? 0":         `?? binds weaker than "+": this is (n + 1) ?? 0; write (n + 1) ?? 0, or n + (1 ?? 0)`,
		"n ?? 0 + 1":         `?? binds weaker than "+": this is n ?? (0 + 1); write n ?? (0 + 1), or (n ?? 0) + 1`,
		"n * 2 ?? i - 1":     `?? binds weaker than "*": this is (n * 2) ?? (i - 1); write (n * 2) ?? (i - 1), or n * (2 ?? i) - 1`,
		"!c ?? true":         `?? binds weaker than "!": this is (!c) ?? true; write (!c) ?? true, or !(c ?? true)`,
		"not c ?? true":      `?? binds weaker than "not": this is (not c) ?? true; write (not c) ?? true, or not (c ?? true)`,
		"c ?? i not in l":    `?? binds weaker than "not in": this is c ?? (i not in l); write c ?? (i not in l), or (c ?? i) not in l`,
		"n | abs() + 1 ?? 0": `?? binds weaker than "+", which stands beside it without parentheses; put parentheses around what ?? belongs to`,
		"(n ?? 0) + 1":       "",
		"n ?? -1":            "",
		"b ? n ?? 1 : 2":     "",
		"l[0] ?? rn.a ?? 3":  "",
	} {
		var list diag.List
		Check(text(source), env, &list)
		got := ""
		for _, d := range list {
			if got = d.Message + "; " + d.Hint.String(); d.Code != diag.LooseCoalesce || d.Severity != diag.Warning {
				t.Errorf("%s: %s", source, printed(list))
			}
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", source, got, want)
		}
		list = nil
		if CheckAggregate(text("max("+source+")"), env, &list); len(list) > 1 || len(list) == 1 != (want != "") {
			t.Errorf("max(%s): %s", source, printed(list))
		}
	}
}

// What is wrong beside a ?? is told where it stands.
func TestHalfOperandsOfCoalesce(t *testing.T) {
	for source, want := range map[string]string{
		"a + ?? 1": "5 unexpected ??", "a && ?? b": "6 unexpected ??", "f(a not in ?? 1)": "12 unexpected ??", "?? a": "1 unexpected ??", "!?? 1": "2 unexpected ??",
		"a ?? ?? b": "6 unexpected ??", "a ??": "5 the expression ends too early", "a ?? b +": "9 the expression ends too early", "a ?? -": "7 the expression ends too early",
		"(a ?? b *) + 1": "10 unexpected )", "a ?? * b": "6 unexpected *", "[a + ?? 1, b]": "6 unexpected ??", "a ?? (b": `6 this "(" is not closed`,
	} {
		_, e := parse(source)
		if e == nil {
			t.Errorf("%s: nothing wrong", source)
		} else if got := fmt.Sprintf("%d %s", e.offset+1, e.message); got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
}

func TestOperatorsOfTheTable(t *testing.T) {
	b := batchOf(mustType(t, "{x: int}"), []any{1})
	for _, o := range Operators() {
		e := mustCheck(t, o.Example, b.Type)
		if got := eval(e.Compile(), b)[0]; got != "true" {
			t.Errorf("%s gives %s", o.Example, got)
		}
	}
}

// The order of the table is that in which the parser binds: of two operators in a
// row the one further up takes the operand between them.
func TestOrderOfTheTable(t *testing.T) {
	var rows []OperatorInfo
	for _, o := range Operators() {
		if !strings.Contains(strings.Join(o.Signs, " "), "x") && o.Signs[0] != "!" {
			rows = append(rows, o)
		}
	}
	if len(rows) != 8 {
		t.Fatalf("%d rows of operators with two operands", len(rows))
	}
	for i, upper := range rows {
		for k, lower := range rows[i:] {
			for _, x := range upper.Signs {
				for _, y := range lower.Signs {
					if isComparison(x) && isComparison(y) {
						continue
					}
					first, second := fmt.Sprintf("(a %s b) %s c", x, y), fmt.Sprintf("a %s (b %s c)", y, x)
					if k == 0 && upper.Right {
						first = fmt.Sprintf("a %s (b %s c)", x, y)
					} else if k == 0 {
						second = fmt.Sprintf("(a %s b) %s c", y, x)
					}
					for _, c := range [][2]string{{fmt.Sprintf("a %s b %s c", x, y), first}, {fmt.Sprintf("a %s b %s c", y, x), second}} {
						if got, want := mustParse(t, c[0]), mustParse(t, c[1]); got != nil && want != nil && dump(got) != dump(want) {
							t.Errorf("%s is not %s", c[0], c[1])
						}
					}
				}
			}
		}
	}
}

func TestNoOperatorOfTwoSlashes(t *testing.T) {
	env := mustType(t, rowType)
	for source, at := range map[string]int{"i // 2": 3, "i //2\n+ 1": 3, "7//i": 2, "`US Gross` // 2": 12, `s + r"\" // x`: 10} {
		var list diag.List
		if Check(text(source), env, &list); len(list) != 1 || list[0].Message != "there is no operator //" || list[0].At.Col != at || !strings.Contains(list[0].Hint.String(), "int(floor(a / b))") {
			t.Errorf("%s: %s", source, printed(list))
		}
	}
	for _, source := range []string{`"http://x" + s`, `r"http://x" + s`, `s /* // */ + "x"`, `s /* a // b
		*/ + "x"`, `'\'//' + s`} {
		mustCheck(t, source, env)
	}
}

func TestRawStringsThatAreNone(t *testing.T) {
	env := mustType(t, rowType)
	for source, want := range map[string]string{
		`r"abc`:            "1:2 this quote is not closed",
		`s matches r'\d`:   "1:12 this quote is not closed",
		`s matches "\d"`:   "1:13 this escape is not known",
		`s + r"\" + "x`:    "1:12 this quote is not closed",
		`nr"x"`:            `1:3 unexpected "x"`,
		`s matches r"(\d"`: "1:11 the pattern is not a regular expression: missing closing )",
	} {
		var list diag.List
		Check(text(source), env, &list)
		if len(list) == 0 {
			t.Errorf("%s: nothing wrong", source)
			continue
		}
		if got := fmt.Sprintf("%d:%d %s", list[0].At.Line, list[0].At.Col, list[0].Message); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want %s", source, got, want)
		}
	}
}
