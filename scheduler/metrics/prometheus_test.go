package metrics

import (
	"bytes"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// odd is a text with everything that a label must escape, and more.
const odd = "a \"b\"\\n\\\nc\t{d=\"e\"} ünï 流れ # HELP x"

func watched() *Report {
	var work Histogram
	for i := range 100 {
		work.Add(time.Duration(i+1) * time.Millisecond)
	}
	work.Add(5 * time.Minute)
	work.Add(time.Microsecond)
	return &Report{
		Flow: odd, Outcome: "running", Started: time.Unix(1e9, 0), Took: 90 * time.Second,
		Cuts: &CutReport{
			Epoch: 41, Age: 3 * time.Second, Complete: 39, GivenUp: 2, Last: &CutHolder{Node: "read"},
			Flight: 42, For: 2500 * time.Millisecond, Waits: &CutHolder{Node: "überall", Input: odd}, Align: work.Snapshot(),
		},
		Nodes: []NodeReport{
			{ID: "read", Kind: "file.read", Source: true, Workers: 2, Out: 5_000_000_000, Done: 30, Total: 120, FieldsDropped: map[string]int64{"a": 2, "b": 1}, Busy: 0.25, BusyTime: 45 * time.Second},
			{ID: "überall", Kind: "map", Workers: 1, In: 1 << 53, Skipped: 1, Dead: 2, Failed: 4, Filtered: 8, Retries: 16, Held: 32, Breaker: Trying, Epoch: 41, Latency: work.Snapshot()},
		},
		Edges: []EdgeReport{{From: "read.out", To: "überall." + odd, Capacity: 8192, Items: 7, Bytes: 4096, Sent: 100, Received: 80, Unwanted: 3, Dropped: 10, Oldest: 1500 * time.Millisecond, Wait: work.Snapshot()}},
	}
}

// parsed reads a text as Prometheus does.
func parsed(t *testing.T, text []byte) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return families
}

// point finds a sample by some of its labels.
func point(t *testing.T, families map[string]*dto.MetricFamily, name string, labels map[string]string) *dto.Metric {
	t.Helper()
	for _, m := range families[name].GetMetric() {
		hits := 0
		for _, l := range m.GetLabel() {
			if want, ok := labels[l.GetName()]; ok && want == l.GetValue() {
				hits++
			}
		}
		if hits == len(labels) {
			return m
		}
	}
	t.Fatalf("no %s with %q", name, labels)
	return nil
}

func TestPrometheusReads(t *testing.T) {
	families := parsed(t, watched().Prometheus())
	in := map[string]string{"flow": odd, "node": "überall"}
	over := map[string]string{"flow": odd, "from": "read.out", "to": "überall." + odd}
	full := map[string]string{"from": "read.out", "reason": "full"}
	flow := map[string]string{"flow": odd}
	for _, c := range []struct {
		name   string
		labels map[string]string
		want   float64
	}{
		{"flowrun_node_in_total", in, 1 << 53},
		{"flowrun_node_errors_total", in, 7},
		{"flowrun_node_dropped_total", in, 8},
		{"flowrun_node_retries_total", in, 16},
		{"flowrun_node_out_total", map[string]string{"node": "read"}, 5e9},
		{"flowrun_edge_dropped_total", full, 10},
		{"flowrun_edge_sent_total", over, 100},
		{"flowrun_epoch_given_up_total", flow, 2},
	} {
		m := point(t, families, c.name, c.labels)
		if m.GetCounter() == nil || m.GetCounter().GetValue() != c.want {
			t.Errorf("%s is %v, want the counter %v", c.name, m, c.want)
		}
	}
	for _, c := range []struct {
		name   string
		labels map[string]string
		want   float64
	}{
		{"flowrun_run_seconds", flow, 90},
		{"flowrun_run_state", map[string]string{"state": "running"}, 1},
		{"flowrun_run_state", map[string]string{"state": "failed"}, 0},
		{"flowrun_node_held", in, 32},
		{"flowrun_node_workers", map[string]string{"node": "read"}, 2},
		{"flowrun_node_busy_ratio", map[string]string{"node": "read"}, 0.25},
		{"flowrun_node_progress_ratio", map[string]string{"node": "read"}, 0.25},
		{"flowrun_node_breaker_open", in, 1},
		{"flowrun_edge_items", over, 7},
		{"flowrun_edge_bytes", over, 4096},
		{"flowrun_edge_capacity", over, 8192},
		{"flowrun_edge_oldest_seconds", over, 1.5},
		{"flowrun_epoch", flow, 41},
		{"flowrun_epoch_age_seconds", flow, 3},
		{"flowrun_epoch_waits_seconds", map[string]string{"flow": odd, "node": "überall", "input": odd}, 2.5},
		{"flowrun_node_epoch", in, 41},
	} {
		m := point(t, families, c.name, c.labels)
		if m.GetGauge() == nil || m.GetGauge().GetValue() != c.want {
			t.Errorf("%s is %v, want the gauge %v", c.name, m, c.want)
		}
	}
	for _, name := range []string{"flowrun_node_progress_ratio", "flowrun_node_breaker_open"} {
		if n := len(families[name].GetMetric()); n != 1 {
			t.Errorf("%s is told of %d nodes, want 1", name, n)
		}
	}
	if h := point(t, families, "flowrun_edge_wait_seconds", over).GetHistogram(); h.GetSampleCount() != 102 || len(h.GetBucket()) != 24 {
		t.Errorf("what waited on the edge is %v", h)
	}
	for phase, n := range map[string]uint64{"align": 102, "flush": 0, "acknowledge": 0} {
		if h := point(t, families, "flowrun_epoch_seconds", map[string]string{"flow": odd, "phase": phase}).GetHistogram(); h == nil || h.GetSampleCount() != n {
			t.Errorf("the phase %s of cuts is %v, want %d of them", phase, h, n)
		}
	}
}

// A run without cuts has no measurements of them, and one in which none is under way
// waits for nobody.
func TestPrometheusOfCuts(t *testing.T) {
	of := func(c *CutReport) string {
		var names []string
		for name := range parsed(t, (&Report{Flow: "f", Cuts: c, Nodes: []NodeReport{{ID: "n"}}}).Prometheus()) {
			if strings.Contains(name, "epoch") {
				names = append(names, strings.TrimPrefix(name, "flowrun_epoch"))
			}
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	if got := of(nil); got != "" {
		t.Errorf("a run without cuts has %q of them", got)
	}
	if got, want := of(&CutReport{}), " _age_seconds _given_up_total _seconds"; got != want {
		t.Errorf("a run with cuts has %q, want %q", got, want)
	}
}

// What Prometheus makes of the buckets is what we make of them.
func TestPrometheusQuantiles(t *testing.T) {
	report := watched()
	h := point(t, parsed(t, report.Prometheus()), "flowrun_node_seconds", map[string]string{"node": "überall"}).GetHistogram()
	if h.GetSampleCount() != 102 || math.Abs(h.GetSampleSum()-(5.05+300+1e-6)) > 1e-9 {
		t.Errorf("%d durations that make %v s", h.GetSampleCount(), h.GetSampleSum())
	}
	buckets := h.GetBucket()
	if n := len(buckets); n != 24 || !math.IsInf(buckets[n-1].GetUpperBound(), 1) || buckets[n-1].GetCumulativeCount() != 102 {
		t.Fatalf("%d buckets, the last is %v", n, buckets[n-1])
	}
	if first := buckets[0]; first.GetUpperBound() != 16e-6 || first.GetCumulativeCount() != 1 {
		t.Errorf("the first bucket is %v", first)
	}
	for i := 1; i < len(buckets); i++ {
		if buckets[i].GetUpperBound() <= buckets[i-1].GetUpperBound() || buckets[i].GetCumulativeCount() < buckets[i-1].GetCumulativeCount() {
			t.Errorf("bucket %v after %v", buckets[i], buckets[i-1])
		}
		want := report.Nodes[1].Latency.Quantile(0.5).Seconds()
		if b := buckets[i]; b.GetCumulativeCount() >= 51 && buckets[i-1].GetCumulativeCount() < 51 && (want > b.GetUpperBound() || want < buckets[i-1].GetUpperBound()) {
			t.Errorf("the median is %v s, and not in the bucket up to %v s", want, b.GetUpperBound())
		}
	}
}

func TestPrometheusLint(t *testing.T) {
	problems, err := promlint.New(bytes.NewReader(watched().Prometheus())).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// The guide names every metric, and none that there is not.
func TestPrometheusGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/watching.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`(flowrun_\\w+)`").FindAllStringSubmatch(string(guide), -1) {
		named[m[1]] = true
	}
	for name := range parsed(t, watched().Prometheus()) {
		if !named[name] {
			t.Errorf("docs/watching.md does not name %s", name)
		}
		delete(named, name)
	}
	for name := range named {
		t.Errorf("docs/watching.md names %s, which there is not", name)
	}
}

// An OpenMetrics text is the same with units, bare names of counters and an end.
func TestOpenMetrics(t *testing.T) {
	text := string(watched().OpenMetrics())
	if !strings.HasSuffix(text, "\n# EOF\n") || strings.Count(text, "# EOF") != 1 {
		t.Error("it does not end in # EOF")
	}
	for _, want := range []string{
		"# TYPE flowrun_node_in counter\nflowrun_node_in_total{",
		"# TYPE flowrun_node_seconds histogram\n# UNIT flowrun_node_seconds seconds\nflowrun_node_seconds_bucket{",
		"# TYPE flowrun_epoch gauge\nflowrun_epoch{", "# TYPE flowrun_epoch_given_up counter\nflowrun_epoch_given_up_total{",
		"# TYPE flowrun_epoch_seconds histogram\n# UNIT flowrun_epoch_seconds seconds\nflowrun_epoch_seconds_bucket{",
		"# UNIT flowrun_edge_bytes bytes\n", "# UNIT flowrun_node_busy_ratio ratio\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
	unit := regexp.MustCompile(`(?m)^# UNIT (\S+) (\S+)$`)
	for _, m := range unit.FindAllStringSubmatch(text, -1) {
		if !strings.HasSuffix(m[1], "_"+m[2]) {
			t.Errorf("%s is in %s, and its name must end so", m[1], m[2])
		}
	}
	samples := func(text string) string {
		return regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(text, "")
	}
	if samples(text) != samples(string(watched().Prometheus())) {
		t.Error("its samples are others than those of the text for Prometheus")
	}
}

func TestPhase(t *testing.T) {
	for want, r := range map[Phase]Report{
		Starting: {Outcome: "running"},
		Running:  {Outcome: "running", Started: time.Unix(1, 0)},
		Paused:   {Outcome: "running", Started: time.Unix(1, 0), Paused: true},
		Draining: {Outcome: "running", Started: time.Unix(1, 0), Draining: true},
		Failed:   {Outcome: "running", Started: time.Unix(1, 0), Draining: true, Error: "no room"},
		Done:     {Outcome: "done", Started: time.Unix(1, 0)},
		Stopped:  {Outcome: "stopped", Started: time.Unix(1, 0)},
	} {
		if got := r.Phase(); got != want {
			t.Errorf("%+v is %s, want %s", r, got, want)
		}
	}
}
