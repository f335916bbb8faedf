package nodetest_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler"
)

// This file makes random flows out of kinds that have no clock and compares each
// with its serial run, which shares no channel, token or queue with it.

// A stream is an output of the flow so far. Its items are {n: int, k: string},
// both nullable or both not.
type stream struct {
	ref      string // node or node.port
	size     int    // items at most
	nullable bool
	mixed    bool // the order of its items depends on timing
	whole    bool // its first items depend on the last ones of a source
}

// A sketch is a flow in the making.
type sketch struct {
	r       *rand.Rand
	text    strings.Builder
	streams []stream
	nodes   int
	sinks   map[string]stream // what they read
}

// maxSize bounds the items of a stream.
const maxSize = 3000

// sketchFlow gives the text of a random flow, and what its sinks read.
func sketchFlow(seed uint64) (string, map[string]stream) {
	s := &sketch{r: rand.New(rand.NewPCG(seed, seed>>7)), sinks: map[string]stream{}}
	s.text.WriteString("flow: random\n")
	s.limits()
	s.text.WriteString("nodes:\n")
	for range 1 + s.r.IntN(3) {
		s.source()
	}
	for range 2 + s.r.IntN(12) {
		s.grow()
	}
	for _, st := range s.streams {
		s.sink(st)
	}
	return s.text.String(), s.sinks
}

// node writes a node and gives its id. in and with may be empty.
func (s *sketch) node(kind, in, with, engine string) string {
	s.nodes++
	id := fmt.Sprintf("v%d", s.nodes)
	fmt.Fprintf(&s.text, "  %s: {use: %s", id, kind)
	if in != "" {
		s.text.WriteString(", in: " + in)
	}
	if with != "" {
		s.text.WriteString(", with: {" + with + "}")
	}
	s.text.WriteString(s.protected(kind, engine) + "}\n")
	return id
}

// edge spells how a stream is read.
func (s *sketch) edge(st stream) string {
	switch s.r.IntN(14) {
	case 0:
		return fmt.Sprintf("{from: %s, capacity: %d, isolate: true}", st.ref, 1+s.r.IntN(50))
	case 1, 2:
		return fmt.Sprintf("{from: %s, capacity: %d, delay: %dms}", st.ref, 1+s.r.IntN(200), 1+s.r.IntN(5))
	}
	return s.oneOfSeveral(st)
}

// oneOfSeveral is edge for nodes that may wait on one input while another one is
// full: such an edge may have to spill, and what has a delay cannot.
func (s *sketch) oneOfSeveral(st stream) string {
	switch s.r.IntN(6) {
	case 0:
		return fmt.Sprintf("{from: %s, capacity: %d}", st.ref, 1+s.r.IntN(5))
	case 1:
		return fmt.Sprintf("{from: %s, capacity: %d, bytes: 1KB}", st.ref, 1+s.r.IntN(100))
	case 2:
		return fmt.Sprintf("{from: %s, capacity: %d, on_full: spill, bytes: %dKB}", st.ref, 1+s.r.IntN(100), 1+s.r.IntN(3))
	}
	return st.ref
}

// pick takes a stream. Mostly nobody else reads it then; else it is a broadcast.
func (s *sketch) pick(ok func(stream) bool) (stream, bool) {
	var fit []int
	for i, st := range s.streams {
		if ok == nil || ok(st) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return stream{}, false
	}
	i := fit[s.r.IntN(len(fit))]
	st := s.streams[i]
	if s.r.IntN(3) > 0 {
		s.streams = slices.Delete(s.streams, i, i+1)
	}
	return st, true
}

func (s *sketch) add(st stream) { s.streams = append(s.streams, st) }

func (s *sketch) source() {
	n := s.r.IntN(120)
	if s.r.IntN(8) == 0 { // more than one batch
		n = 900 + s.r.IntN(1500)
	}
	id := s.node("generate", "", fmt.Sprintf(`count: %d, set: {n: n, k: '"k" + string(n %% %d)'}`, n, 1+s.r.IntN(7)), "")
	s.add(stream{ref: id, size: n})
}

func (s *sketch) sink(st stream) {
	edge, mixes := s.edge(st), false
	if !st.nullable && s.r.IntN(4) == 0 { // an item of priority null is a bad item
		edge, mixes = fmt.Sprintf("{from: %s, capacity: %d, priority: n %% 7}", st.ref, 1+s.r.IntN(200)), true
	}
	id := s.node("remember", edge, "", "")
	st.mixed = st.mixed || mixes
	s.sinks[id] = st
}

// workers gives some nodes several workers, and says whether that mixes items.
func (s *sketch) workers() (engine string, mixes bool) {
	switch s.r.IntN(6) {
	case 0, 1:
		return ", workers: " + s.workerText(), false
	case 2:
		if s.r.IntN(2) == 0 {
			return ", workers: " + s.workerText() + ", order: none", true
		}
		return fmt.Sprintf(", workers: %d, order: key, key: k", 2+s.r.IntN(4)), true
	}
	return "", false
}

// steady are streams whose order is known.
func steady(st stream) bool { return !st.mixed }

// grow adds something to the flow.
func (s *sketch) grow() {
	steps := []func(){s.change, s.change, s.change, s.split, s.split, s.together, s.join, s.zip, s.group, s.lists, s.fail, s.values, s.source}
	steps[s.r.IntN(len(steps))]()
}

// change adds a node with one input and one output.
func (s *sketch) change() {
	kinds := []struct{ kind, with string }{
		{"map", "set: {n: n * 2 + 1}"}, {"map", `set: {n: n - 3, k: '"m" + k'}`}, {"map", "set: {n: n % 50}"},
		{"filter", "where: n % 2 == 0"}, {"filter", "where: n > 1000000"}, {"filter", `where: k != "k1"`},
		{"unique", "by: [n, k]"}, {"sort", "by: [n, k]"}, {"sort", "by: [-k, n]"},
		// What follows depends on the order of the input.
		{"limit", fmt.Sprintf("count: %d", s.r.IntN(40))}, {"skip", fmt.Sprintf("count: %d", s.r.IntN(40))},
		{"sample", fmt.Sprintf("every: %d", 1+s.r.IntN(4))}, {"sample", "rate: 0.5"}, {"unique", "by: k"}, {"sort", "by: k, limit: 7"},
		{"take_while", "where: n < 60"}, {"skip_while", "where: n < 5"}, {"changed", "by: k"},
	}
	c := kinds[s.r.IntN(len(kinds))]
	needsOrder := slices.Contains([]string{"limit", "skip", "sample", "take_while", "skip_while", "changed"}, c.kind) || c.with == "by: k" || c.with == "by: k, limit: 7"
	st, ok := s.pick(func(st stream) bool { return !needsOrder || steady(st) })
	if !ok {
		return
	}
	engine, mixes := "", false
	if c.kind == "map" || c.kind == "filter" {
		engine, mixes = s.workers()
	}
	id := s.node(c.kind, s.edge(st), c.with, engine)
	// A sort by all fields puts mixed items in an order again.
	mixed := (st.mixed || mixes) && c.kind != "sort"
	s.add(stream{ref: id, size: st.size, nullable: st.nullable, mixed: mixed, whole: st.whole || c.kind == "sort"})
}

// split adds a node with several outputs.
func (s *sketch) split() {
	kinds := []struct {
		kind, with string
		ports      []string
	}{
		{"route", `cases: {a: n % 3 == 0, b: n % 3 == 1}`, []string{"a", "b", "else"}},
		{"route", `cases: {a: n % 2 == 0, b: n > 20}, match: all`, []string{"a", "b"}},
		{"partition", "by: k, outputs: [a, b]", []string{"a", "b"}},
		{"balance", "outputs: [a, b, c]", []string{"a", "b", "c"}},
	}
	c := kinds[s.r.IntN(len(kinds))]
	st, ok := s.pick(func(st stream) bool { return c.kind != "balance" || steady(st) })
	if !ok {
		return
	}
	engine, mixes := "", false
	if c.kind != "balance" {
		engine, mixes = s.workers()
	}
	id := s.node(c.kind, s.edge(st), c.with, engine)
	for _, port := range c.ports {
		s.add(stream{ref: id + "." + port, size: st.size, nullable: st.nullable, mixed: st.mixed || mixes, whole: st.whole})
	}
}

// together adds a merge or a concat.
func (s *sketch) together() {
	kind := []string{"merge", "concat"}[s.r.IntN(2)]
	var edges []string
	out := stream{mixed: kind == "merge"}
	for range 2 + s.r.IntN(2) {
		st, ok := s.pick(func(st stream) bool { return out.size+st.size <= maxSize })
		if !ok {
			continue
		}
		edges = append(edges, s.oneOfSeveral(st))
		out.size += st.size
		out.nullable, out.mixed = out.nullable || st.nullable, out.mixed || st.mixed
		out.whole = out.whole || st.whole || kind == "concat"
	}
	if len(edges) > 0 {
		out.ref = s.node(kind, "["+strings.Join(edges, ", ")+"]", "", "")
		s.add(out)
	}
}

func (s *sketch) join() {
	left, ok := s.pick(nil)
	if !ok {
		return
	}
	right, ok := s.pick(func(st stream) bool { return (left.size+1)*(st.size+1) <= maxSize })
	if !ok {
		s.add(left)
		return
	}
	kind := []string{"inner", "left", "right", "full", "semi", "anti"}[s.r.IntN(6)]
	id := s.node("join", fmt.Sprintf("{left: %s, right: %s}", s.oneOfSeveral(left), s.oneOfSeveral(right)), "on: k, prefix: r_, kind: "+kind, "")
	mixed := left.mixed || right.mixed
	if kind == "inner" || kind == "semi" {
		s.add(stream{ref: id + ".unmatched", size: left.size, nullable: left.nullable, mixed: mixed, whole: true})
	}
	set := "select: [n, k]"
	if kind != "semi" && kind != "anti" {
		set = "set: {n: n + r_n}, select: [n, k]"
	}
	id = s.node("map", id, set, "")
	s.add(stream{ref: id, size: (left.size + 1) * (right.size + 1), nullable: true, mixed: mixed, whole: true})
}

func (s *sketch) zip() {
	a, ok := s.pick(steady)
	if !ok {
		return
	}
	b, ok := s.pick(steady)
	if !ok {
		s.add(a)
		return
	}
	with, size, whole := "as: [a, b]", min(a.size, b.size), a.whole || b.whole
	if s.r.IntN(2) == 0 {
		with, size, whole = with+", longest: true", max(a.size, b.size), true
	}
	id := s.node("zip", fmt.Sprintf("[%s, %s]", s.oneOfSeveral(a), s.oneOfSeveral(b)), with, "")
	id = s.node("map", id, "set: {n: a.n + b.n, k: a.k}, select: [n, k]", "")
	s.add(stream{ref: id, size: size, nullable: true, whole: whole})
}

func (s *sketch) group() {
	st, ok := s.pick(nil)
	if !ok {
		return
	}
	set := []string{"sum(n)", "count()", "max(n)", "min(n)"}[s.r.IntN(4)]
	by := []string{"by: k, ", `by: {k: 'n % 4 == 0 ? "even" : "odd"'}, `}[s.r.IntN(2)]
	id := s.node("group", s.edge(st), by+"set: {n: "+set+"}", "")
	id = s.node("map", id, "select: [n, k]", "")
	s.add(stream{ref: id, size: st.size, nullable: true, mixed: st.mixed, whole: true})
}

// lists puts items into lists and takes them out again.
func (s *sketch) lists() {
	st, ok := s.pick(func(st stream) bool { return 2*st.size <= maxSize })
	if !ok {
		return
	}
	if s.r.IntN(2) == 0 {
		id := s.node("batch", s.edge(st), fmt.Sprintf("count: %d", 1+s.r.IntN(9)), "")
		id = s.node("unbatch", s.edge(stream{ref: id}), "", "")
		s.add(stream{ref: id, size: st.size, nullable: st.nullable, mixed: st.mixed, whole: st.whole})
		return
	}
	id := s.node("map", s.edge(st), "set: {l: '[n, n + 1]'}, select: [l, k]", "")
	id = s.node("flatten", s.edge(stream{ref: id}), "field: l, as: n", "")
	s.add(stream{ref: s.node("map", id, "select: [n, k]", ""), size: 2 * st.size, nullable: true, mixed: st.mixed, whole: st.whole})
}

// fail adds a node of which some items fail.
func (s *sketch) fail() {
	st, ok := s.pick(nil)
	if !ok {
		return
	}
	engine, mixes := s.workers()
	dead := s.r.IntN(2) == 0
	engine += ", on_error: " + map[bool]string{true: "dead", false: "skip"}[dead]
	if s.r.IntN(4) == 0 {
		engine += ", breaker: {failures: 1, open_for: 2ms}"
	}
	id := s.node("map", s.edge(st), "set: {n: 60 % (n % 5)}", engine)
	s.add(stream{ref: id, size: st.size, nullable: st.nullable, mixed: st.mixed || mixes, whole: st.whole})
	if dead {
		letters := s.node("map", s.edge(stream{ref: id + ".errors"}), "set: {n: attempts, k: error}, select: [n, k]", "")
		s.add(stream{ref: letters, size: st.size, mixed: st.mixed || mixes, whole: st.whole})
	}
}

// values adds nodes that work on Go values.
func (s *sketch) values() {
	st, ok := s.pick(func(st stream) bool { return !st.nullable && 2*st.size <= maxSize })
	if !ok {
		return
	}
	engine, mixes := s.workers()
	kind := []string{"go.map", "go.twice", "go.all", "go.count"}[s.r.IntN(4)]
	if kind == "go.count" {
		if engine, mixes = "", false; st.mixed {
			kind = "go.map"
		}
	}
	id := s.node(kind, s.edge(st), "", engine)
	s.add(stream{ref: id, size: 2 * st.size, mixed: st.mixed || mixes, whole: st.whole || kind == "go.count"})
}

// remember is a sink that keeps its input as lines of JSON.
type remember struct{ lines *lines }

type lines struct {
	mu   sync.Mutex
	seen func() // is called for each
	text map[string][]string
}

func (k *remember) Operator(env *nodes.Env) (nodes.Operator, error) {
	return nodes.Serially(func(_ context.Context, in nodes.Input, _ nodes.Out) error {
		b := in.Data.(*record.Batch)
		enc := jsonl.NewEncoder(b.Type)
		k.lines.mu.Lock()
		defer k.lines.mu.Unlock()
		for i := range b.Len() {
			k.lines.text[env.Node.ID] = append(k.lines.text[env.Node.ID], string(enc.AppendRow(nil, b, b.Row(i))))
			k.lines.seen()
		}
		return nil
	}), nil
}

// runSketch runs a flow and gives the lines at each sink.
func runSketch(t testing.TB, text string, options scheduler.Options, d disturbance) (map[string][]string, error) {
	t.Helper()
	kept := &lines{text: map[string][]string{}}
	registry, err := nodes.NewRegistry(std.Nodes, []nodes.Decl{
		nodes.Map("go.map", "M.", &goMap{}), nodes.Expand("go.twice", "T.", &goTwice{}),
		nodes.Process("go.all", "A.", &goAll{}), nodes.Fold("go.count", "C.", &goCount{}),
		nodes.Kind("remember", "R.", &remember{kept}, nodes.InPort(graph.Port{Name: "in"})),
	})
	if err != nil {
		t.Fatal(err)
	}
	flow, list := graph.Load(diag.NewSource("random.yaml", []byte(text)), registry, graph.Options{})
	if list.HasErrors() {
		var b strings.Builder
		diag.Print(&b, list, diag.Style{})
		t.Fatalf("%s\n%s", text, b.String())
	}
	run, err := scheduler.New(flow, registry, options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, seen, end := d.begin(t.Context(), run)
	defer end()
	kept.seen = seen
	report, err := run.Run(ctx)
	switch want := outcomeOf(err); {
	case err != nil && want == "failed":
	case report.Outcome != want:
		err = fmt.Errorf("the outcome is %s, the error %v", report.Outcome, err)
	case len(report.Unbalanced) > 0:
		err = fmt.Errorf("the books do not balance: %s", strings.Join(report.Unbalanced, "; "))
	}
	return kept.text, err
}

// outcomeOf is what the report must say of a run that gave an error.
func outcomeOf(err error) string {
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, scheduler.ErrStopped):
		return "stopped"
	}
	return "failed"
}

// compareRuns runs the flow of a seed under a random setup and serially.
func compareRuns(t *testing.T, seed uint64) {
	t.Helper()
	text, sinks := sketchFlow(seed)
	r := rand.New(rand.NewPCG(seed, 99))
	options := scheduler.Options{Batch: []int{1, 2, 5, 1024}[r.IntN(4)], Workers: r.IntN(3), SpillDir: t.TempDir()}
	d := disturb(r)
	setup := fmt.Sprintf("seed %d, %d workers, batch %d, %+v", seed, options.Workers, options.Batch, d)
	record.Poison(true)
	defer record.Poison(false)
	before := record.Live()
	var got, want map[string][]string
	var err error
	synctest.Test(t, func(t *testing.T) {
		if want, err = runSketch(t, text, scheduler.Options{Serial: true}, disturbance{}); err != nil {
			t.Fatalf("seed %d, serial: %v\n%s", seed, err, text)
		}
		switch got, err = runSketch(t, text, options, d); {
		case err == nil, d.what == "kill" && errors.Is(err, errKilled), d.what == "stop" && errors.Is(err, scheduler.ErrStopped):
		default:
			t.Fatalf("%s: %v\n%s", setup, err, text)
		}
	})
	if t.Failed() {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(sinks)) {
		g, w, mixed := got[id], want[id], sinks[id].mixed
		same := false
		switch {
		case err == nil: // also where it was stopped: all sources had come to their end
			if mixed {
				slices.Sort(g)
				slices.Sort(w)
			}
			same = slices.Equal(g, w)
		default:
			same = d.what == "stop" && sinks[id].whole || compareStopped(g, w, mixed)
		}
		if !same {
			t.Errorf("%s: %s got %d lines\n%.300s\nwant %d\n%.300s\n%s", setup, id, len(g), strings.Join(g, "\n"), len(w), strings.Join(w, "\n"), text)
		}
	}
	// Where a node ends before its input does, what its workers had made and not
	// handed over may be left to the garbage collector.
	early := errors.Is(err, errKilled) || strings.Contains(text, "use: zip") || strings.Contains(text, "use: limit") || strings.Contains(text, "use: take_while")
	if left := record.Live() - before; left != 0 && !early {
		t.Errorf("%s: %d batches were never released\n%s", setup, left, text)
	}
}

var graphs = flag.Uint64("graphs", 160, "how many random flows to run")

// Random flows give what their serial run gives.
func TestRandomGraphs(t *testing.T) {
	for seed := range *graphs {
		compareRuns(t, seed)
		if t.Failed() {
			return
		}
	}
}

func FuzzGraph(f *testing.F) {
	f.Add(*graphs) // those before it are TestRandomGraphs
	f.Fuzz(compareRuns)
}
