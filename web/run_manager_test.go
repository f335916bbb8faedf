package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/web"
)

// A liveList is what /api/v1/live says.
type liveList struct {
	Allowed bool
	Runs    []struct {
		ID, Path, Name, Page, Outcome, Error string
		Paused                               bool
		In                                   int64
	}
}

// A servedFolder is a folder as a reader drives it.
type servedFolder struct {
	t *testing.T
	*httptest.Server
	*web.Folder
}

func (s servedFolder) live() (now liveList) {
	s.t.Helper()
	getJSON(s.t, s.URL+"/api/v1/live", &now)
	return now
}

// dir is where the flows are.
func (s servedFolder) dir() string {
	s.t.Helper()
	_, list := get(s.t, s.URL+"/", nil)
	_, after, _ := strings.Cut(list, `data-path="`)
	path, _, _ := strings.Cut(after, `"`)
	return filepath.Dir(path)
}

// start orders a run of the flow with a file name.
func (s servedFolder) start(name string) (code int, answer string) {
	s.t.Helper()
	return post(s.t, s.URL+"/api/v1/live?path="+url.QueryEscape(filepath.Join(s.dir(), name)), nil)
}

func folderOf(t *testing.T, runner *web.Runner, texts map[string]string) servedFolder {
	t.Helper()
	server, folder := flows(t, runner, texts)
	return servedFolder{t, server, folder}
}

const fiveItems = "flow: counted\nnodes:\n  a: {use: generate, with: {count: 5, set: {id: n}}}\n  out: {use: log, in: a}\n"

// A reader starts flows, looks at them, pauses and drains them.
func TestRunsOfAFolder(t *testing.T) {
	s := folderOf(t, &web.Runner{Tap: func() *web.TapRules { return &web.TapRules{} }}, map[string]string{"long.yaml": secretive, "short.yaml": fiveItems, "bad.yaml": "nodes:\n  a: {use: generat}\n"})
	if now := s.live(); !now.Allowed || len(now.Runs) != 0 {
		t.Fatalf("%+v", now)
	}
	for _, c := range []struct {
		name string
		want int
		says string
	}{
		{"long.yaml", 201, ""}, {"long.yaml", 409, "running already"}, {"bad.yaml", 422, "generat"}, {"other.yaml", 404, "no such flow"}, {"short.yaml", 201, ""},
	} {
		if code, answer := s.start(c.name); code != c.want || !strings.Contains(answer, c.says) {
			t.Errorf("%s: %d %s, want %d with %q", c.name, code, answer, c.want, c.says)
		}
	}
	eventually(t, "one runs, one is done", func() bool {
		now := s.live()
		return len(now.Runs) == 2 && now.Runs[0].Outcome == "running" && now.Runs[0].In > 0 && now.Runs[1].Outcome == "done" && s.Running() == 1
	})
	long := s.URL + s.live().Runs[0].Page
	if _, page := get(t, long, nil); !strings.Contains(page, `data-base="/live/1"`) || !strings.Contains(page, `id="n-kept"`) || !strings.Contains(page, `id="pause"`) {
		t.Error("the page of the run is not there")
	}
	followed(t, long+"api/v1/stream", func(event, data string) bool { return event == "tick" && strings.Contains(data, `"n":[[0,`) })
	followed(t, long+"api/v1/edges/0/tap", func(event, _ string) bool { return event == "sample" })
	if code, _ := post(t, long+"api/v1/run/pause", http.Header{"Origin": {"http://evil.example"}}); code != 403 {
		t.Errorf("a stranger may pause: %d", code)
	}
	post(t, long+"api/v1/run/pause", nil)
	eventually(t, "it is paused", func() bool { return s.live().Runs[0].Paused })
	if code, _ := post(t, long+"api/v1/run/drain", nil); code != 202 {
		t.Errorf("draining: %d", code)
	}
	eventually(t, "both have ended", func() bool { return s.Running() == 0 })
	if now := s.live(); now.Runs[0].Outcome != "done" || now.Runs[0].Error != "" {
		t.Errorf("%+v", now)
	}
	if res, _ := get(t, long, nil); res.StatusCode != 200 {
		t.Errorf("a run that is over cannot be looked at: %d", res.StatusCode)
	}
	if code, _ := s.start("long.yaml"); code != 201 {
		t.Errorf("starting it again: %d", code)
	}
	if res, text := get(t, long, nil); res.StatusCode != 404 || !strings.Contains(text, "this run is gone") {
		t.Errorf("the run before is still there: %d", res.StatusCode)
	}
	last := len(s.live().Runs) - 1
	post(t, s.URL+s.live().Runs[last].Page+"api/v1/run/stop", nil)
	eventually(t, "it was ended", func() bool { return s.live().Runs[last].Error == "ended from the page" })
	var kept struct{ Runs []struct{ Outcome string } }
	eventually(t, "the runs were kept", func() bool { getJSON(t, s.URL+"/api/v1/runs", &kept); return len(kept.Runs) == 3 })
}

// A run that is drained before its end says so, on its page and among the runs that are
// kept, and is no failure; what it was to write stays as it was. One without an end is done,
// and has written what came.
func TestDrainedFromThePage(t *testing.T) {
	const numbers = "flow: %s\nnodes:\n  numbers: {use: generate, with: {rate: 2000%s}}\n  out: {use: file.write, in: numbers, with: {path: %[1]s.jsonl}}\n"
	s := folderOf(t, &web.Runner{}, map[string]string{"cut.yaml": fmt.Sprintf(numbers, "cut", ", count: 1000000000"), "whole.yaml": fmt.Sprintf(numbers, "whole", "")})
	for _, name := range []string{"cut", "whole"} {
		file := filepath.Join(s.dir(), name+".jsonl")
		if err := os.WriteFile(file, []byte("old\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, answer := s.start(name + ".yaml"); code != 201 {
			t.Fatalf("%s: %d %s", name, code, answer)
		}
		last := len(s.live().Runs) - 1
		eventually(t, "it runs", func() bool { return s.live().Runs[last].In > 0 })
		if code, _ := post(t, s.URL+s.live().Runs[last].Page+"api/v1/run/drain", nil); code != 202 {
			t.Errorf("draining %s: %d", name, code)
		}
		eventually(t, "it has ended", func() bool { return s.Running() == 0 })
		want := map[string]string{"cut": "stopped", "whole": "done"}[name]
		if r := s.live().Runs[last]; r.Outcome != want || r.Error != "" {
			t.Errorf("%s: %+v", name, r)
		}
		var state struct{ Outcome, Error string }
		eventually(t, "its page says so", func() bool {
			getJSON(t, s.URL+s.live().Runs[last].Page+"api/v1/state", &state)
			return state.Outcome != "running"
		})
		if state.Outcome != want || state.Error != "" {
			t.Errorf("%s, on its page: %+v", name, state)
		}
		text, err := os.ReadFile(file)
		if err != nil || (string(text) == "old\n") != (name == "cut") {
			t.Errorf("%s: %v, its file has %d bytes", name, err, len(text))
		}
	}
	var kept struct {
		Runs []struct{ Flow, Outcome, Error string }
	}
	eventually(t, "the runs were kept", func() bool { getJSON(t, s.URL+"/api/v1/runs", &kept); return len(kept.Runs) == 2 })
	for _, r := range kept.Runs {
		if want := map[string]string{"cut": "stopped", "whole": "done"}[r.Flow]; r.Outcome != want || r.Error != "" {
			t.Errorf("kept: %+v", r)
		}
	}
	if hidden, _ := filepath.Glob(filepath.Join(s.dir(), ".*.flowrun-*")); len(hidden) > 0 {
		t.Errorf("left behind: %q", hidden)
	}
}

// No more than some run at once; the server ends them in good order, and at once if it
// must.
func TestRunsEndWithTheirServer(t *testing.T) {
	texts := map[string]string{}
	for _, name := range []string{"a", "b", "c"} {
		texts[name+".yaml"] = strings.Replace(secretive, "secretive", name, 1)
	}
	texts["b.yaml"] = strings.Replace(texts["b.yaml"], "rate: 2000", "rate: 2000, count: 1000000000", 1) // its end is far away
	s := folderOf(t, &web.Runner{AtOnce: 2}, texts)
	s.start("a.yaml")
	s.start("b.yaml")
	if code, answer := s.start("c.yaml"); code != 409 || !strings.Contains(answer, "2 flows are running already") {
		t.Errorf("a third: %d %s", code, answer)
	}
	select {
	case <-s.Drain():
	case <-time.After(patience):
		t.Fatal("draining takes for ever")
	}
	if runs := s.live().Runs; len(runs) != 2 {
		t.Errorf("there are %+v", runs)
	}
	for _, r := range s.live().Runs {
		if want := map[string]string{"a": "done", "b": "stopped"}[r.Name]; r.Outcome != want || r.Error != "" {
			t.Errorf("%s: %s %s", r.Name, r.Outcome, r.Error)
		}
	}
	if code, answer := s.start("c.yaml"); code != 409 || !strings.Contains(answer, "about to end") {
		t.Errorf("a run after the end: %d %s", code, answer)
	}
	killed := folderOf(t, &web.Runner{}, texts)
	killed.start("a.yaml")
	killed.Folder.Close()
	if r := killed.live().Runs; killed.Running() != 0 || len(r) != 1 || r[0].Outcome != "failed" {
		t.Errorf("%+v", r)
	}
}

// Without leave nothing runs.
func TestNothingRunsWithoutLeave(t *testing.T) {
	s := folderOf(t, nil, map[string]string{"a.yaml": fiveItems})
	if now := s.live(); now.Allowed || now.Runs == nil {
		t.Errorf("%+v", now)
	}
	if code, answer := s.start("a.yaml"); code != 403 || answer == "" {
		t.Errorf("starting: %d %q", code, answer)
	}
	if s.Running() != 0 {
		t.Error("something runs")
	}
}
