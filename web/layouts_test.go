package web_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/web"
	"github.com/flowrun/flowrun/web/webtest"
)

// TestManyLayouts draws more flows than a child may.
func TestManyLayouts(t *testing.T) { manyLayouts(t, 40, 15) }

// TestSoakLayouts draws a thousand, with the limits that a server has.
func TestSoakLayouts(t *testing.T) {
	soak(t)
	manyLayouts(t, 1000, 0)
}

// manyLayouts asks a server for the drawings of so many different flows, one after
// the other. It wants memory to stay where it was, of the server and of its child,
// and children to be replaced and ended.
func manyLayouts(t *testing.T, n, ofChild int) {
	pids := pidFile(t)
	l := web.NewLayouter(os.Args[0], "child-good")
	defer l.Close()
	if ofChild > 0 {
		l.SetLimits(30*time.Second, ofChild)
	}
	var paths []string
	for i := range n {
		paths = append(paths, strconv.Itoa(i))
	}
	f := web.NewFolder(web.FolderOptions{
		Paths: func() ([]string, error) { return paths, nil }, Catalog: noKinds{}, Layout: l.Layout,
		Load: func(path string) (*graph.Flow, diag.List) {
			flow := webtest.Sensors()
			flow.Name = "flow " + path // another scene, which nobody has laid out yet
			return flow, nil
		},
	})
	defer f.Close()
	server := httptest.NewServer(f)
	defer server.Close()
	var early, late, child int64
	for i, path := range paths {
		res, text := get(t, server.URL+"/graph.svg?path="+path, nil)
		if res.StatusCode != 200 || !strings.Contains(text, "n-enrich") {
			t.Fatalf("drawing %d: %d", i, res.StatusCode)
		}
		all := pids()
		child = max(child, resident(all[len(all)-1]))
		switch i {
		case n / 5:
			early = live()
		case n - 1:
			late = live()
		}
	}
	children := pids()
	t.Logf("%d layouts: %d children, the largest %d MB; this process %.1f MB after %d, %.1f MB at the end",
		n, len(children), child>>20, float64(early)/(1<<20), n/5, float64(late)/(1<<20))
	if len(children) < 2 {
		t.Errorf("%d layouts were made by %d child", n, len(children))
	}
	if late > early+16<<20 {
		t.Errorf("memory grows from %d to %d bytes", early, late)
	}
	if child > 300<<20 {
		t.Errorf("a child has %d MB", child>>20)
	}
	l.Close()
	for _, pid := range children {
		if alive(pid) {
			t.Errorf("child %d is still there", pid)
		}
	}
}

// live is the memory that is in use after a collection, in bytes.
func live() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// alive reports whether a process is there, be it only as one that nobody has
// waited for.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	return err == nil && p.Signal(syscall.Signal(0)) == nil
}

// pidFile lets children note who they are, and gives what reads that.
func pidFile(t *testing.T) (pids func() []int) {
	path := filepath.Join(t.TempDir(), "pids")
	t.Setenv(pidVariable, path)
	return func() (all []int) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("no child has started: %v", err)
		}
		for f := range strings.FieldsSeq(string(text)) {
			pid, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, pid)
		}
		return all
	}
}

// pidVariable names the file in which a child of the tests notes who it is.
const pidVariable = "FLOWRUN_TEST_PIDS"

// notePID is what a child does first.
func notePID() {
	if path := os.Getenv(pidVariable); path != "" {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(f, os.Getpid())
		f.Close()
	}
}

// A child that hangs is killed when its time is over, and the page draws all the same.
func TestHangingLayout(t *testing.T) {
	pids := pidFile(t)
	l := web.NewLayouter(os.Args[0], "child-hangs")
	defer l.Close()
	l.SetLimits(300*time.Millisecond, 100)
	flow := webtest.Sensors()
	begun := time.Now()
	server := serve(t, flow, webtest.PlaySensors(flow), web.Options{Layout: l.Layout})
	_, page := get(t, server.URL+"/", nil)
	took := time.Since(begun)
	for _, n := range flow.Nodes {
		if !strings.Contains(page, fmt.Sprintf(`id="n-%s"`, n.ID)) {
			t.Errorf("no card for %s", n.ID)
		}
	}
	t.Logf("the page was there after %s", took.Round(time.Millisecond))
	if took < 300*time.Millisecond || took > 5*time.Second {
		t.Errorf("the page came after %s", took)
	}
	for _, pid := range pids() {
		if alive(pid) {
			t.Errorf("child %d hangs still", pid)
		}
	}
}
