package cli_test

import (
	"fmt"
	"strings"
	"testing"
)

// While a flow that will fail adds to a file, another one adds to it: the rows of the
// second are there, whole and together, and behind them those that the first had got.
func TestAFailureCutsNothingOfOthers(t *testing.T) {
	folder(t, map[string]string{
		"log.jsonl":  "{\"a\":0}\n",
		"rows.jsonl": strings.Repeat("{\"a\":1}\n", 100_000) + "bad\n",
		"a.yaml":     "nodes:\n  in: {use: file.read, with: {path: rows.jsonl, as: {a: int}}}\n  log: {use: file.write, in: in, with: {path: log.jsonl, append: true}}\n  seen: {use: file.write, in: in, with: {path: \"-\", format: jsonl}}\n",
		"b.yaml":     "nodes:\n  n: {use: generate, with: {count: 1000, set: {a: n}}}\n  m: {use: map, in: n, with: {select: a}}\n  log: {use: file.write, in: m, with: {path: log.jsonl, append: true}}\n",
	})
	a := start(t, "run", "-q", "a.yaml")
	for range 2_500 {
		a.line()
	}
	// Nobody reads on, so it stays there.
	if r := call("", "run", "-q", "b.yaml"); r.code != 0 {
		t.Fatalf("exit %d %s", r.code, r.err)
	}
	if got := strings.Count(read(t, "log.jsonl"), "\n"); got != 1001 {
		t.Errorf("%d rows while the first flow is at work", got)
	}
	if code, _, errs := a.end(); code != 1 {
		t.Errorf("exit %d %s", code, errs)
	}
	lines := strings.SplitAfter(read(t, "log.jsonl"), "\n")
	if len(lines) <= 1002 || len(lines) > 101_002 || lines[0] != "{\"a\":0}\n" || lines[len(lines)-1] != "" {
		t.Fatalf("%d rows, the first is %q", len(lines)-1, lines[0])
	}
	for i, line := range lines[1001 : len(lines)-1] {
		if line != "{\"a\":1}\n" {
			t.Fatalf("row %d is %q", i+1001, line)
		}
	}
	for i, line := range lines[1:1001] {
		if line != fmt.Sprintf("{\"a\":%d}\n", i) {
			t.Fatalf("row %d is %q", i+1, line)
		}
	}
}
