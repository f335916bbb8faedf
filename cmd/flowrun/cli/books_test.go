package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// The books of a run that fails say in one sentence what has not arrived: what was on its
// way, what a sink has taken and not kept, and what a command was given that has failed.
func TestBooksOfARunThatFails(t *testing.T) {
	const source = "nodes:\n  in: {use: file.read, with: {path: rows.jsonl, as: {a: int}}}\n"
	for what, c := range map[string]struct {
		flow             string
		keeps            bool
		notKept, unknown bool
	}{
		"added":   {"  out: {use: file.write, in: in, with: {path: out.jsonl, append: true}}\n", true, false, false},
		"whole":   {"  out: {use: file.write, in: in, with: {path: out.jsonl}}\n", false, true, false},
		"command": {"  out: {use: exec.write, in: in, with: {command: [sh, -c, 'cat > got; exit 3']}}\n", false, false, true},
	} {
		t.Run(what, func(t *testing.T) {
			if c.unknown && runtime.GOOS == "windows" {
				t.Skip("the programs of Unix are not there")
			}
			folder(t, map[string]string{"rows.jsonl": strings.Repeat("{\"a\":1}\n", 200_000) + "bad\n", "f.yaml": source + c.flow})
			r := call("", "run", "f.yaml", "--report", "all.json")
			if r.code != 1 {
				t.Fatalf("exit %d %s", r.code, r.err)
			}
			text, err := os.ReadFile("all.json")
			if err != nil {
				t.Fatal(err)
			}
			var report struct {
				Balanced   bool
				Unfinished struct {
					OnEdges     int64 `json:"on_edges"`
					InNodes     int64 `json:"in_nodes"`
					NotKept     int64 `json:"not_kept"`
					Unconfirmed int64
				}
				Nodes []struct {
					ID, Kind       string
					In, Used, Held int64
				}
				Edges []struct{ Items int64 }
			}
			if err := json.Unmarshal(text, &report); err != nil {
				t.Fatal(err)
			}
			out, u := report.Nodes[1], report.Unfinished
			if !report.Balanced || u.InNodes != report.Nodes[0].Held+out.Held || u.OnEdges != report.Edges[0].Items {
				t.Errorf("it says %+v of %+v and %+v", u, report.Nodes, report.Edges)
			}
			if c.notKept != (u.NotKept > 0) || c.notKept && u.NotKept != out.Used || c.unknown != (u.Unconfirmed > 0) || c.unknown && u.Unconfirmed != out.Used {
				t.Errorf("it says %+v, and the sink took %d", u, out.Used)
			}
			if c.keeps {
				if got := int64(strings.Count(read(t, "out.jsonl"), "\n")); got != out.Used {
					t.Errorf("there are %d rows of %d", got, out.Used)
				}
			}
			var want []string
			if u.OnEdges > 0 {
				want = append(want, " got no further than edges")
			}
			if c.notKept {
				want = append(want, fmt.Sprintf("out has not kept %s item", comma(u.NotKept)))
			}
			if c.unknown {
				want = append(want, fmt.Sprintf("out cannot say what became of %s item", comma(u.Unconfirmed)))
			}
			if books := "books       balance, but "; len(want) > 0 {
				want = append(want, books)
			} else if u.InNodes == 0 {
				want = append(want, "books       balance: every item is accounted for")
			}
			for _, text := range want {
				if !strings.Contains(r.err, text) {
					t.Errorf("no %q in\n%s", text, r.err)
				}
			}
			if strings.Contains(r.err, "lost") {
				t.Errorf("it speaks of what was lost:\n%s", r.err)
			}
		})
	}
}

// comma writes a number as the report does.
func comma(n int64) string {
	s := fmt.Sprint(n)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}
