package cli_test

import (
	"strings"
	"testing"
)

const plannedFlow = `flow: planned
nodes:
  orders: {use: generate, with: {count: 1000, set: {n: n}}}
  parse:
    use: map # the work
    in: orders
    with: {set: {square: n * n, text: string(n)}}
  large: {use: filter, in: parse, with: {where: square > 10}, workers: 2}
  first: {use: unique, in: {from: large, capacity: 100, bytes: 1MB}, with: {by: n}}
  out: {use: drop, in: {from: first, on_full: spill}}
`

// plannedReport is a run in which parse bounds: it computed nearly all the time, and
// the machine has a core to spare.
const plannedReport = `{"flow": "planned", "outcome": "done", "took_ns": 1000000000, "cores": 2, "cpu_ns": 1050000000,
"nodes": [
 {"id": "orders", "kind": "generate", "workers": 2, "out": 1000, "busy": 0.005, "source": true},
 {"id": "parse", "kind": "map", "workers": 1, "in": 1000, "out": 1000, "used": 1000, "busy": 0.98},
 {"id": "large", "kind": "filter", "workers": 2, "in": 1000, "out": 500, "used": 500, "filtered": 500, "busy": 0.02},
 {"id": "first", "kind": "unique", "workers": 1, "in": 500, "out": 500, "used": 500, "busy": 0.02},
 {"id": "out", "kind": "drop", "workers": 1, "in": 500, "used": 500, "busy": 0.001}],
"edges": [
 {"from": "orders.out", "to": "parse.in", "capacity": 8192, "sent": 1000, "received": 1000, "peak": 1000},
 {"from": "parse.out", "to": "large.in", "capacity": 8192, "sent": 1000, "received": 1000, "peak": 10},
 {"from": "large.out", "to": "first.in", "capacity": 100, "sent": 500, "received": 500, "peak": 5},
 {"from": "first.out", "to": "out.in", "capacity": 8192, "sent": 500, "received": 500, "peak": 5}]}`

func TestPlan(t *testing.T) {
	folder(t, map[string]string{"planned.yaml": plannedFlow, "run.json": plannedReport})
	call("", "plan", "planned.yaml", "--cores", "2").want(t, 0, `planned: 5 nodes, 4 edges, 2 cores

  node    kind      workers
  orders  generate        2
  parse   map             1
  large   filter          2
  first   unique          1
  out     drop            1

Expressions
  node    expression   computed by
  orders  n            a kernel
  parse   n * n        a kernel
  parse   string(n)    a closure
  large   square > 10  a kernel
  first   n            a kernel

Edges
  from        to        items    bytes  when full
  orders.out  parse.in  8,192  67.1 MB  block
  parse.out   large.in  8,192  67.1 MB  block
  large.out   first.in    100  1.00 MB  block
  first.out   out.in    8,192  67.1 MB  spill

Memory
  at most 202 MB wait on 4 edges, besides a batch in the hands of each worker
  what first.out -> out.in cannot hold goes to a temporary file, without a bound
  first (unique) holds every key: that grows with the input

Speed
  not known: no cost was given; --report takes costs from an earlier run, --cost and --wait give them
`, "")
	r := call("", "plan", "planned.yaml", "--cores", "2", "--report", "run.json")
	for _, want := range []string{
		"parse   map             1      1  980 µs      0 %   1.02k   100 %",
		"at most 1.02k items of the sources a second: parse bounds the flow: its worker takes 980 µs for an item, computing",
	} {
		if r.code != 0 || !strings.Contains(r.out, want) {
			t.Errorf("lacks %q: %+v", want, r)
		}
	}
	// A cost that is given stands over that of the report.
	r = call("", "plan", "planned.yaml", "--cores", "2", "--report", "run.json", "--cost", "parse=2us", "--wait", "large=1ms")
	if want := "at most 2.00k items of the sources a second: large bounds the flow: its 2 workers take 1 ms for an item, nearly all of it waiting"; !strings.Contains(r.out, want) {
		t.Errorf("lacks %q: %+v", want, r)
	}
}

func TestPlanAsJSON(t *testing.T) {
	folder(t, map[string]string{"planned.yaml": plannedFlow})
	type plan struct {
		Nodes []struct {
			ID    string  `json:"id"`
			Items float64 `json:"items"`
			Most  float64 `json:"most_per_second"`
			Alone bool    `json:"one_worker"`
		} `json:"nodes"`
		Memory struct {
			Edges   int64    `json:"edges_bytes"`
			Growing []string `json:"grow_with_input"`
		} `json:"memory"`
		Rate struct {
			PerSecond float64 `json:"per_second"`
			Bound     string  `json:"bound"`
			Node      string  `json:"node"`
		} `json:"rate"`
	}
	for _, c := range []struct {
		args        []string
		rate        float64
		bound, node string
	}{
		{[]string{"--cost", "parse=10us", "--cores", "8"}, 100e3, "workers", "parse"},
		{[]string{"--cost", "parse=10us", "--cost", "large=4us", "--cores", "8"}, 100e3, "workers", "parse"},
		{[]string{"--cost", "parse=10us", "--cost", "large=14us", "--cores", "1"}, 1e9 / 24e3, "cpus", ""},
		{[]string{"--cost", "large=10us", "--wait", "large=30us", "--cores", "1"}, 50e3, "workers", "large"},
		{[]string{"--cost", "large=10us", "--wait", "large=30us", "--cores", "1", "--gives", "parse=0.25"}, 200e3, "workers", "large"},
		{[]string{"--cost", "parse=10us", "--rate", "orders=500"}, 500, "rate", "orders"},
		{[]string{"--cost", "orders=100us", "--workers", "3", "--cores", "8"}, 30e3, "workers", "orders"},
	} {
		r := call("", append([]string{"plan", "planned.yaml", "--json"}, c.args...)...)
		p := parse[plan](t, r.out)
		if r.code != 0 || p.Rate.Bound != c.bound || p.Rate.Node != c.node || p.Rate.PerSecond < 0.999*c.rate || p.Rate.PerSecond > 1.001*c.rate {
			t.Errorf("%v: %+v, want %v by %s of %q", c.args, p.Rate, c.rate, c.bound, c.node)
		}
		if p.Memory.Edges != 3*64<<20+1000_000 || strings.Join(p.Memory.Growing, " ") != "first" {
			t.Errorf("memory %+v", p.Memory)
		}
	}
}

func TestPlanSaysWhatIsWrong(t *testing.T) {
	failed := strings.Replace(plannedReport, "done", "failed", 1)
	other := strings.Replace(plannedReport, `"parse", "kind": "map"`, `"parse", "kind": "filter"`, 1)
	fewer := strings.Replace(plannedReport, `"id": "parse"`, `"id": "parser"`, 1)
	empty := strings.Replace(plannedReport, `"out": 1000, "busy": 0.005`, `"out": 0, "busy": 0.005`, 1)
	folder(t, map[string]string{"planned.yaml": plannedFlow, "run.json": plannedReport, "failed.json": failed, "other.json": other, "fewer.json": fewer, "empty.json": empty, "text.json": "{}", "bad.yaml": "nodes: {a: {use: nothing}}"})
	for args, want := range map[string]string{
		"--cost prase=3us":      "flowrun: the flow has no node \"prase\"\n  hint: did you mean \"parse\"?\n",
		"--cost parse=0us":      "flowrun: --cost: want NODE=TIME with a time above zero, such as parse=3us, got \"parse=0us\"...",
		"--cost parse=-1s":      "flowrun: --cost: want...",
		"--cost parse":          "flowrun: --cost: want...",
		"--wait parse=soon":     "flowrun: --wait: want...",
		"--rate orders=0":       "flowrun: --rate: want NODE=NUMBER with a number above zero, such as orders=500, got...",
		"--rate orders=NaN":     "flowrun: --rate: want...",
		"--rate orders=Inf":     "flowrun: --rate: want...",
		"--rate parse=5":        "flowrun: parse is no source: a rate is that of a source, one of orders\n",
		"--gives prase=2":       "flowrun: the flow has no node \"prase\"...",
		"--workers 0":           "flowrun: --workers 0: want 1 or more\n",
		"--cores 0":             "flowrun: --cores 0: want 1 or more\n",
		"--report nowhere.json": "flowrun: --report nowhere.json: no such file or directory\n  hint: flowrun run FLOW --report nowhere.json writes it\n",
		"--report planned.yaml": "flowrun: planned.yaml is not a report of a run as JSON\n...",
		"--report text.json":    "flowrun: text.json is not a report of a run as JSON\n...",
		"--report failed.json":  "flowrun: failed.json: that run failed...",
		"--report empty.json":   "flowrun: empty.json: the sources of that run gave nothing...",
		"--report other.json":   "flowrun: other.json: the report is of another flow: there parse is of kind filter, here of kind map\n",
		"--report fewer.json":   "flowrun: fewer.json: the report is of another flow: planned has no node \"parser\"\n",
	} {
		call("", append([]string{"plan", "planned.yaml"}, strings.Fields(args)...)...).want(t, 2, "", want)
	}
	call("", "plan", "bad.yaml").want(t, 2, "", "bad.yaml:1:18: ...")
	call("", "plan").want(t, 2, "", "flowrun: plan needs a flow\n...")
}
