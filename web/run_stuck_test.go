package web_test

import (
	"context"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/web"
)

// A stuckSource hears of no end, until somebody lets it go. Swept says what it would leave
// behind was removed.
type stuckSource struct {
	letGo <-chan struct{}
	swept *bool
}

func (s *stuckSource) Open(_ context.Context, env *nodes.Env) error {
	env.Shared.AtExit(func() { *s.swept = true })
	return nil
}

func (s *stuckSource) Read(context.Context, func(int) error) error {
	<-s.letGo
	return nil
}

// A run that does not end when its server does leaves nothing behind.
func TestStuckRunIsSweptWithItsServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		letGo, swept := make(chan struct{}), false
		registry, err := nodes.NewRegistry(std.Nodes, []nodes.Decl{nodes.Read("stuck", "Hangs.", &stuckSource{letGo, &swept})})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "stuck.yaml")
		load := func(path string) (*graph.Flow, diag.List) {
			return graph.Load(diag.NewSource(path, []byte("nodes:\n  a: {use: stuck}\n  out: {use: log, in: a}\n")), registry, graph.Options{})
		}
		f := web.NewFolder(web.FolderOptions{
			Catalog: registry, Load: load, Paths: func() ([]string, error) { return []string{path}, nil },
			Runner: &web.Runner{Launch: func(path string) (*graph.Flow, *scheduler.Run, error) {
				flow, list := load(path)
				if list.HasErrors() {
					return nil, nil, list[0]
				}
				run, err := scheduler.New(flow, registry, scheduler.Options{})
				return flow, run, err
			}},
		})
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest("POST", "http://localhost/api/v1/live?path="+url.QueryEscape(path), nil))
		if w.Code != 201 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		synctest.Wait() // it has been opened, and hangs
		start := time.Now()
		f.Close()
		if took := time.Since(start); !swept || took > 5*time.Second {
			t.Errorf("after %s, swept %v", took, swept)
		}
		close(letGo)
		<-f.Drain()
	})
}
