package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has the functions that turn values of one type into another.

// convertFunctions turn values of one type into another. They read the JSON
// values of `any` too.
func convertFunctions() []function {
	return append(dateFunctions(), []function{
		{sig: "int(x: bool|float|decimal|string|any) int", special: conversion(types.Int, toInt),
			summary: "A number without what is behind its point, or the int that a text says. Other text is an error.", example: `int("42") == 42 && int(-2.7) == -2`},
		{sig: "float(x: int|decimal|string|any) float", special: conversion(types.Float, toFloat),
			summary: "The number as a float, or the float that a text says. Other text is an error.", example: `float("2.5") == 2.5`},
		{sig: "string(x: bool|int|float|decimal|time|date|duration|bytes|any) string", special: conversion(types.String, toText),
			summary: "The value as text; of a JSON string what it says, of other JSON its text.", example: `string(2.50) == "2.5" && string(true) == "true"`},
		{sig: "bool(x: string|any) bool", special: conversion(types.Bool, toBool),
			summary: "true or false from a text that says so. Other text is an error.", example: `bool("true")`},
		{sig: "duration(x: string|any) duration", special: conversion(types.Duration, textTo(func(s string) (value, error) {
			d, err := parseDuration(s)
			return intValue(int64(d)), err
		})),
			summary: "The duration that a text says, such as 1h30m, 250ms, 7d or 2w.", example: `duration("90m") == duration("1h30m")`},
		{sig: "list(x: any) [any]", special: conversion(types.List(types.Any), toList),
			summary: "The items of a JSON array.", example: `len(list(parse_json("[1, 2]"))) == 2`},
		{sig: "json(x: T) string", special: checkJSON, summary: "The value as JSON.", example: `json({a: 1, b: [true, null]}) == '{"a":1,"b":[true,null]}'`},
		{sig: "parse_json(text: string) any", summary: "The JSON value that a text holds. Text that is no JSON is an error.",
			example: `int(parse_json('{"a": 7}').a) == 7`,
			eval: func(_ *row, a []value) (value, error) {
				if !json.Valid([]byte(a[0].s)) {
					return null, fmt.Errorf("%s is not JSON", textIn(a[0].s))
				}
				s := strings.TrimSpace(a[0].s)
				return jsonValue(s, s != "null"), nil
			}},
		{sig: "url_encode(text: string) string", summary: "The text as a part of an address, in a path or in a query: all but letters, digits and `- . _ ~` as %XX.",
			example: `url_encode("a/b c?") == "a%2Fb%20c%3F"`, eval: urlEncode},
		{sig: "url_decode(text: string) string", summary: "The text with every %XX as the byte that it says; `+` stays as it is. Half a %XX, and what is no UTF-8 then, is an error.",
			example: `url_decode("a%2Fb+c") == "a/b+c"`, eval: urlDecode},
	}...)
}

// A converter makes the call that converts from a type, nil if there is none.
type converter func(from *types.Type) call

// conversion is the check of a function named as the type it gives.
func conversion(to *types.Type, from converter) func(*checker, *callSite) *node {
	name := to.String()
	if to.Kind == types.KindList {
		name = "list"
	}
	return func(c *checker, s *callSite) *node {
		args, ok := c.arguments(s)
		if !c.wants(s, functionNamed(name).sig, 1, 1) || !ok {
			return errorNode(s.from, s.to)
		}
		x := args[0]
		if to.Kind == types.KindFloat && (x.typ.Kind == types.KindInt || x.typ.Kind == types.KindDecimal) || to.Kind == types.KindString && x.typ.Kind == types.KindEnum {
			n := *c.convert(x, to)
			n.from, n.to = s.from, s.to
			return &n
		}
		return c.constructed(s, name, to, x, from)
	}
}

func (c *checker) layout(n *node) (string, bool) {
	s, ok := c.constantText(n, "layout", `it shows how 2006-01-02 15:04:05 would be written, as in time(x, "Jan 2 2006")`)
	if !ok {
		return "", false
	}
	if err := checkLayout(s); err != nil {
		c.report(diag.WrongValue, n.from, n.to, "%s", err)
		return "", false
	}
	return s, true
}

// constantText gives an argument that must be known before there are rows.
func (c *checker) constantText(n *node, what, hint string) (string, bool) {
	if !n.isConst() || n.typ.Kind != types.KindString {
		c.report(diag.WrongType, n.from, n.to, "the %s must be a constant text", what).WithHint("%s", hint)
		return "", false
	}
	return n.val.s, true
}

func (c *checker) noConversion(s *callSite, x *node, name string) *node {
	n, d := c.fail(diag.WrongType, x.from, x.to, "%s() cannot convert %s", name, x.typ)
	source := c.source(x)
	switch k := x.typ.Kind; {
	case k == types.KindDuration && (name == "int" || name == "float"):
		d.WithHint("say in what unit: seconds(%s), minutes(%[1]s) or hours(%[1]s)", source)
	case k == types.KindTime && (name == "int" || name == "float"):
		d.WithHint("say since when: unix(%s) or unix_ms(%[1]s)", source)
	case k == types.KindDate && (name == "int" || name == "float"):
		d.WithHint("say since when: unix(time(%s))", source)
	case x.typ.IsNumber() && name == "to_date":
		d.WithHint("say in what unit: to_date(from_unix(%s))", source)
	case x.typ.IsNumber() && name == "time":
		d.WithHint("say in what unit: from_unix(%s) or from_unix_ms(%[1]s)", source)
	case x.typ.IsNumber() && name == "duration":
		d.WithHint(`say in what unit: %s * duration("1s")`, source)
	case x.typ.IsNumber() && name == "bool":
		d.WithHint("write %s != 0", source)
	case k == types.KindList || k == types.KindRecord:
		d.WithHint("write json(%s) for its text", source)
	}
	c.noteOrigin(d, x)
	n.from, n.to = s.from, s.to
	return n
}

// parseInt reads decimal digits with an optional sign.
func parseInt(s string) (value, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return null, fmt.Errorf("%s does not fit into int", textIn(s))
	}
	if err != nil {
		return null, fmt.Errorf("%s is not an int", textIn(s))
	}
	return intValue(n), nil
}

// parseFloat reads a decimal number that is finite.
func parseFloat(s string) (value, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || notFinite(f) || strings.ContainsAny(s, "xX_pP") {
		return null, fmt.Errorf("%s is not a float", textIn(s))
	}
	return floatValue(f), nil
}

func parseBool(s string) (value, error) {
	switch s {
	case "true":
		return boolValue(true), nil
	case "false":
		return boolValue(false), nil
	}
	return null, fmt.Errorf("%s is neither true nor false", textIn(s))
}

func notA(v value, what string) error { return fmt.Errorf("JSON %s is not %s", jsonShort(v.s), what) }

func jsonShort(s string) string {
	if length(s) > 40 {
		return cut(s, 0, 39) + "…"
	}
	return s
}

func toInt(from *types.Type) call {
	switch from.Kind {
	case types.KindBool:
		return func(_ *row, a []value) (value, error) { return a[0], nil }
	case types.KindFloat:
		return func(_ *row, a []value) (value, error) {
			n, ok := floatToInt(a[0].float())
			if !ok {
				return null, fmt.Errorf("%s does not fit into int", appendFloat(nil, a[0].float()))
			}
			return intValue(n), nil
		}
	case types.KindDecimal:
		unit := pow10(from.Scale)
		return func(_ *row, a []value) (value, error) { return intValue(a[0].n / unit), nil }
	case types.KindString, types.KindEnum:
		return func(_ *row, a []value) (value, error) { return parseInt(a[0].s) }
	case types.KindAny:
		return func(_ *row, a []value) (value, error) {
			switch jsonKind(a[0].s) {
			case '"':
				return parseInt(jsonText(a[0].s))
			case '0':
				s := strings.TrimSpace(a[0].s)
				if v, err := parseInt(s); err == nil {
					return v, nil
				}
				v, err := strconv.ParseInt(wholePart(s), 10, 64)
				if err != nil {
					return null, fmt.Errorf("%s does not fit into int", s)
				}
				return intValue(v), nil
			case 'n', 0:
				return null, nil
			}
			return null, notA(a[0], "an int")
		}
	}
	return nil
}

// wholePart gives the digits that a number of JSON has before its point once its exponent
// is taken into account, and its sign; of one with more than an int has, 20 at least.
func wholePart(s string) string {
	mantissa, power := s, int64(0)
	if e := strings.IndexAny(s, "eE"); e >= 0 {
		mantissa = s[:e]
		power, _ = strconv.ParseInt(s[e+1:], 10, 32) // one that is out of range is the greatest that there is
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	end := int64(len(digits)-len(fraction)) + power // may be below 0
	switch n := int64(len(digits)); {
	case n == 0 || end <= 0:
		return "0"
	case end <= n:
		digits = digits[:end]
	default:
		digits += strings.Repeat("0", int(min(end-n, 20)))
	}
	if negative {
		return "-" + digits
	}
	return digits
}

func toFloat(from *types.Type) call {
	switch from.Kind {
	case types.KindString, types.KindEnum:
		return func(_ *row, a []value) (value, error) { return parseFloat(a[0].s) }
	case types.KindAny:
		return func(_ *row, a []value) (value, error) {
			switch jsonKind(a[0].s) {
			case '"', '0':
				return parseFloat(jsonText(a[0].s))
			case 'n', 0:
				return null, nil
			}
			return null, notA(a[0], "a float")
		}
	}
	return nil
}

func toText(from *types.Type) call {
	switch from.Kind {
	case types.KindBytes:
		return func(_ *row, a []value) (value, error) {
			if !utf8.ValidString(a[0].s) {
				return null, errors.New("the bytes are not UTF-8 text")
			}
			return a[0], nil
		}
	case types.KindAny:
		return func(_ *row, a []value) (value, error) {
			if k := jsonKind(a[0].s); k == 'n' || k == 0 {
				return null, nil
			}
			return textValue(jsonText(a[0].s)), nil
		}
	case types.KindList, types.KindRecord, types.KindOpaque, types.KindVar, types.KindReply:
		return nil
	}
	return func(r *row, a []value) (value, error) {
		return textValue(r.text(func(dst []byte) []byte { return appendText(dst, a[0], from) })), nil
	}
}

func toBool(from *types.Type) call {
	switch from.Kind {
	case types.KindString, types.KindEnum:
		return func(_ *row, a []value) (value, error) { return parseBool(a[0].s) }
	case types.KindAny:
		return func(_ *row, a []value) (value, error) {
			switch jsonKind(a[0].s) {
			case '"', 't', 'f':
				return parseBool(jsonText(a[0].s))
			case 'n', 0:
				return null, nil
			}
			return null, notA(a[0], "a bool")
		}
	}
	return nil
}

// textTo converts text, and JSON strings, by read.
func textTo(read func(s string) (value, error)) converter {
	return func(from *types.Type) call {
		switch from.Kind {
		case types.KindString, types.KindEnum:
			return func(_ *row, a []value) (value, error) { return read(a[0].s) }
		case types.KindAny:
			return func(_ *row, a []value) (value, error) {
				switch jsonKind(a[0].s) {
				case '"':
					return read(jsonText(a[0].s))
				case 'n', 0:
					return null, nil
				}
				return null, notA(a[0], "text")
			}
		}
		return nil
	}
}

func toList(from *types.Type) call {
	if from.Kind != types.KindAny {
		return nil
	}
	return func(r *row, a []value) (value, error) {
		switch jsonKind(a[0].s) {
		case '[':
		case 'n', 0:
			return null, nil
		default:
			return null, notA(a[0], "a list")
		}
		n := 0
		jsonItems(a[0].s, func(string, string) bool { n++; return true })
		items := r.values(n)
		n = 0
		jsonItems(a[0].s, func(_, item string) bool {
			items[n] = jsonValue(item, item != "null")
			n++
			return true
		})
		return listValue(items), nil
	}
}

func checkJSON(c *checker, s *callSite) *node {
	args, ok := c.arguments(s)
	if !c.wants(s, "json(x)", 1, 1) || !ok {
		return errorNode(s.from, s.to)
	}
	f := &function{name: "json", bind: func(n *node) (call, error) {
		t := n.args[0].typ
		return func(r *row, a []value) (value, error) {
			return textValue(r.text(func(dst []byte) []byte { return appendJSON(dst, a[0], t) })), nil
		}, nil
	}}
	return &node{kind: kCall, fn: f, typ: types.String.WithOpt(args[0].typ.Nullable), args: args, from: s.from, to: s.to, fails: true}
}
