package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
	"github.com/flowrun/flowrun/web"
)

// soak skips a test that takes minutes, unless it is wanted.
func soak(t *testing.T) {
	t.Helper()
	if os.Getenv("FLOWRUN_SOAK") != "1" {
		t.Skip("takes minutes; make soak runs it")
	}
}

// An endless run counts as fast as it can.
type (
	endless  struct{}
	numbered struct{ N int64 }
	tally    struct{ n *atomic.Int64 }
)

func (*endless) Read(_ context.Context, emit func(numbered) error) error {
	for i := int64(0); ; i++ {
		if err := emit(numbered{i}); err != nil {
			return err
		}
	}
}

func (y *tally) Write(_ context.Context, in []numbered) error {
	y.n.Add(int64(len(in)))
	return nil
}

func endlessNodes(n *atomic.Int64) []nodes.Decl {
	return []nodes.Decl{nodes.Read("endless", "Counts.", &endless{}), nodes.Write("tally", "Counts what comes.", &tally{n})}
}

// serveEndless is the child of the tests below: a real run with its page. For each
// line of its input it says how many items have come through, how many goroutines
// there are, and how much of the processor it has used; or, for the line "memory",
// what is in use after a collection.
func serveEndless() error {
	var n atomic.Int64
	registry, err := nodes.NewRegistry(endlessNodes(&n))
	if err != nil {
		return err
	}
	flow, list := graph.Load(diag.NewSource("endless.yaml", []byte("flow: endless\nnodes:\n  count: {use: endless}\n  tally: {use: tally, in: count}\n")), registry, graph.Options{})
	if list.HasErrors() {
		diag.Print(os.Stderr, list, diag.Style{})
		return fmt.Errorf("the flow is wrong")
	}
	run, err := scheduler.New(flow, registry, scheduler.Options{})
	if err != nil {
		return err
	}
	page, err := web.New(flow, run, web.Options{})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go page.Serve(l)
	go run.Run(context.Background())
	fmt.Println(l.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if lines.Text() == "memory" {
			fmt.Println(live())
			continue
		}
		fmt.Println(n.Load(), runtime.NumGoroutine(), int64(metrics.CPUTime()))
	}
	return nil
}

// A childRun is a run with its page in a process of its own.
type childRun struct {
	t       *testing.T
	address string
	pid     int
	in      io.Writer
	out     *bufio.Scanner
}

func startChildRun(t *testing.T) *childRun {
	t.Helper()
	cmd := exec.Command(os.Args[0], "child-serves")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Process.Kill(); cmd.Wait() })
	s := &childRun{t: t, pid: cmd.Process.Pid, in: in, out: bufio.NewScanner(out)}
	s.address = s.line()
	return s
}

func (s *childRun) line() string {
	s.t.Helper()
	if !s.out.Scan() {
		s.t.Fatal("the server has gone")
	}
	return s.out.Text()
}

// count tells how many items have come through, how many goroutines there are, and how
// much of the processor was used.
func (s *childRun) count() (items, goroutines int64, used time.Duration) {
	s.t.Helper()
	fmt.Fprintln(s.in)
	if _, err := fmt.Sscan(s.line(), &items, &goroutines, (*int64)(&used)); err != nil {
		s.t.Fatal(err)
	}
	return items, goroutines, used
}

// effort waits until the server has worked for some time of the processor, and gives
// what it needed of that for an item, and how much of one core it had meanwhile.
func (s *childRun) effort(work time.Duration) (perItem time.Duration, share float64) {
	s.t.Helper()
	begun := time.Now()
	itemsBefore, _, usedBefore := s.count()
	var items int64
	var used time.Duration
	eventually(s.t, "the run goes on", func() bool {
		itemsNow, _, usedNow := s.count()
		items, used = itemsNow-itemsBefore, usedNow-usedBefore
		return items > 0 && used >= work
	})
	return used / time.Duration(items), float64(used) / float64(time.Since(begun))
}

// memory is what the server's process uses, in bytes; 0 where that cannot be told.
func (s *childRun) memory() int64 { return resident(s.pid) }

func resident(pid int) int64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "statm"))
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// crowd opens connections that take nothing they are sent: every other one asks for
// the stream, the rest never finish their request.
func (s *childRun) crowd(n int) (conns []net.Conn) {
	s.t.Helper()
	for i := range n {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			s.t.Fatalf("connection %d: %v (more open files than ulimit -n allows?)", i, err)
		}
		request := "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n"
		if i%2 == 0 {
			request += "\r\n"
		}
		io.WriteString(c, request) // the server may have hung up already
		conns = append(conns, c)
	}
	return conns
}

// TestSlowClients lets more slow clients come than there are places.
func TestSlowClients(t *testing.T) { slowClients(t, 600, time.Second) }

// TestSoakSlowClients lets ten thousand come and stay for a while.
func TestSoakSlowClients(t *testing.T) {
	soak(t)
	slowClients(t, 10_000, 20*time.Second)
}

// slowClients wants the run to go on, the server to stay small, and somebody who
// behaves to be served while they are all there, which is for so much work of the
// server.
func slowClients(t *testing.T, n int, work time.Duration) {
	if metrics.CPUTime() == 0 {
		t.Skip("this system does not tell how much of the processor is used")
	}
	s := startChildRun(t)
	if res, err := http.Get("http://" + s.address + "/"); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("the page: %v", err)
	}
	before, _ := s.effort(work / 4)
	memoryBefore := s.memory()
	conns := s.crowd(n)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	then, share := s.effort(work)
	memoryThen := s.memory()
	_, goroutines, _ := s.count()
	t.Logf("%d slow clients: %s for an item before, %s then, with %.2f of a core; memory %d MB before, %d MB then; %d goroutines",
		n, before, then, share, memoryBefore>>20, memoryThen>>20, goroutines)
	// The crowd itself needs the processor, by the second: where there is little of it,
	// little is left for items.
	if then > 4*before && share > 0.5 {
		t.Errorf("the run slows down: an item takes %s, and took %s", then, before)
	}
	if grown := memoryThen - memoryBefore; grown > 64<<20 {
		t.Errorf("memory grows by %d MB", grown>>20)
	}
	if goroutines > 1500 {
		t.Errorf("%d goroutines", goroutines)
	}
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	eventually(t, "somebody else is served", func() bool {
		res, err := client.Get("http://" + s.address + "/api/v1/state")
		if err == nil {
			res.Body.Close()
		}
		return err == nil
	})
}
