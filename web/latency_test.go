package web

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/web/webtest"
)

// The page shows the quantiles of the last ten seconds; those of the whole run are
// those of its end.
func TestRecentLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flow := webtest.Sensors()
		run := webtest.PlaySensors(flow)
		const enrich = 8
		load := webtest.Load{In: 771, Out: 771, Busy: .97, P99: 4 * time.Second}
		run.Set("enrich", load)
		m := newSampler(flow, run)
		pass := func(seconds int) nodeRow {
			for range seconds {
				time.Sleep(time.Second)
				m.sample()
			}
			return m.latest.Load().nodes[enrich]
		}
		if row := pass(12); row.P99 < 3e6 || row.P50 > 2e6 {
			t.Errorf("a slow node shows %d µs, %d µs", row.P50, row.P99)
		}
		load.P99 = 3 * time.Millisecond
		run.Set("enrich", load)
		if row := pass(12); row.P99 > 4000 || row.P50 > 1500 || row.P50 == 0 {
			t.Errorf("a node that has become fast shows %d µs, %d µs", row.P50, row.P99)
		}
		load.P99 = 0
		run.Set("enrich", load)
		if row := pass(12); row.P99 != 0 || row.P50 != 0 {
			t.Errorf("a node without work shows %d µs, %d µs", row.P50, row.P99)
		}
		run.Finish("done", "")
		if row := pass(1); row.P99 < 3e6 {
			t.Errorf("the whole run shows %d µs", row.P99)
		}
	})
}
