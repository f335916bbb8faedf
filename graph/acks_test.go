package graph_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
)

// behind are settings for each kind that reads something, and whether a node that has them
// may stand behind a source that acknowledges. Those without settings are written {}.
var behind = map[string]map[string]bool{
	"balance":      {`{outputs: [a, b]}`: true},
	"batch":        {`{count: 2}`: true, `{count: 2, period: 1s}`: true},
	"changed":      {`{by: k}`: true},
	"concat":       {`{}`: true},
	"debounce":     {`{quiet: 1s}`: true, `{quiet: 1s, by: k}`: true},
	"delay":        {`{for: 1h}`: true},
	"drop":         {`{}`: true},
	"exec.write":   {`{command: [cat]}`: true, `{command: [cat], confirm: true}`: true},
	"filter":       {`{where: n > 1}`: true},
	"flatten":      {`{field: list}`: true},
	"gather":       {`{id: k, count: 3}`: true},
	"go.both":      {`{}`: false},
	"go.opaque":    {`{}`: true},
	"go.point":     {`{}`: true},
	"go.sum":       {`{}`: false},
	"group":        {`{by: k, set: {c: count()}}`: false, `{set: {c: count()}}`: false},
	"http.call":    {`{url: '"http://h/" + k', into: a}`: true, `{url: "http://h/", method: POST, per: batch}`: true},
	"http.post":    {`{url: "http://h/"}`: true},
	"http.reply":   {`{to: reply}`: true},
	"join":         {`{on: n, prefix: r_}`: false},
	"latest":       {`{as: [a, b]}`: false},
	"limit":        {`{count: 3}`: true},
	"log":          {`{}`: true},
	"map":          {`{set: {m: n}}`: true},
	"merge":        {`{}`: true},
	"partition":    {`{by: k, outputs: [a, b]}`: true},
	"route":        {`{cases: {a: n > 1}}`: true},
	"sample":       {`{every: 3}`: true},
	"sample_time":  {`{every: 1s}`: true},
	"scan":         {`{set: {s: sum(n)}}`: false, `{by: k, set: {s: sum(n)}}`: false},
	"skip":         {`{count: 3}`: true},
	"skip_until":   {`{where: n > 1}`: false},
	"skip_while":   {`{where: n > 1}`: false},
	"socket.write": {`{connect: "tcp://h:1"}`: true},
	"sort":         {`{by: n}`: false, `{by: n, limit: 3}`: false},
	"start_with":   {`{rows: [{n: 1, at: time("2026-01-01T00:00:00Z"), k: '"a"', list: '[1]'}]}`: true},
	"take_until":   {`{where: n > 1}`: true},
	"take_while":   {`{where: n > 1}`: true},
	"test.first":   {`{}`: true},
	"throttle":     {`{every: 1s}`: true, `{every: 1s, keep: last}`: true},
	"unbatch":      {`{}`: true},
	"unique":       {`{by: k}`: false, `{}`: false},
	"window":       {`{time: at, size: 1h, set: {c: count()}}`: false, `{time: at, session: 1m, set: {c: count()}}`: false},
	"window_join":  {`{on: k, time: at, within: 1m, prefix: r_}`: false},
	"zip":          {`{as: [a, b]}`: false},
	"file.write": {
		`{path: whole.jsonl}`: false, `{path: whole.jsonl.gz}`: false, `{path: "of-*.jsonl", split: k}`: false,
		`{path: whole.json}`: false, `{path: nowhere/whole.jsonl}`: false, `{path: there.jsonl}`: false,
		`{path: added.jsonl, append: true}`: true, `{path: "of-*.jsonl", split: k, append: true}`: true,
		`{path: "-", format: jsonl}`: true, `{path: "-", format: json}`: true, `{path: /dev/null, format: jsonl}`: true,
	},
	"test.optional": {`{}`: true},
}

// Every kind stands behind a source that acknowledges: it is refused, or it is not. It
// never is if the source acknowledges early, or its settings say that it acknowledges
// nothing.
func TestBehindSourcesThatAcknowledge(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "there.jsonl"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	registry := kinds(t)
	for _, kind := range registry.Kinds() {
		spec, _ := registry.Spec(kind)
		if len(spec.In) == 0 {
			continue
		}
		if len(behind[kind]) == 0 {
			t.Errorf("%s is not tried", kind)
		}
		for with, may := range behind[kind] {
			t.Run(kind+" "+with, func(t *testing.T) {
				for source, want := range map[string]bool{
					"{use: test.queue}":                       !may,
					"{use: test.queue, ack: sinks}":           !may,
					"{use: test.queue, ack: early}":           false,
					"{use: test.queue, with: {silent: true}}": false,
				} {
					list := lostBehind(t, registry, dir, spec, source, with)
					if got := len(list) > 0; got != want || len(list) > 1 {
						t.Errorf("%s: %v", source, list)
					}
				}
			})
		}
	}
}

// lostBehind gives the errors of a flow with a node behind a source: all that a crash
// could lose. There may be none of another sort.
func lostBehind(t *testing.T, registry graph.Catalog, dir string, spec *graph.Spec, source, with string) diag.List {
	t.Helper()
	feed := map[string]string{"unbatch": "lists", "go.both": "points", "go.point": "points", "go.sum": "points", "go.opaque": "points", "http.reply": "asked"}[spec.Kind]
	if feed == "" {
		feed = "queue"
	}
	in := feed
	switch {
	case len(spec.In) > 1:
		in = "{" + spec.In[0].Name + ": " + feed + ", " + spec.In[1].Name + ": " + feed + "}"
	case spec.In[0].Arity == graph.Many:
		in = "[" + feed + ", " + feed + "]"
	}
	text := "nodes:\n  queue: " + source + "\n" +
		"  lists: {use: batch, in: queue, with: {count: 2}}\n" +
		"  points: {use: map, in: queue, with: {set: {x: float(n), y: float(n)}, select: [x, y]}}\n" +
		"  ask: {use: http.listen, with: {address: \"127.0.0.1:1\", as: \"{m: int}\", respond: reply, else: {status: 404}}}\n" +
		"  asked: {use: join, in: {left: queue, right: ask}, with: {on: {n: m}, kind: left}}\n" +
		"  it: {use: " + spec.Kind + ", in: " + in + ", with: " + with + "}\n"
	_, list := graph.Load(diag.NewSource(filepath.Join(dir, "flow.yaml"), []byte(text)), registry, graph.Options{})
	for _, d := range list {
		if d.Severity == diag.Error && d.Code != diag.LostByCrash {
			t.Fatal(d)
		}
	}
	return slices.DeleteFunc(list, func(d diag.Diagnostic) bool { return d.Code != diag.LostByCrash })
}

// Where two sources meet, those are named that acknowledge; and a node is named once for
// each, however many ways lead there.
func TestAcksOfSeveralSources(t *testing.T) {
	for name, c := range map[string]struct {
		nodes string
		want  string // sources and what is behind them
	}{
		"one of two": {`
  q: {use: test.queue}
  r: {use: test.queue, ack: early}
  both: {use: merge, in: [q, r]}
  sums: {use: group, in: both, with: {set: {c: count()}}}
`, "q: sums"},
		"both": {`
  q: {use: test.queue}
  r: {use: test.queue}
  both: {use: merge, in: [q, r]}
  sums: {use: group, in: both, with: {set: {c: count()}}}
`, "q: sums, r: sums"},
		"a branch": {`
  q: {use: test.queue}
  way: {use: route, in: q, with: {cases: {a: n > 1}}}
  kept: {use: sort, in: way.a, with: {by: n}}
  out: {use: drop, in: way.else}
`, "q: kept"},
		"two ways": {`
  q: {use: test.queue}
  a: {use: map, in: q, with: {select: [n, k]}}
  b: {use: map, in: q, with: {select: [n, at]}}
  j: {use: join, in: {left: a, right: b}, with: {on: n}}
  w: {use: file.write, in: j, with: {path: joined.jsonl}}
`, "q: w, q: j"},
		"looked up in what is read first": {`
  q: {use: test.queue}
  g: {use: generate, with: {count: 3}}
  j: {use: join, in: {left: q, right: g}, with: {on: n}}
  out: {use: drop, in: j}
`, ""},
		"looked up in what comes": {`
  q: {use: test.queue}
  g: {use: generate, with: {count: 3}}
  j: {use: join, in: {left: g, right: q}, with: {on: n, prefix: r_}}
  out: {use: drop, in: j}
`, "q: j"},
		"failed items": {`
  q: {use: test.queue}
  m: {use: map, in: q, with: {set: {m: 1 / n}}, on_error: dead}
  out: {use: drop, in: m}
  w: {use: file.write, in: m.errors, with: {path: failed.jsonl}}
`, "q: w"},
		"beside": {`
  q: {use: test.queue}
  out: {use: drop, in: q}
  g: {use: generate, with: {count: 3}}
  sorted: {use: sort, in: g, with: {by: n}}
  w: {use: file.write, in: sorted, with: {path: sorted.jsonl}}
`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, list := graph.Load(diag.NewSource("flow.yaml", []byte("nodes:"+c.nodes)), kinds(t), graph.Options{})
			var got []string
			for _, d := range list {
				if d.Code == diag.LostByCrash {
					source, _, _ := strings.Cut(d.Message, " would ")
					what, _, _ := strings.Cut(d.Notes[0].Message, " is behind ")
					got = append(got, source+": "+what)
				} else if d.Severity == diag.Error {
					t.Error(d)
				}
			}
			if got := strings.Join(got, ", "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
