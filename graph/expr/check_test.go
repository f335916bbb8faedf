package expr

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// flowFile is a flow with expressions in it; the pictures below are what its author
// would see.
const flowFile = `types:
  Order: {amount: float, price: float?, qty: int, status: enum(ok|late|failed), ts: string, addr: {city: string}?, tags: [string], meta: any, "US Gross": int}
nodes:
  big: {use: filter, with: {where: amonut > 100 && staus == "ok" && price > "5"}}
  calc:
    with:
      set:
        day: date(ts)
        bad: uper(status)
        city: addr.citty
        net: |
          (price ?? 0) * qty
            - amont
        pct: amount % "x
        sum: meta.total + 1
        one: status == "faild" || 'x' in tags[0]
        gross: ` + "`US Gros`" + ` / 1000
        when: ts > time("2024-13-01")
`

// A scalar is a part of flowFile, as graph/config would give it.
type scalar struct {
	source *diag.Source
	text   string
	line   int // of its first line
	col    int
	indent int // of a block scalar
}

func (s scalar) Source() string { return s.text }

func (s scalar) At(offset, width int) diag.Span {
	line, col := s.line, s.col
	for _, r := range []rune(s.text)[:offset] {
		if col++; r == '\n' {
			line, col = line+1, s.indent+1
		}
	}
	return diag.Span{Source: s.source, Line: line, Col: col, Width: width}
}

// find gives the scalar that begins behind a key.
func find(source *diag.Source, key string, indent int, text string) scalar {
	for n := 1; n <= source.Lines(); n++ {
		line := source.Line(n)
		if i := strings.Index(line, key); i >= 0 {
			if indent > 0 {
				return scalar{source, text, n + 1, indent + 1, indent}
			}
			at := i + len(key)
			return scalar{source, line[at : at+len(text)], n, len([]rune(line[:at])) + 1, 0}
		}
	}
	panic(key)
}

func TestPictures(t *testing.T) {
	source := diag.NewSource("flow.yaml", []byte(flowFile))
	line := source.Line(2)
	env := mustType(t, strings.TrimPrefix(line, "  Order: "))
	for i := range env.Fields {
		f := &env.Fields[i]
		at := strings.Index(line, strings.Trim(f.Name, `"`)+": ")
		f.Origin = types.Origin{How: "declared in Order", At: diag.Span{Source: source, Line: 2, Col: at + 1, Width: len(f.Name)}}
		if strings.Contains(f.Name, " ") {
			f.Origin.At.Col = strings.Index(line, f.Name) + 1
		}
	}
	var list diag.List
	for _, s := range []scalar{
		find(source, "where: ", 0, `amonut > 100 && staus == "ok" && price > "5"`),
		find(source, "day: ", 0, "date(ts)"),
		find(source, "bad: ", 0, "uper(status)"),
		find(source, "city: ", 0, ""), // replaced below: "city: " stands in the types too
		find(source, "net: ", 10, "(price ?? 0) * qty\n  - amont\n"),
		find(source, "pct: ", 0, `amount % "x`),
		find(source, "sum: ", 0, "meta.total + 1"),
		find(source, "one: ", 0, `status == "faild" || 'x' in tags[0]`),
		find(source, "gross: ", 0, "`US Gros` / 1000"),
		find(source, "when: ", 0, `ts > time("2024-13-01")`),
	} {
		if s.text == "" {
			s = scalar{source, "addr.citty", 10, 15, 0}
		}
		e := Check(s, env, &list)
		if e.Type().Kind != types.KindError {
			t.Errorf("%s has type %s", e, e.Type())
		}
	}
	if got := printed(list); got != pictures {
		t.Errorf("got\n%s", got)
	}
}

const pictures = `flow.yaml:4:36: unknown field "amonut" [E301]
    4 |   big: {use: filter, with: {where: amonut > 100 && staus == "ok" && price > "5"}}
      |                                    ^^^^^^
  hint: did you mean "amount"?
flow.yaml:4:52: unknown field "staus" [E301]
    4 |   big: {use: filter, with: {where: amonut > 100 && staus == "ok" && price > "5"}}
      |                                                    ^^^^^
  hint: did you mean "status"?
flow.yaml:4:69: cannot apply ">" to float? and string [E303]
    4 |   big: {use: filter, with: {where: amonut > 100 && staus == "ok" && price > "5"}}
      |                                                                     ^^^^^^^^^^^
  price is float?, declared in Order (flow.yaml:2:26)
    2 |   Order: {amount: float, price: float?, qty: int, status: enum(ok|late|failed), ts: string, addr: {city: string}?, tags:…
      |                          ^^^^^
  hint: remove the quotes: 5
flow.yaml:8:19: date() wants time, got string [E303]
    8 |         day: date(ts)
      |                   ^^
  ts is string, declared in Order (flow.yaml:2:81)
    2 | …, qty: int, status: enum(ok|late|failed), ts: string, addr: {city: string}?, tags: [string], meta: any, "US Gross": int}
      |                                            ^^
  hint: ts is text; declare it ` + "`" + `time` + "`" + ` in the reader's type or use time(ts)
flow.yaml:9:14: unknown function "uper" [E304]
    9 |         bad: uper(status)
      |              ^^^^
  hint: did you mean "upper"?
flow.yaml:10:20: no field "citty" in {city: string}? [E301]
   10 |         city: addr.citty
      |                    ^^^^^
  addr is {city: string}?, declared in Order (flow.yaml:2:93)
    2 | …, qty: int, status: enum(ok|late|failed), ts: string, addr: {city: string}?, tags: [string], meta: any, "US Gross": int}
      |                                                        ^^^^
  hint: did you mean "city"?
flow.yaml:13:15: unknown field "amont" [E301]
   13 |             - amont
      |               ^^^^^
  hint: did you mean "amount"?
flow.yaml:14:23: this quote is not closed [E302]
   14 |         pct: amount % "x
      |                       ^
flow.yaml:15:14: cannot apply "+" to any and int [E303]
   15 |         sum: meta.total + 1
      |              ^^^^^^^^^^^^^^
  hint: any has no type of its own; convert it: int(meta.total)
flow.yaml:16:24: status is never "faild" [E103]
   16 |         one: status == "faild" || 'x' in tags[0]
      |                        ^^^^^^^
  status is enum(ok|late|failed), declared in Order (flow.yaml:2:51)
    2 | …amount: float, price: float?, qty: int, status: enum(ok|late|failed), ts: string, addr: {city: string}?, tags: [string],…
      |                                          ^^^^^^
  hint: did you mean "failed"?
flow.yaml:16:35: cannot apply "in" to string and string? [E303]
   16 |         one: status == "faild" || 'x' in tags[0]
      |                                   ^^^^^^^^^^^^^^
  hint: write tags[0] contains 'x'
flow.yaml:17:16: unknown field "US Gros" [E301]
   17 |         gross: ` + "`" + `US Gros` + "`" + ` / 1000
      |                ^^^^^^^^^
  hint: did you mean ` + "`" + `US Gross` + "`" + `?
flow.yaml:18:20: "2024-13-01" is not a time like 2006-01-02T15:04:05Z or 2006-01-02 [E103]
   18 |         when: ts > time("2024-13-01")
      |                    ^^^^^^^^^^^^^^^^^^
`

func TestAllErrorsOfOneExpression(t *testing.T) {
	var list diag.List
	Check(text(`uper(a) + lenght(b) > c && d ? e : f`), mustType(t, `{x: int}`), &list)
	if len(list) != 8 {
		t.Errorf("%d problems\n%s", len(list), printed(list))
	}
}

// One mistake gives one message: what stands around it says nothing more.
func TestOneMistakeOneMessage(t *testing.T) {
	for _, source := range []string{
		`amonut > 100 && qty > 1`, `!(amonut) || qty > 1`, `(amonut + 1) * 2 > qty`, `amonut ?? 1`, `[amonut, 1, "a"]`, `{a: amonut}.a + 1`, `amonut.x.y + 1`,
		`upper(amonut) + 1`, `1 < amonut < 3`, `let k = amonut; k + k`, `amonut ? 1 : 2`, `map(tags, amonut)`, `if amonut > 1 { 1 } else { 2 }`, `try(amonut)`, `amonut in [1]`, `string(amonut > 1) + int("x" + string(amonut))`,
	} {
		var list diag.List
		e := Check(text(source), mustType(t, `{amount: float, qty: int, tags: [string]}`), &list)
		list.Sort()
		n := 0
		for _, d := range list {
			n += bit(d.Message != `unknown field "amonut"`)
		}
		if n > 0 || len(list) == 0 || e.Type().Kind != types.KindError {
			t.Errorf("%s\n%s", source, printed(list))
		}
	}
}

func TestFieldsThatAlreadyHaveAProblem(t *testing.T) {
	env := types.Record(types.Field{Name: "a", Type: types.Error}, types.Field{Name: "b", Type: types.Int})
	var list diag.List
	if e := Check(text(`a + b > 3`), env, &list); len(list) > 0 || e.Type().Kind != types.KindBool && e.Type().Kind != types.KindError {
		t.Errorf("%s %v", e.Type(), list)
	}
	if e := Check(text(`anything.at[0] + all`), types.Error, &list); len(list) > 0 || e.Type().Kind != types.KindError {
		t.Errorf("%s %v", e.Type(), list)
	}
}

func TestLongTypesAreCut(t *testing.T) {
	env := types.Record()
	for i := range 40 {
		env.Fields = append(env.Fields, types.Field{Name: fmt.Sprintf("field%d", i), Type: types.Int})
	}
	var list diag.List
	Check(text(`r.x + (r > 1 ? 1 : 2)`), types.Record(types.Field{Name: "r", Type: env.Opt()}), &list)
	want := []string{`no field "x" in {field0: int, field1: int, field2: int, field3: int, field4:…}?`, `cannot apply ">" to {field0: int, field1: int, field2: int, field3: int, field4:…}? and int`}
	if len(list) != 2 || list[0].Message != want[0] || list[1].Message != want[1] {
		t.Error(printed(list))
	}
}

func TestFields(t *testing.T) {
	env := mustType(t, `{a: int, b: {c: int}, d: [int], e: string, "f g": int}`)
	e := mustCheck(t, "b.c + `f g` > 1 ? map(d, # + a) : []", env)
	if got := strings.Join(e.Fields(), " "); got != "a b d f g" {
		t.Errorf("got %s", got)
	}
	if e.String() != "b.c + `f g` > 1 ? map(d, # + a) : []" || e.Type().String() != "[int]" {
		t.Errorf("%s %s", e, e.Type())
	}
}

func TestWant(t *testing.T) {
	env := mustType(t, `{a: int, s: string, b: bool?}`)
	for _, c := range []struct{ source, want, message string }{
		{`a > 1`, `bool?`, ""},
		{`b`, `bool?`, ""},
		{`a`, `float`, ""},
		{` s `, `bool?`, `flow.yaml:1:2: where must be bool?, got string; compare it, as in s == "yes", or use bool(s)`},
		{`b`, `bool`, `flow.yaml:1:1: where must be bool, got bool?; it may be null; replace null by ??`},
		{`[a]`, `[string]`, `flow.yaml:1:1: where must be [string], got [int]; int is not string`},
		{`nothing`, `bool`, ``},
	} {
		var list, ignore diag.List
		e := Check(text(c.source), env, &ignore)
		ok := e.Want(mustType(t, c.want), "where", &list)
		if ok != (c.message == "") || !ok && list.Error() != c.message {
			t.Errorf("%s: %v %v", c.source, ok, list)
		}
	}
}

func TestAs(t *testing.T) {
	env := mustType(t, `{a: int, s: string, m: decimal(5,1), e: enum(ok|bad), n: int?}`)
	b := batchOf(env, []any{7, `q"`, 15, "ok", nil})
	for _, c := range []struct{ source, want, typ, result string }{
		{`a`, `float`, `float`, `7`},
		{`1`, `float?`, `float`, `1`},
		{`n`, `float?`, `float?`, `null`},
		{`null`, `int?`, `int?`, `null`},
		{`[a, 2]`, `[float]`, `[float]`, `[7,2]`},
		{`{x: a, y: s}`, `{y: string, x: float?, z: bool?}`, `{y: string, x: float?, z: bool?}`, `{"y":"q\"","x":7,"z":null}`},
		{`m`, `decimal(8,3)`, `decimal(8,3)`, `1.500`},
		{`e`, `string`, `string`, `"ok"`},
		{`a`, `any`, `any`, `7`},
		{`s`, `any`, `any`, `"q\""`},
		{`[{k: a}]`, `[any]`, `[any]`, `[{"k":7}]`},
		{`a`, `int`, `int`, `7`},
	} {
		var list diag.List
		want := mustType(t, c.want)
		e := mustCheck(t, c.source, env)
		if !e.Want(want, "it", &list) {
			t.Errorf("%s: %v", c.source, list)
			continue
		}
		e = e.As(want)
		for _, kernels := range []bool{false, true} {
			if got := eval(e.compile(kernels), b)[0]; got != c.result || e.Type().String() != c.typ {
				t.Errorf("%s as %s is %s %s, want %s %s", c.source, c.want, e.Type(), got, c.typ, c.result)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	env := mustType(t, `{a: int, b: bool}`)
	for _, c := range []struct {
		source, message string
	}{
		{strings.Repeat("a+", 4_000) + "a", ""},
		{strings.Repeat("b&&", 3_000) + "b", ""},
		{strings.Repeat("b ? 1 : ", 1_000) + "a", ""},
		{strings.Repeat("let v = a;", 900) + "a", ""},
		{strings.Repeat("(", 190) + "a" + strings.Repeat(")", 190), ""},
		{strings.Repeat("(", 201) + "a" + strings.Repeat(")", 201), "nested 200 deep"},
		{strings.Repeat("[", 5000), "nested 200 deep"},
		{strings.Repeat("!", 9000) + "b", "nested 200 deep"},
		{strings.Repeat("-", 300) + "a", "nested 200 deep"},
		{strings.Repeat("a**", 300) + "a", "nested 200 deep"},
		{strings.Repeat("a ", 6_000), "has 12000 characters"},
		{strings.Repeat("(1<", 60) + "1" + strings.Repeat("<1?1:2)", 60), "too many parts"},
		{"len(1..9000000000)", ""},
	} {
		var list diag.List
		e := Check(text(c.source), env, &list)
		if c.message == "" && len(list) > 0 || c.message != "" && (len(list) == 0 || !strings.Contains(list[0].Message, c.message)) {
			t.Errorf("%.40s...: %d problems, %.300s", c.source, len(list), printed(list))
		}
		if c.message == "" && e.root != nil {
			eval(e.Compile(), batchOf(env, []any{1, true}))
		}
	}
}

// What a row may visit and make is bounded, so that a short text cannot stop a
// worker.
func TestBudget(t *testing.T) {
	env := mustType(t, `{a: int, s: string}`)
	b := batchOf(env, []any{1, "x"}, []any{2000, "y"}, []any{3, "z"})
	for source, message := range map[string]string{
		`let l = 1..1000; count(1..a, count(l, # > 0) > 1)`:     "visits too many items",
		`sum(map(1..a, sum(1..a)))`:                             "makes too many items",
		`len(1..a * 300000)`:                                    "more than 1048576 items",
		`len(repeat(s, a * 100000))`:                            "longer than 16 MB",
		`len(padLeft(s, a * 100000))`:                           "longer than 16 MB",
		`let t = repeat(s, a * 8000); len(t + t)`:               "longer than 16 MB",
		`let t = repeat(s, a * 10); len(replace(t, s, t))`:      "longer than 16 MB",
		`let t = repeat(s, a * 10); len(replaceMatch(t, s, t))`: "longer than 16 MB",
		`let t = repeat(s, a * 1000); len(join(map(1..9, t)))`:  "longer than 16 MB",
		`try(sum(map(1..a, sum(1..a)))) ?? 0`:                   "makes too many items",
	} {
		for _, kernels := range []bool{false, true} {
			got := eval(mustCheck(t, source, env).compile(kernels), b)
			if strings.HasPrefix(got[0], "error") || !strings.Contains(got[1], message) || strings.HasPrefix(got[2], "error") {
				t.Errorf("%s: %.200q", source, got)
			}
		}
	}
}
