package cli_test

import (
	"strings"
	"testing"
)

func TestEval(t *testing.T) {
	folder(t, map[string]string{"r.jsonl": "{\"a\":1,\"b\":0}\n\n{\"a\":4,\"b\":2}\n"})
	for _, test := range []struct {
		stdin, args string // arguments are parted by bars
		code        int
		out, err    string
	}{
		{"", "1 + 2", 0, "3\n", ""},
		{"", "round(100 * 2.5 / 3, 1)", 0, "83.3\n", ""},
		{"", "null", 0, "null\n", ""},
		{"", "[1, 2]", 0, "[1,2]\n", ""},
		{"", `upper(name) + "!"|--row|{"name": "ada"}`, 0, "\"ADA!\"\n", ""},
		{"", `upper(name) + "!"|-r|--row|{"name": "ada"}`, 0, "ADA!\n", ""},
		{"", "upper(name)|--row|{\n\"name\":\n\"ada\"}", 0, "\"ADA\"\n", ""},
		{"", "`US Gross` * 2|--row|{\"US Gross\": 4}", 0, "8\n", ""},
		{"", "a / b|r.jsonl", 1, "2\n", "row 1: division by zero: 1 / 0\n"},
		{"{\"a\":1}\n{\"a\":2.5}\n", "a * 2", 0, "2\n5\n", ""},
		{"{\"a\":1}\n{\"a\":2}", "a * 2|-", 0, "2\n4\n", ""},
		{"{\"a\":1}\n{\"a\":\"x\"}\n{\"a\":null}\n", "a * 2|--type|{a: int?}", 1, "2\nnull\n", "row 2: field \"a\": want int, got \"x\"\n"},
		{"never read", "a / b|--type|{a: int, b: int?}|--check", 0, "float?\n", ""},
		{"{\"a\":1}\n", "a / 2|--check", 0, "float\n", ""},
		{"", "a|--type|{a: itn}", 2, "", "--type:1:5: unknown type \"itn\" [E305]\n    1 | {a: itn}\n      |     ^^^\n  hint: did you mean \"int\"?\n"},
		{"", `a + a|--type|{a: "decimal(12,2)", 'b: c': "int?"}|--row|{"a":1.5}`, 0, "3.00\n", ""},
		{"", `a|--type|{a: "decimal(x)"}|--check`, 2, "", "--type:1:..."},
		{"", "9007199254740993 == 9007199254740992.0", 0, "false\n", ""},
		{"", "null ?? 1 + 1", 0, "2\n", "expression:1:6: warning: ?? binds weaker than ..."},
		{"", "1 +\n  upper(2)", 2, "", "expression:2:9: ..."},
		{"", "upper(nam)|--row|{\"name\": \"ada\"}", 2, "", "expression:1:7: unknown field \"nam\" [E301]\n    1 | upper(nam)\n      |       ^^^\n  hint: did you mean \"name\"?\n"},
		{"", "upper(name)", 2, "", "flowrun: there are no rows to read fields from\n  hint: give a FILE of JSON lines, - for standard input, or --row '{...}'\n"},
		{"no json\n", "a", 2, "", "flowrun: the rows are not JSON lines: ..."},
		{"", "a|nope.jsonl", 2, "", "flowrun: nope.jsonl: no such file or directory\n"},
		{"", "a|.", 1, "", "flowrun: .: is a directory\n"},
		{"", "a|b|c", 2, "", "flowrun: eval takes an expression and a file, got \"c\" too\n  hint: put the expression in quotes\n"},
		{"", "a|r.jsonl|--row|{}", 2, "", "flowrun: --row and a file cannot be used together\n"},
	} {
		t.Run(test.args, func(t *testing.T) {
			call(test.stdin, append([]string{"eval"}, strings.Split(test.args, "|")...)...).want(t, test.code, test.out, test.err)
		})
	}
}

// More rows than a type is inferred from.
func TestEvalManyRows(t *testing.T) {
	r := call(strings.Repeat("{\"a\":1}\n", 5000), "eval", "a + 1")
	if r.code != 0 || r.out != strings.Repeat("2\n", 5000) {
		t.Errorf("exit %d, %d lines, %s", r.code, strings.Count(r.out, "\n"), r.err)
	}
}
