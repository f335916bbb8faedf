package web_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/web"
	"github.com/flowrun/flowrun/web/webtest"
)

// A noKinds is a catalogue without kinds.
type noKinds struct{}

func (noKinds) Spec(string) (*graph.Spec, bool) { return nil, false }
func (noKinds) Kinds() []string                 { return nil }
func (noKinds) New(string) any                  { return nil }

// pretend serves a folder of one flow, which has a problem in a line with a secret.
func pretend(t *testing.T, token string, paths func() ([]string, error)) *httptest.Server {
	t.Helper()
	f := web.NewFolder(web.FolderOptions{
		Token: token, Paths: paths, Catalog: noKinds{},
		Load: func(path string) (*graph.Flow, diag.List) {
			if path == "unreadable.yaml" {
				var list diag.List
				list.Add(diag.NoFile, diag.Span{Source: diag.NewSource(path, nil)}, "permission denied")
				return nil, list
			}
			flow := webtest.Sensors()
			var list diag.List
			list.Warn(diag.NoFile, diag.Span{Source: flow.At.Source, Line: 5, Col: 12, Width: 8}, "this is only a test")
			return flow, list
		},
	}.Patient())
	t.Cleanup(f.Close)
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server
}

func two() ([]string, error) { return []string{"etl.yaml", "unreadable.yaml"}, nil }

func TestFolder(t *testing.T) {
	server := pretend(t, "", two)
	_, list := get(t, server.URL+"/", nil)
	for _, want := range []string{"etl-iot", "1 warning", "15 nodes", "unreadable.yaml", "1 error"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list has no %q", want)
		}
	}
	_, page := get(t, server.URL+"/flow?path=etl.yaml", nil)
	if !strings.Contains(page, `id="n-enrich"`) || !strings.Contains(page, "this is only a test") || strings.Contains(page, "hunter2") {
		t.Error("the page lacks the drawing or the problem, or shows a secret")
	}
	res, page := get(t, server.URL+"/flow?path=unreadable.yaml", nil)
	if res.StatusCode != http.StatusOK || !strings.Contains(page, "permission denied") {
		t.Errorf("a file that cannot be read: %d", res.StatusCode)
	}
	for path, want := range map[string]int{"/graph.svg?path=etl.yaml": 200, "/graph.svg?path=unreadable.yaml": 404, "/flow?path=other.yaml": 404, "/nodes": 200} {
		if res, _ := get(t, server.URL+path, nil); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
	}
	broken := pretend(t, "", func() ([]string, error) { return nil, errors.New("no such folder") })
	if res, _ := get(t, broken.URL+"/", nil); res.StatusCode != http.StatusInternalServerError {
		t.Errorf("a folder that has gone: %d", res.StatusCode)
	}
}

func TestFolderHasAGate(t *testing.T) {
	for path, want := range map[string]int{"/": 401, "/flow?path=etl.yaml": 401, "/nodes": 401, "/static/app.css": 401, "/healthz": 200} {
		if res, _ := get(t, pretend(t, "secret", two).URL+path, nil); res.StatusCode != want {
			t.Errorf("%s without the token: %d, want %d", path, res.StatusCode, want)
		}
	}
	req, _ := http.NewRequest("GET", pretend(t, "", two).URL+"/", nil)
	req.Host = "evil.example"
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("under another name: %d", res.StatusCode)
	}
}
