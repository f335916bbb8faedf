package std_test

import (
	"testing"

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
