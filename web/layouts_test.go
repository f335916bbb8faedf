package web_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

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
	roll := newRoll(t)
	l := web.NewLayouter(os.Args[0], "child-good")
	defer l.Close()
	if ofChild > 0 {
		l.SetLimits(context.WithCancel, ofChild)
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
	}.Patient())
	defer f.Close()
	server := httptest.NewServer(f)
	defer server.Close()
	var early, late, child int64
	for i, path := range paths {
		res, text := get(t, server.URL+"/graph.svg?path="+path, nil)
		if res.StatusCode != 200 || !strings.Contains(text, "n-enrich") {
			t.Fatalf("drawing %d: %d", i, res.StatusCode)
		}
		all := roll.all()
		child = max(child, resident(all[len(all)-1]))
		switch i {
		case n / 5:
			early = live()
		case n - 1:
			late = live()
		}
	}
	children := roll.all()
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

// A roll is where children say who they are before they do anything.
type roll struct {
	came chan struct{} // one for each that has come

	mu   sync.Mutex
	pids []int
}

// rollVariable tells children the address of the roll.
const rollVariable = "FLOWRUN_TEST_ROLL"

func newRoll(t *testing.T) *roll {
	t.Helper()
	l := listener(t)
	t.Cleanup(func() { l.Close() })
	t.Setenv(rollVariable, l.Addr().String())
	r := &roll{came: make(chan struct{}, 1000)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			var pid int
			if _, err := fmt.Fscan(c, &pid); err == nil {
				r.mu.Lock()
				r.pids = append(r.pids, pid)
				r.mu.Unlock()
				r.came <- struct{}{}
			}
			c.Close() // the child may go on
		}
	}()
	return r
}

// all are the children that have come, in their order.
func (r *roll) all() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.pids)
}

// until is the bound of layouts whose time is over as soon as the next child is there.
func (r *roll) until() web.Bound {
	return func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		go func() {
			select {
			case <-r.came:
			case <-ctx.Done():
			}
			cancel()
		}()
		return ctx, cancel
	}
}

// reportForDuty is what a child does first.
func reportForDuty() {
	address := os.Getenv(rollVariable)
	if address == "" {
		return
	}
	c, err := net.Dial("tcp", address)
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(c, os.Getpid())
	io.Copy(io.Discard, c) // until it is on the roll
}

// A child that hangs is killed when its time is over, and the page draws all the same.
func TestHangingLayout(t *testing.T) {
	children := newRoll(t)
	l := web.NewLayouter(os.Args[0], "child-hangs")
	defer l.Close()
	l.SetLimits(children.until(), 100)
	flow := webtest.Sensors()
	server := serve(t, flow, webtest.PlaySensors(flow), web.Options{Layout: l.Layout})
	_, page := get(t, server.URL+"/", nil)
	for _, n := range flow.Nodes {
		if !strings.Contains(page, fmt.Sprintf(`id="n-%s"`, n.ID)) {
			t.Errorf("no card for %s", n.ID)
		}
	}
	pids := children.all()
	if len(pids) == 0 {
		t.Error("the page did not wait for the child")
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("child %d hangs still", pid)
		}
	}
}
