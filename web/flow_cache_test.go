package web_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/web"
)

// A cacheKit is a folder of real files of which it is counted how often each is
// compiled.
type cacheKit struct {
	t      *testing.T
	folder *web.Folder
	dir    string
	loads  sync.Map // *atomic.Int64 by the name of the file
	hold   func(name string)
}

// newCacheKit serves the files of a folder. A patient folder waits for flows as long as
// they take; another one gives up when it always does.
func newCacheKit(t *testing.T, patient bool, files map[string]string) *cacheKit {
	t.Helper()
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	k := &cacheKit{t: t, dir: t.TempDir(), hold: func(string) {}}
	for name, text := range files {
		k.write(name, text)
	}
	o := web.FolderOptions{
		Paths: func() ([]string, error) { return filepath.Glob(filepath.Join(k.dir, "*.yaml")) }, Catalog: registry,
		Load: func(path string) (*graph.Flow, diag.List) {
			name := filepath.Base(path)
			n, _ := k.loads.LoadOrStore(name, new(atomic.Int64))
			n.(*atomic.Int64).Add(1)
			k.hold(name)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Error(err)
			}
			return graph.Load(diag.NewSource(path, text), registry, graph.Options{})
		},
	}
	if patient {
		o = o.Patient()
	}
	k.folder = web.NewFolder(o)
	t.Cleanup(k.folder.Close)
	return k
}

// write puts a file there that looks as if it had been there for an hour; each later
// version looks younger.
func (k *cacheKit) write(name, text string) {
	k.t.Helper()
	path := filepath.Join(k.dir, name)
	when := time.Now().Add(-time.Hour)
	if info, err := os.Stat(path); err == nil {
		when = info.ModTime().Add(time.Minute)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		k.t.Fatal(err)
	}
	if err := os.Chtimes(path, when, when); err != nil {
		k.t.Fatal(err)
	}
}

func (k *cacheKit) compiled(name string) int64 {
	n, ok := k.loads.Load(name)
	if !ok {
		return 0
	}
	return n.(*atomic.Int64).Load()
}

// ask asks for a page without a connection, so that time can be virtual.
func (k *cacheKit) ask(path string) (code int, text string) {
	k.t.Helper()
	w := httptest.NewRecorder()
	req := httptest.NewRequest("GET", path, nil)
	req.Host = "localhost"
	k.folder.ServeHTTP(w, req)
	return w.Code, w.Body.String()
}

func (k *cacheKit) page(path string) string {
	k.t.Helper()
	_, text := k.ask(path)
	return text
}

const readsData = "nodes:\n  in: {use: file.read, with: {path: data.csv}}\n  out: {use: drop, in: in}\n"

func TestFlowsAreCompiledOnce(t *testing.T) {
	k := newCacheKit(t, true, map[string]string{"a.yaml": "nodes:\n  n: {use: generate}\n  out: {use: drop, in: n}\n", "b.yaml": readsData, "data.csv": "id\n1\n"})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			k.page("/")
			k.page("/flow?path=" + filepath.Join(k.dir, "b.yaml"))
			k.page("/graph.svg?path=" + filepath.Join(k.dir, "a.yaml"))
			k.page("/diff?a=" + filepath.Join(k.dir, "a.yaml") + "&b=" + filepath.Join(k.dir, "b.yaml"))
		})
	}
	all.Wait()
	if a, b := k.compiled("a.yaml"), k.compiled("b.yaml"); a != 1 || b != 1 {
		t.Errorf("80 requests compile a.yaml %d times and b.yaml %d times", a, b)
	}
	k.write("a.yaml", "nodes:\n  n: {use: generat}\n")
	if text := k.page("/"); !strings.Contains(text, "1 error") || k.compiled("a.yaml") != 2 || k.compiled("b.yaml") != 1 {
		t.Errorf("a change does not show, or more is compiled: %d %d", k.compiled("a.yaml"), k.compiled("b.yaml"))
	}
	k.write("data.csv", "key,word\n1,x\n")
	if text := k.page("/graph.svg?path=" + filepath.Join(k.dir, "b.yaml")); !strings.Contains(text, "word") || k.compiled("b.yaml") != 2 {
		t.Errorf("a change of the data does not show: %d", k.compiled("b.yaml"))
	}
	if err := os.Remove(filepath.Join(k.dir, "data.csv")); err != nil {
		t.Fatal(err)
	}
	if text := k.page("/"); strings.Count(text, "1 error") != 2 {
		t.Error("that the data has gone does not show")
	}
	k.write("data.csv", "id\n1\n")
	if text := k.page("/"); strings.Count(text, "1 error") != 1 {
		t.Error("that the data is back does not show")
	}
}

// A file that has just been written is compiled again, for it may be written again
// without looking any different.
func TestFreshFilesAreNotTrusted(t *testing.T) {
	k := newCacheKit(t, true, nil)
	for i := range 3 {
		if err := os.WriteFile(filepath.Join(k.dir, "a.yaml"), fmt.Appendf(nil, "about: version %d\nnodes: {}\n", i), 0o600); err != nil {
			t.Fatal(err)
		}
		if text := k.page("/"); !strings.Contains(text, fmt.Sprint("version ", i)) {
			t.Errorf("version %d does not show", i)
		}
	}
}

// TestSlowFlows has a flow that takes long, in virtual time: the others are shown, the
// list and the flow's own page say that it is on its way, nobody begins it twice, and it
// shows when it is there.
func TestSlowFlows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newCacheKit(t, false, map[string]string{"slow.yaml": "about: here at last\nnodes: {}\n", "quick.yaml": "about: was quick\nnodes: {}\n"})
		k.hold = func(name string) {
			if name == "slow.yaml" {
				time.Sleep(time.Minute)
			}
		}
		begun := time.Now()
		code, text := k.ask("/")
		if took := time.Since(begun); code != 200 || took > 3*time.Second {
			t.Errorf("the list takes %s: %d", took, code)
		}
		if !strings.Contains(text, "was quick") || !strings.Contains(text, "being checked") || strings.Contains(text, "here at last") || !strings.Contains(text, "pending.js") {
			t.Errorf("the list: %s", text)
		}
		slow := "/flow?path=" + filepath.Join(k.dir, "slow.yaml")
		code, text = k.ask(slow)
		if took := time.Since(begun); code != 503 || !strings.Contains(text, "still being checked") || took > 25*time.Second {
			t.Errorf("a page of a flow that is not there: %d %s after %s", code, text, took)
		}
		time.Sleep(time.Minute)
		if _, text := k.ask(slow); !strings.Contains(text, "here at last") || k.compiled("slow.yaml") != 1 {
			t.Errorf("it was compiled %d times", k.compiled("slow.yaml"))
		}
		if _, text := k.ask("/"); strings.Contains(text, "being checked") || strings.Contains(text, "pending.js") {
			t.Error("the list still waits")
		}
	})
}

// A text that breaks the compiler ends neither the server nor the list.
func TestFlowsThatBreakTheCompiler(t *testing.T) {
	k := newCacheKit(t, true, map[string]string{"bad.yaml": "nodes: {}\n", "good.yaml": "about: fine\nnodes: {}\n"})
	k.hold = func(name string) {
		if name == "bad.yaml" {
			panic("out of cheese")
		}
	}
	if text := k.page("/"); !strings.Contains(text, "fine") || !strings.Contains(text, "1 error") {
		t.Errorf("the list: %s", text)
	}
}
