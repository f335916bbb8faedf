package cli_test

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// try asks the playground at an address to run a flow.
func try(t *testing.T, at, text string) (status int, answer string) {
	t.Helper()
	res, err := http.Post(at+"api/v1/try", "application/json", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// TestPlayground runs what somebody writes if the call allows it, in a process that
// ends alone.
func TestPlayground(t *testing.T) {
	folder(t, map[string]string{"f.yaml": never, "data/in.csv": "id\n7\n"})
	for _, allowed := range []bool{false, true} {
		args := []string{"serve", "--addr", "127.0.0.1:0"}
		if allowed {
			args = append(args, "--allow-run")
		}
		p := start(t, args...)
		at := p.address()
		res, err := http.Get(at + "playground?flow=f.yaml")
		if err != nil {
			t.Fatal(err)
		}
		page, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != 200 || strings.Contains(string(page), "data-can-run") != allowed {
			t.Errorf("the page: %d", res.StatusCode)
		}
		status, answer := try(t, at, `{"text": "nodes:\n  a: {use: file.read, with: {path: data/in.csv}}\n  b: {use: file.write, in: a, with: {path: out.csv}}\n"}`)
		if !allowed && status != 403 || allowed && (status != 200 || !strings.Contains(answer, `"rows":[["7"]]`)) {
			t.Errorf("allowed: %v, status %d: %s", allowed, status, answer)
		}
		if allowed {
			bomb := `{"text": "nodes:\n  a: {use: generate, with: {set: {x: 'repeat(\"x\", 16000000 + n)'}}}\n  b: {use: drop, in: a}\n"}`
			if status, answer := try(t, at, bomb); status != 200 || !strings.Contains(answer, "which is where a trial ends") {
				t.Errorf("a flow that wants all memory: %d %s", status, answer)
			}
		}
		if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		p.end()
	}
}
