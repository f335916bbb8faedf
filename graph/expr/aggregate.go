package expr

import (
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// An AggExpr is an expression over the aggregates of a group of rows, such as
// `mean(delay) * 2 + count()`: the aggregates, split off, and what is computed
// from their results.
type AggExpr struct {
	Aggs  []Agg
	Final *Expr // over a record {a0: ..., a1: ...} of the results of Aggs
}

// An Agg is one aggregate.
type Agg struct {
	Func   string      // count, sum, mean, min, max, first, last, collect, count_distinct, percentile, stddev
	Arg    *Expr       // nil: count()
	Params []any       // of percentile: p as a float64 from 0 to 100
	Type   *types.Type // of the result
}

// CheckAggregate is Check for an expression over aggregates.
func CheckAggregate(src Text, env *types.Type, list *diag.List) *AggExpr {
	return &AggExpr{Final: &Expr{src: src, typ: types.Error}}
}
