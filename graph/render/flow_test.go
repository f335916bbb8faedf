package render

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/types"
)

// builder makes a flow by hand, as Load would from a file.
type builder struct{ flow *graph.Flow }

func (b *builder) node(id, kind string, settings any, in []string, out ...string) *graph.Node {
	n := &graph.Node{ID: id, Kind: kind, Spec: &graph.Spec{Kind: kind}, Config: settings}
	for _, name := range in {
		n.In = append(n.In, &graph.Input{Port: graph.Port{Name: name}})
	}
	for _, name := range append(out, graph.ErrorPort) {
		n.Out = append(n.Out, &graph.Output{Port: graph.Port{Name: name}})
	}
	n.Output(graph.ErrorPort).Carries = graph.ErrorItem
	b.flow.Nodes = append(b.flow.Nodes, n)
	return n
}

func (b *builder) edge(from *graph.Node, out string, to *graph.Node, in string) *graph.Edge {
	e := &graph.Edge{ID: len(b.flow.Edges), From: from, FromPort: from.Output(out), To: to, ToPort: to.Input(in), Contract: graph.DefaultContract()}
	e.Type = e.FromPort.Carries
	e.FromPort.Edges = append(e.FromPort.Edges, e)
	e.ToPort.Edges = append(e.ToPort.Edges, e)
	b.flow.Edges = append(b.flow.Edges, e)
	return e
}

func flights() *graph.Flow {
	flight := types.Record(types.Field{Name: "delay", Type: types.Int}, types.Field{Name: "origin", Type: types.String}).Named("Flight")
	joined := types.Record(types.Field{Name: "delay", Type: types.Int}, types.Field{Name: "city", Type: types.String.Opt()})
	b := &builder{&graph.Flow{Name: "late-flights", About: "Where do flights run late?"}}
	read := b.node("flights", "file.read", &struct {
		Path string `yaml:"path,required"`
	}{"data/flights.csv"}, nil, "out")
	late := b.node("late", "filter", &struct {
		Where string `yaml:"where,required"`
	}{"delay >\n  15"}, []string{"in"}, "out")
	named := b.node("named", "join", nil, []string{"left", "right"}, "out", "unmatched")
	report := b.node("report", "file.write", nil, []string{"in"})
	rest := b.node("rest", "file.write", nil, []string{"in"})
	named.Output("unmatched").Side = true
	read.Output("out").Carries, late.Output("out").Carries, named.Output("out").Carries = flight, flight, joined
	late.Engine = graph.Engine{Workers: graph.FixedWorkers(2), About: "keeps what is late"}
	report.Engine.Workers, report.Spec.Workers = graph.FixedWorkers(4), graph.Single
	b.edge(read, "out", late, "in")
	b.edge(late, "out", named, "left").Contract.OnFull = "spill"
	b.edge(named, "out", report, "in").Contract.Capacity = 65_536
	b.edge(read, graph.ErrorPort, rest, "in")
	return b.flow
}

func TestFromFlow(t *testing.T) {
	s := FromFlow(flights())
	if s.Title != "late-flights" || s.About == "" || len(s.Cards) != 5 || len(s.Wires) != 4 {
		t.Fatalf("%+v", s)
	}
	read, late, named, report := s.Cards[0], s.Cards[1], s.Cards[2], s.Cards[3]
	for i, want := range []Icon{IconSource, IconFilter, IconJoin, IconSink, IconSink} {
		if s.Cards[i].Icon != want {
			t.Errorf("%s has the icon %s, want %s", s.Cards[i].ID, s.Cards[i].Icon, want)
		}
	}
	if got := late.kindLine(); got != "filter delay > 15" {
		t.Errorf("kind line %q", got)
	}
	if late.Workers != "×2" || late.About != "keeps what is late" {
		t.Errorf("%+v", late)
	}
	if report.Workers != "" {
		t.Errorf("a kind with a single worker has the badge %s", report.Workers)
	}
	// Only the source has an error port that is read; nothing reads unmatched.
	if len(read.Out) != 2 || read.Out[1].Name != "errors" || read.Out[1].Type != "Error" || len(late.Out) != 1 || len(named.Out) != 1 || len(report.Out) != 0 {
		t.Errorf("outputs %v, %v, %v, %v", read.Out, late.Out, named.Out, report.Out)
	}
	if p := read.Out[0]; p.Type != "Flight" || p.Full != "Flight = {delay: int, origin: string}" {
		t.Errorf("%+v", p)
	}
	if p := named.Out[0]; p.Type != "{delay, city}" || p.Full != "{delay: int, city: string?}" {
		t.Errorf("%+v", p)
	}
	if p := report.In[0]; p.Type != "{2 fields}" || p.Full != "{delay: int, city: string?}" || p.Key != named.Out[0].Key {
		t.Errorf("%+v", p)
	}
	if p := named.In[1]; p.Type != "" {
		t.Errorf("the port that nothing feeds: %+v", p)
	}
	laidOut(t, s, Builtin)
	if s.Wires[3].Slot != SlotError || !s.Wires[3].Side || s.Wires[0].Side {
		t.Errorf("the error wire: %+v", s.Wires[3])
	}
	for i, want := range [][]string{{"capacity: 8192", "at most 64MiB"}, {"on_full: spill"}, {"capacity: 65.5k", "65536 items"}, {"Error = {"}} {
		for _, part := range want {
			if label := s.wireLabel(s.Wires[i]); !strings.Contains(label, part) {
				t.Errorf("wire %d: no %q in %q", i, part, label)
			}
		}
	}
	if s.Wires[1].Marks[0].Sign != SignSpill || s.Wires[0].Marks != nil {
		t.Errorf("marks %v", s.Wires[1].Marks)
	}
}

// A flow with mistakes is drawn as far as it goes: unknown kinds have no spec and
// no ports, types that could not be inferred are missing.
func TestFromFlowWithMistakes(t *testing.T) {
	f := flights()
	unknown := &graph.Node{ID: "what", Kind: "no.such"}
	f.Nodes = append(f.Nodes, unknown)
	f.Edges = append(f.Edges, &graph.Edge{From: unknown, To: f.Nodes[3], ToPort: f.Nodes[3].In[0]})
	for _, n := range f.Nodes {
		for _, out := range n.Out {
			out.Carries = nil
		}
	}
	f.Nodes[0].Output("out").Carries = types.Error
	s := FromFlow(f)
	if len(s.Cards) != 6 || len(s.Wires) != 4 {
		t.Fatalf("%d cards, %d wires", len(s.Cards), len(s.Wires))
	}
	laidOut(t, s, Builtin)
	checkXML(t, svgOf(t, s))
	var b bytes.Buffer
	if err := DOT(&b, FromFlow(&graph.Flow{})); err != nil {
		t.Error(err)
	}
}

func TestShortCount(t *testing.T) {
	for n, want := range map[int]string{
		1: "1", 8192: "8192", 9999: "9999", 10_000: "10k", 65_536: "65.5k", 100_000: "100k", 999_499: "999k", 999_500: "1M", 1_500_000: "1.5M", 100_000_000: "100M", 2_000_000_000: "2G",
	} {
		if got := shortCount(n); got != want {
			t.Errorf("shortCount(%d) = %s, want %s", n, got, want)
		}
	}
}

// The types below stand for those of package config, which are read by their
// shape: a text with its place, an entry of a mapping, a secret.
type (
	placed struct {
		Value string
		At    *int
	}
	entry struct {
		Key   string
		Value placed
	}
	pair struct{ left, right placed }
	term struct {
		text placed
		desc bool
	}
	secret struct{ hidden *string }
)

func (secret) String() string { return "[secret]" }

func (t term) String() string {
	if t.desc {
		return "-" + t.text.Value
	}
	return t.text.Value
}

func TestTelling(t *testing.T) {
	word, ten, tenth := "hidden", 10, 0.1
	for want, settings := range map[string]any{
		"": nil,
		"delay > 15 && on_time": &struct {
			Where placed `yaml:"where,required"`
		}{placed{Value: "delay > 15\n  && on_time"}},
		"by state, hour": &struct {
			Mode string   `yaml:"mode"`
			By   []placed `yaml:"by"`
			Set  []entry  `yaml:"set,required"`
		}{"fast", []placed{{Value: "state"}, {Value: "hour"}}, []entry{{Key: "n"}}},
		"flights, worst": &struct {
			By  []placed `yaml:"by"`
			Set []entry  `yaml:"set,required"`
		}{nil, []entry{{"flights", placed{Value: "count()"}}, {"worst", placed{Value: "max(delay)"}}}},
		"on origin = iata, day": &struct {
			On []pair `yaml:"on,required"`
		}{[]pair{{placed{Value: "origin"}, placed{Value: "iata"}}, {placed{Value: "day"}, placed{Value: "day"}}}},
		"by -delay, id": &struct {
			By    []term `yaml:"by,required"`
			Limit *int   `yaml:"limit"`
		}{[]term{{placed{Value: "delay"}, true}, {placed{Value: "id"}, false}}, &ten},
		"500": &struct {
			Count int `yaml:"count,required"`
		}{500},
		"1m": &struct {
			Size time.Duration `yaml:"size,required"`
		}{time.Minute},
		"every 10": &struct {
			Rate  *float64 `yaml:"rate"`
			Every *int     `yaml:"every"`
		}{&tenth, &ten},
		"jq -c .": &struct {
			Command []string `yaml:"command,required"`
		}{[]string{"jq", "-c", "."}},
		"[secret]": &struct {
			Token secret `yaml:"token,required"`
		}{secret{&word}},
		"https://me:•••@host/path": &struct {
			URL string `yaml:"url,required"`
		}{"https://me:hidden@host/path?token=hidden#hidden"},
		"me:•••@tcp(host)/db": &struct {
			DSN string `yaml:"dsn,required"`
		}{"me:hidden@tcp(host)/db"},
		"localhost:4222": &struct {
			Login    string   `yaml:"login,required"`
			Password string   `yaml:"password,required"`
			Keys     []string `yaml:"api_keys"`
			Servers  string   `yaml:"servers,required"`
		}{"me/x:hidden@there", "hidden", []string{"hidden"}, "localhost:4222"},
		"host=h PASSWORD=•••": &struct {
			Other string `yaml:"other,required"`
		}{"host=h PASSWORD=hidden"},
	} {
		got := telling(settings)
		if got != want {
			t.Errorf("%+v: %q, want %q", settings, got, want)
		}
		if strings.Contains(got, "hidden") {
			t.Errorf("%q gives away what is hidden", got)
		}
	}
}
