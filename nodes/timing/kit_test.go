package timing_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// kit runs flows with all kinds that come with flowrun.
var kit = nodetest.New(std.Nodes)

// A script is a source of {key: string, n: int} that sends items at given times.
type script struct {
	Text string `yaml:"text,required" doc:"The items, as 100ms a 1; 200ms b 2; 300ms end."`
}

var scriptType = types.Record(types.Field{Name: "key", Type: types.String}, types.Field{Name: "n", Type: types.Int})

func (*script) Infer(c *graph.Inference) { c.Out("out", scriptType) }

func (s *script) Operator(*nodes.Env) (nodes.Operator, error) {
	return &scriptOp{lines: strings.Split(s.Text, ";")}, nil
}

type scriptOp struct {
	lines []string
	start time.Time
}

func (s *scriptOp) Next(ctx context.Context) (any, nodes.Position, error) {
	if s.start.IsZero() {
		s.start = time.Now()
	}
	if len(s.lines) == 0 {
		return nil, nil, io.EOF
	}
	words := strings.Fields(s.lines[0])
	s.lines = s.lines[1:]
	at, err := time.ParseDuration(words[0])
	if err != nil {
		return nil, nil, err
	}
	select {
	case <-time.After(time.Until(s.start.Add(at))):
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	if words[1] == "end" {
		return nil, nil, io.EOF
	}
	return words, nil, nil
}

func (s *scriptOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	words := in.Made.([]string)
	b := record.New(scriptType)
	b.Rows = 1
	b.Cols[0].Resize(1)
	b.Cols[0].Str[0] = strings.Clone(words[1])
	b.Cols[1].Resize(1)
	fmt.Sscan(words[2], &b.Cols[1].Int[0])
	return out.Emit(0, b)
}

// A diary is a sink that notes what arrives and when.
type diary struct{ notes *[]string }

func (*diary) Needs(c *graph.Needs) { c.In("in", graph.AllFields()) }

func (d *diary) Operator(*nodes.Env) (nodes.Operator, error) {
	start := time.Now()
	return nodes.Serially(func(_ context.Context, in nodes.Input, _ nodes.Out) error {
		b := in.Data.(*record.Batch)
		for i := range b.Len() {
			note := time.Since(start).String()
			for k, f := range b.Type.Fields {
				c, row := b.Cols[k], b.Row(i)
				switch {
				case c.IsNull(row):
					note += " null"
				case f.Type.IsText():
					note += " " + c.Str[row]
				default:
					note += fmt.Sprint(" ", c.Int[row])
				}
			}
			*d.notes = append(*d.notes, note)
		}
		return nil
	}), nil
}

func kinds(notes *[]string) []nodes.Decl {
	return []nodes.Decl{
		nodes.Kind("script", "Sends items at given times.", &script{}, nodes.OutPort(graph.Port{Name: "out", Type: scriptType}), nodes.Workers(graph.Single)),
		nodes.Kind("diary", "Notes items.", &diary{notes: notes}, nodes.InPort(graph.Port{Name: "in"}), nodes.Workers(graph.Single)),
	}
}

// play runs a script through a node in virtual time and gives what came out and
// when, and the run. The nodes are the text of one, called one, or of several.
func play(t *testing.T, text, middle string) (notes []string, r nodetest.Result) {
	t.Helper()
	flow := fmt.Sprintf(`flow: play
nodes:
  in:  {use: script, with: {text: %q}}
%s
  out: {use: diary, in: one}
`, text, middle)
	before := record.Live()
	synctest.Test(t, func(t *testing.T) {
		r = kit.With(kinds(&notes)).Run(t, flow, nil, nodetest.Setup{})
		if live := record.Live(); live != before {
			t.Errorf("%d batches were not given back", live-before)
		}
	})
	return notes, r
}

// expect plays a script through one node of a kind and compares.
func expect(t *testing.T, text, kind, with string, want ...string) {
	t.Helper()
	notes, r := play(t, text, fmt.Sprintf("  one: {use: %s, in: in, with: %s}", kind, with))
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	if got, wanted := strings.Join(notes, "\n"), strings.Join(want, "\n"); got != wanted {
		t.Errorf("%s %s of %s gives\n%s\nwant\n%s", kind, with, text, got, wanted)
	}
}
