package cli_test

import (
	"strings"
	"testing"
)

// Durations and rates mean the same wherever one may stand: days and weeks too, and
// numbers with decimals.
func TestDaysAndWeeksEverywhere(t *testing.T) {
	const read = "  r: {use: file.read, with: {path: in.jsonl, as: {t: time, d: duration}}}\n"
	files := map[string]string{
		"in.jsonl": "{\"t\":\"2026-01-01T00:00:00Z\",\"d\":\"1w\"}\n{\"t\":\"2026-01-09T00:00:00Z\",\"d\":\"1d12h\"}\n",
		"in.csv":   "d\n7d\n1w1d\n",
		"settings.yaml": "vars: {gap: {type: duration, default: 1w}}\nnodes:\n" + read +
			"  a: {use: map, in: r, rate: 2.5/m, with: {set: {x: t + duration(\"1w\")}}}\n" +
			"  w: {use: window, in: {from: a, delay: 1d}, with: {size: 7d, every: 1d, lateness: 1w, time: t, set: {c: count()}}}\n" +
			"  d: {use: delay, in: w, rate: {limit: 0.5/w, burst: 2}, with: {for: \"${gap}\"}}\n  o: {use: drop, in: d}\n",
		"paces.yaml":  "nodes:\n  g: {use: generate, rate: 2.5/m, with: {count: 1, rate: 2.5/m}}\n  h: {use: generate, with: {count: 1, rate: 3/1w}}\n  m: {use: merge, in: [g, h]}\n  o: {use: drop, in: m}\n",
		"data.yaml":   "nodes:\n" + read + "  o: {use: file.write, in: r, with: {path: \"-\", format: jsonl}}\n",
		"csv.yaml":    "nodes:\n  r: {use: file.read, with: {path: in.csv, as: {d: duration}}}\n  o: {use: file.write, in: r, with: {path: \"-\", format: jsonl}}\n",
		"t.yaml":      "nodes:\n" + read + "  d: {use: delay, in: r, with: {for: 1d}}\n  o: {use: file.write, in: d, with: {path: o.jsonl}}\n",
		"t_test.yaml": "flow: t.yaml\ntests:\n  - name: weeks\n    feed: {r: [{after: 1d}, {t: 2026-01-01, d: 1w}]}\n    expect: {d: [{t: 2026-01-01, d: 7d}]}\n",
		"empty.yaml":  "nodes:\n  g: {use: generate, with: {count: 1}}\n  o: {use: drop, in: g}\n",
		"wrong.yaml":  "nodes:\n  g: {use: generate, with: {count: 1, rate: 2.5/y}}\n  a: {use: map, in: g, rate: 2.5/y, with: {set: {x: n}}}\n  w: {use: window, in: a, with: {size: 7y, time: 'time(\"2026-01-01\")', set: {c: count()}}}\n  o: {use: drop, in: w}\n",
	}
	for line, want := range map[string]struct {
		code     int
		out, err string
	}{
		"check settings.yaml":                {0, "settings.yaml: ok", ""},
		"check settings.yaml -s gap=2w":      {0, "settings.yaml: ok", ""},
		"check paces.yaml":                   {0, "paces.yaml: ok", ""},
		"run -q data.yaml":                   {0, "\"d\":\"168h0m0s\"}\n{\"t\":\"2026-01-09T00:00:00Z\",\"d\":\"36h0m0s\"}\n", ""},
		"run -q csv.yaml":                    {0, "{\"d\":\"168h0m0s\"}\n{\"d\":\"192h0m0s\"}\n", ""},
		"test t_test.yaml --limit 1d":        {0, "", ""},
		"run -q empty.yaml --drain 1w":       {0, "", ""},
		"advise -q empty.yaml --for 1d":      {0, "", ""},
		"plan empty.yaml --cost o=1d":        {0, "", ""},
		"run empty.yaml --drain 1y":          {2, "", "--drain: want a duration such as 30s or 5m, got \"1y\""},
		"eval duration('7d')+duration('1w')": {0, "\"336h0m0s\"\n", ""},
		"check wrong.yaml":                   {2, "", "3 errors"}, // and none that follows from them
	} {
		t.Run(line, func(t *testing.T) {
			folder(t, files)
			r := call("", strings.Fields(line)...)
			if r.code != want.code || !strings.Contains(r.out, want.out) || !strings.Contains(r.err, want.err) {
				t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
			}
		})
	}
	help := call("", "run", "--help").out + call("", "advise", "--help").out
	if !strings.Contains(help, "(default 30s)") || strings.Contains(help, "(default 0") {
		t.Errorf("the defaults of flags: %s", help)
	}
}
