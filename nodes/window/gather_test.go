package window_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// A parts source sends {id: int} at given seconds.
type parts struct {
	Text string `yaml:"text,required" doc:"Seconds and ids, as 1 7; 2 7."`
}

var partType = types.Record(types.Field{Name: "id", Type: types.Int})

func (*parts) Infer(c *graph.Inference) { c.Out("out", partType) }

func (s *parts) Operator(*nodes.Env) (nodes.Operator, error) {
	return &partsOp{lines: strings.Split(s.Text, ";")}, nil
}

type partsOp struct {
	lines []string
	start time.Time
}

func (s *partsOp) Next(context.Context) (any, nodes.Position, error) {
	if s.start.IsZero() {
		s.start = time.Now()
	}
	if len(s.lines) == 0 {
		return nil, nil, io.EOF
	}
	var at, id int
	fmt.Sscan(s.lines[0], &at, &id)
	s.lines = s.lines[1:]
	time.Sleep(time.Until(s.start.Add(time.Duration(at) * time.Second)))
	if id == 0 {
		return nil, nil, io.EOF
	}
	return id, nil, nil
}

func (s *partsOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	b := record.New(partType)
	b.Rows = 1
	b.Cols[0].Resize(1)
	b.Cols[0].Int[0] = int64(in.Made.(int))
	return out.Emit(0, b)
}

// midnight is when virtual time begins: 2000-01-01.
const midnight = 946684800

// A notebook notes wholes and when they come.
type notebook struct{ notes *[]string }

func (n *notebook) Write(_ context.Context, in []struct {
	ID       int64
	Parts    []struct{ ID int64 }
	Complete bool
}) error {
	for _, w := range in {
		*n.notes = append(*n.notes, fmt.Sprintf("%ds %d %d %v", time.Now().Unix()-midnight, w.ID, len(w.Parts), w.Complete))
	}
	return nil
}

func TestGatherTimeout(t *testing.T) {
	for _, c := range []struct {
		text, with string
		want       []string
	}{
		{"0 1; 1 2; 2 1; 3 3; 5 2; 20 2; 25 0", "{id: id, count: 2, timeout: 10s}",
			[]string{"2s 1 2 true", "5s 2 2 true", "13s 3 1 false", "25s 2 1 false"}},
		// A part at the very end of the time comes too late, and begins another whole.
		{"0 1; 10 1; 11 0", "{id: id, count: 2, timeout: 10s}", []string{"10s 1 1 false", "11s 1 1 false"}},
		{"0 1; 1 2; 100 1; 101 0", "{id: id, count: 3}", []string{"101s 1 2 false", "101s 2 1 false"}},
	} {
		var notes []string
		synctest.Test(t, func(t *testing.T) {
			more := kit.With([]nodes.Decl{
				nodes.Kind("parts", "Sends parts.", &parts{}, nodes.OutPort(graph.Port{Name: "out", Type: partType}), nodes.Workers(graph.Single)),
				nodes.Write("notebook", "Notes wholes.", &notebook{&notes}),
			})
			r := more.Run(t, fmt.Sprintf(`flow: play
nodes:
  in:  {use: parts, with: {text: %q}}
  one: {use: gather, in: in, with: %s}
  out: {use: notebook, in: one}
`, c.text, c.with), nil, nodetest.Setup{})
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		})
		if !slices.Equal(notes, c.want) {
			t.Errorf("%s of %s: got %q, want %q", c.with, c.text, notes, c.want)
		}
	}
}

// Wholes of chance, against a plain program; what has left is cleared away many
// times on the way.
func TestGatherAgainstPlainProgram(t *testing.T) {
	var in, want strings.Builder
	open, queue := map[string][]int{}, []string(nil)
	line := func(id string, parts []int, complete bool) {
		var list []string
		for _, n := range parts {
			list = append(list, fmt.Sprintf(`{"id":%q,"n":%d,"total":%d}`, id, n, 1+len(id)%4))
		}
		fmt.Fprintf(&want, `{"id":%q,"parts":[%s],"complete":%v}`+"\n", id, strings.Join(list, ","), complete)
	}
	for n := range 12_000 {
		id := strings.Repeat("x", n%7) + fmt.Sprint(n/40*40+n*n%23)
		total := 1 + len(id)%4
		fmt.Fprintf(&in, `{"id":%q,"n":%d,"total":%d}`+"\n", id, n, total)
		if open[id] == nil {
			queue = append(queue, id)
		}
		open[id] = append(open[id], n)
		if len(open[id]) == total {
			line(id, open[id], true)
			delete(open, id)
			at := slices.Index(queue, id)
			queue = slices.Delete(queue, at, at+1)
		}
	}
	for _, id := range queue {
		line(id, open[id], false)
	}
	kit.CheckOne(t, "{id: string, n: int, total: int}", "gather", "{id: id, count: total}", in.String(), want.String())
}

func TestGatherOfBadItems(t *testing.T) {
	in := `{"id":1,"total":null}` + "\n" + `{"id":1,"total":0}` + "\n" + `{"id":1,"total":2}` + "\n" + `{"id":null,"total":1}` + "\n"
	flow := nodetest.One("{id: int?, total: int?}", "gather", "{id: id, count: total}, on_error: skip")
	kit.Check(t, flow, map[string]string{"in.jsonl": in}, map[string]string{
		"-": `{"id":1,"parts":[{"id":1,"total":null},{"id":1,"total":2}],"complete":true}` + "\n" + `{"id":null,"parts":[{"id":null,"total":1}],"complete":true}` + "\n",
	})
	r := kit.Run(t, strings.Replace(flow, ", on_error: skip", "", 1), map[string]string{"in.jsonl": in}, nodetest.Setup{})
	if r.Err == nil || !strings.Contains(r.Err.Error(), "the count is below one: 0") {
		t.Error(r.Err)
	}
}

func TestGatherSettings(t *testing.T) {
	for with, want := range map[string]string{
		"{id: n}":                        "count",
		"{count: 2}":                     "id",
		"{id: m, count: 2}":              `unknown field "m"`,
		"{id: n, count: '\"2\"'}":        "count must be int",
		"{id: n, count: 0}":              "count is below one",
		"{id: n, count: 2, timeout: 0s}": "timeout",
	} {
		t.Run(with, func(t *testing.T) {
			kit.Refuse(t, nodetest.One("{n: int}", "gather", with), map[string]string{"in.jsonl": ""}, want)
		})
	}
}
