package flowtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
)

// sends is a sink that has an effect outside of the flow.
type sends struct {
	To string `yaml:"to" doc:"Whom."`

	sent *atomic.Int64
}

func (s *sends) Write(_ context.Context, jobs []Job) error {
	s.sent.Add(int64(len(jobs)))
	return nil
}

// hangs waits for something outside, which no clock of ours can see.
type hangs struct{ pipe *os.File }

func (h *hangs) Map(_ context.Context, j Job) (Job, error) {
	_, err := h.pipe.Read(make([]byte, 1))
	return j, errors.Join(err)
}

// Sinks do nothing, unless the case says so; what arrives at them is kept.
func TestSinks(t *testing.T) {
	var sent atomic.Int64
	flow := `flow: sinks
types: {Job: {job: int, place: string?}}
nodes:
  jobs: {use: file.read, with: {path: jobs.jsonl, as: Job}}
  send: {use: send, in: jobs, with: {to: everybody}}
  file: {use: file.write, in: jobs, with: {path: out/jobs.jsonl}}
  also: {use: file.write, in: jobs, with: {path: "${DIR}/also.jsonl"}}
`
	files := map[string]string{"jobs.jsonl": "{\"job\":1}\n{\"job\":2}\n"}
	got := outcome(t, flow, `
vars: {DIR: elsewhere}
tests:
  - name: nothing
    expect: {send.in: [{job: 1}, {job: 2}], file: {count: 2}}
    writes: {out/jobs.jsonl: {from: jobs.jsonl.want}, elsewhere/also.jsonl: {contains: '"job":2'}}
`, map[string]string{"jobs.jsonl": files["jobs.jsonl"], "jobs.jsonl.want": "{\"job\":1,\"place\":null}\n{\"job\":2,\"place\":null}\n"}, nodes.Write("send", "Sends.", &sends{sent: &sent}))
	if !strings.HasPrefix(got, "pass") || sent.Load() != 0 {
		t.Errorf("%d were sent\n%s", sent.Load(), got)
	}
	test := "tests:\n  - {name: real, real: [send, file], vars: {DIR: x}, feed: {jobs: [{job: 7}]}}\n"
	dir := folder(t, flow, test, files)
	f, problems := Load(diag.NewSource(filepath.Join(dir, "flow_test.yaml"), []byte(test)), registry(t, nodes.Write("send", "Sends.", &sends{sent: &sent})), Options{})
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	if r := f.Cases[0].Run(); len(r.Differences) > 0 || sent.Load() != 1 {
		t.Errorf("%d were sent: %v", sent.Load(), r.Differences)
	}
	f.Close()
	if text, err := os.ReadFile(filepath.Join(dir, "out/jobs.jsonl")); err != nil || !strings.Contains(string(text), "7") {
		t.Errorf("the real file has %q: %v", text, err)
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "x*")); len(found) > 0 {
		t.Errorf("%q is not for real", found)
	}
	if _, err := os.Stat(f.dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("the folder of the tests is still there")
	}
}

// A node that waits for the outside is given up in the end.
func TestHanging(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close() // ends the run that is left behind
	test := "tests: [{name: hangs, feed: {hang: [{job: 1}]}}]"
	dir := folder(t, "flow: a\nnodes:\n  in: {use: file.read, with: {path: in.jsonl, as: {job: int, place: string?}}}\n  hang: {use: hang, in: in}\n  out: {use: drop, in: hang}\n", test, map[string]string{"in.jsonl": ""})
	f, problems := Load(diag.NewSource(filepath.Join(dir, "flow_test.yaml"), []byte(test)), registry(t, nodes.Map("hang", "Hangs.", &hangs{r})), Options{Limit: 30 * time.Millisecond})
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	defer f.Close()
	says(t, f.Cases[0].Run().Differences.Error(), "does not end within 30ms and does not react", "clock: real")
}

// Several inputs, several workers, real time, standard input.
func TestNodes(t *testing.T) {
	flow := `flow: nodes
types: {Job: {job: int, place: string?}}
nodes:
  jobs: {use: file.read, with: {path: "-", format: jsonl, as: Job}}
  places: {use: file.read, with: {path: places.csv, as: {job: int, name: string}}}
  named: {use: join, in: {left: {from: jobs, delay: 10ms}, right: places}, with: {on: job, kind: left}}
  way: {use: route, in: named, workers: 3, with: {cases: {odd: job % 2 == 1}}}
  calls: {use: slow, in: way.odd, workers: 2, on_error: skip}
  a: {use: file.write, in: calls, with: {path: "-", format: jsonl}}
  b: {use: drop, in: way.else}
`
	files := map[string]string{"places.csv": "job,name\n1,one\n2,two\n"}
	got := outcome(t, flow, `
tests:
  - name: standard input and output
    feed: {jobs: {text: "{\"job\":2}\n{\"job\":1}\n"}}
    stub: {calls: {set: {place: name}}}
    writes: {"-": "{\"job\":1,\"place\":\"one\"}\n"}
    expect: {b: [{job: 2, name: two}]}
  - name: a stub of many inputs
    feed: {jobs: [{job: 1}, {job: 2}, {job: 3}], places: [{job: 9, name: x}]}
    stub: {named: {set: {name: '"stub"'}}}
    expect: {named: [{job: 1, name: stub}, {job: 2}, {job: 3}], way.else: {count: 1}}
  - name: a fault at one of several inputs
    feed: {jobs: [{job: 1}], places: [{job: 1, name: x}, {job: 2, name: y}]}
    fail: {named: {when: name == "y", port: right, error: no such place}}
    fails: {node: named, error: no such place}
  - name: a stub on one of several outputs, with workers
    feed: {way: [{job: 1, name: a}, {job: 2, name: b}, {job: 3, name: c}]}
    stub: {way: [{when: job == 2, port: odd, give: {job: 5}}, {port: else, pass: true}], calls: {pass: true, takes: 2s}}
    expect: {way.odd: [{job: 5, name: null}], way.else: [{job: 1}, {job: 3}], calls: [{at: 2s}, {job: 5}]}
  - name: an edge keeps its contract
    feed: {named.left: [{job: 1}], named.right: []}
    expect: {named: [{at: 10ms}, {job: 1, name: null}]}
  - name: real time
    clock: real
    feed: {named.left: [{job: 2}, {after: 10ms}, {job: 4}]}
    expect: {b: {count: 2}}
    takes: {min: 10ms, max: 20s}
`, files, slowDecl)
	if strings.Count(got, "pass ") != 6 {
		t.Error(got)
	}
}

func TestCoverage(t *testing.T) {
	test := `
tests:
  - {name: one, feed: {orders: [{id: 1, amount: 200, place: here, at: 2024-01-01}]}}
  - {name: two, feed: {way: [{id: 1, amount: 200, at: 2024-01-01}]}, stub: {large: {pass: true}}}
`
	dir := folder(t, orders, test, ordersFiles)
	f, problems := Load(diag.NewSource(filepath.Join(dir, "flow_test.yaml"), []byte(test)), registry(t), Options{})
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	defer f.Close()
	var all Coverage
	for i, want := range []string{"nodes 3 of 7, ports 2 of 3, branches 1 of 3", "nodes 5 of 7, ports 2 of 3, branches 2 of 3"} {
		r := f.Cases[i].Run()
		if all.Add(r.Coverage); all.String() != want {
			t.Errorf("after %s: %s, want %s", f.Cases[i].Name, all, want)
		}
	}
	if got := strings.Join(all.Missing(), " "); got != "far bad orders.errors way.far" {
		t.Error(got)
	}
}
