package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/render"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/web"
)

const before = `flow: orders
about: Orders worth a look
nodes:
  orders: {use: generate, with: {count: 1000, set: {id: n, amount: n * 3}}}
  large:
    use: filter
    in: orders
    with: {where: amount > 100, token: x}
  old_report: {use: drop, in: large}
  count: {use: group, in: large, with: {set: {orders: count()}}}
  out: {use: drop, in: count}
`

var after = strings.NewReplacer(
	"amount > 100", "amount > 500", "n * 3}", "n / 2, city: \"'<b>Oslo</b>'\"}",
	"  old_report: {use: drop, in: large}\n", "  fresh: {use: limit, in: {from: large, capacity: 64}, with: {count: 9}}\n  new_report: {use: drop, in: fresh}\n",
).Replace(before)

// realFolder serves a folder with files, which are compiled as the command does.
func realFolder(t *testing.T, token string, files map[string]string) (server *httptest.Server, dir string) {
	t.Helper()
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	var paths []string
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	f := web.NewFolder(web.FolderOptions{
		Token: token, Catalog: registry, Layout: render.Layout,
		Paths: func() ([]string, error) { return paths, nil },
		Load: func(path string) (*graph.Flow, diag.List) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Error(err)
			}
			return graph.Load(diag.NewSource(filepath.Base(path), text), registry, graph.Options{})
		},
	}.Patient())
	t.Cleanup(f.Close)
	server = httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server, dir
}

func diffFiles() map[string]string {
	clean := strings.NewReplacer(", token: x", "").Replace
	return map[string]string{"a.yaml": clean(before), "b.yaml": clean(after), "wrong.yaml": before, "broken.yaml": "nodes: [\n"}
}

func diffPath(dir, a, b string) string {
	return "/diff?" + url.Values{"a": {filepath.Join(dir, a)}, "b": {filepath.Join(dir, b)}}.Encode()
}

func TestDiffPage(t *testing.T) {
	server, dir := realFolder(t, "", diffFiles())
	_, page := get(t, server.URL+diffPath(dir, "a.yaml", "b.yaml"), nil)
	for _, want := range []string{
		`id="n-fresh"`, "marked d-added", "marked d-removed", "marked d-changed", "d-same",
		"<del>amount &gt; 100</del> → <ins>amount &gt; 500</ins>", "lines 8 → 8",
		"2 nodes added, 1 removed, 2 changed", "large.out -&gt; fresh.in", "&lt;b&gt;Oslo", "Types that follow",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if strings.Contains(page, "<b>Oslo") || strings.Contains(page, "ZgotmplZ") {
		t.Error("text of a flow has become markup, or the template refused it")
	}
	if _, page := get(t, server.URL+diffPath(dir, "a.yaml", "a.yaml"), nil); !strings.Contains(page, "no difference") {
		t.Error("a flow differs from itself")
	}
	if _, page := get(t, server.URL+"/diff", nil); !strings.Contains(page, "<select name=\"a\"") {
		t.Error("nothing to choose from")
	}
	// One that has errors is compared as far as it is known; one that is no YAML is
	// only told of.
	if _, page := get(t, server.URL+diffPath(dir, "a.yaml", "wrong.yaml"), nil); !strings.Contains(page, "1 error") || !strings.Contains(page, "1 node changed") || strings.Contains(page, "token: x") {
		t.Error("a flow with errors is not compared, or shows a secret")
	}
	if res, page := get(t, server.URL+diffPath(dir, "a.yaml", "broken.yaml"), nil); res.StatusCode != http.StatusOK || strings.Contains(page, `id="summary"`) || !strings.Contains(page, "1 error") {
		t.Error("a file that is no YAML")
	}
}

func TestDiffAPI(t *testing.T) {
	server, dir := realFolder(t, "", diffFiles())
	res, text := get(t, server.URL+"/api/v1"+diffPath(dir, "a.yaml", "b.yaml"), nil)
	var got struct {
		Nodes []struct{ ID, Mark string }
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || res.StatusCode != http.StatusOK || len(got.Nodes) != 7 {
		t.Errorf("%d %v: %s", res.StatusCode, err, text)
	}
	for path, want := range map[string]int{
		"/api/v1/diff": 404, "/api/v1" + diffPath(dir, "a.yaml", "broken.yaml"): 422,
		"/diff?a=../../etc/passwd&b=a.yaml": 404, diffPath("/etc", "a.yaml", "passwd"): 404, diffPath(dir, "a.yaml", "none.yaml"): 404,
	} {
		if res, _ := get(t, server.URL+path, nil); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
	}
	guarded, dir := realFolder(t, "secret", diffFiles())
	for _, path := range []string{diffPath(dir, "a.yaml", "b.yaml"), "/api/v1/diff", "/runs", "/runs/20261123-120000-00000a", "/runs/compare?a=1&b=2", "/api/v1/runs", "/api/v1/runs/20261123-120000-00000a"} {
		if res, _ := get(t, guarded.URL+path, nil); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without the token: %d", path, res.StatusCode)
		}
	}
}
