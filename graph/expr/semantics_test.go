package expr

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
)

// rowType and theRow are what TestSemantics computes with.
const rowType = `{i: int, n: int?, f: float, s: string, u: string?, b: bool, c: bool?, t: time, d: duration, m: decimal(10,2), e: enum(ok|bad), l: [int], ln: [int?],
	r: {a: int, x: float?}, rn: {a: int}?, rows: [{k: string, v: int}], x: any, big: int, "US Gross": int, nan: float, raw: bytes}`

var theRow = []any{7, nil, 2.5, "héllo", nil, true, nil, "2024-05-17T10:30:00Z", "90m", 1250, "ok", []any{1, 2, 3}, []any{4, nil},
	[]any{5, nil}, nil, []any{[]any{"a", 1}, []any{"b", 2}}, `{"a": {"b": [1, "two"]}, "n": null, "s": "\u00e9", "a b": 1.5}`, 9223372036854775807, 42, 0.0, "\xff\x00"}

// TestSemantics is the table of what expressions mean: text, type, result as JSON.
func TestSemantics(t *testing.T) {
	env := mustType(t, rowType)
	b := batchOf(env, theRow)
	for _, c := range strings.Split(strings.TrimSpace(semantics), "\n") {
		if c = strings.TrimSpace(c); c == "" || strings.HasPrefix(c, "#") {
			continue
		}
		parts := strings.Split(c, "  => ")
		if len(parts) != 3 {
			t.Fatalf("not a case: %s", c)
		}
		source, typ, want := strings.TrimSpace(parts[0]), strings.TrimSpace(parts[1]), strings.TrimSpace(parts[2])
		var list diag.List
		e := Check(text(source), env, &list)
		if len(list) > 0 {
			t.Errorf("%s\n%s", source, printed(list))
			continue
		}
		if e.Type().String() != typ {
			t.Errorf("%s is %s, want %s", source, e.Type(), typ)
		}
		for _, kernels := range []bool{false, true} {
			if got := eval(e.compile(kernels), b)[0]; got != want {
				t.Errorf("%s (kernels %v) gives %s, want %s", source, kernels, got, want)
			}
		}
	}
}

const semantics = "" +
	`# literals
	1_000 + i                    => int       => 1007
	9223372036854775807          => int       => 9223372036854775807
	-9223372036854775808         => int       => -9223372036854775808
	0xFF                         => int       => 255
	1e3                          => float     => 1000
	'single' + "double"          => string    => "singledouble"
	null                         => null      => null
	nil                          => null      => null
	[1, 2.5]                     => [float]   => [1,2.5]
	[1, null]                    => [int?]    => [1,null]
	[]                           => [any]     => []
	{a: i, "b c": [s]}           => {a: int, "b c": [string]}  => {"a":7,"b c":["héllo"]}
	` + "`US Gross` + 1               => int       => 43\n" + `
	# arithmetic
	i + 1                        => int       => 8
	i / 2                        => float     => 3.5
	i % 4                        => int       => 3
	-i % 4                       => int       => -3
	i ** 2                       => float     => 49
	i * f                        => float     => 17.5
	n + 1                        => int?      => null
	-n                           => int?      => null
	i / 0                        => float     => error: division by zero: 7 / 0
	i % (i - 7)                  => int       => error: division by zero: 7 % 0
	f / (i - 7)                  => float     => error: division by zero: 2.5 / 0
	big + 1                      => int       => error: 9223372036854775807 + 1 overflows int
	-big - 2                     => int       => error: -9223372036854775807 - 2 overflows int
	big * 2                      => int       => error: 9223372036854775807 * 2 overflows int
	-(-big - 1)                  => int       => error: -(-9223372036854775808) overflows int
	f * 1e307 * 100              => float     => error: 2.5e+307 * 100 overflows float
	f * 1e308                    => float     => error: 2.5 * 1e+308 overflows float
	(i - 7) / (i - 7)            => float     => error: division by zero: 0 / 0
	n / 0                        => float?    => null
	# comparison and null
	i > 3                        => bool      => true
	i > 6.9                      => bool      => true
	n > 3                        => bool?     => null
	n == null                    => bool      => true
	null != i                    => bool      => true
	n == 3                       => bool?     => null
	s == "héllo"                 => bool      => true
	s < "i"                      => bool      => true
	1 < i < 9                    => bool      => true
	b == true                    => bool      => true
	l == [1, 2, 3]               => bool      => true
	l == []                      => bool      => false
	[] == l                      => bool      => false
	ln == [4, null]              => bool      => true
	r == {a: 5, x: null}         => bool      => true
	raw == b"\xff\x00"           => bool      => true
	# logic
	c && false                   => bool?     => false
	c && true                    => bool?     => null
	c || true                    => bool?     => true
	!c                           => bool?     => null
	not b                        => bool      => false
	b and not c                  => bool?     => null
	i == 0 || 10 % i == 3        => bool      => true
	i != 7 && 1 / (i - 7) > 1    => bool      => false
	i == 7 || 1 / (i - 7) > 1    => bool      => true
	c && 1 / (i - 7) > 1         => bool?     => error: division by zero: 1 / 0
	n != null && n > 3           => bool      => false
	n == null || n > 3           => bool      => true
	rn != null && rn.a > 3       => bool      => false
	!(n == null) && n > 3        => bool      => false
	# choice
	n ?? 5                       => int       => 5
	n ?? 2.5                     => float     => 2.5
	(n ?? 1) + 1                 => int       => 2
	(n + 1) ?? 5                 => int       => 5
	b ? n ?? 1 : 2               => int       => 1
	c ? 1 : n ?? 2               => int       => 2
	n ?? 3 | string()            => string    => "3"
	b ? i : 0                    => int       => 7
	c ? 1 : 2                    => int       => 2
	b ? i : f                    => float     => 7
	b ? i : null                 => int?      => 7
	n != null ? n : 0            => int       => 0
	n > 3 ? n : 0                => int       => 0
	if b { "yes" } else { "no" }  => string    => "yes"
	i == 7 ? 0 : 1 / (i - 7)     => float     => 0
	coalesce(n, i, 3)            => int       => 7
	try(1 / (i - 7))             => float?    => null
	try(int(s)) ?? -1            => int       => -1
	let k = i * 2; k + k         => int       => 28
	# text
	s + "!"                      => string    => "héllo!"
	s contains "él"              => bool      => true
	s startsWith "h"             => bool      => true
	s not endsWith "x"           => bool      => true
	s matches "^h.l+o$"          => bool      => true
	s matches r"^h\S+o$"         => bool      => true
	s matches R'^h\S+o$'         => bool      => true
	r'\d"+' + r"it's"            => string    => "\\d\"+it's"
	r""                          => string    => ""
	i /* r"a */ + 1              => int       => 8
	replaceMatch("a1", r"\d", "")  => string  => "a"
	{r"a": 1}[r"a"]              => int       => 1
	u contains "a"               => bool?     => null
	len(s)                       => int       => 5
	s[1]                         => string?   => "é"
	s[-1]                        => string?   => "o"
	s[9]                         => string?   => null
	s[1:3]                       => string    => "él"
	s[:-1]                       => string    => "héll"
	s[3:1]                       => string    => ""
	s | upper() | lower()        => string    => "héllo"
	indexOf(s, "l")              => int       => 2
	upper(u)                     => string?   => null
	# lists
	l[0]                         => int?      => 1
	l[-1]                        => int?      => 3
	l[3]                         => int?      => null
	ln[1]                        => int?      => null
	l[1:]                        => [int]     => [2,3]
	2 in l                       => bool      => true
	n in l                       => bool?     => null
	i not in [1, 7]              => bool      => false
	i in 1..9                    => bool      => true
	1..3                         => [int]     => [1,2,3]
	len(l) + sum(l)              => int       => 9
	mean(ln)                     => float?    => 4
	max(ln)                      => int?      => 4
	filter(l, # > 1)             => [int]     => [2,3]
	map(rows, .k)                => [string]  => ["a","b"]
	map(rows, {n: .v + #index})  => [{n: int}]  => [{"n":1},{"n":3}]
	sum(rows, .v)                => int       => 3
	any(rows, .k == "b" && .v > i)  => bool   => false
	find(rows, .v == 2).k        => string?   => "b"
	sortBy(rows, .v, "desc")[0].k  => string?  => "b"
	rows | map({n: .v, m: {o: 1}}) | len()  => int   => 2
	reduce(l, #acc + # * i, 0)   => int       => 42
	map(l, map(l, # * 2)[0])     => [int?]    => [2,2,2]
	concat(l, [n])               => [int?]    => [1,2,3,null]
	join(map(l, string(#)), "-")  => string  => "1-2-3"
	# records
	r.a                          => int       => 5
	r.x                          => float?    => null
	rn.a                         => int?      => null
	rn?.a                        => int?      => null
	r["a"]                       => int       => 5
	{a: 1, b: s}.b               => string    => "héllo"
	# JSON
	x.a.b[0]                     => any       => 1
	int(x.a.b[0]) + 1            => int?      => 2
	string(x.a.b[1])             => string?   => "two"
	x.s                          => any       => "\u00e9"
	string(x.s)                  => string?   => "é"
	x["a b"]                     => any       => 1.5
	x.nothing.there              => any       => null
	x.n == null                  => bool      => true
	int(x.s)                     => int?      => error: "é" is not an int
	int(x.a)                     => int?      => error: JSON {"b": [1, "two"]} is not an int
	get(x, "a.b[1]") == null     => bool      => false
	map(list(x.a.b), string(#))  => [string?]?  => ["1","two"]
	# time, duration, decimal, enum
	t - time("2024-05-17")       => duration  => "10h30m0s"
	t + d                        => time      => "2024-05-17T12:00:00Z"
	d + t > t                    => bool      => true
	d * 2                        => duration  => "3h0m0s"
	d / 2                        => duration  => "45m0s"
	d * 1.5                      => duration  => "2h15m0s"
	d / duration("30m")          => float     => 3
	d / duration("0s")           => float     => error: division by zero: 1h30m0s / 0s
	date(t)                      => time      => "2024-05-17T00:00:00Z"
	hour(t) * 60 + minute(t)     => int       => 630
	m + m                        => decimal(11,2)  => 25.00
	m * i                        => decimal(18,2)  => 87.50
	m == 12.5                    => bool      => true
	m > 12                       => bool      => true
	m + 0.25                     => decimal(18,2)  => 12.75
	float(m) / 2                 => float     => 6.25
	string(m)                    => string    => "12.50"
	e == "ok"                    => bool      => true
	e in ["bad"]                 => bool      => false
	b ? e : "bad"                => enum(ok|bad)  => "ok"
	e + "!"                      => string    => "ok!"
	upper(e)                     => string    => "OK"
`

func TestConstantErrorsAreFoundByTheCheck(t *testing.T) {
	for _, source := range []string{`1 / 0`, `9223372036854775807 + 1`, `int("x")`, `time("yesterday")`, `duration("5 parsecs")`, `"a" matches "("`,
		`extract("a", "(")`, `format(time("2024-01-01"), "%Q")`, `hour(time("2024-01-01"), "Mars/Olympus")`, `1e308 * 10`} {
		var list diag.List
		e := Check(text(source), mustType(t, `{a: int}`), &list)
		if len(list) != 1 || e.Type().Kind != 0 {
			t.Errorf("%s: %d problems\n%s", source, len(list), printed(list))
		}
	}
	mustCheck(t, `try(1 / 0) ?? 3.0`, mustType(t, `{a: int}`))
}

func TestItemThatIsNoRecord(t *testing.T) {
	env := mustType(t, `[int]`)
	e := mustCheck(t, `len(item) > 1 && item[0] == 4`, env)
	b := batchOf(env, []any{[]any{4, 5}}, []any{[]any{4}}, []any{[]any{1, 2}})
	var errs RowErrors
	if sel := e.Compile().Filter(b, nil, &errs); len(sel) != 1 || sel[0] != 0 || len(e.Fields()) != 0 {
		t.Errorf("selected %v, fields %v", sel, e.Fields())
	}
}
