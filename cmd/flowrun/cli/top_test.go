package cli

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// crowded is a state with everything in it that top shows.
func crowded() *remoteState {
	s := &remoteState{Flow: "etl", Outcome: "running", Seconds: 125}
	s.Verdict.Level, s.Verdict.Head, s.Verdict.Text = "bad", "slow is the bottleneck", "97 % busy; its queue is full (source.out → slow.in 128/128). Try workers: 4 on slow."
	s.Nodes = []remoteNode{
		{State: "paused", Out: 1250, Busy: .2, Blocked: .8, Progress: .5, Total: metrics.NodeReport{ID: "source", Source: true, Workers: 1}},
		{State: "bottleneck", In: 640, Out: 640, Busy: .97, P99: .0042, Total: metrics.NodeReport{ID: "slow", Workers: 2}},
		{State: "errors", In: 640, Busy: .1, Starved: .9, Total: metrics.NodeReport{ID: "sink", Workers: 1, Dead: 7}},
		{State: "brand new\x1b[2J", Total: metrics.NodeReport{ID: "odd\x1b", Workers: 1}},
	}
	edge := func(from, to string, fill float64, items int64) {
		s.Edges = append(s.Edges, struct {
			Fill  float64
			Total metrics.EdgeReport
		}{fill, metrics.EdgeReport{From: from, To: to, Items: items}})
	}
	edge("source.out", "slow.in", 1, 128)
	edge("slow.out", "sink.in", 0, 0)
	return s
}

func TestTopView(t *testing.T) {
	v := topView{state: crowded(), sort: "state", width: 120}
	got := strings.Join(v.lines(), "\n")
	want := `etl  running 2:05  in 1.25k/s  out 640/s  queued 128  errors 7
▲ slow is the bottleneck: 97 % busy; its queue is full (source.out → slow.in 128/128). Try workers: 4 on slow.
  node    state             workers   in/s  out/s     p99   busy  blocked  starved  queue            errors
  slow    ▲ bottleneck            2    640    640    4 ms   97 %      0 %      0 %  ████████  100 %       0
  sink    ! errors                1    640      0       –   10 %      0 %     90 %  ░░░░░░░░    0 %       7
  source  ‖ paused                1      –  1.25k       –   20 %     80 %      0 %  ████░░░░   50 %       0
  odd�    ? brand new�[2J         1      0      0       –    0 %      0 %      0 %                        0`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Whatever the room, no line is wider and there are no more lines than fit.
func TestTopViewFits(t *testing.T) {
	for width := 1; width < 130; width += 3 {
		for height := 1; height < 14; height++ {
			v := topView{state: crowded(), sort: "busy", width: width, height: height, keys: true, note: "the page has gone; these are its last numbers"}
			lines := v.lines()
			if len(lines) > height {
				t.Errorf("%d lines in %d", len(lines), height)
			}
			for _, line := range lines {
				if n := cellsOf(line); n > width && width >= 24 {
					t.Errorf("%d cells in %d: %q", n, width, line)
				}
			}
		}
	}
	v := topView{state: crowded(), sort: "flow", width: 100, height: 6}
	if lines := v.lines(); lines[len(lines)-1] != "  and 3 nodes more" {
		t.Errorf("nothing tells that nodes are hidden: %q", lines)
	}
}

func TestTopOrders(t *testing.T) {
	for by, want := range map[string]string{
		"state": "slow sink source odd\x1b", "busy": "slow source sink odd\x1b", "in": "slow sink source odd\x1b", "out": "source slow sink odd\x1b",
		"queue": "slow sink source odd\x1b", "errors": "sink source slow odd\x1b", "node": "odd\x1b sink slow source", "flow": "source slow sink odd\x1b",
	} {
		v := topView{state: crowded(), sort: by}
		v.measure()
		ids := func() string {
			var ids []string
			for _, n := range v.order() {
				ids = append(ids, n.Total.ID)
			}
			return strings.Join(ids, " ")
		}
		if got := ids(); got != want {
			t.Errorf("by %s: %q, want %q", by, got, want)
		}
		v.turned = true
		if got := strings.Fields(ids()); got[len(got)-1] != strings.Fields(want)[0] {
			t.Errorf("by %s, the other way round: %q", by, got)
		}
	}
}

func TestTopKeys(t *testing.T) {
	v := topView{state: crowded(), sort: "state"}
	for range topColumns {
		before := v.sort
		if v.press('r'); !v.turned {
			t.Error("r turns nothing round")
		}
		if quit := v.press('s'); quit || v.sort == before || v.turned {
			t.Errorf("s goes from %s to %s, turned %v", before, v.sort, v.turned)
		}
	}
	if v.sort != "state" {
		t.Errorf("s does not come back: %s", v.sort)
	}
	for _, key := range []byte{'q', 'Q', 3} {
		if !v.press(key) {
			t.Errorf("key %d does not end it", key)
		}
	}
	if v.press('x') {
		t.Error("x ends it")
	}
}

// What a flow was told as a secret is known to be one; other variables are not.
func TestSecretsAreRemembered(t *testing.T) {
	t.Setenv("FLOWRUN_TEST_SECRET", "s3cret")
	var s secrets
	for _, name := range []string{"env:FLOWRUN_TEST_SECRET", "env:FLOWRUN_TEST_SECRET", "FLOWRUN_TEST_SECRET", "env:FLOWRUN_TEST_NOTHING"} {
		s.lookup(name)
	}
	if got := s.all(); len(got) != 1 || got[0] != "s3cret" {
		t.Errorf("%q", got)
	}
	tap := tapFlags{hide: []string{"email"}}
	if tap.rules(&s) != nil {
		t.Error("items are shown though nobody allowed it")
	}
	tap.allow = true
	if r := tap.rules(&s); len(r.Secrets) != 1 || len(r.Hide) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestEdgeOfAText(t *testing.T) {
	f := remoteFlow{Name: "f"}
	for _, name := range []string{"src.out → a.in", "src.out → b.in", "a.out → sink.in", "b.out → sink.in", "b.errors → dead.in"} {
		f.Edges = append(f.Edges, remoteEdge{name})
	}
	for text, want := range map[string]int{
		"src.out->a.in": 0, "src.out → b.in": 1, "src->b": 1, "->a": 0, "a->": 2, "a.in": 0, "dead": 4, "b.errors": 4, "b.out": 3, "3": 3, "e4": 4, " a -> sink ": 2,
	} {
		if got, err := f.find(text); err != nil || got != want {
			t.Errorf("%q is edge %d, %v; want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"a": "fits 2 edges", "sink": "fits 2 edges", "src->": "fits 2 edges", "->": "fits 5 edges", "nobody": "no edge", "9": "no edge", "src->sink": "no edge", "": "fits",
	} {
		if _, err := f.find(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestAddressOfAPage(t *testing.T) {
	for addr, want := range map[string]string{
		":8790": "http://127.0.0.1:8790", "localhost:1": "http://localhost:1", "127.0.0.1:8790/live/3/": "http://127.0.0.1:8790/live/3",
		"http://h:1/?token=abc": "http://h:1", "https://flow.example": "https://flow.example", "[::1]:5": "http://[::1]:5",
	} {
		r, err := newRemote(addr, "")
		if err != nil || r.base != want {
			t.Errorf("%s: %v %v, want %s", addr, r, err, want)
			continue
		}
		if strings.Contains(addr, "token") != (r.token == "abc") {
			t.Errorf("%s: token %q", addr, r.token)
		}
	}
	for _, addr := range []string{"", "ftp://h:1", "http://", "1 2", "a b:80"} {
		if _, err := newRemote(addr, ""); err == nil {
			t.Errorf("%q is an address", addr)
		}
	}
}
