package cli_test

import (
	"strings"
	"testing"
)

// In expressions a variable is a value: no text that somebody gives can become syntax.
func TestVariableInAnExpression(t *testing.T) {
	folder(t, map[string]string{
		"in.csv": "c,n\nann,1\n\"O'Neil \"\"x\"\"\",2\n01234,3\ntrue,4\n",
		"f.yaml": `flow: f
nodes:
  in: {use: file.read, with: {path: in.csv, as: {c: string, n: int}}}
  f:
    use: filter
    in: in
    with:
      where: WHERE
  out: {use: file.write, in: f, with: {path: "-", format: csv}}
`})
	flow := string(read(t, "f.yaml"))
	for _, c := range []struct {
		where, set, want string // want: the column n, or a part of the message
	}{
		{`c == ${N}`, `N=O'Neil "x"`, "2"},
		{`c == "${N}"`, `N=O'Neil "x"`, "2"},
		{`c == '${N}'`, `N=O'Neil "x"`, "2"},
		{`c == ${N}`, `N=x" or true or "`, ""},
		{`c == ${N}`, `N=ann`, "1"},
		{`c == ${N}`, `N=01234`, "3"},
		{`c == "${N}"`, `N=true`, "4"},
		{`c == ${N}`, `N=true`, "with its variables the expression is c == true"},
		{`n > ${N}`, `N=2`, "3,4"},
		{`n > -${N} and n < ${N}`, `N=2`, "1"},
		{`n >= ${M:-3}`, ``, "3,4"},
		{`c matches r"^\d+${N}"`, `N=4`, "3"},
		{"`${N}` == 1", `N=n`, "1"},
		{`n == ${N}`, `N=n`, "one that names a field stands in backquotes"},
		{`${N}_x == 1`, `N=n`, "cannot be a part of a name"},
		{`n == ${N} + c`, `N=é`, "the expression is n == \"é\" + c"},
		{`${N}`, `N=n < 2`, "1"}, // the whole setting is the expression
	} {
		edited := strings.Replace(flow, "WHERE", "|-\n        "+c.where, 1)
		args := []string{"run", "-q", "-"}
		if c.set != "" {
			args = append(args, "-s", c.set)
		}
		r := call(edited, args...)
		var got []string
		for _, line := range strings.Split(strings.TrimSpace(r.out), "\n")[min(1, strings.Count(r.out, "\n")):] {
			got = append(got, line[strings.LastIndexByte(line, ',')+1:])
		}
		if r.code == 0 && strings.Join(got, ",") != c.want || r.code != 0 && (c.want == "" || !strings.Contains(r.err, c.want)) {
			t.Errorf("%s with %s: exit %d, %v, want %s\n%s", c.where, c.set, r.code, got, c.want, r.err)
		}
	}
}

// A variable that is declared with a type has it in expressions.
func TestTypedVariables(t *testing.T) {
	const flow = `flow: f
vars:
  limit: {type: duration, default: 90s}
  code: {type: string, default: "007"}
  plain: 7
  quoted: "7"
  long: {default: 2.5}
nodes:
  in: {use: generate, with: {count: 1, set: SET}}
  out: {use: file.write, in: in, with: {path: "-", format: jsonl}}
`
	for set, want := range map[string]string{
		`'seconds(${limit} * 2)'`:                  "180",
		`'${code} + "x"'`:                          `"007x"`,
		`'${plain} + 1'`:                           "8",
		`'${quoted} + "1"'`:                        `"71"`,
		`'${long} * 2'`:                            "5",
		`'${unset:-x} + "${plain}"'`:               `"x7"`,
		`'"$${plain} costs $5" + ${unset:-"a"}'`:   `"${plain} costs $5\"a\""`,
		`"'a' + ${unset:-${code}}"`:                `"a007"`,
		`'"${limit}, ${code}, ${plain}, ${long}"'`: `"90s, 007, 7, 2.5"`,
	} {
		used := strings.Replace(flow, "SET", "{x: "+set+"}", 1)
		r := call(used, "run", "-q", "-")
		r.want(t, 0, `{"x":`+want+"}\n", "")
	}
}

// What a node makes is not among what its expressions see; the message says so, and what
// it says to do works.
func TestFieldsThatTheSameNodeMakes(t *testing.T) {
	folder(t, map[string]string{"o.csv": "qty,price\n2,3\n"})
	const flow = "flow: f\nnodes:\n  o: {use: file.read, with: {path: o.csv}}\n  m: {in: o, NODE}\n  out: {use: file.write, in: LAST, with: {path: \"-\", format: jsonl}}\n"
	for _, c := range [][3]string{
		{`use: map, with: {set: {total: qty * price, tax: total * 2}}`, `unknown field "total": this node makes it, and its expressions see only what comes in`, `compute what needs total in a map that reads this node`},
		{`use: map, with: {set: {n: n + 1}}`, `unknown field "n": this node makes it`, `compute what needs n in a map`},
		{`use: map, with: {rename: {qty: quantity}, set: {total: quantity * price}}`, `unknown field "quantity": it is a new name, and expressions see what comes in`, `write qty`},
		{`use: group, with: {by: qty, set: {n: count(), mean: sum(price) / n}}`, `unknown field "n": this node makes it`, `compute what needs n in a map`},
		{`use: group, with: {by: qty, set: {n: count(), m: sum(n)}}`, `unknown field "n": this node makes it`, `compute what needs n in a map`},
		{`use: scan, with: {set: {n: count(), m: max(n)}}`, `unknown field "n": this node makes it`, `compute what needs n in a map`},
		{`use: window, with: {count: 2, set: {n: count(), m: max(n)}}`, `unknown field "n": this node makes it`, `compute what needs n in a map`},
		{`use: map, with: {set: {total: qty * price, tax: totl * 2}}`, `unknown field "totl"`, ``},
	} {
		r := call(strings.NewReplacer("NODE", c[0], "LAST", "m").Replace(flow), "check", "-")
		if r.code == 0 || !strings.Contains(r.err+r.out, c[1]) || !strings.Contains(r.err+r.out, c[2]) {
			t.Errorf("%s: exit %d, want %s and %s\n%s%s", c[0], r.code, c[1], c[2], r.out, r.err)
		}
	}
	call(strings.NewReplacer("NODE", "use: map, with: {set: {total: qty * price}}}\n  n: {in: m, use: map, with: {set: {tax: total * 2}}", "LAST", "n").Replace(flow), "run", "-q", "-").
		want(t, 0, `{"qty":2,"price":3,"total":6,"tax":12}`+"\n", "")
	call("flow: f\nnodes:\n  g: {use: generate, with: {count: 1, set: {a: n, b: a + 1}}}\n  out: {use: drop, in: g}\n", "check", "-").
		want(t, 2, "", "...")
}
