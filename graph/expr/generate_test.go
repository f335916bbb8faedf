package expr

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// A generator makes random expressions of a wanted type, and random rows.
type generator struct {
	*rand.Rand
	plain bool // only what expr-lang's VM computes alike: no null, time or enum
	loops int
}

const fullType = `{i: int, j: int, k: int?, f: float, g: float, h: float?, s: string, u: string?, b: bool, c: bool?, t: time, tn: time?,
	d: duration, dn: duration?, m: decimal(10,2), mn: decimal(12,2)?, e: enum(ok|bad|new), en: enum(ok|bad|new)?, r: {a: int, x: float?, s: string}, rn: {a: int, s: string?}?,
	l: [int], ln: [int?]?, ls: [string], x: any, "a b": int}`

const plainType = `{i: int, j: int, f: float, g: float, s: string, u: string, b: bool, c: bool, l: [int]}`

func (g *generator) pick(options ...string) string { return options[g.IntN(len(options))] }

// expr makes an expression of a kind: int, float, string, bool, time, duration,
// decimal, [int] or any.
func (g *generator) expr(kind string, depth int) string {
	if depth <= 0 {
		return g.leaf(kind)
	}
	d := depth - 1
	if !g.plain {
		switch g.IntN(12) {
		case 0:
			return fmt.Sprintf("(%s ?? %s)", g.expr(kind, d), g.expr(kind, d))
		case 1:
			return fmt.Sprintf("try(%s)", g.expr(kind, d))
		case 2:
			v := fmt.Sprintf("v%d", g.IntN(100))
			return fmt.Sprintf("(let %s = %s; (%s > 1 ? %s : %s))", v, g.expr("int", d), v, g.expr(kind, d), g.expr(kind, d))
		}
	}
	if g.IntN(8) == 0 {
		return fmt.Sprintf("(%s ? %s : %s)", g.expr("bool", d), g.expr(kind, d), g.expr(kind, d))
	}
	switch kind {
	case "bool":
		return g.boolean(d)
	case "int":
		return g.integer(d)
	case "float":
		return g.float(d)
	case "string":
		return g.text(d)
	case "[int]":
		return g.list(d)
	}
	return g.timed(kind, d)
}

func (g *generator) leaf(kind string) string {
	if g.plain {
		switch kind {
		case "int":
			return g.pick("i", "j", "1", "2", "-3", "7")
		case "float":
			return g.pick("f", "g", "0.5", "2.0", "-1.25")
		case "string":
			return g.pick("s", "u", `"ok"`, `"a"`, `""`)
		case "bool":
			return g.pick("b", "c", "true", "false")
		}
		return g.pick("l", "[1, 2, 3]")
	}
	if kind == "int" && g.loops > 0 && g.IntN(3) == 0 {
		return g.pick("(# ?? 0)", "#index")
	}
	switch kind {
	case "int":
		return g.pick("i", "j", "k", "r.a", "rn.a", "`a b`", "0", "1", "-1", "2", "9223372036854775807", "-9223372036854775808", "len(s)", "l[0]", "ln[1]", "int(x.n)", "unix(t)", "null")
	case "float":
		return g.pick("f", "g", "h", "r.x", "0.0", "1.5", "1e308", "float(x.f)", "seconds(d)", "float(m)", "sqrt(f)", "round(g, 1)")
	case "string":
		return g.pick("s", "u", "r.s", "rn.s", `"ok"`, `"a"`, `""`, `"é"`, "e", "en", "string(i)", "string(f)", "string(x.s)", "ls[0]", "json(r)")
	case "bool":
		return g.pick("b", "c", "true", "false", "null", "bool(x.b)")
	case "time":
		return g.pick("t", "tn", `time("2024-05-17")`, "time(x.t)")
	case "duration":
		return g.pick("d", "dn", `duration("90m")`)
	case "decimal":
		return g.pick("m", "mn")
	case "any":
		return g.pick("x", "x.n", "x.o.p", "x[0]", `get(x, "o.p")`)
	}
	return g.pick("l", "ln", "[1, 2]", "[]")
}

func (g *generator) boolean(d int) string {
	op := g.pick("<", "<=", ">", ">=", "==", "!=")
	n := 15
	if g.plain {
		n = 9
	}
	switch g.IntN(n) {
	case 0, 1:
		return fmt.Sprintf("(%s && %s)", g.expr("bool", d), g.expr("bool", d))
	case 2, 3:
		return fmt.Sprintf("(%s || %s)", g.expr("bool", d), g.expr("bool", d))
	case 4:
		return fmt.Sprintf("!(%s)", g.expr("bool", d))
	case 5:
		return fmt.Sprintf("(%s %s %s)", g.expr("int", d), op, g.expr(g.pick("int", "float"), d))
	case 6:
		return fmt.Sprintf("(%s %s %s)", g.expr("string", d), g.pick("<", ">=", "==", "!=", "contains", "startsWith", "endsWith"), g.expr("string", d))
	case 7:
		return fmt.Sprintf("(%s in %s)", g.expr("int", d), g.pick("[1, 2, 3]", "l", "0..3"))
	case 8:
		return fmt.Sprintf("%s(%s, # %s %s)", g.pick("any", "all", "none", "one"), g.pick("l", "[1, 5]"), op, g.pick("1", "3", "i"))
	case 9:
		kind := g.pick("time", "duration", "decimal")
		return fmt.Sprintf("(%s %s %s)", g.expr(kind, d), op, g.expr(kind, d))
	case 10:
		return fmt.Sprintf("(%s %s null)", g.pick("k", "h", "u", "c", "tn", "rn", "ln", "rn.s", "x", "x.n", "f", g.expr("int", d)), g.pick("==", "!="))
	case 11:
		return fmt.Sprintf("(%s %s %s)", g.pick("e", "en"), op, g.pick(`"ok"`, `"bad"`, "e", "s", "en"))
	case 13: // conditions that take null out of a type
		x := g.pick("k", "rn.a", "rn.a", "len(u)", "ln[0]", "v")
		set := ""
		if x == "v" {
			set = "let v = " + g.expr("int", d) + "; "
		}
		return "(" + set + fmt.Sprintf(g.pick("(%[1]s != null && %[1]s %[2]s %[3]s)", "(%[1]s == null || %[1]s %[2]s %[3]s)", "(!(%[1]s == null or %[1]s > 3) and %[1]s %[2]s %[3]s)",
			"((%[1]s %[2]s 2 ? %[1]s : 7) > %[3]s)", "((%[1]s == null ? 7 : %[1]s) > %[3]s)",
			"((%[1]s %[2]s 2 ? 7 : %[1]s) > %[3]s)", "((%[1]s != null && b ? 7 : %[1]s) > %[3]s)", "((%[1]s == null || b ? %[1]s : 7) > %[3]s)", "(!(%[1]s == null || b) ? %[1]s > 1 : b)",
			"((%[1]s == null && b ? 7 : %[1]s) > %[3]s)", "((%[1]s != null || b ? %[1]s : 7) > %[3]s)"), x, op, g.expr("int", d)) + ")"
	case 12:
		return fmt.Sprintf("(%s %s)", g.expr("string", d), g.pick(`matches "^a"`, `matches "o.|é"`, `in ["a", "ok"]`, "in ls", `in ["a","b","c","d","e","f","g","h","i","ok"]`))
	}
	return fmt.Sprintf("(%s %s %s)", g.expr("bool", d), g.pick("==", "!="), g.expr("bool", d))
}

func (g *generator) integer(d int) string {
	switch g.IntN(9) {
	case 0:
		return fmt.Sprintf("-(%s)", g.expr("int", d))
	case 1:
		return fmt.Sprintf("(%s %% %s)", g.expr("int", d), g.expr("int", d))
	case 2:
		return fmt.Sprintf("len(%s)", g.expr(g.pick("string", "[int]"), d))
	case 3:
		return fmt.Sprintf("%s(%s, # %s %s)", g.pick("count"), g.expr("[int]", d), g.pick("<", ">"), g.pick("2", "j"))
	case 4:
		if !g.plain {
			return fmt.Sprintf("(%s ?? 0)", g.pick("min", "max")+"("+g.expr("[int]", d)+")")
		}
		return fmt.Sprintf("sum(%s)", g.expr("[int]", d))
	}
	return fmt.Sprintf("(%s %s %s)", g.expr("int", d), g.pick("+", "-", "*"), g.expr("int", d))
}

func (g *generator) float(d int) string {
	switch g.IntN(8) {
	case 0:
		return fmt.Sprintf("-(%s)", g.expr("float", d))
	case 1:
		return fmt.Sprintf("(%s / %s)", g.expr("int", d), g.expr("int", d))
	case 2:
		return fmt.Sprintf("(%s %s %s)", g.expr("int", d), g.pick("+", "-", "*"), g.expr("float", d))
	case 3:
		return fmt.Sprintf("%s(%s)", g.pick("abs", "floor", "ceil", "float"), g.expr("float", d))
	case 4:
		return fmt.Sprintf("(%s ** %s)", g.expr("float", d), g.pick("2", "0.5"))
	}
	return fmt.Sprintf("(%s %s %s)", g.expr("float", d), g.pick("+", "-", "*", "/"), g.expr("float", d))
}

func (g *generator) text(d int) string {
	switch g.IntN(7) {
	case 0:
		return fmt.Sprintf("upper(%s)", g.expr("string", d))
	case 1:
		return fmt.Sprintf("(%s | lower())", g.expr("string", d))
	case 2:
		if !g.plain {
			return fmt.Sprintf("(%s)[%s:%s]", g.expr("string", d), g.pick("", "1", "-2", "i"), g.pick("", "2", "-1", "j"))
		}
		return fmt.Sprintf("trim(%s)", g.expr("string", d))
	case 3:
		if !g.plain {
			return g.pick("trim", "reverse", "padLeft", "string") + "(" + g.expr("string", d) + g.pick("", ", 3") + ")"
		}
		return fmt.Sprintf("replace(%s, \"a\", \"bc\")", g.expr("string", d))
	}
	return fmt.Sprintf("(%s + %s)", g.expr("string", d), g.expr("string", d))
}

func (g *generator) list(d int) string {
	switch g.IntN(4) {
	case 0:
		g.loops++
		body := g.expr("int", min(d, 2))
		g.loops--
		if g.plain {
			body = g.pick("# * 2", "# + i", "# > 1 ? # : 0")
		}
		return fmt.Sprintf("map(%s, %s)", g.leaf("[int]"), body)
	case 1:
		return fmt.Sprintf("filter(%s, # > %s)", g.leaf("[int]"), g.pick("1", "i"))
	case 2:
		return fmt.Sprintf("[%s, %s]", g.expr("int", d), g.expr("int", d))
	}
	return g.leaf("[int]")
}

func (g *generator) timed(kind string, d int) string {
	switch kind {
	case "time":
		return g.pick(fmt.Sprintf("(%s %s %s)", g.expr("time", d), g.pick("+", "-"), g.expr("duration", d)),
			fmt.Sprintf("truncate(%s, %s)", g.expr("time", d), g.pick(`"1h"`, `"month"`, `"1w"`)))
	case "duration":
		return g.pick(fmt.Sprintf("(%s - %s)", g.expr("time", d), g.expr("time", d)), fmt.Sprintf("(%s %s %s)", g.expr("duration", d), g.pick("+", "-"), g.expr("duration", d)),
			fmt.Sprintf("(%s * %s)", g.expr("duration", d), g.expr(g.pick("int", "float"), d)), fmt.Sprintf("(%s / 2)", g.expr("duration", d)))
	case "decimal":
		return g.pick(fmt.Sprintf("(%s %s %s)", g.expr("decimal", d), g.pick("+", "-"), g.expr("decimal", d)), fmt.Sprintf("(%s * %s)", g.expr("decimal", d), g.expr("int", d)))
	}
	return g.leaf(kind)
}

// batch makes rows of a record type. Without wild there are no nulls and only
// small numbers.
func (g *generator) batch(t *types.Type, n int, wild bool) *record.Batch {
	b := record.New(t)
	b.Rows = n
	nulls := wild && g.IntN(3) > 0
	for k, c := range b.Cols {
		c.Resize(n)
		forget(c)
		for i := range n {
			writeValue(c, i, g.value(t.Fields[k].Type, wild, nulls))
		}
	}
	switch g.IntN(4) {
	case 0:
		b.Sel = []uint16{}
		for i := range n {
			if g.IntN(3) > 0 {
				b.Sel = append(b.Sel, uint16(i))
			}
		}
	case 1:
		b.Sel = []uint16{uint16(g.IntN(n))}
	}
	return b
}

func (g *generator) value(t *types.Type, wild, nulls bool) value {
	if t.Nullable && nulls && g.IntN(3) == 0 {
		return null
	}
	switch t.Kind {
	case types.KindBool:
		return boolValue(g.IntN(2) == 0)
	case types.KindFloat:
		if wild && g.IntN(4) == 0 {
			return floatValue([]float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.MaxFloat64, 5e-324, 1e16}[g.IntN(7)])
		}
		return floatValue(float64(g.IntN(41)-20) / 4)
	case types.KindString:
		return textValue(g.pick("", "a", "ok", "abc", "OK ", "éa", "ß", "12", strings.Repeat("xy", g.IntN(20))))
	case types.KindEnum:
		return textValue(t.Words[g.IntN(len(t.Words))])
	case types.KindAny:
		return textValue(g.pick(`{"n": 3, "f": 1.5, "s": "q", "b": true, "t": "2024-05-17", "o": {"p": [1]}}`, `{"n": "x", "f": null, "s": 3, "b": 0, "t": 1}`, `[1, {"n": 2}]`, `7`, `{"n":1e30}`, "{}"))
	case types.KindList:
		items := make([]value, g.IntN(4))
		for i := range items {
			items[i] = g.value(t.Elem, wild, nulls)
		}
		return listValue(items)
	case types.KindRecord:
		fields := make([]value, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = g.value(f.Type, wild, nulls)
		}
		return listValue(fields)
	case types.KindDecimal:
		return intValue(int64(g.IntN(2_000_000_000)) - 1_000_000_000)
	}
	if wild && g.IntN(4) == 0 {
		return intValue([]int64{0, math.MaxInt64, math.MinInt64, math.MinInt64 + 1, 1 << 32, 1 << 53}[g.IntN(6)])
	}
	return intValue(int64(g.IntN(11) - 5))
}
