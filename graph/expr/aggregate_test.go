package expr

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

const flightType = `{delay: int, distance: float?, carrier: string, took: duration, fare: decimal(8,2), tags: [string], at: time, late: bool, x: any}`

// show gives an AggExpr as its parts: aggregates, then the type of the whole and
// the fields of a row.
func parts(a *AggExpr) string {
	var out []string
	for i, g := range a.Aggs {
		arg := ""
		if g.Arg != nil {
			arg = g.Arg.String() + ": " + g.Arg.Type().String()
		}
		s := fmt.Sprintf("a%d = %s(%s) %s", i, g.Func, arg, g.Type)
		if g.Params != nil {
			s += fmt.Sprint(" ", g.Params)
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ") + " -> " + a.Type().String() + " of " + strings.Join(a.Fields(), ",")
}

func TestAggregates(t *testing.T) {
	env := mustType(t, flightType)
	for source, want := range map[string]string{
		`count()`:                    `a0 = count() int -> int of `,
		`count( )+count()`:           `a0 = count() int -> int of `,
		`mean(delay) * 2 + count()`:  `a0 = mean(delay: float) float?; a1 = count() int -> float? of delay`,
		`sum(delay) / sum(distance)`: `a0 = sum(delay: int) int; a1 = sum(distance: float?) float -> float of delay,distance`,
		`max(delay) - min(delay)`:    `a0 = max(delay: int) int?; a1 = min(delay: int) int? -> int? of delay`,
		`max(mean(delay), 0.0)`:      `a0 = mean(delay: float) float? -> float? of delay`,
		`mean(delay) + mean(delay)`:  `a0 = mean(delay: float) float? -> float? of delay`,
		`percentile(delay, 95) ?? 0`: `a0 = percentile(delay: float) float? [95] -> float of delay`,
		`median(distance)`:           `a0 = percentile(distance: float?) float? [50] -> float? of distance`,
		`distinct(carrier)`:          `a0 = count_distinct(carrier: string) int -> int of carrier`,
		`count_distinct(upper(carrier)) + distinct(upper(carrier))`: `a0 = count_distinct(upper(carrier): string) int -> int of carrier`,
		`collect(carrier) | unique() | len()`:                       `a0 = collect(carrier: string) [string] -> int of carrier`,
		`first(at) - last(at)`:                                      `a0 = first(at: time) time?; a1 = last(at: time) time? -> duration? of at`,
		`sum(took) / count()`:                                       `a0 = sum(took: duration) duration; a1 = count() int -> duration of took`,
		`sum(fare)`:                                                 `a0 = sum(fare: decimal(8,2)) decimal(18,2) -> decimal(18,2) of fare`,
		`mean(fare)`:                                                `a0 = mean(fare: float) float? -> float? of fare`,
		`stddev(delay)`:                                             `a0 = stddev(delay: float) float? -> float? of delay`,
		`sum(delay > 15 ? 1 : 0)`:                                   `a0 = sum(delay > 15 ? 1 : 0: int) int -> int of delay`,
		`max(len(tags)) > 3`:                                        `a0 = max(len(tags): int) int? -> bool? of tags`,
		`sum(count(tags, # != "x"))`:                                `a0 = sum(count(tags, # != "x"): int) int -> int of tags`,
		`sum(sum(map(tags, len(#))))`:                               `a0 = sum(sum(map(tags, len(#))): int) int -> int of tags`,
		`max(collect(delay))`:                                       `a0 = collect(delay: int) [int] -> int? of delay`,
		`delay | mean() | round(1)`:                                 `a0 = mean(delay: float) float? -> float? of delay`,
		`let n = count(); n > 0 ? sum(delay) / n : 0.0`:             `a0 = count() int; a1 = sum(delay: int) int -> float of delay`,
		`{n: count(), worst: max(delay)}`:                           `a0 = count() int; a1 = max(delay: int) int? -> {n: int, worst: int?} of delay`,
		`count(distance)`:                                           `a0 = count(distance: float?) int -> int of distance`,
		`int(sum(delay))`:                                           `a0 = sum(delay: int) int -> int of delay`,
		`"no rows"`:                                                 ` -> string of `,
	} {
		var list diag.List
		a := CheckAggregate(text(source), env, &list)
		if len(list) > 0 {
			t.Errorf("%s\n%s", source, printed(list))
			continue
		}
		if got := parts(a); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", source, got, want)
		}
	}
}

func TestFinalOfAggregates(t *testing.T) {
	var list diag.List
	a := CheckAggregate(text(`mean(delay) * 2 + count()`), mustType(t, flightType), &list)
	results := types.Record(types.Field{Name: "a0", Type: types.Float.Opt()}, types.Field{Name: "a1", Type: types.Int})
	b := batchOf(results, []any{1.5, 4}, []any{nil, 0})
	if got := eval(a.Final.Compile(), b); got[0] != "7" || got[1] != "null" {
		t.Errorf("got %v", got)
	}
	if strings.Join(a.Final.Fields(), ",") != "a0,a1" {
		t.Errorf("fields %v", a.Final.Fields())
	}
}

func TestAggregateProblems(t *testing.T) {
	env := mustType(t, flightType)
	for source, want := range map[string]string{
		`delay + 1`:                `1:1: delay differs from row to row; say which: first(delay), max(delay), collect(delay) ...`,
		`mean(delay) + dely`:       `1:15: unknown field "dely"; did you mean "delay"?`,
		`mean(dely)`:               `1:6: unknown field "dely"; did you mean "delay"?`,
		`maen(delay)`:              `1:1: unknown function "maen"; did you mean "mean"?`,
		`mean(carrier)`:            `1:6: mean() wants a number, got string; convert it: float(carrier)`,
		`sum(mean(delay))`:         `1:5: sum() wants a list of numbers, got float?; aggregates cannot be nested`,
		`mean(took)`:               `1:6: mean() wants a number, got duration; say in what unit: mean(seconds(took))`,
		`sum(tags)`:                `1:5: sum() wants a number, got [string]; of the lists of all rows: sum(sum(tags))`,
		`percentile(delay)`:        `1:1: percentile() wants 2 arguments, got 1; percentile(x: number, p: number) float?`,
		`percentile(delay, 101)`:   `1:19: percentile() wants a constant from 0 to 100; percentile(x, 95) is the value that 95 percent of the rows do not exceed`,
		`percentile(delay, delay)`: `1:19: percentile() wants a constant from 0 to 100; percentile(x, 95) is the value that 95 percent of the rows do not exceed`,
		`max(x)`:                   `1:5: max() wants something that has an order, got any; convert it: float(x)`,
		`mean()`:                   `1:1: mean() wants 1 argument, got none; mean(x: number) float?`,
		`count(late)`:              `1:1: warning: count(late) is the same as count(); a condition is never null here; to count where it is true write sum(late ? 1 : 0)`,
	} {
		var list diag.List
		CheckAggregate(text(source), env, &list)
		got := strings.ReplaceAll(strings.ReplaceAll(list.Error(), "flow.yaml:", ""), "\n", "|")
		if got != want {
			t.Errorf("%s\ngot  %s\nwant %s", source, got, want)
		}
	}
}
