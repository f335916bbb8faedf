package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// twoReports are a flow 2 s and 3 s after its start.
func twoReports() (before, now metrics.Report) {
	report := func(took time.Duration, k int64) metrics.Report {
		return metrics.Report{
			Flow: "late-flights", Outcome: "running", Took: took,
			Nodes: []metrics.NodeReport{
				{ID: "flights", Kind: "file.read", State: "running", Workers: 1, Out: 400_000 * k, Busy: 0.9, Done: 20e6 * k, Total: 100e6, Source: true},
				{ID: "airports", Kind: "file.read", State: "done", Workers: 1, Out: 3_376, Done: 210_000, Total: 210_000, Source: true},
				{ID: "late", Kind: "filter", State: "running", Workers: 2, In: 390_000 * k, Out: 100_000 * k, Busy: 0.25},
				{ID: "named", Kind: "join", State: "running", Workers: 1, In: 100_000, Out: 100_000, Held: 1024},
				{ID: "worst", Kind: "group", State: "running", Workers: 1, In: 99_000 * k, Skipped: 12, Busy: 0.1},
				{ID: "report", Kind: "file.write", State: "running", Workers: 1},
			},
			Edges: []metrics.EdgeReport{
				{From: "flights.out", To: "late.in", Capacity: 8192, Items: 8192},
				{From: "airports.out", To: "named.right", Capacity: 8192},
				{From: "late.out", To: "named.left", Capacity: 8192, Items: 4100},
				{From: "named.out", To: "worst.in", Capacity: 1000, Items: 1000},
				{From: "worst.out", To: "report.in", Capacity: 4096},
			},
		}
	}
	return report(2*time.Second, 2), report(3*time.Second, 3)
}

func TestViewShowsEveryNode(t *testing.T) {
	before, now := twoReports()
	v := view{before: &before, now: &now, width: 100, height: 30}
	want := `
late-flights  0:03
  node      state    workers  items  a second  queue               busy  errors
  flights   working        1  1.20M      400k                      90 %       0
  airports  done           1  3.38k                                           0
  late      working        2  1.17M      390k  ██████████  100 %   25 %       0
  named     blocked        1   100k         0  █████░░░░░   50 %    0 %       0
  worst     working        1   297k     99.0k  ██████████  100 %   10 %      12
  report    waiting        1      0         0  ░░░░░░░░░░    0 %    0 %       0
  read ██████████████░░░░░░░░░░ 60 %  60.2 MB of 100 MB  20.1 MB/s  0:02 left
`
	if got := "\n" + strings.Join(v.lines(), "\n") + "\n"; got != want {
		t.Errorf("got%swant%s", got, want)
	}
}

func TestViewFitsTheTerminal(t *testing.T) {
	before, now := twoReports()
	for i := range 40 {
		now.Nodes = append(now.Nodes, metrics.NodeReport{ID: fmt.Sprintf("a_node_with_a_long_name_%d", i), State: "running", Workers: 1})
	}
	for _, width := range []int{12, 20, 33, 50, 79, 200} {
		for _, height := range []int{1, 4, 6, 10, 24, 100} {
			v := view{before: &before, now: &now, width: width, height: height, note: "interrupt: sources stopped, finishing what is on its way"}
			lines := v.lines()
			if len(lines) > height {
				t.Errorf("%d×%d: %d lines", width, height, len(lines))
			}
			for _, line := range lines {
				if n := cellsOf(line); n > width {
					t.Errorf("%d×%d: a line of %d cells: %q", width, height, n, line)
				}
			}
		}
	}
}

func TestViewKeepsTheBusiestWhenThereIsNoRoom(t *testing.T) {
	before, now := twoReports()
	v := view{before: &before, now: &now, width: 100, height: 7}
	want := `
late-flights  0:03
  node     state    workers  items  a second  queue               busy  errors
  flights  working        1  1.20M      400k                      90 %       0
  late     working        2  1.17M      390k  ██████████  100 %   25 %       0
  worst    working        1   297k     99.0k  ██████████  100 %   10 %      12
  and 3 nodes more, 1 of them done
  read ██████████████░░░░░░░░░░ 60 %  60.2 MB of 100 MB  20.1 MB/s  0:02 left
`
	if got := "\n" + strings.Join(v.lines(), "\n") + "\n"; got != want {
		t.Errorf("got%swant%s", got, want)
	}
}

func TestViewWithoutEstimateHasNoTotal(t *testing.T) {
	before, now := twoReports()
	now.Nodes[0].Total = 0 // a pipe: nobody knows how much will come
	v := view{before: &before, now: &now, width: 100, height: 30}
	if got := strings.Join(v.lines(), "\n"); strings.Contains(got, "read ") {
		t.Errorf("there is an estimate of nothing:\n%s", got)
	}
}

func TestSparseLine(t *testing.T) {
	before, now := twoReports()
	want := "late-flights 0:03; 60 % read, 0:02 left; 1,203,376 rows, 400k a second; 12 errors; flights is busy 90 %; flights.out -> late.in is 100 % full"
	if got := sparseLine(&before, &now); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	first := metrics.Report{Flow: "f", Took: 2 * time.Second, Nodes: []metrics.NodeReport{{ID: "a", Source: true, Out: 10}}}
	if got, want := sparseLine(&metrics.Report{}, &first), "f 0:02; 10 rows, 5 a second"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A glass is a terminal that understands what screen writes.
type glass struct {
	lines []string
	row   int
}

func (g *glass) Write(b []byte) (int, error) {
	s := string(b)
	for s != "" {
		switch {
		case strings.HasPrefix(s, "\x1b["):
			end := strings.IndexAny(s, "AJK")
			n := 0
			fmt.Sscanf(s[2:end], "%d", &n)
			switch s[end] {
			case 'A':
				g.row -= n
			case 'J':
				g.lines = g.lines[:min(len(g.lines), g.row)]
			}
			s = s[end+1:]
		case s[0] == '\r':
			s = s[1:]
		case s[0] == '\n':
			g.row++
			s = s[1:]
		default:
			end := strings.IndexAny(s, "\x1b\r\n")
			if end < 0 {
				end = len(s)
			}
			for len(g.lines) <= g.row {
				g.lines = append(g.lines, "")
			}
			g.lines[g.row] = s[:end]
			s = s[end:]
		}
	}
	return len(b), nil
}

func (g *glass) String() string { return strings.Join(g.lines, "|") }

func TestScreenRedrawsBelowWhatOthersPrint(t *testing.T) {
	g := new(glass)
	s := &screen{out: g}
	data := s.through(g)
	expect := func(want string) {
		t.Helper()
		if got := g.String(); got != want {
			t.Errorf("the terminal shows %q, want %q", got, want)
		}
	}
	s.draw([]string{"one", "two", "three"})
	expect("one|two|three")
	s.draw([]string{"uno", "due"})
	expect("uno|due")
	fmt.Fprint(data, "row 1\n")
	expect("row 1")
	s.draw([]string{"eins"})
	expect("row 1|eins")
	fmt.Fprint(data, "half a li")
	s.draw([]string{"nothing must break the line"})
	expect("row 1|half a li")
	fmt.Fprint(data, "\n")
	s.draw([]string{"un"})
	s.clear()
	expect("row 1|half a li")
}

func TestSparseProgressIsPlainText(t *testing.T) {
	var out bytes.Buffer
	before, now := twoReports()
	s := &sparseProgress{out: &out}
	if s.next() != 2*time.Second {
		t.Errorf("first line after %s", s.next())
	}
	s.show(before)
	if s.next() != 10*time.Second {
		t.Errorf("next line after %s", s.next())
	}
	s.show(now)
	s.say("stopping")
	if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); len(lines) != 3 || strings.ContainsAny(out.String(), "\x1b\r") {
		t.Errorf("got %q", out.String())
	}
}
