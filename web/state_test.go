package web

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/web/webtest"
)

// words gives the state of every node by id.
func words(m *sampler, s *snapshot) map[string]string {
	out := map[string]string{}
	for i, n := range m.flow.Nodes {
		out[n.ID] = s.nodes[i].State.String()
	}
	return out
}

func TestStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flow := webtest.Sensors()
		run := webtest.PlaySensors(flow)
		m := newSampler(flow, run)
		time.Sleep(2 * time.Second)
		got := words(m, m.sample())
		for id, want := range map[string]string{
			"enrich": "bottleneck", "bundle": "back-pressured", "unbatch": "back-pressured", "decode": "errors",
			"clean": "running", "dashboard": "idle", "mqtt_in": "running",
		} {
			if got[id] != want {
				t.Errorf("%s is %s, want %s", id, got[id], want)
			}
		}
		v := m.latest.Load().verdict
		if v.Node != "enrich" || v.Level != "bad" || !strings.Contains(v.Text, "unbatch.out → enrich.in 128/128") || !strings.Contains(v.Text, "workers") {
			t.Errorf("verdict %+v", v)
		}

		// Errors that have stopped are forgotten after ten seconds, not at once.
		run.Fail("decode", 0)
		time.Sleep(time.Second)
		if got := words(m, m.sample())["decode"]; got != "errors" {
			t.Errorf("a second after its last error decode is %s", got)
		}
		for range 12 {
			time.Sleep(time.Second)
			m.sample()
		}
		if got := words(m, m.latest.Load())["decode"]; got != "running" {
			t.Errorf("long after its last error decode is %s", got)
		}

		run.Hold("mqtt_in")
		if got := words(m, m.sample())["mqtt_in"]; got != "paused" {
			t.Errorf("a node that is paused is %s", got)
		}
		run.Hold()

		run.Finish("failed", "route (route): disk full\n  item: {}")
		s := m.sample()
		if got := words(m, s); got["route"] != "failed" || got["clean"] != "done" {
			t.Errorf("after the failure: %v", got)
		}
		if s.verdict.Node != "route" || s.verdict.Text != "route (route): disk full" {
			t.Errorf("verdict %+v", s.verdict)
		}
	})
}

// A full queue that drops what comes makes nobody wait, and the verdict says so.
func TestQueueThatDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flow := webtest.Sensors()
		flow.Edges[6].Contract.OnFull = "drop_newest"
		run := webtest.Play(flow, map[string]webtest.Load{"unbatch": {In: 900, Out: 900, Busy: .2}, "enrich": {In: 700, Out: 700, Busy: .97}}, map[int]float64{6: 1})
		run.Drop(6, 200)
		m := newSampler(flow, run)
		time.Sleep(2 * time.Second)
		s := m.sample()
		if got := words(m, s); got["unbatch"] != "running" || got["enrich"] != "bottleneck" {
			t.Errorf("states %v", got)
		}
		if !strings.Contains(s.verdict.Text, "128/128) and drops items.") || !strings.Contains(s.verdict.Text, "(on_full: drop_newest)") {
			t.Errorf("verdict %+v", s.verdict)
		}
		if e := s.edges[6]; e.Dropped < 12_000 || e.Oldest == 0 { // it began a minute ago
			t.Errorf("edge %+v", e)
		}
	})
}

// What was dropped is told while the flow runs well, and when it is over, with the edge and
// the reason.
func TestVerdictOnDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flow := webtest.Sensors()
		flow.Edges[6].Contract.OnFull = "drop_newest"
		run := webtest.Play(flow, map[string]webtest.Load{"unbatch": {In: 900, Out: 900, Busy: .2}, "enrich": {In: 700, Out: 700, Busy: .3}}, nil)
		run.Drop(6, 200)
		m := newSampler(flow, run)
		time.Sleep(2 * time.Second)
		want := " items dropped on unbatch.out → enrich.in: it was full (on_full: drop_newest)."
		if v := m.sample().verdict; v.Level != "warn" || v.Node != "enrich" || v.Head != "unbatch.out → enrich.in drops items" || !strings.Contains(v.Text, want) {
			t.Errorf("while it runs: %+v", v)
		}
		run.Finish("done", "")
		if v := m.sample().verdict; v.Level != "warn" || v.Head != "The run is done, but items were dropped" || !strings.Contains(v.Text, want) {
			t.Errorf("at the end: %+v", v)
		}
	})
}

// A node that is about as busy as the bound does not blink.
func TestBottleneckIsSticky(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flow := webtest.Sensors()
		run := webtest.PlaySensors(flow)
		m := newSampler(flow, run)
		step := func(busy float64) string {
			run.Set("enrich", webtest.Load{In: 700, Out: 700, Busy: busy})
			for range 5 {
				time.Sleep(time.Second)
				m.sample()
			}
			return words(m, m.latest.Load())["enrich"]
		}
		for _, c := range []struct {
			busy float64
			want string
		}{{.5, "running"}, {.7, "running"}, {.9, "bottleneck"}, {.7, "bottleneck"}, {.5, "running"}, {.7, "running"}} {
			if got := step(c.busy); got != c.want {
				t.Errorf("at %v busy enrich is %s, want %s", c.busy, got, c.want)
			}
		}
	})
}

func TestVerdictsWithoutTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flow := webtest.Sensors()
		verdict := func(loads map[string]webtest.Load) verdict {
			m := newSampler(flow, webtest.Play(flow, loads, nil))
			time.Sleep(2 * time.Second)
			return m.sample().verdict
		}
		for _, c := range []struct {
			loads map[string]webtest.Load
			want  string
		}{
			{nil, "Waiting for items"},
			{map[string]webtest.Load{"files": {Out: 9, Busy: .3}}, "Nothing holds the flow up"},
			{map[string]webtest.Load{"files": {Out: 9, Busy: .95}}, "files sets the pace"},
			{map[string]webtest.Load{"files": {Out: 9, Busy: .3}, "route": {In: 9, Busy: .93}}, "route sets the pace"},
		} {
			if v := verdict(c.loads); v.Head != c.want {
				t.Errorf("%v: %+v, want %q", c.loads, v, c.want)
			}
		}
	})
}

// Time that no counter has yet goes where the queues point.
func TestWaitsThatGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flow := webtest.Sensors()
		run := webtest.Play(flow, map[string]webtest.Load{}, map[int]float64{6: 1})
		run.Uncounted()
		m := newSampler(flow, run)
		time.Sleep(2 * time.Second)
		s := m.sample()
		for id, want := range map[string]nodeRow{"unbatch": {Blocked: 100}, "enrich": {Busy: 100}, "alert": {Starved: 100}} {
			for i, n := range flow.Nodes {
				if r := s.nodes[i]; n.ID == id && (r.Busy != want.Busy || r.Blocked != want.Blocked || r.Starved != want.Starved) {
					t.Errorf("%s: busy %d, blocked %d, starved %d", id, r.Busy, r.Blocked, r.Starved)
				}
			}
		}
	})
}

// While nobody looks there is one sample a second, and none after the end.
func TestSamplerRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flow := webtest.Sensors()
		run := webtest.PlaySensors(flow)
		m := newSampler(flow, run)
		go m.work(t.Context())
		synctest.Wait()
		asked := run.Asked()
		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		if n := run.Asked() - asked; n != 10 {
			t.Errorf("%d samples in ten seconds while nobody looks", n)
		}
		leave := m.look()
		synctest.Wait()
		asked = run.Asked()
		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		if n := run.Asked() - asked; n != 20 {
			t.Errorf("%d samples in ten seconds while somebody looks", n)
		}
		leave()
		time.Sleep(90 * time.Second)
		if n := len(m.past()); n != historyLength {
			t.Errorf("%d points of history", n)
		}
		run.Finish("done", "")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		asked = run.Asked()
		time.Sleep(time.Minute)
		if run.Asked() != asked {
			t.Error("a run that has ended is still sampled")
		}
	})
}

func TestRounded(t *testing.T) {
	for x, want := range map[float64]int64{0: 0, 4.4: 4, 999.4: 999, 1234: 1230, 98765: 98800, 1e9 + 7: 1e9} {
		if got := rounded(x); got != want {
			t.Errorf("%v is rounded to %d, want %d", x, got, want)
		}
	}
}
