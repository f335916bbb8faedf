package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler/metrics"
	"github.com/flowrun/flowrun/web"
)

// bomb is a text of a kilobyte that stands for a billion values.
func bomb() string {
	var b strings.Builder
	b.WriteString("flow: bomb\nvars:\n  a: &a [x, x, x, x, x, x, x, x, x, x]\n")
	for c := 'b'; c <= 'i'; c++ {
		fmt.Fprintf(&b, "  %c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 10), ", "))
	}
	return b.String() + "nodes:\n  n: {use: filter, in: n, with: {where: *i}}\n"
}

// hostile are files that somebody put into the folder to bring the server down, with
// what the page of each must say.
var hostile = map[string]struct{ text, says string }{
	"bomb.yaml":   {bomb(), "aliases make the text more than"},
	"deep.yaml":   {"flow: deep\nnodes: " + strings.Repeat("[", 200_000), "collections are nested too deep"},
	"long.yaml":   {"flow: long\nnodes:\n" + strings.Repeat("  # nothing, and a lot of it\n", 40_000), "at most 1048576 are read"},
	"wide.yaml":   {"flow: wide\nnodes:\n  n: {use: " + strings.Repeat("x", 1<<17) + "}\n", "unknown kind"},
	"many.yaml":   {"flow: many\nnodes:\n" + manyNodes(500), "many.yaml"},
	"script.yaml": {"flow: <script>alert(1)</script>\nnodes:\n  n: {use: '<img src=x onerror=alert(1)>'}\n", "&lt;script&gt;"},
}

func manyNodes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  n%d: {use: filter, in: n%d, with: {where: x > 1}}\n", i, (i+1)%n)
	}
	return b.String()
}

// TestHostileFiles shows them: each page takes little work, says what is wrong, and the
// others come as well.
func TestHostileFiles(t *testing.T) {
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for path := range hostile {
		paths = append(paths, path)
	}
	f := web.NewFolder(web.FolderOptions{
		Paths: func() ([]string, error) { return paths, nil }, Catalog: registry,
		Load: func(path string) (*graph.Flow, diag.List) {
			return graph.Load(diag.NewSource(path, []byte(hostile[path].text)), registry, graph.Options{})
		},
	}.Patient())
	defer f.Close()
	server := httptest.NewServer(f)
	defer server.Close()
	before := resident(os.Getpid())
	for path, want := range hostile {
		var res *http.Response
		var page string
		littleWork(t, path, func() { res, page = get(t, server.URL+"/flow?path="+path, nil) })
		if res.StatusCode != http.StatusOK || !strings.Contains(page, want.says) || strings.Contains(page, "<script>alert") || strings.Contains(page, "<img src=x") {
			t.Errorf("%s: %d, %.300s", path, res.StatusCode, page)
		}
	}
	if grown := resident(os.Getpid()) - before; grown > 1<<30 {
		t.Errorf("memory grew by %d MB", grown>>20)
	}
	for _, path := range []string{
		"../server.go", "..%2f..%2fetc%2fpasswd", "/etc/passwd", "./bomb.yaml", "bomb.yaml%00", "bomb.yaml/", "BOMB.YAML", `..\server.go`, "", strings.Repeat("a/", 4000),
	} {
		for _, page := range []string{"/flow", "/graph.svg"} {
			if res, text := get(t, server.URL+page+"?path="+url.QueryEscape(path), nil); res.StatusCode != http.StatusNotFound || len(text) > 100 {
				t.Errorf("%s of %q: %d", page, path, res.StatusCode)
			}
		}
	}
}

// littleWork wants something to take little memory, be it given back or not, and little
// time of the processor: the clock would tell how busy the machine is.
func littleWork(t *testing.T, what string, do func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := metrics.CPUTime()
	do()
	used := metrics.CPUTime() - begun
	runtime.ReadMemStats(&after)
	memory := after.TotalAlloc - before.TotalAlloc
	t.Logf("%s: %d MB, %s of the processor", what, memory>>20, used)
	if memory > 1<<30 || used > 30*time.Second {
		t.Errorf("%s takes %d MB of memory and %s of the processor", what, memory>>20, used)
	}
}
