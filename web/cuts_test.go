package web

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/scheduler/metrics"
	"github.com/flowrun/flowrun/web/webtest"
)

// A tick has the cuts of a run when they have changed, and one that is under way once it
// has been for longer than a second.
func TestCutsOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flow := webtest.Sensors()
		run := webtest.PlaySensors(flow)
		m := newSampler(flow, run)
		before := m.latest.Load()
		if text := string(appendTick(nil, nil, before)); strings.Contains(text, `"c":`) {
			t.Errorf("a run without cuts: %s", text)
		}
		tick := func() *cutsRow {
			t.Helper()
			var got struct{ C *cutsRow }
			now := m.sample()
			if err := json.Unmarshal(appendTick(nil, before, now), &got); err != nil {
				t.Fatal(err)
			}
			before = now
			return got.C
		}
		text := func(c *cutsRow) string {
			b, _ := json.Marshal(c)
			return string(b)
		}
		wants := func(what, want string) {
			t.Helper()
			if got := text(tick()); got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}
		// The run began a minute ago.
		run.Cut(metrics.CutReport{}, nil)
		wants("before the first cut", `{"n":0,"at":0}`)
		run.Cut(metrics.CutReport{Epoch: 4, Age: 2 * time.Second, Flight: 5, For: 500 * time.Millisecond, Waits: &metrics.CutHolder{Node: "enrich", Input: "table"}},
			map[string]uint64{"mqtt_in": 5, "files": 5, "clean": 5, "decode": 5, "avg_1m": 5, "bundle": 5, "unbatch": 5, "devices": 5})
		wants("a cut that has just begun", `{"n":4,"at":58000}`)
		time.Sleep(500 * time.Millisecond)
		wants("after a second", `null`)
		time.Sleep(time.Millisecond)
		wants("after longer than that", `{"n":4,"at":58000,"slow":{"n":5,"at":59500,"node":8,"input":"table","left":[8,9,10,11,12,13,14]}}`)
		time.Sleep(time.Minute)
		wants("while nothing changes", `null`)
		if got := text(tick()); got != `null` {
			t.Errorf("again: %s", got)
		}
		if first := m.latest.Load(); !strings.Contains(string(appendTick(nil, nil, first)), `"c":{"n":4,`) {
			t.Error("a page that comes later is not told")
		}
		run.Cut(metrics.CutReport{Epoch: 5, Age: time.Second}, nil)
		wants("when it is complete", `{"n":5,"at":119501}`)
	})
}

// A run that has ended waits for nobody, whatever its last report says.
func TestCutOfARunThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flow := webtest.Sensors()
		run := webtest.PlayCut(flow)
		m := newSampler(flow, run)
		if m.latest.Load().cuts.Slow == nil {
			t.Fatal("the cut is not slow")
		}
		run.Finish("failed", "enrich (lookup): gone")
		if c := m.sample().cuts; c.Slow != nil || c.Last != 1842 {
			t.Errorf("%+v", c)
		}
	})
}

// A node that has ended has met every cut.
func TestCutThatEndedNodesMeet(t *testing.T) {
	r := &metrics.Report{
		Outcome: "running", Took: time.Minute, Cuts: &metrics.CutReport{Epoch: 1, Flight: 2, For: 5 * time.Second, Waits: &metrics.CutHolder{Node: "c", Input: "in"}},
		Nodes: []metrics.NodeReport{{ID: "a", State: "done"}, {ID: "b", State: "running", Epoch: 2}, {ID: "c", State: "running", Epoch: 1}},
	}
	if c := cutsOf(r, nil); c.Slow == nil || c.Slow.Node != 2 || !slices.Equal(c.Slow.Left, []int{2}) {
		t.Errorf("%+v", c.Slow)
	}
	r.Nodes[2].Epoch = 2
	if c := cutsOf(r, nil); c.Slow != nil {
		t.Errorf("all have met it: %+v", c.Slow)
	}
}
