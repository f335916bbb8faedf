package cli_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
)

// never is a flow that runs until somebody stops it.
const never = `
nodes:
  n: {use: generate, with: {rate: 100}}
  out: {use: drop, in: n}
`

// address waits for the line that tells where the page is.
func (p *process) address() string {
	p.t.Helper()
	line, err := p.err.ReadString('\n')
	_, at, ok := strings.Cut(strings.TrimSpace(line), "page: ")
	if err != nil || !ok {
		p.t.Fatalf("%q does not tell where the page is: %v", line, err)
	}
	return at
}

func TestPageOfARun(t *testing.T) {
	folder(t, map[string]string{"f.yaml": never})
	p := start(t, "run", "f.yaml", "--ui=127.0.0.1:0")
	at := p.address()
	res, err := http.Get(at + "api/v1/state")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var state struct {
		Outcome string
		Nodes   []struct{ Total struct{ ID string } }
	}
	if err := json.NewDecoder(res.Body).Decode(&state); err != nil || state.Outcome != "running" || len(state.Nodes) != 2 || state.Nodes[1].Total.ID != "out" {
		t.Errorf("state %+v, error %v", state, err)
	}
	res, err = http.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("the page: %s", res.Status)
	}
	res, err = http.Post(at+"api/v1/run/drain", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if code, _, errs := p.end(); code != 0 || !strings.Contains(errs, "the page: sources stopped") || !strings.Contains(errs, "f: done in") {
		t.Errorf("exit %d:\n%s", code, errs)
	}
}

// Whoever drains a flow that has an end from its page cuts it short, as a termination does.
func TestPageStopsARun(t *testing.T) {
	for page, outcome := range map[string]string{"drain": "f: stopped after", "stop": "ended by a second signal (the page)"} {
		folder(t, map[string]string{"f.yaml": "nodes:\n  n: {use: generate, with: {count: 1000000, rate: 1000}}\n  out: {use: file.write, in: n, with: {path: out.jsonl}}\n"})
		p := start(t, "run", "f.yaml", "--ui=127.0.0.1:0", "--keep=false")
		res, err := http.Post(p.address()+"api/v1/run/"+page, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if code, _, errs := p.end(); code != 143 || !strings.Contains(errs, outcome) {
			t.Errorf("%s: exit %d:\n%s", page, code, errs)
		}
		if files, _ := os.ReadDir("."); len(files) != 1 {
			t.Errorf("%s: it leaves %v", page, files)
		}
	}
}

// The hidden verb answers a frame, four bytes of length and a scene, with one.
func TestLayoutWorker(t *testing.T) {
	scene := `{"cards":[{"id":"a","kind":"map"}],"wires":[]}`
	got := call(string([]byte{0, 0, 0, byte(len(scene))})+scene, "layout-worker")
	if got.code != 0 || !strings.Contains(got.out, `"engine":"graphviz"`) {
		t.Errorf("exit %d, %q %s", got.code, got.out, got.err)
	}
}

func TestPageStays(t *testing.T) {
	folder(t, map[string]string{"f.yaml": "nodes:\n  n: {use: generate, with: {count: 10}}\n  out: {use: drop, in: n}\n"})
	p := start(t, "run", "f.yaml", "--ui=127.0.0.1:0", "--ui-stay", "--ui-readonly")
	at := p.address()
	p.says("the page stays up")
	res, err := http.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	res, err = http.Post(at+"api/v1/run/stop", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("stopping from a page that is read only: %s", res.Status)
	}
	p.signal(syscall.SIGINT)
	if code, _, errs := p.end(); code != 0 {
		t.Errorf("exit %d:\n%s", code, errs)
	}
}

func TestFlagsOfThePage(t *testing.T) {
	folder(t, map[string]string{"f.yaml": never})
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--ui=:8790"}, "needs a token"},
		{[]string{"--ui=0.0.0.0:8790"}, "needs a token"},
		{[]string{"--ui=example.org:80"}, "needs a token"},
		{[]string{"--ui=here"}, "want a port, or an address such as 127.0.0.1:8790"},
		{[]string{"--ui=70000"}, "want a port, or an address such as 127.0.0.1:8790"},
		{[]string{"--ui-stay"}, "--ui opens it"},
		{[]string{"--ui-token", "x"}, "--ui opens it"},
		{[]string{"--ui=127.0.0.1:999999"}, "--ui 127.0.0.1:999999"},
	} {
		got := call("", append([]string{"run", "f.yaml"}, c.args...)...)
		if got.code != 2 || !strings.Contains(got.err, c.want) {
			t.Errorf("%v: exit %d\n%s", c.args, got.code, got.err)
		}
	}
}

func TestServeAFolder(t *testing.T) {
	folder(t, map[string]string{
		"good.yaml":     never,
		"sub/bad.yaml":  "about: <b>bold</b>\nnodes:\n  n: {use: generat}\n",
		"compose.yaml":  "services: {}\n",
		"secret.txt":    "nodes: none of your business",
		"sub/with.yaml": "nodes:\n  n: {use: generate, with: {password: hunter2}}\n",
	})
	p := start(t, "serve", "--addr", "127.0.0.1:0")
	at := p.address()
	page := func(path string, want int) string {
		t.Helper()
		for {
			status, text := fetched(t, at+path)
			if strings.Contains(text, "being checked") { // on a busy machine that takes its time
				continue
			}
			if status != want {
				t.Errorf("%s: %d, want %d", path, status, want)
			}
			return text
		}
	}
	list := page("", 200)
	for want, there := range map[string]bool{"good.yaml": true, "sub/bad.yaml": true, "compose": false, "1 error": true, "&lt;b&gt;bold": true, "<b>bold": false} {
		if strings.Contains(list, want) != there {
			t.Errorf("the list has %q: %v, want %v", want, !there, there)
		}
	}
	if good := page("flow?path=good.yaml", 200); !strings.Contains(good, `id="n-out"`) || !strings.Contains(good, "rate: 100") {
		t.Error("the page of a good flow has no drawing or no source")
	}
	if bad := page("flow?path=sub/bad.yaml", 200); !strings.Contains(bad, "did you mean") {
		t.Error("the page of a bad flow does not say what is wrong")
	}
	if text := page("flow?path=sub/with.yaml", 200); strings.Contains(text, "hunter2") {
		t.Error("a secret is shown")
	}
	if kinds := page("nodes", 200); !strings.Contains(kinds, `id="file.read"`) || strings.Contains(kinds, "ZgotmplZ") {
		t.Error("the catalogue lacks file.read")
	}
	if svg := page("graph.svg?path=good.yaml", 200); !strings.Contains(svg, "<svg") {
		t.Error("no drawing")
	}
	for _, path := range []string{"flow?path=secret.txt", "flow?path=../good.yaml", "flow?path=/etc/passwd", "flow", "graph.svg?path=compose.yaml", "static/../good.yaml"} {
		page(path, 404)
	}
	p.signal(syscall.SIGINT)
	if code, _, errs := p.end(); code != 0 {
		t.Errorf("exit %d:\n%s", code, errs)
	}
	call("", "serve", "nowhere").want(t, 2, "", "flowrun: nowhere: there is no such folder\n")
}
