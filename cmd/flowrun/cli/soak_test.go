//go:build linux

package cli_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// spilling reads every row twice; the second branch waits in the overflow of its
// edge until the first one has ended.
const spilling = `flow: spilling
limits: {memory: 16MB}
nodes:
  rows:
    use: generate
    with: {count: %d, set: {id: n, text: '"a text of some length for item " + string(n) + ", which is there to make it about a hundred bytes"'}}
  count: {use: group, in: rows, with: {set: {rows: count()}}}
  counted: {use: map, in: count, with: {set: {id: rows, text: '"rows"'}, select: [id, text]}}
  again: {use: map, in: {from: rows, on_full: spill, bytes: 8MB}, with: {select: [id, text]}}
  all: {use: concat, in: [counted, again]}
  out: {use: file.write, in: all, with: {path: out.jsonl}}
`

// TestSpillInLittleMemory: a queue of 130 MB, of 1.3 GB with FLOWRUN_SOAK=1, in a
// process that never has more than 64 MB, loses nothing and keeps its order.
func TestSpillInLittleMemory(t *testing.T) {
	n, limit := 1_000_000, int64(64<<20)
	if os.Getenv("FLOWRUN_SOAK") != "" {
		n = 10_000_000
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "spilling.yaml"), fmt.Appendf(nil, spilling, n), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "run", "spilling.yaml", "--report", "json")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOMEMLIMIT=48MiB", "TMPDIR="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	most := make(chan int64)
	go func() { most <- mostMemory(cmd.Process.Pid) }()
	err := cmd.Wait()
	rss := <-most
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if !strings.Contains(stderr.String(), `"spilled"`) {
		t.Errorf("nothing was spilled: %s", stderr.String())
	}
	switch {
	case rss == 0:
		t.Error("the memory of the process was never seen")
	case rss > limit:
		t.Errorf("the process had %d MB", rss>>20)
	default:
		t.Logf("%d items, %d MB of memory", n, rss>>20)
	}
	file, err := os.Open(filepath.Join(dir, "out.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines, next := bufio.NewScanner(file), -1
	for lines.Scan() {
		if next >= 0 {
			want := fmt.Appendf(nil, `{"id":%d,`, next)
			if !bytes.HasPrefix(lines.Bytes(), want) {
				t.Fatalf("line %d is %s", next+2, lines.Text())
			}
		}
		next++
	}
	if lines.Err() != nil || next != n {
		t.Errorf("%d items of %d, %v", next, n, lines.Err())
	}
}

// mostMemory watches a process to its end and gives the most memory that it had.
// What the system tells of a process that has ended begins with what its parent
// had, so it is no good.
func mostMemory(pid int) (bytes int64) {
	for {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		_, peak, ok := strings.Cut(string(status), "VmHWM:")
		if err != nil || !ok {
			return bytes
		}
		if kb, err := strconv.ParseInt(strings.Fields(peak)[0], 10, 64); err == nil {
			bytes = max(bytes, kb<<10)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
