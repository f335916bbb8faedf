package std_test

import (
	"context"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// Dates go through a flow as keys, in order and in aggregates, and are written as they were
// read; a time without an offset is one of the place that its field names.
func TestDatesInFlows(t *testing.T) {
	kit := nodetest.New(std.Nodes)
	files := map[string]string{
		"days.csv":   "day,n,at\n2026-01-03,1,03.01.2026 00:30\n0001-01-01,2,27.10.2024 02:30\n9999-12-31,3,01.07.2026 00:30\n2026-01-03,4,03.01.2026 00:30\n",
		"names.json": `[{"day":"2026-01-03","name":"Saturday"}]`,
	}
	const read = `  days: {use: file.read, with: {path: days.csv, as: {day: date, n: int, at: {type: time, format: "%d.%m.%Y %H:%M", zone: Europe/Berlin}}}}
`
	for _, c := range []struct{ name, nodes, want string }{
		{"sort", read + "  r: {use: sort, in: days, with: {by: [day, n]}}\n",
			`{"day":"0001-01-01","n":2,"at":"2024-10-27T00:30:00Z"}
{"day":"2026-01-03","n":1,"at":"2026-01-02T23:30:00Z"}
{"day":"2026-01-03","n":4,"at":"2026-01-02T23:30:00Z"}
{"day":"9999-12-31","n":3,"at":"2026-06-30T22:30:00Z"}
`},
		{"group", read + "  g: {use: group, in: days, with: {by: [day], set: {n: sum(n)}}}\n  r: {use: sort, in: g, with: {by: [day]}}\n",
			"{\"day\":\"0001-01-01\",\"n\":2}\n{\"day\":\"2026-01-03\",\"n\":5}\n{\"day\":\"9999-12-31\",\"n\":3}\n"},
		{"aggregates", read + "  r: {use: group, in: days, with: {set: {first: min(day), last: max(day), days: count_distinct(day)}}}\n",
			"{\"first\":\"0001-01-01\",\"last\":\"9999-12-31\",\"days\":3}\n"},
		{"unique", read + "  u: {use: unique, in: days, with: {by: [day]}}\n  r: {use: map, in: u, with: {select: [day, n]}}\n",
			"{\"day\":\"2026-01-03\",\"n\":1}\n{\"day\":\"0001-01-01\",\"n\":2}\n{\"day\":\"9999-12-31\",\"n\":3}\n"},
		{"join", read + "  names: {use: file.read, with: {path: names.json}}\n  j: {use: join, in: {left: days, right: names}, with: {on: {day: day}}}\n  r: {use: map, in: j, with: {select: [n, name]}}\n",
			"{\"n\":1,\"name\":\"Saturday\"}\n{\"n\":4,\"name\":\"Saturday\"}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			kit.Check(t, "flow: dates\nnodes:\n"+c.nodes+"  out: {use: file.write, in: r, with: {path: \"-\", format: jsonl}}\n", files, map[string]string{nodetest.Stdio: c.want})
		})
	}
}

// A visit is what a kind written in Go is given, and gives, with dates in it.
type visit struct {
	Day   types.CivilDate
	Until *types.CivilDate
	Days  []types.CivilDate
	At    struct{ Next *types.CivilDate }
}

// visitKind fills in what follows from the day.
type visitKind struct {
	Nights int `yaml:"nights" doc:"How long a visit is."`
}

func (k *visitKind) Map(_ context.Context, v visit) (visit, error) {
	if v.Until == nil {
		until := v.Day + types.CivilDate(k.Nights)
		v.Until = &until
	} else {
		v.Until = nil
	}
	v.Days = append(v.Days, v.Day)
	if v.At.Next != nil {
		*v.At.Next++
	}
	return v, nil
}

// Kinds written in Go take dates and give them, also null, in lists and in records.
func TestDatesInGoKinds(t *testing.T) {
	kit := nodetest.New(std.Nodes, []nodes.Decl{nodes.Map("visit", "Plans visits.", &visitKind{Nights: 2})})
	flow := func(nights string) string {
		return `flow: visits
types:
  Visit: {day: date, until: "date?", days: "[date]", at: {next: "date?"}}
nodes:
  in:    {use: file.read, with: {path: in.jsonl, as: Visit}}
  visit: {use: visit, in: in, with: {nights: ` + nights + `}}
  late:  {use: filter, in: visit, with: {where: 'day >= to_date("2024-02-29") && len(days) > 0'}}
  out:   {use: file.write, in: late, with: {path: "-", format: jsonl}}
`
	}
	files := map[string]string{"in.jsonl": `{"day":"2024-02-28","until":null,"days":[],"at":{"next":null}}
{"day":"2024-02-29","until":null,"days":["0001-01-01"],"at":{"next":"9999-12-30"}}
{"day":"2024-03-01","until":"2024-03-02","days":[],"at":{}}
`}
	kit.Check(t, flow("2"), files, map[string]string{nodetest.Stdio: `{"day":"2024-02-29","until":"2024-03-02","days":["0001-01-01","2024-02-29"],"at":{"next":"9999-12-31"}}
{"day":"2024-03-01","until":null,"days":["2024-03-01"],"at":{"next":null}}
`})
	o := kit.Run(t, flow("4000000"), files, nodetest.Setup{})
	if o.Err == nil || !strings.Contains(o.Err.Error(), `field "until": date 4019781 days from 1970 is outside the years 1 to 9999`) {
		t.Errorf("a date that there is not: %v", o.Err)
	}
}
