package nodes_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// ask is a kind that lets another one answer each of its items.
type ask struct {
	Kind string      `yaml:"kind,required" doc:"Who answers."`
	With *rawMapping `yaml:"with" doc:"Its settings."`

	hosted *graph.Node
}

// rawMapping is settings of another kind.
type rawMapping struct{ value *config.Value }

func (r *rawMapping) DecodeConfig(v *config.Value, _ *diag.List) { r.value = v }
func (rawMapping) ConfigType() (string, map[string]any) {
	return "mapping", map[string]any{"type": "object"}
}

func (k *ask) Infer(c *graph.Inference) {
	var with *config.Value
	if k.With != nil {
		with = k.With.value
	}
	if k.hosted = c.Host("answer", k.Kind, with, c.Node.UseAt, c.In("in")); k.hosted != nil {
		c.Out("out", k.hosted.Out[0].Carries)
	}
}

func (k *ask) Operator(env *nodes.Env) (nodes.Operator, error) { return &askOp{k: k, env: env}, nil }

type askOp struct {
	k      *ask
	env    *nodes.Env
	hosted *nodes.HostedKind
}

func (a *askOp) Open(ctx context.Context) (err error) {
	a.hosted, err = a.env.Host(ctx, a.k.hosted)
	return err
}

func (a *askOp) Process(ctx context.Context, in nodes.Input, out nodes.Out) error {
	return a.hosted.Call(ctx, in.Data, out)
}

func (a *askOp) Close() error {
	if a.hosted == nil {
		return nil
	}
	return a.hosted.Close()
}

var askDecl = nodes.Kind("ask", "Lets another kind answer.", &ask{}, nodes.InPort(graph.Port{Name: "in"}), nodes.OutPort(graph.Port{Name: "out"}))

// askKit has the kind ask beside those that come with flowrun.
var askKit = nodetest.New(std.Nodes, []nodes.Decl{askDecl})

// host loads a flow in which a node of kind ask calls another kind.
func host(t *testing.T, root *os.Root, answer string) (*graph.Flow, diag.List) {
	t.Helper()
	return graph.Load(diag.NewSource("flow.yaml", []byte(`flow: f
nodes:
  numbers: {use: generate, with: {count: 4}}
  asked:   {use: ask, in: numbers, with: `+answer+`}
  out:     {use: log, in: asked}
  end:     {use: drop, in: out}
`)), askKit.Registry(t), graph.Options{Root: root})
}

// A kind that is called by another one has its own settings, checks and types.
func TestHost(t *testing.T) {
	for _, c := range []struct{ answer, want string }{
		{"{kind: map, with: {set: {double: n * 2}}}", `{"n":1,"double":2}`},
		{"{kind: filter, with: {where: n == 3}}", `{"n":3}`},
		{"{kind: scan, with: {set: {all: sum(n)}}}", `"all":6`},
	} {
		flow, list := host(t, nil, c.answer)
		if len(list) > 0 {
			t.Fatalf("%s: %v", c.answer, list)
		}
		r := askKit.RunFlow(t, flow, nodetest.Setup{})
		if r.Err != nil {
			t.Errorf("%s: %v", c.answer, r.Err)
		}
		if !strings.Contains(r.Log, c.want) {
			t.Errorf("%s: no %s in\n%s", c.answer, c.want, r.Log)
		}
	}
	for answer, want := range map[string]string{
		"{kind: nonsense}":                          `unknown kind "nonsense"`,
		"{kind: map, with: {set: {double: m * 2}}}": `unknown field "m"`,
		"{kind: map, with: {sett: {}}}":             `unknown key "sett"`,
		"{kind: join, with: {on: n}}":               "join cannot be called: it has several inputs",
		"{kind: generate}":                          "generate cannot be called: it has no inputs",
	} {
		_, list := host(t, nil, answer)
		if err := list.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", answer, err, want)
		}
	}
}

// orders is a source that acknowledges; it is only looked at.
type orders struct{}

func (*orders) Infer(c *graph.Inference) {
	c.Out("out", types.Record(types.Field{Name: "n", Type: types.Int}))
}

func (*orders) Operator(*nodes.Env) (nodes.Operator, error) { return nil, errors.ErrUnsupported }

// What a kind keeps is lost in a crash too where another one calls it.
func TestHostKeeps(t *testing.T) {
	kit := askKit.With([]nodes.Decl{nodes.Kind("orders", "Orders.", &orders{}, nodes.OutPort(graph.Port{Name: "out"}), nodes.Acknowledges())})
	for answer, want := range map[string]string{
		"{kind: map, with: {set: {m: n}}}":         "",
		"{kind: scan, with: {set: {all: sum(n)}}}": "asked/answer (scan) keeps a row for each key, in memory only",
		"{kind: batch, with: {count: 2}}":          "asked/answer (batch) keeps the items of a list that is not full, in memory only",
	} {
		for _, ack := range []string{"sinks", "early"} {
			_, list := kit.Load(t, `flow: f
nodes:
  source: {use: orders, ack: `+ack+`}
  asked:  {use: ask, in: source, with: `+answer+`}
  end:    {use: drop, in: asked}
`, nil)
			var lost []string
			for _, d := range list {
				if d.Code == diag.LostByCrash {
					lost = append(lost, d.Message)
				}
			}
			if got := strings.Join(lost, "; "); ack == "early" && got != "" || ack == "sinks" && (got == "") != (want == "") || ack == "sinks" && !strings.Contains(got, want) {
				t.Errorf("%s, ack %s: got %q, want %q (of %v)", answer, ack, got, want, list)
			}
		}
	}
}

// What does more than answer an item cannot be called.
func TestHostRefuses(t *testing.T) {
	flow, list := host(t, nil, "{kind: debounce, with: {quiet: 1s}}")
	if len(list) > 0 {
		t.Fatal(list)
	}
	if err := askKit.RunFlow(t, flow, nodetest.Setup{}).Err; err == nil || !strings.Contains(err.Error(), "debounce cannot be called by another node") {
		t.Errorf("got %v", err)
	}
}

// What stands in place of a kind stands there too where another one calls it.
type withoutMap struct{ *nodes.Registry }

func (r withoutMap) Operator(n *graph.Node, env *nodes.Env) (nodes.Operator, error) {
	if n.Kind == "map" {
		return nil, errors.New("nothing is called here")
	}
	return r.Registry.Operator(n, env)
}

func TestHostAsksTheRun(t *testing.T) {
	flow, list := host(t, nil, "{kind: map, with: {set: {double: n * 2}}}")
	if len(list) > 0 {
		t.Fatal(list)
	}
	setup := nodetest.Setup{Operators: withoutMap{askKit.Registry(t)}}
	if err := askKit.RunFlow(t, flow, setup).Err; err == nil || !strings.Contains(err.Error(), "nothing is called here") {
		t.Errorf("got %v", err)
	}
}

// An enclosed flow is refused whatever leads outside.
func TestEnclosedEnv(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in.csv"), []byte("a\n1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	flow, _ := host(t, root, "{kind: drop}")
	env := &nodes.Env{Flow: flow, Node: flow.Nodes[0]}
	if _, err := env.Dial(t.Context(), "tcp", "127.0.0.1:1"); !errors.Is(err, nodes.ErrEnclosed) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("dial: %v", err)
	}
	if _, err := env.Command(t.Context(), "true"); !errors.Is(err, nodes.ErrEnclosed) {
		t.Errorf("command: %v", err)
	}
	if err := env.MayWrite(); !errors.Is(err, nodes.ErrEnclosed) {
		t.Errorf("write: %v", err)
	}
	if _, err := env.Open("../in.csv"); !errors.Is(err, graph.ErrOutside) {
		t.Errorf("open: %v", err)
	}
	f, err := env.Open("in.csv")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// A flow of one's own may do all that.
func TestOpenEnv(t *testing.T) {
	flow, _ := host(t, nil, "{kind: drop}")
	env := &nodes.Env{Flow: flow, Node: flow.Nodes[0]}
	if c, err := env.Command(t.Context(), "true"); err != nil || c.Dir != flow.Dir {
		t.Errorf("command: %v", err)
	}
	if _, err := env.Command(t.Context()); err == nil {
		t.Error("a command without a program")
	}
	if err := env.MayWrite(); err != nil {
		t.Errorf("write: %v", err)
	}
	if _, err := env.Dial(t.Context(), "tcp", "127.0.0.1:1"); err == nil || errors.Is(err, nodes.ErrEnclosed) {
		t.Errorf("dial: %v", err) // nobody listens there
	}
}
