package cli_test

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/cmd/flowrun/cli"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

type comparison struct {
	Rows    int64   `json:"rows"`
	Serial  int64   `json:"serial_ns"`
	All     int64   `json:"pipelined_ns"`
	Ideal   int64   `json:"ideal_ns"`
	Times   float64 `json:"speed_up"`
	Same    bool    `json:"same"`
	Note    string  `json:"note"`
	Outputs []struct {
		Path   string `json:"path"`
		Result string `json:"result"`
	} `json:"outputs"`
}

func TestCompareSerial(t *testing.T) {
	folder(t, ordersFiles())
	r := call("", "run", "orders.yaml", "--compare-serial")
	text := regexp.MustCompile(`(?m)^  (serial|pipelined|speed-up|ideal) .*\n`).ReplaceAllString(r.err, "  $1\n")
	if want := "orders: serial against all cores\n\n  serial\n  pipelined\n  speed-up\n  ideal\n  outputs    large.jsonl: the same\n"; r.code != 0 || r.out != "" || text != want {
		t.Errorf("exit %d, %s\n%s\nwant\n%s", r.code, r.out, r.err, want)
	}
	c := parse[comparison](t, call("", "run", "orders.yaml", "--compare-serial", "--json").err)
	if c.Rows != 3 || c.Serial <= 0 || c.All <= 0 || c.Ideal <= 0 || c.Ideal > c.All || !c.Same || c.Times != float64(c.Serial)/float64(c.All) {
		t.Errorf("%+v", c)
	}
	call("", "run", "orders.yaml", "--compare-serial", "-q").want(t, 0, "", "")
}

// Standard output has what one run writes, and counts as an output.
func TestCompareSerialToStandardOutput(t *testing.T) {
	folder(t, map[string]string{"a.yaml": "nodes:\n  n: {use: generate, with: {count: 3}}\n  out: {use: file.write, in: n, with: {path: \"-\", format: jsonl}}\n"})
	r := call("", "run", "a.yaml", "--compare-serial")
	if want := `{"n":0}` + "\n" + `{"n":1}` + "\n" + `{"n":2}` + "\n"; r.code != 0 || r.out != want || !strings.Contains(r.err, "standard output: the same") {
		t.Errorf("%+v", r)
	}
	r = call(read(t, "a.yaml"), "run", "-", "--compare-serial")
	if r.code != 0 || strings.Count(r.out, "\n") != 3 {
		t.Errorf("from standard input: %+v", r)
	}
}

// Where nodes interleave, lines count and not their order.
func TestCompareSerialWithoutOrder(t *testing.T) {
	folder(t, map[string]string{"a.yaml": `nodes:
  a: {use: generate, with: {count: 5000}}
  b: {use: generate, with: {count: 5000, set: {n: n + 10000}}}
  both: {use: merge, in: [a, b]}
  out: {use: file.write, in: both, with: {path: out.jsonl}}
`})
	r := call("", "run", "a.yaml", "--compare-serial", "--json")
	if c := parse[comparison](t, r.err); r.code != 0 || !c.Same || c.Outputs[0].Result == "different" || !strings.HasPrefix(c.Note, "both may change the order") {
		t.Errorf("%+v %+v", c, r)
	}
}

// A queue is a source that acknowledges.
type queue struct{}

func (*queue) ReadFrom(_ context.Context, _ nodes.Position, emit func(int, nodes.Position) error) error {
	return emit(1, nodes.Position("1"))
}

func (*queue) Taken(nodes.Position) error { return errors.New("nothing must be taken") }

// What was acknowledged does not come again.
func TestCompareSerialNeedsDataThatComesTwice(t *testing.T) {
	folder(t, map[string]string{"a.yaml": "nodes: {q: {use: test.queue}, d: {use: drop, in: q}}\n"})
	var out, errs bytes.Buffer
	own := []nodes.Decl{nodes.ReadFrom("test.queue", "Acknowledges.", &queue{})}
	code := cli.Run([]string{"run", "--compare-serial", "a.yaml"}, strings.NewReader(""), &out, &errs, std.Nodes, own)
	want := "flowrun: q acknowledges what it takes: the second run would get something else\n  hint: put the data into a file and read that\n"
	if code != 2 || errs.String() != want {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

// What differs between the runs, because a kind looks at the clock, is found.
func TestCompareSerialFindsADifference(t *testing.T) {
	folder(t, map[string]string{"a.yaml": `nodes:
  n: {use: tick, with: {every: 1ms, count: 3}}
  out: {use: file.write, in: n, with: {path: out.jsonl}}
`})
	r := call("", "run", "a.yaml", "--compare-serial")
	if r.code != 1 || !strings.Contains(r.err, "out.jsonl: different") || !strings.Contains(r.err, "kinds that look at the clock") {
		t.Errorf("%+v", r)
	}
}

func TestCompareSerialSaysWhatIsWrong(t *testing.T) {
	folder(t, map[string]string{
		"a.yaml":      "nodes:\n  n: {use: generate, with: {count: 3}}\n  out: {use: drop, in: n}\n",
		"stdin.yaml":  "nodes:\n  in: {use: file.read, with: {path: \"-\", format: csv}}\n  out: {use: drop, in: in}\n",
		"typed.yaml":  "nodes:\n  in: {use: file.read, with: {path: \"-\", format: csv, as: {a: int}}}\n  out: {use: drop, in: in}\n",
		"append.yaml": "nodes:\n  n: {use: generate, with: {count: 3}}\n  out: {use: file.write, in: n, with: {path: o.jsonl, append: true}}\n",
		"fails.yaml":  "nodes:\n  n: {use: generate, with: {count: 5}}\n  f: {use: filter, in: n, with: {where: 1 % n == 0}}\n  out: {use: drop, in: f}\n",
		"bad.yaml":    "nodes: {a: {use: nothing}}",
	})
	const once = "flowrun: the flow reads standard input, which only one of two runs could\n  hint: put the data into a file and read that\n"
	for args, want := range map[string]string{
		"a.yaml --serial":        "flowrun: --compare-serial runs the flow both ways: --serial cannot be used with it\n",
		"a.yaml --ui":            "flowrun: --compare-serial runs the flow twice, and a page shows one run\n...",
		"a.yaml --report r.json": "flowrun: --compare-serial prints what it found: --report r.json cannot be used with it\n...",
		"stdin.yaml":             once,
		"typed.yaml":             once,
		"append.yaml":            "flowrun: out appends to a file: two runs would append twice\n...",
		"bad.yaml":               "bad.yaml:1:18: ...",
	} {
		call("a\n1\n", append([]string{"run", "--compare-serial"}, strings.Fields(args)...)...).want(t, 2, "", want)
	}
	if r := call("", "run", "fails.yaml", "--compare-serial", "--report", "none"); r.code != 1 || !strings.Contains(r.err, "fails.yaml:3:41") {
		t.Errorf("%+v", r)
	}
}
