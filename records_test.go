package flowrun_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

type sinking struct{}

func (*sinking) Write(context.Context, []int) error { return nil }

// A trip has a field of every kind that records can hold.
type trip struct {
	ID     int64
	From   string `flow:"origin"`
	To     string `json:"destination,omitempty"`
	Delay  *int
	Miles  float64
	At     time.Time
	Day    flowrun.Date
	Until  *flowrun.Date
	Took   time.Duration
	Tags   []string
	Seat   struct{ Row, Place int }
	Raw    json.RawMessage
	Paid   bool
	Unseen int `flow:"-"`
}

func trips(n int) []trip {
	all := make([]trip, n)
	for i := range all {
		t := &all[i]
		*t = trip{
			ID: int64(i), From: []string{"LAS", "PHL", "ORD"}[i%3], To: "SAN", Miles: float64(i) / 4, Took: time.Duration(i) * time.Minute,
			At: time.Date(2001, 1, 1, 0, i, 0, 0, time.UTC), Tags: []string{"a", fmt.Sprint(i)}[:i%3%2+1], Raw: json.RawMessage(fmt.Sprintf(`{"n":%d}`, i)), Paid: i%2 == 0,
		}
		t.Seat.Row, t.Day = i, flowrun.DateOf(t.At)+flowrun.Date(i)
		if i%5 != 0 {
			delay := i % 60
			t.Delay = &delay
			until := t.Day + 1
			t.Until = &until
		}
	}
	return all
}

// Structs go through kinds of the catalogue as records and come back as structs.
func TestRecords(t *testing.T) {
	all := trips(3000)
	g := flowrun.New("records", std.Nodes)
	rows := flowrun.Slice(g, "rows", all)
	late := g.Use("late", "filter", map[string]string{"where": "delay > 15 && paid && day >= to_date(\"2001-01-01\")"}, rows, flowrun.Workers(2), flowrun.Capacity(100))
	back := flowrun.Collect(flowrun.As[trip](late, "back"), "out")
	run(t, g)
	var want []trip
	for _, r := range all {
		if r.Delay != nil && *r.Delay > 15 && r.Paid {
			want = append(want, r)
		}
	}
	if len(back.Items()) != len(want) {
		t.Fatalf("%d items, want %d", len(back.Items()), len(want))
	}
	for i, r := range back.Items() {
		got, _ := json.Marshal(r)
		if w, _ := json.Marshal(want[i]); string(got) != string(w) {
			t.Fatalf("item %d is\n%s\nwant\n%s", i, got, w)
		}
	}
}

// The settings of Use may be written in Go as well as in YAML.
func TestSettings(t *testing.T) {
	type settings struct {
		By    []string          `yaml:"by"`
		Set   map[string]string `yaml:"set"`
		Other int               `yaml:"other"` // zero, so it is left out
	}
	yaml := `
		by: [origin]
		set: {n: count(), worst: max(delay)}
	`
	for name, with := range map[string]any{
		"yaml":   yaml,
		"struct": settings{By: []string{"origin"}, Set: map[string]string{"n": "count()", "worst": "max(delay)"}},
		"map":    map[string]any{"by": []any{"origin"}, "set": map[string]any{"n": "count()", "worst": "max(delay)"}},
	} {
		g := flowrun.New("settings", std.Nodes)
		type worst struct {
			Origin string
			N      int
			Worst  *int
		}
		groups := g.Use("worst", "group", with, flowrun.Slice(g, "rows", trips(60)))
		out := flowrun.Collect(flowrun.As[worst](groups, "typed"), "out")
		run(t, g)
		var got []string
		for _, w := range out.Items() {
			got = append(got, fmt.Sprint(w.Origin, w.N, *w.Worst))
		}
		equal(t, name, got, []string{"LAS20 57", "PHL20 58", "ORD20 59"})
	}
}

// Keys of a Go map have the order of the alphabet, every time.
func TestSettingsHaveAnOrder(t *testing.T) {
	for range 20 {
		g := flowrun.New("order", std.Nodes)
		set := map[string]string{"d": "1", "a": "2", "e": "3", "c": "4", "b": "5"}
		g.Use("made", "generate", map[string]any{"count": 1, "set": set})
		if got := g.Flow().Node("made").Output("out").Carries.String(); got != "{a: int, b: int, c: int, d: int, e: int}" {
			t.Fatal(got)
		}
	}
}

func TestPorts(t *testing.T) {
	type city struct{ Code, City string }
	g := flowrun.New("ports", std.Nodes)
	rows := flowrun.Slice(g, "rows", trips(9))
	cities := flowrun.Slice(g, "cities", []city{{"LAS", "Las Vegas"}, {"PHL", "Philadelphia"}})
	named := g.Use("named", "join", "on: {origin: code}",
		flowrun.In("right", cities), flowrun.In("left", rows, flowrun.Capacity(10)), flowrun.About("Cities by code."))
	type place struct {
		ID   int
		City string
	}
	known := flowrun.Collect(flowrun.As[place](named, "known"), "out")
	unknown := flowrun.Collect(flowrun.As[struct{ ID int }](named.Port("unmatched"), "unknown"), "rest")
	run(t, g)
	equal(t, "known", known.Items(), []place{{0, "Las Vegas"}, {1, "Philadelphia"}, {3, "Las Vegas"}, {4, "Philadelphia"}, {6, "Las Vegas"}, {7, "Philadelphia"}})
	equal(t, "unknown", unknown.Items(), []struct{ ID int }{{2}, {5}, {8}})

	flow := g.Flow()
	n := flow.Node("named")
	if n.Input("left").Edges[0].Contract.Capacity != 10 || n.Engine.About != "Cities by code." || n.Input("right").Edges[0].From.ID != "cities" {
		t.Error("the options of Use or In were lost")
	}
	if got := n.Output("out").Carries.String(); !strings.Contains(got, "city: string") {
		t.Error(got)
	}
}

// Errors of kinds of the catalogue, with the records that failed.
func TestErrorsOfRecords(t *testing.T) {
	type pair struct{ A, B int }
	g := flowrun.New("divide", std.Nodes)
	ratios := g.Use("ratios", "map", "set: {c: a % b}", flowrun.Slice(g, "pairs", []pair{{7, 4}, {1, 0}, {9, 5}}))
	type result struct{ C int }
	good := flowrun.Collect(flowrun.As[result](ratios, "typed"), "good")
	bad := flowrun.Collect(flowrun.Errors(ratios), "bad")
	run(t, g)
	equal(t, "good", good.Items(), []result{{3}, {4}})
	if e := bad.Items(); len(e) != 1 || e[0].Node != "ratios" || string(e[0].Item) != `{"a":1,"b":0}` {
		t.Errorf("%+v", e)
	}
	// And the other way round: failed items of a Go node in a kind of the catalogue.
	g = flowrun.New("dead", std.Nodes)
	halves := flowrun.Map(flowrun.Slice(g, "numbers", upTo(6)), "halves", func(_ context.Context, x int) (int, error) {
		if x%2 == 1 {
			return 0, fmt.Errorf("%d is odd", x)
		}
		return x / 2, nil
	})
	flowrun.Drop(halves, "drop")
	some := g.Use("some", "filter", `where: error != "3 is odd"`, flowrun.Errors(halves))
	out := flowrun.Collect(flowrun.As[flowrun.ItemError](some, "typed"), "out")
	run(t, g)
	var texts []string
	for _, e := range out.Items() {
		texts = append(texts, e.Error()+" "+string(e.Item))
	}
	equal(t, "failed", texts, []string{"halves: 1 is odd 1", "halves: 5 is odd 5"})
}

// Values that are no records travel too.
func TestScalarsAsRecords(t *testing.T) {
	g := flowrun.New("scalars", std.Nodes)
	first := g.Use("first", "limit", "count: 2", flowrun.Slice(g, "numbers", []float64{1.5, 2.5, 3.5}))
	out := flowrun.Collect(flowrun.As[float64](first, "typed"), "out")
	run(t, g)
	equal(t, "first", out.Items(), []float64{1.5, 2.5})
}

// A batch of records has a bounded number of rows, however many items come out of
// one.
func TestManyItemsOfOneAsRecords(t *testing.T) {
	g := flowrun.New("many", std.Nodes)
	many := flowrun.FlatMap(flowrun.Slice(g, "one", []int{200_000}), "many", func(_ context.Context, n int, emit func(int)) error {
		for i := range n {
			emit(i)
		}
		return nil
	})
	skip := g.Use("skip", "skip", "count: 0", many, flowrun.Capacity(1_000_000))
	out := flowrun.Collect(flowrun.As[int](skip, "typed"), "out")
	run(t, g)
	if !slices.Equal(out.Items(), upTo(200_000)) {
		t.Errorf("%d items came through, or others", len(out.Items()))
	}
}

// An opaque Go type passes Go nodes and is refused by those of the catalogue.
func TestOpaque(t *testing.T) {
	type job struct{ do func() int }
	g := flowrun.New("opaque", std.Nodes)
	jobs := flowrun.Slice(g, "jobs", []job{{func() int { return 1 }}, {func() int { return 2 }}})
	out := flowrun.Collect(flowrun.Apply(jobs, "done", func(j job) int { return j.do() }), "out")
	run(t, g)
	equal(t, "done", out.Items(), []int{1, 2})
	flowrun.Drop(flowrun.As[int](g.Use("some", "filter", "where: true", jobs), "typed"), "drop")
	if l := g.Check(); !slices.ContainsFunc(l, func(d diag.Diagnostic) bool { return d.Code == diag.TypeMismatch }) {
		t.Error(l)
	}
}

var _ nodes.Sink[int] = (*sinking)(nil)
