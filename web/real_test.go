package web_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/web"
)

// secretive gives items with secrets in them until somebody stops it.
const secretive = `flow: secretive
nodes:
  numbers:
    use: generate
    with: {rate: 2000, set: {id: n, password: "'hunter' + string(n)", line: "'<b>bold</b> token=abc' + string(n)"}}
  kept:
    use: filter
    in: numbers
    with: {where: id >= 0}
  shown:
    use: log
    in: kept
    with: {every: 1000000}
`

// launch builds a real run.
func launch(t *testing.T, name, text string) (*graph.Flow, *scheduler.Run) {
	t.Helper()
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	flow, list := graph.Load(diag.NewSource(name, []byte(text)), registry, graph.Options{})
	if list.HasErrors() {
		t.Fatal(list)
	}
	run, err := scheduler.New(flow, registry, scheduler.Options{Stdout: new(strings.Builder)})
	if err != nil {
		t.Fatal(err)
	}
	return flow, run
}

// atWork shows a real run that is at work until the test ends.
func atWork(t *testing.T, o web.Options) (*httptest.Server, *scheduler.Run) {
	t.Helper()
	flow, run := launch(t, "secretive.yaml", secretive)
	server := serve(t, flow, run, o)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { defer close(over); run.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-over })
	return server, run
}

// virtualWork is that in a bubble of virtual time.
func virtualWork(t *testing.T, o web.Options) (caller, *scheduler.Run) {
	t.Helper()
	flow, run := launch(t, "secretive.yaml", secretive)
	page, err := web.New(flow, run, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { defer close(over); run.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-over })
	return onWire(t, page), run
}

// post sends an order.
func post(t *testing.T, url string, header http.Header) (code int, answer string) {
	t.Helper()
	req, err := http.NewRequest("POST", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, strings.TrimSpace(string(text))
}

// flows serves a folder of real flows by their names, which readers may run if runner
// is not nil.
func flows(t *testing.T, runner *web.Runner, texts map[string]string) (*httptest.Server, *web.Folder) {
	t.Helper()
	dir := t.TempDir()
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	load := func(path string) (*graph.Flow, diag.List) {
		return graph.Load(diag.NewSource(path, []byte(texts[filepath.Base(path)])), registry, graph.Options{})
	}
	if runner != nil {
		runner.Launch = func(path string) (*graph.Flow, *scheduler.Run, error) {
			flow, list := load(path)
			if list.HasErrors() {
				return nil, nil, list[0]
			}
			run, err := scheduler.New(flow, registry, scheduler.Options{Stdout: new(strings.Builder)})
			return flow, run, err
		}
	}
	f := web.NewFolder(web.FolderOptions{
		Catalog: registry, Runner: runner, Load: load,
		Paths: func() ([]string, error) {
			var paths []string
			for name := range texts {
				paths = append(paths, filepath.Join(dir, name))
			}
			slices.Sort(paths)
			return paths, nil
		},
	}.Patient())
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	t.Cleanup(f.Close)
	return server, f
}
