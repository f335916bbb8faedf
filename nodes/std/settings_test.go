package std_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// A subject is a kind with flows that have a node of it.
type subject struct {
	kind   string
	usual  graph.Example
	failed graph.Example // items fail on the node; without a flow, none can
	slow   graph.Example // an item takes an hour; without a flow, as usual
}

// An engineSetting is one of the engine's settings and how its effect shows. Those of
// several texts act if one of them does.
type engineSetting struct {
	key    string
	flow   func(s *subject) graph.Example
	texts  func(fields []string) []string // what is written beside use
	effect func(with, without outcome) bool
}

func usual(s *subject) graph.Example { return s.usual }

func failing(s *subject) graph.Example {
	if s.failed.Flow == "" {
		return s.usual
	}
	return s.failed
}

func slow(s *subject) graph.Example {
	if s.slow.Flow == "" {
		return s.usual
	}
	return s.slow
}

func always(texts ...string) func([]string) []string {
	return func([]string) []string { return texts }
}

var engineSettings = []engineSetting{
	{"workers", usual, always("workers: 1", "workers: 3"), func(with, without outcome) bool {
		return with.seen.most != without.seen.most
	}},
	{"order", usual, always("workers: 4\norder: none"), func(with, _ outcome) bool { return with.seen.overtaken }},
	{"key", usual, func(fields []string) (texts []string) {
		if len(fields) == 0 {
			fields = []string{"n"}
		}
		for _, f := range fields {
			texts = append(texts, "workers: 7\norder: key\nkey: "+f)
		}
		return texts
	}, func(with, _ outcome) bool { return with.seen.overtaken }},
	{"timeout", slow, always("timeout: 1s\non_error: skip"), func(with, without outcome) bool {
		return with.node.Skipped > 0 && with.took < time.Minute && without.node.Skipped == 0
	}},
	{"retry", failing, always("retry: {attempts: 3}\non_error: skip"), func(with, _ outcome) bool { return with.node.Retries > 0 }},
	{"on_error", failing, always("on_error: skip", "on_error: dead"), func(with, without outcome) bool {
		return with.err == nil && without.err != nil && with.node.Skipped+with.node.Dead > 0
	}},
	{"rate", usual, always("rate: 1/s"), func(with, without outcome) bool { return with.took-without.took > 900*time.Millisecond }},
	{"breaker", failing, always("breaker: {failures: 1, open_for: 1m}\non_error: skip"), func(with, _ outcome) bool {
		return with.node.Openings > 0
	}},
	{"batch", usual, always("batch: {count: 2}"), func(with, without outcome) bool {
		return with.seen.largest > 1 && without.seen.largest <= 1
	}},
	{"ack", usual, always("ack: early"), func(with, without outcome) bool {
		return with.acked > 0 && 2*with.acked < without.acked
	}},
}

// Every setting of the engine acts on a kind, or is refused, or check says that it has
// no effect, at its place; and just one of the three.
func TestSettingsActOrSayThatTheyDoNot(t *testing.T) {
	for _, f := range graph.EngineSchema().Fields() {
		name, _, _ := strings.Cut(f.Name, ".")
		if name != "about" && !slices.ContainsFunc(engineSettings, func(s engineSetting) bool { return s.key == name }) {
			t.Errorf("%s is not tried", name)
		}
	}
	for _, s := range subjects(t) {
		for _, setting := range engineSettings {
			if setting.key == "ack" && told[s.kind] {
				continue
			}
			t.Run(s.kind+"/"+setting.key, func(t *testing.T) {
				e := setting.flow(&s)
				without := try(t, &s, e, "")
				if without.says(setting.key) || without.list.HasErrors() {
					t.Fatalf("without the setting: %s", without.list.Error())
				}
				acts, warned, refused := false, false, false
				for _, text := range setting.texts(without.fields) {
					with := try(t, &s, e, text)
					refused = refused || with.list.HasErrors()
					warned = warned || with.says(setting.key)
					effect := !with.list.HasErrors() && setting.effect(with, without)
					for n := 0; effect && with.says(setting.key) && n < 3; n++ {
						// Which call begins first is up to the machine: an effect is there every time.
						effect = setting.effect(try(t, &s, e, text), without)
					}
					acts = acts || effect
					if acts && warned {
						t.Errorf("%s has an effect, and check says that it has none: %s", text, with.list.Error())
					}
				}
				spec := specOf(s.kind)
				if says := spec.Acting().Names(); slices.Contains(says, setting.key) != acts && !refused {
					t.Errorf("acts: %v, but the kind says that these act: %v", acts, says)
				}
				if !acts && !warned && !refused {
					t.Errorf("%s has no effect, and check does not say so", setting.key)
				}
			})
		}
	}
}

// An outcome is what came of a flow with a setting.
type outcome struct {
	list   diag.List
	fields []string // of the records that arrive at the node, or that it gives
	err    error
	node   nodetest.NodeReport
	took   time.Duration
	acked  time.Duration // when a source was first acknowledged; 0: never
	seen   *sight
}

// written is the source of the setting that is tried.
const written = "setting"

// says reports whether check warns of a setting, where it is written.
func (o *outcome) says(key string) bool {
	for _, d := range o.list {
		at := d.At.Source
		if d.Code != diag.Ineffective || at == nil || at.Name != written {
			continue
		}
		line := at.Line(d.At.Line)
		if strings.HasPrefix(line, key+":") || key == "key" && strings.HasPrefix(line, "order:") {
			return true
		}
	}
	return false
}

// try runs a flow in virtual time, with a setting of the engine added to the node of the
// kind: the first, or the one that is called it. Edges hold one item.
func try(t *testing.T, s *subject, e graph.Example, setting string) (o outcome) {
	t.Helper()
	more := kit.With(shapes)
	registry := more.Registry(t)
	dir := t.TempDir()
	for name, text := range e.Files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	id := ""
	edit := func(root *config.Value) {
		var value *config.Value
		for _, n := range root.Get("nodes").Entries {
			if n.Value.Get("use").Text == s.kind && (value == nil || n.Key == "it") {
				id, value = n.Key, n.Value
			}
		}
		if setting != "" {
			more := config.Parse(diag.NewSource(written, []byte(setting)), &o.list)
			value.Entries = append(value.Entries, more.Entries...)
		}
	}
	flow, list := graph.Load(diag.NewSource(filepath.Join(dir, "flow.yaml"), []byte(e.Flow)), registry, graph.Options{Edit: edit})
	o.list = append(o.list, list...)
	if list.HasErrors() {
		return o
	}
	o.fields = fieldsAt(flow.Node(id))
	o.seen = &sight{}
	acknowledged.first.Store(0)
	synctest.Test(t, func(t *testing.T) {
		r := more.RunFlow(t, flow, nodetest.Setup{Capacity: 1, Operators: watchOperators{registry, id, o.seen}, Server: nodetest.Answering(e.Answers), World: worlds[s.kind]})
		o.err, o.took, o.acked = r.Err, r.Report.Took, time.Duration(acknowledged.first.Load())
		for _, n := range r.Report.Nodes {
			if n.ID == id {
				o.node = n
			}
		}
	})
	return o
}

// worlds play the peers of kinds that are called, by the kind.
var worlds = map[string]nodetest.World{
	"http.listen": func(ctx context.Context, n *nodetest.Network, stop func()) {
		if n.Await(ctx, "127.0.0.1:8080") {
			client, begun := n.Client(), time.Now()
			for id := range 4 {
				if res, err := client.Post("http://127.0.0.1:8080/orders", "application/json", strings.NewReader(fmt.Sprintf(`{"id": %d, "amount": 1}`, id))); err == nil {
					res.Body.Close()
					acknowledged.first.CompareAndSwap(0, max(1, int64(time.Since(begun)))) // by 200
				}
			}
			client.CloseIdleConnections()
			stop()
		}
	},
}

// fieldsAt gives the fields that all inputs of a node have.
func fieldsAt(n *graph.Node) []string {
	if len(n.In) == 0 {
		return n.Out[0].Carries.FieldNames()
	}
	fields := n.In[0].Arriving().FieldNames()
	for _, in := range n.In[1:] {
		fields = slices.DeleteFunc(slices.Clone(fields), func(f string) bool {
			return !slices.Contains(in.Arriving().FieldNames(), f)
		})
	}
	return fields
}

// watchOperators put a sight before the operator of a node.
type watchOperators struct {
	*nodes.Registry
	id   string
	seen *sight
}

func (w watchOperators) Operator(n *graph.Node, env *nodes.Env) (nodes.Operator, error) {
	op, err := w.Registry.Operator(n, env)
	if n.ID == w.id {
		env.Intercept(nodes.Intercept{Around: w.seen.around})
	}
	return op, err
}

// A sight is what is seen of the calls of an operator. The first call of Work takes
// longer than some others, so that those overtake it that may.
type sight struct {
	mu        sync.Mutex
	begun     int  // calls of Work
	now, most int  // at once
	first     bool // it goes on
	overtaken bool
	largest   int // items of an input
}

func (s *sight) around(ctx context.Context, c nodes.Call, out nodes.Out, next func(context.Context, nodes.Out) error) error {
	if c.Part == nodes.PartWork {
		took := s.begin(c)
		time.Sleep(took)
		defer s.end(took == long)
		return next(ctx, out)
	}
	if c.Part == nodes.PartProcess {
		s.mu.Lock()
		s.overtaken = s.overtaken || s.first
		s.note(c)
		s.mu.Unlock()
	}
	return next(ctx, out)
}

const (
	long  = 50 * time.Millisecond
	short = time.Millisecond
)

func (s *sight) begin(c nodes.Call) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun++
	s.now++
	s.most = max(s.most, s.now)
	s.note(c)
	if s.begun == 1 {
		s.first = true
		return long
	}
	return short
}

func (s *sight) end(first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now--
	s.first = s.first && !first
}

func (s *sight) note(c nodes.Call) {
	if c.Input.Data != nil {
		s.largest = max(s.largest, c.Input.Data.Len())
	}
}

func specOf(kind string) *graph.Spec {
	for _, d := range slices.Concat(std.Nodes, shapes) {
		if d.Spec.Kind == kind {
			return &d.Spec
		}
	}
	return nil
}

// subjects are the kinds of flowrun and one of each shape.
func subjects(t *testing.T) []subject {
	var all []subject
	for _, d := range std.Nodes {
		kind := d.Spec.Kind
		if real[kind] || d.Spec.Examples[0].Peer != "" && worlds[kind] == nil { // nobody plays the peer here
			continue
		}
		s := subject{kind: kind, usual: d.Spec.Examples[0]}
		if flow, ok := larger[kind]; ok {
			s.usual.Flow = flow
		}
		if with, ok := faulty[kind]; ok {
			s.failed = graph.Example{Files: map[string]string{"bad.jsonl": "{\"n\":1}\n{\"n\":\"two\"}\n", "null.csv": nullTimes}, Flow: faultyFlow(kind, with)}
		}
		if d.Spec.Examples[0].Answers != nil {
			serve(&s, len(d.Spec.In) > 0)
		}
		all = append(all, s)
	}
	for kind := range maps.Keys(faulty) {
		if specOf(kind) == nil {
			t.Errorf("there is no kind %s", kind)
		}
	}
	return append(all, shapeSubjects()...)
}

// serve gives kinds that ask a server one that fails, and one that takes an hour.
func serve(s *subject, tries bool) {
	if s.failed.Flow == "" {
		return
	}
	answers := func(rest string) map[string]string {
		return map[string]string{
			"GET http://h.example/0": "{}", "GET http://h.example/1": rest, "GET http://h.example/2": rest, "GET http://h.example/3": rest,
			"POST http://h.example/": rest,
		}
	}
	if s.failed.Answers = answers("HTTP 503\n"); tries {
		s.slow = s.failed
		s.slow.Answers = answers("HTTP 1h\n{}")
	}
}

// larger are flows for kinds whose example has too little to show an effect.
var larger = map[string]string{
	"file.read": `
nodes:
  it:  {use: file.read, with: {path: [cities.csv, cities.csv, cities.csv]}}
  out: {use: drop, in: it}
`,
	"generate": `
nodes:
  it:  {use: generate, with: {count: 5000}}
  out: {use: drop, in: {from: it, capacity: 1}}
`,
	"tick": `
nodes:
  it:  {use: tick, with: {every: 1ms, count: 3}}
  out: {use: drop, in: it}
`,
	"drop": `
nodes:
  n:  {use: generate, with: {count: 3}}
  it: {use: drop, in: n}
`,
	"merge": `
nodes:
  n:   {use: generate, with: {count: 9}}
  m:   {use: generate, with: {count: 9}}
  it:  {use: merge, in: [n, m]}
  out: {use: drop, in: it}
`,
	"join": `
nodes:
  l:   {use: generate, with: {count: 9}}
  r:   {use: generate, with: {count: 3}}
  it:  {use: join, in: {left: l, right: r}, with: {on: n}}
  out: {use: drop, in: it}
`,
	"file.write": `
nodes:
  n:  {use: generate, with: {count: 9, set: {n: n, name: 'string(n)'}}}
  it: {use: file.write, in: n, with: {path: "of-*.jsonl", split: name}}
`,
}

// real are kinds that wait for what is outside of virtual time, and for the flow too.
var real = map[string]bool{"exec.write": true}

// told are kinds that acknowledge to a peer, which has tests of its own.
var told = map[string]bool{"exec.read": true}

// over is a number that no other can be added to.
const over = "9223372036854775807"

// nullTimes lacks a time.
const nullTimes = "n,at\n0,2026-01-01T00:00:00Z\n1,\n2,\n3,2026-01-01T00:00:03Z\n"

// faulty are settings with which items fail: all of {n: 0}, {n: 1} ... but the first.
// A kind that is not here has none.
var faulty = map[string]string{
	"exec.read":   `{command: [cat, bad.jsonl], as: {n: int}}`,
	"file.read":   `{path: bad.jsonl, as: {n: int}}`,
	"file.write":  `{path: "of-*.jsonl", split: '"/" + string(n)'}`,
	"generate":    `{count: 4, set: {n: n + ` + over + `}}`,
	"http.poll":   `{url: "http://h.example/0", as: "{n: int}"}`,
	"http.post":   `{url: "http://h.example/", retry_for: 0s}`,
	"http.call":   `{url: '"http://h.example/" + string(n)'}`,
	"filter":      `{where: n + ` + over + ` > 0}`,
	"map":         `{set: {n: n + ` + over + `}}`,
	"partition":   `{by: n + ` + over + `, outputs: [a, b]}`,
	"route":       `{cases: {a: n + ` + over + ` > 0}}`,
	"sort":        `{by: n + ` + over + `}`,
	"unique":      `{by: n + ` + over + `}`,
	"group":       `{by: {k: n + ` + over + `}, set: {c: count()}}`,
	"changed":     `{by: n + ` + over + `}`,
	"debounce":    `{by: n + ` + over + `, quiet: 1s}`,
	"delay":       `{for: 'duration(string(n + ` + over + `) + "ns")'}`,
	"sample_time": `{by: n + ` + over + `, every: 1s}`,
	"scan":        `{set: {s: max(n + ` + over + `)}}`,
	"skip_until":  `{where: n + ` + over + ` < 0}`,
	"skip_while":  `{where: n + ` + over + ` > 0}`,
	"take_until":  `{where: n + ` + over + ` < 0}`,
	"take_while":  `{where: n + ` + over + ` > 0}`,
	"throttle":    `{by: n + ` + over + `, every: 1s}`,
	"gather":      `{id: n + ` + over + `, count: 2}`,
	"window":      `{count: 2, by: {k: n + ` + over + `}, set: {c: count()}}`,
	"window_join": `{on: n, time: at, within: 1m, prefix: r_}`,
	"merge":       `{}`,
	"concat":      `{}`,
	"join":        `{on: n, kind: full}`,
}

// faultyFlow is a flow with a node of a kind.
func faultyFlow(kind, with string) string {
	spec, in, branch := specOf(kind), "", ""
	switch {
	case len(spec.In) == 1:
		in = "in: numbers, "
	case len(spec.In) == 2:
		in = "in: {left: nulls, right: nulls}, "
	}
	switch kind {
	case "merge", "concat":
		in = "in: [long, floats], "
	case "join":
		in = "in: {left: long, right: floats}, "
	}
	if kind == "partition" || kind == "route" {
		branch = ".a"
	}
	flow := "nodes:\n" +
		"  numbers: {use: generate, with: {count: 4, set: {n: n}}}\n" +
		"  nulls: {use: file.read, with: {path: null.csv, as: {n: int, at: time?}}}\n" +
		"  long: {use: generate, with: {count: 4, set: {n: 'n == 0 ? 0 : 9007199254740991 + 2 * n'}}}\n" + // no floats
		"  floats: {use: generate, with: {count: 1, set: {n: 'float(n)'}}}\n" +
		"  it: {use: " + kind + ", " + in + "with: " + with + "}\n"
	if len(spec.Out) > 0 || branch != "" {
		flow += "  out: {use: file.write, in: it" + branch + ", with: {path: '-', format: jsonl}}\n"
	}
	return flow
}
