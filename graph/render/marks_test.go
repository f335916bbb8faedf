package render

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
)

// What the engine does for a node stands on its badge as signs, and in its tooltip
// in words.
func TestMarksOfNodes(t *testing.T) {
	e := graph.Engine{
		Workers: graph.FixedWorkers(4), Rate: graph.Rate{Count: 100, Per: time.Second, Burst: 1},
		Breaker: graph.Breaker{Failures: 5, OpenFor: 30 * time.Second}, Batch: graph.Batching{Count: 64, Period: time.Second},
	}
	acks := &graph.Spec{Kind: "queue", Acks: true}
	flow := &graph.Flow{Name: "marks", Nodes: []*graph.Node{
		{ID: "plain", Kind: "map"},
		{ID: "all", Kind: "map", Engine: e},
		{ID: "alone", Kind: "map", Engine: graph.Engine{Rate: graph.Rate{Count: 6, Per: time.Minute, Burst: 9}}},
		{ID: "queue", Kind: "queue", Spec: acks, Engine: graph.Engine{Ack: graph.AckEarly}},
		{ID: "safe", Kind: "queue", Spec: acks, Engine: graph.Engine{Ack: "sinks"}},
	}}
	s := FromFlow(flow)
	for _, inline := range []bool{false, true} {
		if err := Layout(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		var svg bytes.Buffer
		if err := SVG(&svg, s, SVGOptions{Inline: inline}); err != nil {
			t.Fatal(err)
		}
		for i, want := range [][]string{
			{"plain: map"},
			{"all: map, workers ×4", "rate: 100/s", "breaker: 5 failures, open for 30s", "batch: count 64, period 1s"},
			{"alone: map", "rate: 6/m, burst 9"},
			{"queue: queue", "ack: early: a crash loses what is on its way"},
			{"safe: queue"},
		} {
			card := newCardPart(s, s.Cards[i])
			if got := strings.Split(card.Label, "\n"); strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("the tooltip is %q, want %q", got, want)
			}
			if (card.Badge == nil) != (len(want) == 1) {
				t.Errorf("card %d has the badge %+v", i, card.Badge)
				continue
			}
			if card.Badge == nil {
				continue
			}
			if len(card.Badge.Strokes) != len(want)-1 {
				t.Errorf("card %d has %d signs", i, len(card.Badge.Strokes))
			}
			end := 0.0
			if card.Badge.Text != "" {
				end = card.Badge.TextX + styleBadge.width(card.Badge.Text)/2
			}
			for _, sign := range card.Badge.Strokes {
				if sign.X < end || sign.X+signSide > card.Badge.W {
					t.Errorf("card %d: a sign at %v of a badge %v wide, behind %v", i, sign.X, card.Badge.W, end)
				}
				end = sign.X + signSide
				if !strings.Contains(svg.String(), sign.Path) {
					t.Errorf("card %d: a sign is not drawn", i)
				}
			}
			if card.Badge.X < textX+styleName.width(card.Name) {
				t.Errorf("card %d: the badge covers the name", i)
			}
		}
	}
}
