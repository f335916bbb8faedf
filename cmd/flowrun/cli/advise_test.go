package cli_test

import (
	"strings"
	"testing"
)

// The bottleneck is planted in the report: parse.
func TestAdviseByAReport(t *testing.T) {
	folder(t, map[string]string{"planned.yaml": plannedFlow, "run.json": plannedReport})
	r := call("", "advise", "planned.yaml", "--report", "run.json", "--cores", "4")
	for _, want := range []string{
		"  planned: 1,000 items in 1.00 s, 1.00k a second, on 1.05 of 4 cores\n",
		"  parse bounds the flow: its worker takes 980 µs for an item, computing\n",
		"  parse  workers 1 -> 4  3.54 times\n",
		"  then the processor bounds the flow: its 4 cores compute 1.05 ms for an item of the sources",
		"--report measures it",
		"--- planned.yaml\n+++ planned.yaml\n@@ -3,6 +3,7 @@\n   orders: {use: generate, with: {count: 1000, set: {n: n}}}\n   parse:\n     use: map # the work\n+    workers: 4\n     in: orders\n",
	} {
		if r.code != 0 || !strings.Contains(r.out, want) {
			t.Errorf("lacks %q: %s%s", want, r.out, r.err)
		}
	}
	if got := read(t, "planned.yaml"); got != plannedFlow {
		t.Errorf("without --write the file is now\n%s", got)
	}
	r = call("", "advise", "planned.yaml", "--report", "run.json", "--cores", "4", "--max-workers", "2", "-w")
	if got, want := read(t, "planned.yaml"), strings.Replace(plannedFlow, "# the work\n", "# the work\n    workers: 2\n", 1); got != want || !strings.Contains(r.out, "the file is changed") {
		t.Errorf("%+v\n%s", r, got)
	}
}

// One core is busy with what there is: no number of workers helps.
func TestAdviseProposesNothingInVain(t *testing.T) {
	folder(t, map[string]string{"planned.yaml": plannedFlow, "run.json": plannedReport})
	r := call("", "advise", "planned.yaml", "--report", "run.json", "--cores", "1", "--json")
	type advice struct {
		Bound   string     `json:"bound"`
		Changes []struct{} `json:"changes"`
		Gain    float64    `json:"gain"`
		Notes   []string   `json:"notes"`
		Patch   string     `json:"patch"`
	}
	a := parse[advice](t, r.out)
	if r.code != 0 || a.Bound != "cpus" || len(a.Changes) > 0 || a.Gain != 1 || a.Patch != "" || !strings.Contains(strings.Join(a.Notes, "\n"), "more workers share the same cores") {
		t.Errorf("%+v", r)
	}
}

// What the flow writes to standard output does not get between the advice.
func TestAdviseRuns(t *testing.T) {
	folder(t, map[string]string{"a.yaml": `nodes:
  n: {use: generate, with: {count: 20000, set: {n: n}}}
  f: {use: filter, in: {from: n, capacity: 2}, with: {where: n % 2 == 0}}
  s: {use: sort, in: f, with: {by: -n}}
  out: {use: file.write, in: s, with: {path: "-", format: jsonl}}
  file: {use: file.write, in: f, with: {path: f.jsonl}}
`})
	r := call("", "advise", "a.yaml", "--json")
	type advice struct {
		Items int64   `json:"items"`
		Rate  float64 `json:"per_second"`
		Nodes []struct {
			ID    string `json:"id"`
			Cost  int64  `json:"cost_ns"`
			Alone bool   `json:"one_worker"`
		} `json:"nodes"`
		Trial *struct {
			Rate float64 `json:"per_second"`
		} `json:"trial"`
		Changes []struct {
			Setting string `json:"setting"`
			To      int    `json:"better"`
		} `json:"changes"`
	}
	a := parse[advice](t, r.out)
	if r.code != 0 || a.Items != 20000 || len(a.Nodes) != 5 || a.Nodes[1].Cost <= 0 || a.Rate <= 0 || a.Trial != nil || r.err != "" {
		t.Errorf("%+v", r)
	}
	if got := strings.Count(read(t, "f.jsonl"), "\n"); got != 10000 {
		t.Errorf("the file has %d lines", got)
	}
	if a := parse[advice](t, call("", "advise", "a.yaml", "--json", "--try").out); len(a.Changes) > 0 && (a.Trial == nil || a.Trial.Rate <= 0) {
		t.Errorf("%+v", a)
	}
	if r := call("", "advise", "a.yaml"); r.code != 0 || !strings.HasPrefix(r.out, "  a: 20,000 items in ") {
		t.Errorf("%+v", r)
	}
}

// An endless flow is measured for a while. On a busy machine a short while has too little
// in it, and is made longer.
func TestAdviseForAWhile(t *testing.T) {
	folder(t, map[string]string{"a.yaml": "nodes:\n  n: {use: tick, with: {every: 1ms}}\n  out: {use: drop, in: n}\n"})
	var r result
	for _, length := range []string{"30ms", "1s", "10s", "1m"} {
		r = call("", "advise", "a.yaml", "--for", length)
		if r.code == 0 && strings.Contains(r.out, "n bounds the flow: the source gives an item every") && strings.Contains(r.out, "nothing after it has to be faster") {
			return
		}
	}
	t.Errorf("%+v", r)
}

func TestAdviseSaysWhatIsWrong(t *testing.T) {
	folder(t, map[string]string{
		"planned.yaml": plannedFlow, "run.json": plannedReport,
		"stdin.yaml":   "nodes:\n  in: {use: file.read, with: {path: \"-\", format: csv}}\n  out: {use: drop, in: in}\n",
		"nothing.yaml": "nodes:\n  n: {use: generate, with: {count: 0}}\n  out: {use: drop, in: n}\n",
		"fails.yaml":   "nodes:\n  n: {use: generate, with: {count: 5}}\n  f: {use: filter, in: n, with: {where: 1 % n == 0}}\n  out: {use: drop, in: f}\n",
	})
	for args, want := range map[string]string{
		"planned.yaml --for 0s":                "flowrun: --for 0s: want a time such as 30s\n",
		"planned.yaml --max-workers 0":         "flowrun: --max-workers 0: want 1 or more\n",
		"planned.yaml --report run.json --try": "flowrun: --report runs nothing: --try and --for cannot be used with it\n",
		"planned.yaml --cores 4":               "flowrun: --cores is for --report: a run uses the cores of this machine\n",
		"planned.yaml --report nowhere.json":   "flowrun: --report nowhere.json: no such file or directory\n...",
		"- --write":                            "flowrun: standard input cannot be written: --write needs a file\n",
		"stdin.yaml --try":                     "flowrun: the flow reads standard input, which only one of two runs could\n  hint: put the data into a file and read that\n",
		"nothing.yaml":                         "flowrun: the sources gave nothing, so there is nothing to judge by\n  hint: advise needs a run with data\n",
		"nowhere.yaml":                         "nowhere.yaml: ...",
	} {
		call("a\n1\n", append([]string{"advise"}, strings.Fields(args)...)...).want(t, 2, "", want)
	}
	if r := call("", "advise", "fails.yaml", "-q"); r.code != 1 || r.out != "" || !strings.Contains(r.err, "fails.yaml:3:41") {
		t.Errorf("%+v", r)
	}
	if r := call("a\n1\n2\n", "advise", "stdin.yaml"); r.code != 0 || !strings.Contains(r.out, "2 items in") {
		t.Errorf("%+v", r)
	}
}
