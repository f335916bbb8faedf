package window_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// Two ways from one source, one of which has items for the other to wait for: the
// queue that fills up meanwhile must not block the source for good.
func TestInputsFromOneSource(t *testing.T) {
	flow := `flow: diamond
nodes:
  in:    {use: generate, with: {count: 3000, start: 2026-01-01, step: 1s}}
  few:   {use: filter, in: in, with: {where: n %% 1000 == 999}}
  there: {use: map, in: few, with: {set: {m: n, then: time}, select: [m, then]}}
  one:   %s
  out:   {use: file.write, in: one, with: {path: "-", format: jsonl}}
`
	check(t, fmt.Sprintf(flow, "{use: window_join, in: {left: in, right: there}, with: {on: {n: m}, time: {time: then}, within: 0s}}"), nil, map[string]string{
		"-": `{"n":999,"time":"2026-01-01T00:16:39Z","then":"2026-01-01T00:16:39Z"}` + "\n" +
			`{"n":1999,"time":"2026-01-01T00:33:19Z","then":"2026-01-01T00:33:19Z"}` + "\n" +
			`{"n":2999,"time":"2026-01-01T00:49:59Z","then":"2026-01-01T00:49:59Z"}` + "\n",
	})
	flow = strings.Replace(flow, "[m, then]}}", "[m, then], rename: {then: time, m: n}}}", 1)
	flow = strings.Replace(flow, "{m: n, then: time}, select: [m, then], rename: {then: time, m: n}", "{n: n}", 1)
	check(t, fmt.Sprintf(flow, "{use: window, in: [in, there], with: {time: time, size: 30m, set: {n: count(), last: last(n)}}}"), nil, map[string]string{
		"-": `{"start":"2026-01-01T00:00:00Z","end":"2026-01-01T00:30:00Z","n":1801,"last":1799}` + "\n" +
			`{"start":"2026-01-01T00:30:00Z","end":"2026-01-01T01:00:00Z","n":1202,"last":2999}` + "\n",
	})
}

// What a rate hands out piece by piece is still taken in the order of the times, and
// none of it is lost.
func TestInputsAtARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := kit.Run(t, `flow: slow
nodes:
  all:   {use: generate, with: {count: 300, start: 2026-01-01, step: 1s}}
  tenth: {use: generate, with: {count: 30, start: 2026-01-01, step: 10s}}
  one:   {use: window, in: [all, tenth], rate: 10/s, with: {time: time, size: 4m, set: {n: count(), last: last(n)}}}
  out:   {use: file.write, in: one, with: {path: "-", format: jsonl}}
`, nil, nodetest.Setup{})
		want := `{"start":"2026-01-01T00:00:00Z","end":"2026-01-01T00:04:00Z","n":264,"last":239}` + "\n" +
			`{"start":"2026-01-01T00:04:00Z","end":"2026-01-01T00:08:00Z","n":66,"last":299}` + "\n"
		if r.Err != nil || r.Stdout != want {
			t.Errorf("%v, got\n%s\nwant\n%s", r.Err, r.Stdout, want)
		}
	})
}

// Nobody wants more in the middle of it: every batch is given back.
func TestLimitAfter(t *testing.T) {
	for kind, node := range map[string]string{
		"window":      "{use: window, in: [a, b], with: {time: time, size: 1m, by: n, set: {c: count()}}}",
		"session":     "{use: window, in: a, with: {time: time, session: 1s, by: n, set: {c: count()}}}",
		"count":       "{use: window, in: a, with: {count: 3, set: {c: sum(n)}}}",
		"window_join": "{use: window_join, in: {left: a, right: c}, with: {on: {n: m}, time: {time: then}, within: 1m}}",
		"gather":      "{use: gather, in: a, with: {id: floor(n / 2), count: 2}}",
	} {
		before := record.Live()
		r := kit.Run(t, fmt.Sprintf(`flow: short
nodes:
  a:   {use: generate, with: {start: 2026-01-01}}
  b:   {use: generate, with: {start: 2026-01-01, count: 20000}}
  c:   {use: map, in: b, with: {rename: {n: m, time: then}}}
  one: %s
  ten: {use: limit, in: one, with: {count: 10}}
  out: {use: group, in: ten, with: {set: {n: count()}}}
  to:  {use: file.write, in: out, with: {path: "-", format: jsonl}}
`, node), nil, nodetest.Setup{})
		if r.Err != nil || r.Stdout != "{\"n\":10}\n" {
			t.Errorf("%s: %v, %s", kind, r.Err, r.Stdout)
		}
		if live := record.Live(); live != before {
			t.Errorf("%s: %d batches were not given back", kind, live-before)
		}
	}
}

// Ever new keys must not be kept: they are forgotten many times on the way, and
// those that are open then are still found.
func TestManyKeys(t *testing.T) {
	flow := `flow: keys
nodes:
  in:   {use: generate, with: {count: 39999, start: 2026-01-01, step: 1s, set: {key: 'n %% 1000 == 0 ? "thousand" : string(floor(n / 3))', time: time, n: n}}}
  one:  {use: window, in: in, with: {time: time, %s, by: key, set: {n: count(), first: first(n), last: last(n)}}}
  sums: {use: group, in: one, with: {by: {n: n, long: key == "thousand"}, set: {windows: count(), span: max(last - first)}}}
  sort: {use: sort, in: sums, with: {by: [long, n]}}
  out:  {use: file.write, in: sort, with: {path: "-", format: jsonl}}
`
	check(t, fmt.Sprintf(flow, "session: 1001s, lateness: 1s"), nil, map[string]string{
		"-": `{"n":2,"long":false,"windows":40,"span":2}` + "\n" + `{"n":3,"long":false,"windows":13293,"span":2}` + "\n" + `{"n":40,"long":true,"windows":1,"span":39000}` + "\n",
	})
	check(t, fmt.Sprintf(flow, "count: 3"), nil, map[string]string{
		"-": `{"n":2,"long":false,"windows":40,"span":2}` + "\n" + `{"n":3,"long":false,"windows":13293,"span":2}` + "\n" +
			`{"n":1,"long":true,"windows":1,"span":0}` + "\n" + `{"n":3,"long":true,"windows":13,"span":2000}` + "\n",
	})
}
