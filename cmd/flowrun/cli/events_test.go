package cli_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// events reads standard error as a program does: a JSON object a line.
func events(t *testing.T, text string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(text) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, e)
	}
	return all
}

// messages gives the levels and messages of events.
func messages(all []map[string]any) []string {
	var texts []string
	for _, e := range all {
		texts = append(texts, fmt.Sprint(e["level"], " ", e["msg"]))
	}
	return texts
}

const misfits = `flow: failing
nodes:
  orders: {use: file.read, with: {path: orders.csv}}
  parsed: {use: map, in: orders, with: {set: {n: int(customer)}}, on_error: %s}
  out: {use: file.write, in: parsed, with: {path: out.jsonl}}
`

func TestEventsOfAFailingFlow(t *testing.T) {
	files := ordersFiles()
	files["f.yaml"] = fmt.Sprintf(misfits, "fail")
	folder(t, files)
	r := call("", "run", "f.yaml", "--log", "json")
	all := events(t, r.err)
	texts := messages(all)
	if r.code != 1 || texts[0] != "INFO run started" || !slices.Equal(texts[len(texts)-2:], []string{"ERROR run ended", "ERROR exit"}) {
		t.Fatalf("exit %d, %q", r.code, texts)
	}
	ended, exit := all[len(all)-2], all[len(all)-1]
	if ended["node"] != "parsed" || ended["flow"] != "failing" || ended["outcome"] != "failed" || strings.Contains(ended["error"].(string), "\n") {
		t.Errorf("%v", ended)
	}
	if exit["exit"] != 1.0 || !strings.Contains(exit["error"].(string), "f.yaml:4:") || !strings.Contains(exit["hint"].(string), "on_error: skip") {
		t.Errorf("%v", exit)
	}
	for _, want := range []string{"INFO node started", "INFO node ended"} {
		if !slices.Contains(texts, want) {
			t.Errorf("no %s in %q", want, texts)
		}
	}
}

func TestEventsOfBadItems(t *testing.T) {
	files := ordersFiles()
	files["f.yaml"] = fmt.Sprintf(misfits, "skip")
	folder(t, files)
	r := call("", "run", "f.yaml", "--log", "json", "--log-level", "warn")
	all := events(t, r.err)
	if r.code != 0 || !slices.Equal(messages(all), []string{"WARN items failed"}) || all[0]["items"] != 3.0 || all[0]["node"] != "parsed" {
		t.Errorf("exit %d\n%s", r.code, r.err)
	}
	// As text beside the report, which people read.
	r = call("", "run", "f.yaml", "--log", "text")
	if r.code != 0 || !strings.Contains(r.err, `level=WARN msg="items failed" flow=failing node=parsed items=3 total=3`) || !strings.Contains(r.err, "books       balance") {
		t.Errorf("exit %d\n%s", r.code, r.err)
	}
	// Nobody asked for events.
	r = call("", "run", "f.yaml", "--report", "none")
	r.want(t, 0, "", "")
}

// With --log json every line of standard error is JSON, whatever happens.
func TestOnlyEvents(t *testing.T) {
	files := ordersFiles()
	files["broken.yaml"] = "nodes:\n  a: {use: generat}\n  b: {use: drop, in: c}\n"
	files["says.yaml"] = "flow: says\nnodes:\n  n: {use: generate, with: {count: 2}}\n  look: {use: log, in: n, with: {label: number}}\n  out: {use: drop, in: look}\n"
	folder(t, files)
	r := call("", "run", "broken.yaml", "--log", "json")
	all := events(t, r.err)
	if r.code != 2 || len(all) != 3 || all[0]["at"] != "broken.yaml:2:12" || all[0]["code"] == "" || !strings.Contains(all[0]["hint"].(string), "generate") || all[2]["msg"] != "exit" || all[2]["exit"] != 2.0 {
		t.Errorf("exit %d\n%s", r.code, r.err)
	}
	r = call("", "run", "orders.yaml", "--log", "json", "--json")
	all = events(t, r.err)
	if last := all[len(all)-1]; r.code != 0 || last["outcome"] != "done" || last["nodes"] == nil || last["msg"] != nil {
		t.Errorf("exit %d\n%s", r.code, r.err)
	}
	r = call("", "run", "orders.yaml", "--log", "json", "--report", "-")
	if all = events(t, r.err); r.code != 0 || all[len(all)-1]["msg"] != "run ended" || parse[report](t, r.out).Outcome != "done" {
		t.Errorf("exit %d\n%s", r.code, r.err)
	}
	r = call("", "run", "orders.yaml", "--log", "json", "--ui=127.0.0.1:0", "--metrics", "0", "--otlp", "http://127.0.0.1:1")
	if all = events(t, r.err); r.code != 0 || all[0]["msg"] != "metrics served" || all[1]["msg"] != "page served" || !strings.HasPrefix(all[1]["url"].(string), "http://127.0.0.1:") || !strings.HasPrefix(all[len(all)-1]["msg"].(string), "--otlp: the collector at ") {
		t.Errorf("exit %d\n%s", r.code, r.err)
	}
	r = call("", "run", "says.yaml", "--log", "json")
	var said []map[string]any
	for _, e := range events(t, r.err) {
		if e["node"] == "look" && e["msg"] == "number" {
			said = append(said, e)
		}
	}
	if r.code != 0 || len(said) != 2 || said[0]["flow"] != "says" {
		t.Errorf("exit %d, what a kind logs is %v\n%s", r.code, said, r.err)
	}
}
