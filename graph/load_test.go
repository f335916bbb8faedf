package graph_test

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

var update = flag.Bool("update", false, "write what is printed into the files of testdata")

// kinds are those that come with flowrun and some whose ports are of all sorts.
func kinds(t testing.TB) *nodes.Registry {
	t.Helper()
	registry, err := nodes.NewRegistry(std.Nodes, testKinds)
	if err != nil {
		t.Fatal(err)
	}
	return registry
}

// printed loads a flow and gives its problems as a user sees them.
func printed(t testing.TB, name, text string, opts graph.Options) string {
	t.Helper()
	_, list := graph.Load(diag.NewSource(name, []byte(text)), kinds(t), opts)
	var b strings.Builder
	if err := diag.Print(&b, list, diag.Style{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Each file of testdata/problems is a flow, a line of three dashes, and what is
// printed for it: every problem, in the order of the file, with its place.
func TestProblems(t *testing.T) {
	files, err := filepath.Glob("testdata/problems/*.txt")
	if err != nil || len(files) < 20 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			flow, want, ok := strings.Cut(string(text), "\n---\n")
			if !ok {
				t.Fatal("there is no line of three dashes")
			}
			flow += "\n"
			var opts graph.Options
			if strings.Contains(flow, "GIVEN") {
				opts.Set = map[string]string{"GIVEN": "12"}
			}
			got := printed(t, "testdata/problems/flow.yaml", flow, opts)
			if dir, err := filepath.Abs("testdata/problems"); err == nil {
				got = strings.ReplaceAll(got, dir, "DIR")
			}
			got = strings.ReplaceAll(got, "testdata/problems/", "")
			if *update {
				if err := os.WriteFile(file, []byte(flow+"---\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// sketch draws a compiled flow as text: nodes in order with what they give and what
// of it is needed, and edges that are not as usual.
func sketch(f *graph.Flow) string {
	var b strings.Builder
	for _, n := range f.Nodes {
		fmt.Fprintf(&b, "%s: %s", n.ID, n.Kind)
		if n.Engine.OnError != "fail" {
			b.WriteString(", on_error " + n.Engine.OnError)
		}
		b.WriteByte('\n')
		for _, out := range n.Out {
			if out.Name == graph.ErrorPort && len(out.Edges) == 0 {
				continue
			}
			needed := "all"
			if !out.Needed.All {
				needed = strings.Join(out.Needed.Names(), " ")
			}
			fmt.Fprintf(&b, "  %s %s, needs %s\n", out.Name, out.Carries, needed)
			for _, e := range out.Edges {
				fmt.Fprintf(&b, "    -> %s.%s", e.To.ID, e.ToPort.Name)
				if e.Contract.OnFull != "block" {
					b.WriteString(", " + e.Contract.OnFull)
				}
				if e.Contract.Capacity != graph.DefaultCapacity {
					fmt.Fprintf(&b, ", capacity %d", e.Contract.Capacity)
				}
				b.WriteByte('\n')
			}
		}
	}
	return b.String()
}

func TestLoad(t *testing.T) {
	for _, c := range []struct{ name, flow, want string }{
		{"a flow in any order", `
nodes:
  out:  {use: drop, in: some}
  some: {use: filter, in: {from: a, capacity: 5}, with: {where: n > m}}
  z:    {use: generate}
  a:    {use: generate, with: {set: {n: n, m: n + 1, unused: n}}}
  y:    {use: drop, in: z}
`, `z: generate
  out {n: int}, needs 
    -> y.in
a: generate
  out {n: int, m: int, unused: int}, needs m n
    -> some.in, capacity 5
some: filter
  out {n: int, m: int, unused: int}, needs 
    -> out.in
out: drop
y: drop
`},
		{"broadcast, several ports, a list of inputs", `
nodes:
  a: {use: generate}
  r: {use: route, in: a, with: {cases: {big: n > 10}}}
  m: {use: merge, in: [r.big, r.else, {from: a, capacity: 7}]}
  l: {use: log, in: m}
`, `a: generate
  out {n: int}, needs all
    -> r.in
    -> m.in, capacity 7
r: route
  big {n: int}, needs all
    -> m.in
  else {n: int}, needs all
    -> m.in
m: merge
  out {n: int}, needs all
    -> l.in
l: log
  out {n: int}, needs 
`},
		{"who reads the error port gets dead items, and whole ones", `
nodes:
  a: {use: generate, with: {set: {n: n, m: n, o: n}}}
  b: {use: map, in: a, with: {select: [n]}}
  c: {use: drop, in: b}
  d: {use: log, in: b.errors}
`, `a: generate
  out {n: int, m: int, o: int}, needs all
    -> b.in
b: map, on_error dead
  out {n: int}, needs 
    -> c.in
  errors Error, needs all
    -> d.in
c: drop
d: log
  out Error, needs 
`},
		{"the key of an order is needed", `
nodes:
  a: {use: generate, with: {set: {n: n, m: n, o: n}}}
  b: {use: filter, in: a, workers: 2, order: key, key: m, with: {where: n > 1}}
  c: {use: drop, in: b}
`, `a: generate
  out {n: int, m: int, o: int}, needs m n
    -> b.in
b: filter
  out {n: int, m: int, o: int}, needs 
    -> c.in
c: drop
`},
		{"a diamond spills where it could block", `
nodes:
  a: {use: generate}
  b: {use: filter, in: a, with: {where: n > 1}}
  c: {use: join, in: {left: a, right: b}, with: {on: n}}
  d: {use: drop, in: c}
  e: {use: drop, in: c.unmatched}
`, `a: generate
  out {n: int}, needs n
    -> b.in
    -> c.left, spill
b: filter
  out {n: int}, needs n
    -> c.right
c: join
  out {n: int}, needs 
    -> d.in
  unmatched {n: int}, needs 
    -> e.in
d: drop
e: drop
`},
		{"two joins that read two sources crosswise", `
nodes:
  s: {use: generate}
  t: {use: generate}
  j: {use: test.first, in: {left: s, right: t}}
  k: {use: test.first, in: {left: t, right: s}}
  d: {use: drop, in: j}
  e: {use: drop, in: k}
`, `s: generate
  out {n: int}, needs all
    -> j.left
    -> k.right
t: generate
  out {n: int}, needs all
    -> j.right
    -> k.left, spill
j: test.first
  out {n: int}, needs 
    -> d.in
k: test.first
  out {n: int}, needs 
    -> e.in
d: drop
e: drop
`},
		{"sources that have nothing to do with each other do not spill", `
nodes:
  s: {use: generate}
  t: {use: generate}
  j: {use: join, in: {left: s, right: t}, with: {on: n}}
  m: {use: merge, in: [s, t]}
  z: {use: concat, in: [j, m]}
  d: {use: drop, in: z}
`, `s: generate
  out {n: int}, needs n
    -> j.left
    -> m.in
t: generate
  out {n: int}, needs n
    -> j.right
    -> m.in
j: join
  out {n: int}, needs 
    -> z.in
  unmatched {n: int}, needs 
m: merge
  out {n: int}, needs 
    -> z.in, spill
z: concat
  out {n: int}, needs 
    -> d.in
d: drop
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			flow, list := graph.Load(diag.NewSource("flow.yaml", []byte(c.flow)), kinds(t), graph.Options{})
			if list.HasErrors() {
				t.Fatal(list)
			}
			if got := sketch(flow); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// Load must never panic and never hang, whatever the text; and what it has no
// problem with must be a flow as the package promises it.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/problems/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	more, err := filepath.Glob("../flows/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, more...) {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		flow, _, _ := strings.Cut(string(text), "\n---\n")
		f.Add(flow)
	}
	registry := kinds(f)
	for _, kind := range registry.Kinds() {
		spec, _ := registry.Spec(kind)
		for _, e := range spec.Examples {
			f.Add(e.Flow)
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		flow, list := graph.Load(diag.NewSource(filepath.Join(dir, "flow.yaml"), []byte(text)), registry, graph.Options{Stdin: bufio.NewReader(strings.NewReader("a,b\n1,2\n"))})
		for _, d := range list {
			if d.Message == "" || d.Code == "" || d.At.Line < 0 || d.At.Line > strings.Count(text, "\n")+1 || d.At.Line > 0 && d.At.Col < 1 {
				t.Errorf("a problem without message or place: %#v", d)
			}
		}
		var b strings.Builder
		if err := diag.Print(&b, list, diag.Style{Color: true}); err != nil {
			t.Error(err)
		}
		if list.HasErrors() {
			return
		}
		checkFlow(t, flow)
	})
}

// checkFlow holds a flow without errors against law 3 of the package.
func checkFlow(t *testing.T, flow *graph.Flow) {
	place := map[*graph.Node]int{}
	for i, n := range flow.Nodes {
		place[n] = i
		if n.Spec == nil || n.Config == nil {
			t.Errorf("%s has no kind or no settings", n.ID)
		}
		for _, in := range n.In {
			if len(in.Edges) == 0 && in.Arity != graph.Optional || len(in.Edges) > 1 && in.Arity != graph.Many {
				t.Errorf("%s.%s has %d edges", n.ID, in.Name, len(in.Edges))
			}
		}
		for _, out := range n.Out {
			if out.Carries == nil || out.Carries.Kind == types.KindError {
				t.Errorf("%s.%s has no type", n.ID, out.Name)
			}
		}
	}
	for i, e := range flow.Edges {
		if e.ID != i || place[e.From] >= place[e.To] || e.Type == nil {
			t.Errorf("edge %d, %s: the order of the nodes is wrong, or it has no type", e.ID, e)
		}
	}
}
