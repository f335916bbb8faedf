package trial

import (
	"context"
	"strconv"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

type ackedSource struct{ t *testing.T }

type ackedItem struct{ N int64 }

func (s *ackedSource) ReadFrom(_ context.Context, _ nodes.Position, emit func(ackedItem, nodes.Position) error) error {
	for n := range int64(10) {
		if err := emit(ackedItem{n}, strconv.AppendInt(nil, n, 10)); err != nil {
			return err
		}
	}
	return nil
}

func (s *ackedSource) Taken(after nodes.Position) error {
	s.t.Errorf("acknowledged up to %s", after)
	return nil
}

// A trial throws away what it takes, so nothing is acknowledged.
func TestTrialAcknowledgesNothing(t *testing.T) {
	registry, err := nodes.NewRegistry(std.Nodes, []nodes.Decl{nodes.ReadFrom("acked", "Acknowledges.", &ackedSource{t})})
	if err != nil {
		t.Fatal(err)
	}
	for _, ack := range []string{"sinks", "early"} {
		text := "nodes:\n  a: {use: acked, ack: " + ack + "}\n  b: {use: file.write, in: a, with: {path: x.jsonl, append: true}}\n"
		flow, list := graph.Load(diag.NewSource("flow.yaml", []byte(text)), registry, graph.Options{})
		if len(list) > 0 {
			t.Fatal(list)
		}
		Run(t.Context(), flow, registry, Limits{})
	}
}
