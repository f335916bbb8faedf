package web_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/diff"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/flowtest"
	"github.com/flowrun/flowrun/scheduler/history"
	"github.com/flowrun/flowrun/scheduler/metrics"
	"github.com/flowrun/flowrun/scheduler/trial"
	"github.com/flowrun/flowrun/web"
)

// A record with secrets, and what everybody may see of it.
const (
	telltale = `{"user":"ada","password":"hunter2","login":{"api_key":"hunter2","host":"h"},"tokens":["hunter2"],"note":"pwd=hunter2 ok","url":"postgres://me:hunter2@db/x","n":0}`
	decent   = `{"user":"ada","password":"•••","login":{"api_key":"•••","host":"h"},"tokens":"•••","note":"pwd=••• ok","url":"postgres://me:•••@db/x","n":0}`
)

// telltaleFlow cannot work on that record.
func telltaleFlow(onError string) string {
	return `flow: telltale
nodes:
  in:    {use: file.read, with: {path: in.jsonl}}
  work:  {use: map, in: in, with: {set: {x: 7 % n}}, on_error: ` + onError + `}
  out:   {use: file.write, in: work, with: {path: out.jsonl}}
` + map[bool]string{true: "  wrong: {use: file.write, in: work.errors, with: {path: wrong.jsonl}}\n"}[onError == "dead"]
}

// What is hidden in one place is hidden in all: the same record is seen the same way by
// whoever looks, and reaches a file whole.
func TestEveryoneSeesTheSame(t *testing.T) {
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("in.jsonl", telltale+"\n"+strings.ReplaceAll(telltale, `"n":0`, `"n":1`)+"\n")
	load := func(text string) *graph.Flow {
		write("f.yaml", text)
		flow, list := graph.Load(diag.NewSource(filepath.Join(dir, "f.yaml"), []byte(text)), registry, graph.Options{})
		if list.HasErrors() {
			t.Fatal(list)
		}
		return flow
	}
	launch := func(onError string, events io.Writer) (*graph.Flow, *scheduler.Run) {
		flow := load(telltaleFlow(onError))
		run, err := scheduler.New(flow, registry, scheduler.Options{Events: slog.New(slog.NewJSONHandler(events, nil))})
		if err != nil {
			t.Fatal(err)
		}
		return flow, run
	}
	saw := func(who, text string) {
		t.Helper()
		if strings.Contains(text, "hunter") {
			t.Errorf("%s shows a secret: %s", who, text)
		}
		if !strings.Contains(text, decent) {
			t.Errorf("%s shows %s", who, text)
		}
	}

	var events bytes.Buffer
	flow, run := launch("skip", &events)
	tap, err := run.TapBetween("in.out", "work.in", scheduler.TapOptions{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := run.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sample, err := tap.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	saw("a tap", sample.Item)
	recent := run.RecentErrors("work")
	if len(recent) != 1 {
		t.Fatalf("%d items failed", len(recent))
	}
	saw("the list of failed items", recent[0].Item)
	if strings.Contains(events.String(), "hunter") || !strings.Contains(events.String(), "items failed") {
		t.Errorf("the events: %s", &events)
	}

	page := serve(t, flow, run, web.Options{})
	_, text := get(t, page.URL+"/api/v1/nodes/work", nil)
	var node struct{ Errors []scheduler.ItemError }
	if err := json.Unmarshal([]byte(text), &node); err != nil || len(node.Errors) != 1 {
		t.Fatalf("%v: %s", err, text)
	}
	saw("the page", node.Errors[0].Item)

	folder, kept := realFolder(t, "", map[string]string{"a.yaml": "nodes: {}\n"})
	bare := map[string][]scheduler.ItemError{"work": {{Item: telltale, Error: "pwd=hunter2"}}} // as an older version kept it
	report.Error = "no way to nats://me:hunter2@h"
	id, err := history.Open(history.Beside(filepath.Join(kept, "a.yaml"))).Save(history.Of("a.yaml", report, bare, history.Timeline{}))
	if err != nil {
		t.Fatal(err)
	}
	var past struct {
		Errors map[string][]scheduler.ItemError `json:"recent_errors"`
		Report metrics.Report
	}
	_, text = get(t, folder.URL+"/api/v1/runs/"+id, nil)
	if err := json.Unmarshal([]byte(text), &past); err != nil || len(past.Errors["work"]) != 1 || past.Report.Error != "no way to nats://me:•••@h" {
		t.Fatalf("%v: %s", err, text)
	}
	saw("the page of a run of the past", past.Errors["work"][0].Item)

	_, run = launch("fail", io.Discard)
	_, err = run.Run(t.Context())
	failure, ok := errors.AsType[*scheduler.Failure](err)
	if !ok {
		t.Fatal(err)
	}
	saw("the error of a run", err.Error())
	saw("its item", failure.Item)

	_, run = launch("dead", io.Discard)
	if _, err := run.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "wrong.jsonl"))
	var row struct{ Item json.RawMessage }
	if err != nil || json.Unmarshal(whole, &row) != nil || string(row.Item) != telltale {
		t.Errorf("the error port gives %s %v", whole, err)
	}

	saw("a trial", trialOf(t, load(telltaleFlow("skip")), registry))
	saw("a test", testOf(t, dir, registry))
}

// trialOf gives the first item that a trial shows.
func trialOf(t *testing.T, flow *graph.Flow, registry *nodes.Registry) string {
	t.Helper()
	result := trial.Run(t.Context(), flow, registry, trial.Limits{})
	if result.Outcome != "done" || len(result.Nodes[0].Ports[0].Rows) == 0 {
		t.Fatalf("%+v", result)
	}
	port := result.Nodes[0].Ports[0]
	var fields []string
	for i, name := range port.Columns {
		fields = append(fields, `"`+name+`":`+port.Rows[0][i])
	}
	if recent := result.Nodes[1].Recent; len(recent) != 1 || recent[0].Item != decent {
		t.Errorf("a trial shows a failed item as %+v", recent)
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// testOf gives what a failing test says.
func testOf(t *testing.T, dir string, registry *nodes.Registry) string {
	t.Helper()
	const text = `tests:
  - name: telltale
    expect:
      in: [{user: bob, password: hunter3, login: {api_key: hunter3}}, {n: 1}]
`
	f, list := flowtest.Load(diag.NewSource(filepath.Join(dir, "f_test.yaml"), []byte(text)), registry, flowtest.Options{})
	if list.HasErrors() {
		t.Fatal(list)
	}
	defer f.Close()
	var b strings.Builder
	for _, c := range f.Cases {
		for _, d := range c.Run().Differences {
			b.WriteString(d.Message + "\n")
			for _, n := range d.Notes {
				b.WriteString(n.Message + "\n")
			}
		}
	}
	for _, want := range []string{`password is "•••", want "•••"`, `login.api_key is "•••", want "•••"`, `user is "ada", want "bob"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("a test does not say %s:\n%s", want, &b)
		}
	}
	return b.String()
}

// Settings, too: what the page shows of a flow, what a comparison does and what a
// drawing does.
func TestEveryoneSeesTheSameSettings(t *testing.T) {
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	load := func(secret string) *graph.Flow {
		flow, list := graph.Load(diag.NewSource("f.yaml", []byte(strings.ReplaceAll(`vars: {DB_PASSWORD: hunter}
nodes:
  a:
    use: generate
    with:
      count: 4
      set: {password: "'hunter'", apiKey: "'hunter'", accessToken: "'hunter'", max_tokens: "100", author: "'me'", url: "'nats://me:hunter@h'"}
  b: {use: drop, in: a, about: "run with --token hunter, Authorization=hunter"}
`, "hunter", secret))), registry, graph.Options{})
		if list.HasErrors() {
			t.Fatal(list)
		}
		return flow
	}
	before, after := load("hunter2"), load("hunter3")
	var b bytes.Buffer
	if err := diff.Compare(before, after).Write(&b, nil); err != nil {
		t.Fatal(err)
	}
	_, run := launch(t, "f.yaml", "nodes:\n  a: {use: generate, with: {count: 1}}\n  b: {use: drop, in: a}\n")
	_, page := get(t, serve(t, before, run, web.Options{}).URL+"/api/v1/flow", nil)
	for who, text := range map[string]string{"a comparison": b.String(), "the page": page, "the text of a flow": redact.Source(string(before.At.Source.Text))} {
		if strings.Contains(text, "hunter") {
			t.Errorf("%s shows a secret: %s", who, text)
		}
	}
	for _, want := range []string{"password: ••• ", "apiKey: ••• ", "accessToken: ••• ", "nats://me:•••@h"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("a comparison lacks %q:\n%s", want, &b)
		}
	}
	for _, want := range []string{"password: •••, apiKey: •••, accessToken: •••", "max_tokens: ", "author: ", "nats://me:•••@h"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}

// The flows that come with the program have no secrets, so none of their text is hidden.
func TestNothingIsHiddenInVain(t *testing.T) {
	n := 0
	for _, dir := range []string{"../flows", "../examples"} {
		err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".yaml") {
				return err
			}
			n++
			text, err := os.ReadFile(path)
			if got := redact.Source(string(text)); got != string(text) {
				t.Errorf("%s is shown as\n%s", path, got)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if n < 20 {
		t.Errorf("%d flows", n)
	}
}

// Texts of strangers are looked through for secrets, so no text may take long, be the
// machine busy or not.
func TestSoakSecrets(t *testing.T) {
	soak(t)
	for _, text := range []string{
		"token: |\n", "token:\n", "token: [", "token: [\n", "token:{", "token:{use:", "session:{", "- token:\n", "token:${", "token:|#", "{token:a,", "token:\n  ${A}\n",
		`token:"`, "token: \n\n", "--token ", `"token`, `\\\"`, "a:b@", "://a:b", "=", "nodes:\n  token:\n    a: b\n",
	} {
		whole := strings.Repeat(text, 1<<20/len(text))
		for what, hide := range map[string]func(string) string{"a text": redact.Text, "JSON": redact.JSON, "a flow": redact.Source} {
			begun := metrics.CPUTime()
			hide(whole)
			if used := metrics.CPUTime() - begun; used > 10*time.Second {
				t.Errorf("a megabyte of %q as %s takes %s of the processor", text, what, used)
			} else {
				t.Logf("a megabyte of %q as %s takes %s of the processor", text, what, used.Round(time.Millisecond))
			}
		}
	}
}
