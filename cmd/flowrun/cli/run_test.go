package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/cmd/flowrun/cli"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler/flowtest"
)

// measured hides what differs from run to run.
func measured(report string) string {
	report = regexp.MustCompile(` +\d+ %`).ReplaceAllString(report, " N %")
	report = regexp.MustCompile(`\d+(\.\d+)? (µs|ms|s)\b`).ReplaceAllString(report, "TIME")
	report = regexp.MustCompile(`\S+ a second`).ReplaceAllString(report, "N a second")
	return regexp.MustCompile(`(?m)^  bottleneck .*\n`).ReplaceAllString(report, "")
}

func TestRunReports(t *testing.T) {
	folder(t, ordersFiles())
	r := call("", "run", "orders.yaml", "--workers", "1")
	if r.code != 0 || r.out != "" {
		t.Errorf("got %+v", r)
	}
	want := `orders: done in TIME

  node    kind        workers  in  out  left out  errors  busy  blocked  starved
  orders  file.read         1        3                 0 N % N % N %
  large   filter            2   3    2         1       0 N % N % N %
  out     file.write        1   2    0                 0 N % N % N %

  rows        3 read, N a second
  books       balance: every item is accounted for
  wrote       large.jsonl
  draw it     flowrun render orders.yaml -o orders.svg
`
	if got := measured(r.err); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := read(t, "large.jsonl"); got != `{"id":1,"customer":"ada","amount":24.5,"zip code":"00501"}`+"\n"+`{"id":3,"customer":"ada","amount":61.2,"zip code":"00501"}`+"\n" {
		t.Errorf("got %s", got)
	}
	call("", "run", "orders.yaml", "--quiet").want(t, 0, "", "")
	call("", "run", "orders.yaml", "--report", "none", "--serial").want(t, 0, "", "")
}

// A flow of many nodes has a report that can be read.
func TestRunReportsOfManyNodes(t *testing.T) {
	flow := "nodes:\n  n0: {use: generate, with: {count: 5}}\n"
	for i := range 150 {
		flow += fmt.Sprintf("  n%d: {use: skip, in: n%d, with: {count: 0}}\n", i+1, i)
	}
	folder(t, map[string]string{"many.yaml": flow + "  end: {use: drop, in: n150}\n"})
	r := call("", "run", "many.yaml")
	if r.code != 0 || strings.Count(r.err, "\n") > 120 || !strings.Contains(r.err, "\n  and 52 nodes more; --report run.json has them all\n") {
		t.Errorf("exit %d\n%s", r.code, r.err)
	}
}

type report struct {
	Flow, Outcome, Error string
	Rows                 int64
	Balanced             bool
	Exit                 int
	Files                []string
	Nodes                []struct {
		ID      string
		Workers int
	}
	Diagnostics  []struct{ Code string }
	RecentErrors map[string][]struct{ Error, Item string } `json:"recent_errors"`
}

func TestRunReportsAsJSON(t *testing.T) {
	folder(t, ordersFiles())
	for _, args := range [][]string{{"--json"}, {"--report", "json"}} {
		r := call("", append([]string{"run", "orders.yaml"}, args...)...)
		rep := parse[report](t, r.err)
		if r.code != 0 || r.out != "" || rep.Flow != "orders" || rep.Outcome != "done" || rep.Rows != 3 || !rep.Balanced || len(rep.Files) != 1 || len(rep.Nodes) != 3 {
			t.Errorf("%v: got %+v", args, rep)
		}
	}
	call("", "run", "orders.yaml", "-q", "--report", "run.json").want(t, 0, "", "")
	if rep := parse[report](t, read(t, "run.json")); rep.Outcome != "done" {
		t.Errorf("got %+v", rep)
	}
	call("", "run", "orders.yaml", "-q", "--report", "./run.txt").want(t, 0, "", "")
	if text := read(t, "run.txt"); !strings.HasPrefix(text, "orders: done in ") {
		t.Errorf("got %s", text)
	}
	if rep := parse[report](t, call("", "run", "orders.yaml", "-q", "--report", "-").out); rep.Outcome != "done" {
		t.Errorf("got %+v", rep)
	}
}

func TestRunRefusesAFlowWithErrors(t *testing.T) {
	folder(t, map[string]string{"bad.yaml": strings.Replace(ordersFlow, "amount", "amuont", 1), "orders.csv": ordersData})
	r := call("", "run", "bad.yaml")
	if r.code != 2 || !strings.HasSuffix(r.err, "bad.yaml: 1 error; nothing was run\n") || !strings.Contains(r.err, `did you mean "amount"?`) {
		t.Errorf("got %+v", r)
	}
	r = call("", "run", "bad.yaml", "--json")
	if rep := parse[report](t, r.err); r.code != 2 || rep.Outcome != "refused" || rep.Exit != 2 || len(rep.Diagnostics) != 1 || rep.Diagnostics[0].Code != "E301" {
		t.Errorf("got %+v", r)
	}
	if _, err := os.Stat("large.jsonl"); err == nil {
		t.Error("something was run")
	}
}

// failing divides by what is zero in one row.
func failing(onError string) map[string]string {
	flow := strings.Replace(ordersFlow, "where: amount >= 20", "where: 100 / (id - 2) > 0", 1)
	return map[string]string{"f.yaml": strings.Replace(flow, "workers: 2", "on_error: "+onError, 1), "orders.csv": ordersData}
}

func TestRunFails(t *testing.T) {
	folder(t, failing("fail"))
	r := call("", "run", "f.yaml")
	if r.code != 1 || !strings.HasPrefix(r.err, "orders: failed after ") || !strings.Contains(r.err, "\nflowrun: f.yaml:7:19: large (filter): division by zero: 100 / 0\n    7 |     with: {where: 100 / (id - 2) > 0}\n      |                   ^^^^^^^^^^^^^^^^^^\n  item: ") ||
		!strings.Contains(r.err, "\n  item: {\"id\":2") || !strings.HasSuffix(r.err, "\n  hint: on_error: skip leaves such items out, on_error: dead sends them to large.errors\n") {
		t.Errorf("got %+v", r)
	}
	r = call("", "run", "f.yaml", "-q")
	if r.code != 1 || !strings.HasPrefix(r.err, "flowrun: f.yaml:7:19: ") {
		t.Errorf("got %+v", r)
	}
	r = call("", "run", "f.yaml", "--json")
	if rep := parse[report](t, r.err); r.code != 1 || rep.Outcome != "failed" || rep.Exit != 1 || !strings.Contains(rep.Error, "division by zero") {
		t.Errorf("got %+v", r)
	}
	if files, _ := os.ReadDir("."); len(files) != 2 {
		t.Errorf("a failed run leaves %v", files)
	}
}

func TestRunSkips(t *testing.T) {
	folder(t, failing("skip"))
	r := call("", "run", "f.yaml")
	if r.code != 0 || !strings.Contains(r.err, "\n  failed      large: 1 item skipped; the last: division by zero") {
		t.Errorf("got %+v", r)
	}
	rep := parse[report](t, call("", "run", "f.yaml", "--json").err)
	if last := rep.RecentErrors["large"]; len(last) != 1 || !strings.HasPrefix(last[0].Item, `{"id":2`) {
		t.Errorf("got %+v", rep)
	}
}

func TestRunThroughAPipe(t *testing.T) {
	folder(t, nil)
	flow := filepath.Join(flowsDir, "convert.yaml")
	want := `{"a":1,"b":"x"}` + "\n" + `{"a":2,"b":"y"}` + "\n"
	call("a,b\n1,x\n2,y\n", "run", "-q", flow).want(t, 0, want, "")
	r := call("a,b\n1,x\n2,y\n", "run", flow)
	if r.code != 0 || r.out != want || !strings.Contains(r.err, "books       balance") || strings.Contains(r.err, "warning") {
		t.Errorf("got %+v", r)
	}
}

func TestRunLogsBesideTheData(t *testing.T) {
	folder(t, map[string]string{"l.yaml": `
nodes:
  n: {use: generate, with: {count: 2}}
  look: {use: log, in: n, with: {label: number}}
  out: {use: file.write, in: look, with: {path: "-", format: jsonl}}
`})
	call("", "run", "l.yaml", "--report", "none").want(t, 0, "{\"n\":0}\n{\"n\":1}\n", "look: number {\"n\":0}\nlook: number {\"n\":1}\n")
}

// A dialSink needs somebody who is not there.
type dialSink struct{}

func (*dialSink) Write(context.Context, []int) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
}

type countSource struct{}

func (*countSource) Read(_ context.Context, emit func(int) error) error { return emit(1) }

func TestRunSaysWhatIsUnreachable(t *testing.T) {
	folder(t, map[string]string{"d.yaml": "nodes: {a: {use: test.count}, b: {use: test.dial, in: a}}\n"})
	own := []nodes.Decl{nodes.Read("test.count", "Counts.", &countSource{}), nodes.Write("test.dial", "Dials.", &dialSink{})}
	var out, errs bytes.Buffer
	if code := cli.Run([]string{"run", "-q", "d.yaml"}, strings.NewReader(""), &out, &errs, own); code != 3 {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

func TestWronglyDeclaredKinds(t *testing.T) {
	own := []nodes.Decl{nodes.Write("drop", "", &dialSink{})}
	var out, errs bytes.Buffer
	code := cli.Run([]string{"nodes"}, strings.NewReader(""), &out, &errs, std.Nodes, own)
	if code != 1 || !strings.Contains(errs.String(), "kind drop is declared twice") || !strings.Contains(errs.String(), "kind drop has no summary") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

// Every shipped flow runs, is in the standard form, and shows the types of all of
// its ports.
func TestShippedFlows(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(flowsDir)); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	paths, _ := filepath.Glob("*.yaml")
	for _, path := range paths {
		if call("", "fmt", "--check", path).want(t, 0, "", ""); strings.HasSuffix(path, flowtest.Suffix) {
			continue
		}
		stdin := ""
		if path == "convert.yaml" {
			stdin = read(t, "data/seattle-weather.csv")
		}
		if r := call(stdin, "run", path); r.code != 0 || !strings.Contains(r.err, "books       balance") {
			t.Errorf("%s: exit %d\n%s", path, r.code, r.err)
		}
		if r := call(stdin, "types", path); r.code != 0 || path != "convert.yaml" && strings.Contains(r.out, "unknown") {
			t.Errorf("%s: exit %d\n%s%s", path, r.code, r.out, r.err)
		}
	}
}
