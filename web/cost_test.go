package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
	"github.com/flowrun/flowrun/web"
)

// costFlow uses all cores: it reads, filters, computes, groups and writes.
const costFlow = `flow: cost
types:
  Row: {id: int, device: string, value: float}
nodes:
  rows:  {use: file.read, with: {path: "rows-*.csv", as: Row}}
  large: {use: filter, in: rows, with: {where: value > 10}}
  twice: {use: map, in: large, with: {set: {double: value * 2}}}
  sums:  {use: group, in: twice, with: {by: [device], set: {total: sum(double)}}}
  out:   {use: file.write, in: sums, with: {path: sums.jsonl}}
`

// TestSoakCost measures what a page costs the run it shows: the same flow runs in
// turn with somebody looking and with nobody. Each run is compared with its neighbour,
// by the time on the clock and by the processor's. The latter is the one to trust on a machine that
// others use too.
func TestSoakCost(t *testing.T) {
	soak(t)
	dir := t.TempDir()
	writeRows(t, filepath.Join(dir, "rows-0.csv"), 4_000_000)
	for i := range 3 {
		if err := os.Link(filepath.Join(dir, "rows-0.csv"), filepath.Join(dir, fmt.Sprintf("rows-%d.csv", i+1))); err != nil {
			t.Fatal(err)
		}
	}
	var clock, cpu []float64 // closed against open, of runs that follow each other
	costOf(t, dir, true)     // the files are in memory from now on
	for i := range 20 {
		var took, used [2]time.Duration // closed, open
		for k := range 2 {
			open := (i + k) % 2
			took[open], used[open] = costOf(t, dir, open == 1)
		}
		clock = append(clock, float64(took[0])/float64(took[1]))
		cpu = append(cpu, float64(used[0])/float64(used[1]))
	}
	slices.Sort(clock)
	slices.Sort(cpu)
	half := len(cpu) / 2
	t.Logf("throughput with the page open against closed, medians of %d pairs: %.3f by the clock, %.3f by processor time; half of the pairs are in %.3f to %.3f and %.3f to %.3f",
		len(cpu), clock[half], cpu[half], clock[half/2], clock[half+half/2], cpu[half/2], cpu[half+half/2])
	if !(cpu[half] > 0.96) { // 0.98 is the aim; machines are noisy
		t.Errorf("with the page open a flow has %.3f of its throughput", cpu[half])
	}
}

func writeRows(t *testing.T, path string, n int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "id,device,value")
	for i := range n {
		fmt.Fprintf(w, "%d,d-%03d,%d.25\n", i, i*7%500, i%97)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// costOf runs the flow with its page served, and with one reader of the stream or
// none, and tells the time on the clock and of the processor.
func costOf(t *testing.T, dir string, looked bool) (took, used time.Duration) {
	t.Helper()
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	flow, list := graph.Load(diag.NewSource(filepath.Join(dir, "cost.yaml"), []byte(costFlow)), registry, graph.Options{})
	if list.HasErrors() {
		diag.Print(os.Stderr, list, diag.Style{})
		t.Fatal("the flow is wrong")
	}
	run, err := scheduler.New(flow, registry, scheduler.Options{})
	if err != nil {
		t.Fatal(err)
	}
	page, err := web.New(flow, run, web.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	server := httptest.NewServer(page)
	defer server.Close()
	read := make(chan struct{})
	if looked {
		req, _ := http.NewRequest("GET", server.URL+"/api/v1/stream", nil)
		req.Header.Set("Accept-Encoding", "gzip") // as a browser asks; to unpack is its own affair
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		go func() { defer close(read); io.Copy(io.Discard, res.Body); res.Body.Close() }()
	} else {
		close(read)
	}
	before := metrics.CPUTime()
	report, err := run.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	used = metrics.CPUTime() - before
	<-read
	return report.Took, used
}
