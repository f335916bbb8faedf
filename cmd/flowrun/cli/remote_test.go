package cli_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// busy is a flow with secrets that runs until somebody stops it.
const busy = `
flow: busy
nodes:
  n: {use: generate, with: {rate: 500, set: {id: n, api_key: "'hunter' + string(n)", said: "'hunted down'"}}}
  kept: {use: filter, in: n, with: {where: id >= 0}}
  out: {use: log, in: kept, with: {every: 1000000}}
  also: {use: log, in: n, with: {every: 1000000}}
  knows: {use: log, in: kept, with: {every: 1000000}}
`

func TestTopAndTapOfARun(t *testing.T) {
	folder(t, map[string]string{"f.yaml": busy})
	p := start(t, "run", "f.yaml", "--ui=127.0.0.1:0", "--ui-tap", "--ui-tap-hide=said")
	at := p.address()
	top := call("", "top", at)
	for _, want := range []string{"busy  running", "node", "kept", "●"} {
		if top.code != 0 || !strings.Contains(top.out, want) {
			t.Errorf("top: exit %d, no %q in\n%s%s", top.code, want, top.out, top.err)
		}
	}
	if strings.Contains(top.out, "\x1b") {
		t.Errorf("colour where there is no terminal: %q", top.out)
	}
	var state struct {
		Flow    string
		Verdict struct{ Head string }
	}
	if got := call("", "top", at, "--json"); got.code != 0 || json.Unmarshal([]byte(got.out), &state) != nil || state.Flow != "busy" || state.Verdict.Head == "" {
		t.Errorf("top --json: exit %d %s", got.code, got.out)
	}
	if got := call("", "tap", at); got.code != 0 || got.out != "n.out->kept.in\nkept.out->out.in\nn.out->also.in\nkept.out->knows.in\n" {
		t.Errorf("tap without an edge: exit %d %q %s", got.code, got.out, got.err)
	}
	got := call("", "tap", at, "n->kept", "-n", "12")
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	if got.code != 0 || len(lines) != 12 || strings.Contains(got.out, "hunt") || !strings.Contains(got.err, "busy: n.out->kept.in, at most 10 items a second") {
		t.Errorf("tap: exit %d, %d lines\n%s%s", got.code, len(lines), got.out, got.err)
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
	var sample struct {
		Item   string
		Passed int64
	}
	if got := call("", "tap", at, "0", "-n", "1", "--json"); got.code != 0 || json.Unmarshal([]byte(got.out), &sample) != nil || !strings.HasPrefix(sample.Item, "{") || sample.Passed < 1 {
		t.Errorf("tap --json: exit %d %s%s", got.code, got.out, got.err)
	}
	call("", "tap", at, "kept").want(t, 2, "", "flowrun: \"kept\" fits 3 edges\n  hint: 'n.out->kept.in'\n        'kept.out->out.in'\n        'kept.out->knows.in'\n")
	if _, err := http.Post(at+"api/v1/run/pause", "", nil); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGINT)
	if code, _, errs := p.end(); code != 0 {
		t.Errorf("a paused run that is stopped: exit %d\n%s", code, errs)
	}
	if got := call("", "top", at); got.code != 3 || !strings.Contains(got.err, "nothing answers at "+strings.TrimSuffix(at, "/")) || !strings.Contains(got.err, "flowrun run FLOW --ui") {
		t.Errorf("top of nothing: exit %d %s", got.code, got.err)
	}
}

func TestTapIsNotAllowed(t *testing.T) {
	folder(t, map[string]string{"f.yaml": never})
	p := start(t, "run", "f.yaml", "--ui=127.0.0.1:0", "--ui-token", "sesame")
	at, _, _ := strings.Cut(p.address(), "?")
	if got := call("", "top", at); got.code != 1 || !strings.Contains(got.err, "--token") {
		t.Errorf("without the token: exit %d %s", got.code, got.err)
	}
	if got := call("", "tap", at, "n", "--token", "sesame"); got.code != 1 || !strings.Contains(got.err, "--ui-tap allows it") {
		t.Errorf("a tap that is not allowed: exit %d %s", got.code, got.err)
	}
	p.signal(syscall.SIGINT)
	p.end()
}

func TestCallsOfTopAndTap(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"tap"}, "tap needs the address of a page"},
		{[]string{"tap", "ftp://x", "e"}, "is not the address of a page"},
		{[]string{"tap", ":1", "a", "b"}, "takes 2 arguments at most"},
		{[]string{"tap", ":1", "a", "-n", "-1"}, "-n -1: want 0 or more"},
		{[]string{"tap", ":1", "a", "--rate", "11"}, "--rate 11: want 1 to 10"},
		{[]string{"top", ":1", "x"}, "takes 1 argument at most"},
		{[]string{"top", "--sort", "busi"}, `did you mean "busy"`},
		{[]string{"top", "--every", "1ms"}, "--every 1ms: want 100ms or more"},
		{[]string{"run", "f.yaml", "--ui-tap"}, "--ui opens it"},
		{[]string{"serve", "--ui-tap"}, "--allow-run lets them"},
	} {
		got := call("", c.args...)
		if got.code != 2 || !strings.Contains(got.err, c.want) {
			t.Errorf("%v: exit %d\n%s", c.args, got.code, got.err)
		}
	}
}

// What runs when serve is told to end is drained.
func TestServeRunsFlows(t *testing.T) {
	folder(t, map[string]string{"f.yaml": never, "g.yaml": "nodes:\n  n: {use: file.read, with: {path: \"-\", format: lines}}\n  out: {use: drop, in: n}\n"})
	p := start(t, "serve", "--addr", "127.0.0.1:0", "--allow-run")
	at := p.address()
	for _, path := range []string{"f.yaml", "g.yaml"} {
		res, err := http.Post(at+"api/v1/live?path="+path, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusCreated {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
	p.says("g.yaml: failed")
	if got := call("", "top", at); got.code != 1 || !strings.Contains(got.err, "is a folder of flows") || !strings.Contains(got.err, at+"live/1 (f)") {
		t.Errorf("top of a folder: exit %d %s", got.code, got.err)
	}
	if got := call("", "top", at+"live/1/"); got.code != 0 || !strings.Contains(got.out, "f  running") {
		t.Errorf("top of a run: exit %d %s%s", got.code, got.out, got.err)
	}
	p.signal(syscall.SIGINT)
	if code, _, errs := p.end(); code != 0 || !strings.Contains(errs, "still running: finishing") || !strings.Contains(errs, "f.yaml: done after") {
		t.Errorf("exit %d\n%s", code, errs)
	}
}
