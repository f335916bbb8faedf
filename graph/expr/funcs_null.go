package expr

import (
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has the functions that look at null and at errors instead of passing them
// on.

// nullFunctions are those that look at null and at errors instead of passing them
// on.
func nullFunctions() []function {
	return []function{
		{sig: "coalesce(a: T?, b: T?...) T?", special: checkCoalesce,
			summary: "The first argument that is not null. The same as a ?? b ?? c.",
			example: `coalesce(null, 3, 4) == 3`},
		{sig: "try(x: T) T?", special: checkTry,
			summary: "x, or null where x cannot be computed: text that is no number, division by zero, overflow.",
			example: `try(int("x")) == null`},
		{sig: "get(x: any, path: string) any", special: checkGet,
			summary: "What a JSON value has at a path such as a.b[0]; null where there is nothing.",
			example: `int(get(parse_json('{"a": {"b": [7, 8]}}'), "a.b[1]")) == 8`},
	}
}

func checkCoalesce(c *checker, s *callSite) *node {
	args, ok := c.arguments(s)
	if !c.wants(s, "coalesce(a, b, ...)", 1, -1) || !ok {
		return errorNode(s.from, s.to)
	}
	n := args[len(args)-1]
	for i := len(args) - 2; i >= 0; i-- {
		next := &node{op: "??", args: []*node{args[i], n}, from: s.from, to: s.to, fails: args[i].fails || n.fails}
		if !c.coalesce(next) {
			bad, d := c.fail(diag.WrongType, args[i+1].from, args[i+1].to, "the arguments of coalesce() must be of one type, got %s and %s", args[i].typ, args[i+1].typ)
			if hint := c.oneTypeHint(args[i], args[i+1]); hint != "" {
				d.WithHint("%s", hint)
			}
			c.noteOrigin(d, args[i+1])
			return bad
		}
		n = next
	}
	return n
}

func checkTry(c *checker, s *callSite) *node {
	c.quiet++
	args, ok := c.arguments(s)
	c.quiet--
	if !c.wants(s, "try(x)", 1, 1) || !ok {
		return errorNode(s.from, s.to)
	}
	return &node{kind: kTry, typ: args[0].typ.Opt(), args: args, from: s.from, to: s.to}
}

func checkGet(c *checker, s *callSite) *node {
	args, ok := c.arguments(s)
	if !c.wants(s, "get(x, path)", 2, 2) || !ok {
		return errorNode(s.from, s.to)
	}
	base, path := args[0], args[1]
	if base.typ.Kind != types.KindAny {
		n, d := c.fail(diag.WrongType, base.from, base.to, "get() looks into any, got %s", base.typ)
		if base.typ.Kind == types.KindRecord || base.typ.Kind == types.KindList {
			d.WithHint("its parts are known: write %s.name or %[1]s[0]", c.source(base))
		} else if base.typ.IsText() {
			d.WithHint("read it first: parse_json(%s)", c.source(base))
		}
		c.noteOrigin(d, base)
		return n
	}
	if !path.typ.IsText() {
		n, _ := c.fail(diag.WrongType, path.from, path.to, "the path of get() is text, got %s", path.typ)
		return n
	}
	n := &node{kind: kCall, fn: &getFunction, typ: types.Any, args: args, from: s.from, to: s.to, fails: true}
	if _, err := getFunction.bind(n); err != nil {
		bad, _ := c.fail(diag.WrongValue, path.from, path.to, "%s", err)
		return bad
	}
	return n
}

// getFunction is what a checked get() calls.
var getFunction = function{name: "get", bind: func(n *node) (call, error) {
	if p := n.args[1]; p.isConst() && !p.val.null {
		path, err := parsePath(p.val.s)
		if err != nil {
			return nil, &argError{1, err}
		}
		return func(_ *row, a []value) (value, error) { return jsonValue(follow(a[0].s, path)), nil }, nil
	}
	return func(_ *row, a []value) (value, error) {
		path, err := parsePath(a[1].s)
		if err != nil {
			return null, err
		}
		return jsonValue(follow(a[0].s, path)), nil
	}, nil
}}

func jsonValue(s string, ok bool) value {
	if !ok {
		return null
	}
	return textValue(s)
}
