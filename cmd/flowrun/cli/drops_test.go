package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// lossy is a run that dropped items on two edges, and fields in a source.
func lossy(outcome string) metrics.Report {
	return metrics.Report{
		Flow: "lossy", Outcome: outcome, Took: time.Second,
		Nodes: []metrics.NodeReport{
			{ID: "src", Kind: "file.read", Source: true, Workers: 1, Out: 5000, FieldsDropped: map[string]int64{"refund": 12}},
			{ID: "slow", Kind: "map", Workers: 1, In: 10, Used: 10, Out: 10},
			{ID: "first", Kind: "limit", Workers: 1, In: 4000, Used: 4000, Out: 4000},
		},
		Edges: []metrics.EdgeReport{
			{From: "src.out", To: "slow.in", Capacity: 10, Sent: 5000, Received: 10, Dropped: 4990, OnFull: "drop_oldest"},
			{From: "src.out", To: "first.in", Capacity: 10, Sent: 5000, Received: 4000, Dropped: 3, Unwanted: 997, OnFull: "drop_newest"},
		},
	}
}

const (
	lossySlow  = "4,990 of 5,000 items dropped on src.out -> slow.in: it was full (on_full: drop_oldest)"
	lossyFirst = "3 of 5,000 items dropped on src.out -> first.in: it was full (on_full: drop_newest)"
)

// Whoever looks at a run sees how many items were dropped, on which edge and why.
func TestDropsAreTold(t *testing.T) {
	var done, failed, unkept, unbalanced bytes.Buffer
	for _, c := range []struct {
		outcome    string
		unkept     int64
		unbalanced []string
		to         *bytes.Buffer
	}{{"done", 0, nil, &done}, {"failed", 0, nil, &failed}, {"failed", 7, nil, &unkept}, {"done", 0, []string{"slow lost an item"}, &unbalanced}} {
		r := lossy(c.outcome)
		r.Nodes[1].NotKept, r.Unbalanced = c.unkept, c.unbalanced
		if err := summarize(r).writeText(c.to, false); err != nil {
			t.Fatal(err)
		}
	}
	before, now := lossy("running"), lossy("running")
	now.Took *= 2
	live := view{before: &before, now: &now, width: 150, height: 30}
	top := topView{state: &remoteState{Flow: "lossy", Outcome: "running"}, sort: "flow", width: 150}
	for _, n := range now.Nodes {
		top.state.Nodes = append(top.state.Nodes, remoteNode{State: "running", Total: n})
	}
	for _, e := range now.Edges {
		top.state.Edges = append(top.state.Edges, struct {
			Fill  float64
			Total metrics.EdgeReport
		}{1, e})
	}
	for where, c := range map[string]struct {
		got  string
		want []string
	}{
		"report":            {done.String(), []string{"books       balance, but " + lossySlow, lossyFirst, "unwanted    997 items sent on src.out -> first.in: its reader wanted no more"}},
		"failed report":     {failed.String(), []string{"books       balance, but " + lossySlow, lossyFirst}},
		"unkept report":     {unkept.String(), []string{"books       balance, but slow has not kept 7 items", "dropped     " + lossySlow, lossyFirst}},
		"unbalanced report": {unbalanced.String(), []string{"do not balance", "dropped     " + lossySlow, lossyFirst}},
		"progress":          {sparseLine(&before, &now), []string{lossySlow + ", and more on 1 other edge"}},
		"live":              {strings.Join(live.lines(), "\n"), []string{lossySlow, "dropped\n", "4.99k"}},
		"top":               {strings.Join(top.lines(), "\n"), []string{lossySlow, "dropped\n", "4.99k", "src: fields that its type does not have: refund (12 values)"}},
	} {
		for _, want := range c.want {
			if !strings.Contains(c.got, want) {
				t.Errorf("%s does not say %q:\n%s", where, want, c.got)
			}
		}
		if strings.Contains(c.got, "every item") {
			t.Errorf("%s says that nothing is lost:\n%s", where, c.got)
		}
	}
}
