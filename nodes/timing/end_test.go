package timing_test

import (
	"fmt"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// Nobody wants more in the middle of it: every batch is given back, and a source
// without an end is ended.
func TestLimitAfter(t *testing.T) {
	for kind, with := range map[string]string{
		"throttle":    "{every: 1ms, by: n}",
		"debounce":    "{quiet: 1ms, by: n}",
		"sample_time": "{every: 1ms, by: n}",
		"delay":       "{for: 1ms}",
		"changed":     "{by: n}",
		"scan":        "{set: {s: sum(n)}}",
		"skip_until":  "{where: n == 7}",
		"skip_while":  "{where: n < 7}",
		"start_with":  "{rows: [{n: 1}, {n: 2}]}",
		"take_while":  "{where: n < 10}",
		"latest":      "{}",
		"take_until":  "{where: n > 9}",
	} {
		before := record.Live()
		r := kit.Run(t, fmt.Sprintf(`flow: short
nodes:
  a:   {use: generate}
  one: {use: %s, in: a, with: %s}
  ten: {use: limit, in: one, with: {count: 10}}
  out: {use: group, in: ten, with: {set: {n: count()}}}
  to:  {use: file.write, in: out, with: {path: "-", format: jsonl}}
`, kind, with), nil, nodetest.Setup{})
		if r.Err != nil || r.Stdout != "{\"n\":10}\n" {
			t.Errorf("%s: %v, %s", kind, r.Err, r.Stdout)
		}
		if live := record.Live(); live != before {
			t.Errorf("%s: %d batches were not given back", kind, live-before)
		}
	}
}
