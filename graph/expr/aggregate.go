package expr

import (
	"fmt"
	"maps"
	"slices"

	"github.com/expr-lang/expr/ast"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// An AggExpr is an expression over the aggregates of many rows, such as
// `mean(delay) * 2 + count()`: the aggregates, split off, and what is computed
// from their results. It is immutable and may be shared.
type AggExpr struct {
	Aggs []Agg // in the order of the text; two that are written alike are one

	// Final is the expression over a record {a0: ..., a1: ...} of the results of
	// Aggs. Its Fields lists those that it reads.
	Final *Expr
}

// An Agg is one aggregate. All of them skip null; without any value count and
// count_distinct give 0, sum 0, collect an empty list and the others null.
type Agg struct {
	// Func is count, sum, mean, min, max, first, last, collect, count_distinct,
	// percentile or stddev. median(x) is a percentile, distinct(x) a
	// count_distinct.
	Func   string
	Arg    *Expr       // over a row; nil for count(), which counts rows; float for mean, percentile and stddev
	Params []any       // of percentile: p as a float64 from 0 to 100
	Type   *types.Type // of the result
}

// Type is that of the expression as a whole; its Kind is KindError if there was a
// problem.
func (a *AggExpr) Type() *types.Type { return a.Final.Type() }

// Fails reports whether it may be that the result cannot be computed: a sum that has too many
// digits, or what is computed from the aggregates.
func (a *AggExpr) Fails() bool {
	return a.Final.root != nil && a.Final.root.fails || slices.ContainsFunc(a.Aggs, func(g Agg) bool {
		return g.Func == "sum" || g.Func == "mean" || g.Func == "stddev"
	})
}

// Fields lists the top-level fields of a row that the aggregates read, sorted.
func (a *AggExpr) Fields() []string {
	set := map[string]bool{}
	for _, g := range a.Aggs {
		if g.Arg != nil {
			for _, f := range g.Arg.Fields() {
				set[f] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// String is the expression as written.
func (a *AggExpr) String() string { return a.Final.String() }

// CheckAggregate is Check for an expression over aggregates of rows of type env.
// Fields may stand inside aggregates only.
func CheckAggregate(src Text, env *types.Type, list *diag.List) *AggExpr {
	return Scope{Env: env}.CheckAggregate(src, list)
}

// CheckAggregate is the function CheckAggregate for an expression in the scope.
func (s Scope) CheckAggregate(src Text, list *diag.List) *AggExpr {
	out := &AggExpr{Final: &Expr{src: src, typ: types.Error, env: types.Record()}}
	t, ok := read(src, list)
	if !ok {
		return out
	}
	c, before := newChecker(src, t, s, list), len(*list)
	c.agg = &aggregation{seen: map[string]int{}}
	root := c.check(t.root)
	out.Aggs = c.agg.list
	final := types.Record()
	for i, a := range out.Aggs {
		final.Fields = append(final.Fields, types.Field{Name: aggField(i), Type: a.Type})
	}
	out.Final = c.finish(root, final)
	if len(*list) == before {
		t.warnLoose(src, list)
	}
	return out
}

// aggField names the result of aggregate i in the record of results.
func aggField(i int) string { return fmt.Sprintf("a%d", i) }

// An aggregation collects the aggregates while the expression around them is
// checked.
type aggregation struct {
	list []Agg
	seen map[string]int // by function and text of the argument
}

// An aggregate is a function over rows.
type aggregate struct {
	name, sig, summary string
	canonical          string // the name in Agg.Func, if it is another
	least, most        int    // arguments
	wants              string // what the argument must be: number, ordered, or "" for anything
	float              bool   // the argument is computed as a float, so it has no unit
	result             func(arg *types.Type) *types.Type
}

var aggregates = []aggregate{
	{name: "count", sig: "count() int or count(x: T) int", summary: "How many rows there are, or how many of them have a value that is not null.",
		most: 1, result: func(*types.Type) *types.Type { return types.Int }},
	{name: "sum", sig: "sum(x: number) number", summary: "The sum. The sum of ints is an int and checked for overflow.", least: 1, most: 1, wants: "number",
		result: func(t *types.Type) *types.Type {
			if t.Kind == types.KindDecimal {
				return types.Decimal(18, t.Scale)
			}
			return t.NotNull()
		}},
	{name: "mean", sig: "mean(x: number) float?", summary: "The arithmetic mean. Of durations it is a number of seconds: mean(seconds(d)).", least: 1, most: 1, wants: "number", float: true, result: optFloat},
	{name: "min", sig: "min(x: ordered) ordered?", summary: "The least value.", least: 1, most: 1, wants: "ordered", result: (*types.Type).Opt},
	{name: "max", sig: "max(x: ordered) ordered?", summary: "The greatest value.", least: 1, most: 1, wants: "ordered", result: (*types.Type).Opt},
	{name: "first", sig: "first(x: T) T?", summary: "The value of the first row that has one.", least: 1, most: 1, result: (*types.Type).Opt},
	{name: "last", sig: "last(x: T) T?", summary: "The value of the last row that has one.", least: 1, most: 1, result: (*types.Type).Opt},
	{name: "collect", sig: "collect(x: T) [T]", summary: "All values in a list, in the order of the rows.", least: 1, most: 1,
		result: func(t *types.Type) *types.Type { return types.List(t.NotNull()) }},
	{name: "distinct", sig: "distinct(x: T) int", summary: "How many different values there are.", canonical: "count_distinct", least: 1, most: 1, result: func(*types.Type) *types.Type { return types.Int }},
	{name: "count_distinct", sig: "count_distinct(x: T) int", summary: "How many different values there are.", least: 1, most: 1, result: func(*types.Type) *types.Type { return types.Int }},
	{name: "median", sig: "median(x: number) float?", summary: "The value in the middle: percentile(x, 50).", canonical: "percentile", least: 1, most: 1, wants: "number", float: true, result: optFloat},
	{name: "percentile", sig: "percentile(x: number, p: number) float?", summary: "The value that p percent of the values do not exceed, p being a constant from 0 to 100.", least: 2, most: 2, wants: "number", float: true, result: optFloat},
	{name: "stddev", sig: "stddev(x: number) float?", summary: "The standard deviation of a sample; null for fewer than two values.", least: 1, most: 1, wants: "number", float: true, result: optFloat},
}

func optFloat(*types.Type) *types.Type { return types.Float.Opt() }

func aggregateNamed(name string) *aggregate {
	if i := slices.IndexFunc(aggregates, func(a aggregate) bool { return a.name == name }); i >= 0 {
		return &aggregates[i]
	}
	return nil
}

func aggregateNames() []string {
	names := make([]string, len(aggregates))
	for i, a := range aggregates {
		names[i] = a.name
	}
	return names
}

// takes reports whether a call is an aggregate over rows. One with more arguments
// than the aggregate has, such as max(a, b), is the plain function, and so is one
// over what aggregates have given, such as max(collect(x)): its arguments mean
// nothing for a single row.
func (c *checker) takes(s *callSite) bool {
	a := aggregateNamed(s.name)
	switch {
	case a == nil || len(s.args) > a.most && functionNamed(s.name) != nil:
		return false
	case functionNamed(s.name) == nil || !slices.ContainsFunc(s.args, holdsAggregate):
		return true
	}
	var unheard diag.List
	row := c.forRow(&unheard)
	_, ok := row.arguments(&callSite{name: s.name, args: s.args, nameAt: s.nameAt, from: s.from, to: s.to})
	c.nodes = row.nodes
	return ok
}

// holdsAggregate reports whether the name of an aggregate is called in a.
func holdsAggregate(a ast.Node) bool {
	f := finder{}
	ast.Walk(&a, &f)
	return f.found
}

type finder struct{ found bool }

func (f *finder) Visit(n *ast.Node) {
	switch a := (*n).(type) {
	case *ast.BuiltinNode:
		f.found = f.found || aggregateNamed(a.Name) != nil
	case *ast.CallNode:
		if id, ok := a.Callee.(*ast.IdentifierNode); ok {
			f.found = f.found || aggregateNamed(id.Value) != nil
		}
	}
}

// forRow gives a checker for what is computed from a single row, the argument of
// an aggregate.
func (c *checker) forRow(list *diag.List) *checker {
	row := newChecker(c.src, c.tree, Scope{c.env, c.hidden}, list)
	row.depth, row.nodes = c.depth, c.nodes
	if list == c.list {
		row.said = c.said
	}
	return row
}

// aggregate checks an aggregate over rows and stands a field of the record of
// results in for it.
func (c *checker) aggregate(s *callSite) *node {
	def := aggregateNamed(s.name)
	inner := c.forRow(c.list)
	args, ok := inner.arguments(s)
	c.nodes = inner.nodes
	ok = inner.wants(s, def.sig, def.least, def.most) && ok && inner.suits(def, args)
	agg := Agg{Func: def.name}
	if ok && len(args) > 0 {
		x := args[0]
		if def.float {
			x = inner.convert(x, types.Float)
		}
		if def.name == "count" && x.typ.Kind == types.KindBool && !x.typ.Nullable {
			d := c.list.Warn(diag.Ineffective, c.src.At(s.from, s.to-s.from), "%s is the same as count()", string(c.tree.text[s.from:s.to]))
			d.WithHint("a condition is never null here; to count where it is true write sum(%s ? 1 : 0)", c.source(x))
		}
		agg.Arg = inner.finish(x, c.env)
		agg.Arg.src = excerpt{c.src, args[0].from, args[0].to}
		ok = agg.Arg.typ.Kind != types.KindError
	}
	if ok && def.canonical != "" {
		agg.Func = def.canonical
	}
	if ok && agg.Func == "percentile" {
		agg.Params, ok = inner.percent(s, args)
	}
	c.wrong += inner.wrong
	if !ok {
		return errorNode(s.from, s.to)
	}
	arg := types.Null
	if agg.Arg != nil {
		arg = agg.Arg.typ
	}
	agg.Type = def.result(arg)
	return c.result(agg, s)
}

// result gives the node for the result of an aggregate, one for all that are
// written alike.
func (c *checker) result(agg Agg, s *callSite) *node {
	key := fmt.Sprint(agg.Func, agg.Params)
	if agg.Arg != nil {
		key += agg.Arg.String()
	}
	i, ok := c.agg.seen[key]
	if !ok {
		i = len(c.agg.list)
		c.agg.list = append(c.agg.list, agg)
		c.agg.seen[key] = i
	}
	c.used[i] = true
	return &node{kind: kField, index: i, typ: agg.Type, from: s.from, to: s.to}
}

// suits checks the type of an aggregate's argument.
func (c *checker) suits(def *aggregate, args []*node) bool {
	if len(args) == 0 {
		return true
	}
	x := args[0]
	k := x.typ.Kind
	number := x.typ.IsNumber() || k == types.KindDuration && !def.float
	switch {
	case def.wants == "number" && !number, def.wants == "ordered" && !x.typ.Ordered():
		d := c.report(diag.WrongType, x.from, x.to, "%s() wants %s, got %s", def.name, map[string]string{"number": "a number", "ordered": "something that has an order"}[def.wants], x.typ)
		switch {
		case k == types.KindDuration:
			d.WithHint("say in what unit: %s(seconds(%s))", def.name, c.source(x))
		case k == types.KindList && functionNamed(def.name) != nil:
			d.WithHint("of the lists of all rows: %s(%[1]s(%s))", def.name, c.source(x))
		default:
			c.hintNumber(d, x)
		}
		c.noteOrigin(d, x)
		return false
	case k == types.KindNull:
		c.report(diag.WrongType, x.from, x.to, "%s() of null has no type", def.name)
		return false
	case choosesReply(def, x.typ):
		c.report(diag.WrongType, x.from, x.to, "%s() would keep one reply, and the other requests would get no answer", def.name).WithHint("collect(%s) keeps all of them", c.source(x))
		return false
	}
	return true
}

// percent reads the percentage of percentile(x, p); that of median is 50.
func (c *checker) percent(s *callSite, args []*node) ([]any, bool) {
	if len(args) < 2 {
		return []any{50.0}, true
	}
	p := args[1]
	f := -1.0
	if p.isConst() && !p.val.null {
		switch p.typ.Kind {
		case types.KindInt:
			f = float64(p.val.n)
		case types.KindFloat:
			f = p.val.float()
		}
	}
	if f >= 0 && f <= 100 {
		return []any{f}, true
	}
	c.report(diag.WrongValue, p.from, p.to, "%s() wants a constant from 0 to 100", s.name).WithHint("percentile(x, 95) is the value that 95 percent of the rows do not exceed")
	return nil, false
}

// outsideAggregate is for a name that stands where there is no single row.
func (c *checker) outsideAggregate(name string, from, to int) *node {
	if c.env.IsRecord() && c.env.Index(name) < 0 {
		return c.unknownName(name, from, to)
	}
	n, d := c.fail(diag.WrongType, from, to, "%s differs from row to row", types.Quote(name))
	d.WithHint("say which: first(%s), max(%[1]s), collect(%[1]s) ...", string(c.tree.text[from:to]))
	return n
}
