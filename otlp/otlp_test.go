package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	metricspb "go.opentelemetry.io/proto/slim/otlp/collector/metrics/v1"
	tracepb "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	v1 "go.opentelemetry.io/proto/slim/otlp/metrics/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A fake collector keeps what it is sent.
type fake struct {
	mu      sync.Mutex
	metrics []*metricspb.ExportMetricsServiceRequest
	traces  []*tracepb.ExportTraceServiceRequest
	headers http.Header // of the last request
	tries   int
	answer  func(try int, w http.ResponseWriter) bool // reports whether it took the request; nil: always
}

func (c *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, zerr := gzip.NewReader(bytes.NewReader(body))
		if zerr != nil {
			http.Error(w, zerr.Error(), http.StatusBadRequest)
			return
		}
		body, err = io.ReadAll(z)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headers = r.Header
	c.tries++
	if c.answer != nil && !c.answer(c.tries, w) {
		return
	}
	switch r.URL.Path {
	case "/v1/metrics":
		m := &metricspb.ExportMetricsServiceRequest{}
		err = errors.Join(err, proto.Unmarshal(body, m))
		c.metrics = append(c.metrics, m)
	case "/v1/traces":
		m := &tracepb.ExportTraceServiceRequest{}
		err = errors.Join(err, proto.Unmarshal(body, m))
		c.traces = append(c.traces, m)
	default:
		err = errors.New("no such path")
	}
	if r.Header.Get("Content-Type") != "application/x-protobuf" || r.Method != http.MethodPost {
		err = errors.Join(err, errors.New("not a message"))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// RoundTrip answers without a network, for virtual time.
func (c *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w.Result(), nil
}

// reported is a run that is as its report says.
type reported struct{ metrics.Report }

func (r reported) Stats() metrics.Report { return r.Report }

// example is a report of a run that failed.
func example() metrics.Report {
	var work metrics.Histogram
	for _, d := range []time.Duration{time.Microsecond, time.Millisecond, time.Millisecond, time.Hour} {
		work.Add(d)
	}
	start := time.Unix(1_700_000_000, 0)
	return metrics.Report{
		Flow: "süß \xff", Outcome: "failed", Error: "load (sql.write): no connection\n  item: {\"card\": 4111}", Started: start, Took: 90 * time.Second,
		Nodes: []metrics.NodeReport{
			{ID: "read", Kind: "file.read", Source: true, Workers: 2, Out: 10, Began: start.Add(time.Second), Finished: start.Add(80 * time.Second), Latency: work.Snapshot(), BusyTime: 3 * time.Second, Busy: 0.25},
			{ID: "load", Kind: "sql.write", Workers: 1, In: 9, Skipped: 2, Began: start.Add(2 * time.Second)},
			{ID: "never", Kind: "drop", Workers: 1},
		},
		Edges: []metrics.EdgeReport{{From: "read.out", To: "load.in", Items: 1, Bytes: 512, Capacity: 8, Unwanted: 3, Dropped: 4}},
	}
}

func settings(t *testing.T, url string, variables ...string) Settings {
	t.Helper()
	env := map[string]string{}
	for i := 0; i < len(variables); i += 2 {
		env[variables[i]] = variables[i+1]
	}
	s, err := FromEnv(url, func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// attributes gives attributes by name, in their Go types.
func attributes(of []*common.KeyValue) map[string]any {
	all := map[string]any{}
	for _, a := range of {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			all[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			all[a.Key] = v.IntValue
		case *common.AnyValue_DoubleValue:
			all[a.Key] = v.DoubleValue
		}
	}
	return all
}

// sent runs a push over a real server to its end.
func sent(t *testing.T, report metrics.Report, variables ...string) *fake {
	t.Helper()
	c := &fake{}
	server := httptest.NewServer(c)
	defer server.Close()
	p := Start(reported{report}, settings(t, server.URL, variables...), func(err error) { t.Error(err) })
	p.Close(&report)
	if len(c.metrics) != 1 || len(c.traces) != 1 {
		t.Fatalf("%d messages of metrics and %d of traces, want one of each", len(c.metrics), len(c.traces))
	}
	return c
}

func TestMetrics(t *testing.T) {
	c := sent(t, example(), "OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, x=1", "OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", "OTEL_RESOURCE_ATTRIBUTES", "team=data")
	if c.headers.Get("Api-Key") != "a b" || c.headers.Get("X") != "1" || c.headers.Get("Content-Encoding") != "gzip" {
		t.Errorf("the headers are %v", c.headers)
	}
	resource := c.metrics[0].ResourceMetrics[0]
	from := attributes(resource.Resource.Attributes)
	if id, _ := from["service.instance.id"].(string); from["service.name"] != "flowrun" || from["team"] != "data" || len(id) != 32 {
		t.Errorf("it comes from %v", from)
	}
	all := map[string]*v1.Metric{}
	for _, m := range resource.ScopeMetrics[0].Metrics {
		all[m.Name] = m
	}
	in := all["flowrun.node.in"].GetSum()
	if in == nil || !in.IsMonotonic || in.AggregationTemporality != v1.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE || len(in.DataPoints) != 3 {
		t.Fatalf("flowrun.node.in is %v", all["flowrun.node.in"])
	}
	p := in.DataPoints[1]
	if p.GetAsInt() != 9 || p.StartTimeUnixNano != 1_700_000_000e9 || p.TimeUnixNano != 1_700_000_090e9 || !maps.Equal(attributes(p.Attributes), map[string]any{"flow": "süß \uFFFD", "node": "load"}) {
		t.Errorf("what load took is %v", p)
	}
	if got := all["flowrun.node.busy_ratio"].GetGauge().GetDataPoints()[0].GetAsDouble(); got != 0.25 || all["flowrun.node.busy_ratio"].Unit != "1" {
		t.Errorf("read is busy %v", got)
	}
	if got := all["flowrun.edge.bytes"]; got.Unit != "By" || got.GetGauge().DataPoints[0].GetAsDouble() != 512 {
		t.Errorf("the edge has %v", got)
	}
	h := all["flowrun.node.seconds"].GetHistogram().GetDataPoints()[0]
	if h.Count != 4 || h.GetSum() != 3600.002001 || len(h.BucketCounts) != len(h.ExplicitBounds)+1 || h.BucketCounts[0] != 1 || h.BucketCounts[len(h.BucketCounts)-1] != 1 || all["flowrun.node.seconds"].Unit != "s" {
		t.Errorf("the histogram is %v", h)
	}
	if i := slices.Index(h.BucketCounts, 2); i < 0 || h.ExplicitBounds[i-1] >= 0.001 || h.ExplicitBounds[i] < 0.001 {
		t.Errorf("1 ms is not where it belongs: %v", h)
	}
}

// Cuts have one measurement without a name of its own, and three distributions in one.
func TestMetricsOfCuts(t *testing.T) {
	report := example()
	report.Cuts = &metrics.CutReport{Epoch: 41, Age: 3 * time.Second, GivenUp: 2, Flight: 42, For: time.Second, Waits: &metrics.CutHolder{Node: "load", Input: "in"}}
	report.Nodes[1].Epoch = 41
	got := map[string]*v1.Metric{}
	for _, m := range sent(t, report).metrics[0].ResourceMetrics[0].ScopeMetrics[0].Metrics {
		if strings.Contains(m.Name, "epoch") {
			got[m.Name] = m
		}
	}
	if got["flowrun.epoch"].GetGauge().GetDataPoints()[0].GetAsInt() != 41 || got["flowrun.node.epoch"].GetGauge().GetDataPoints()[0].GetAsInt() != 41 {
		t.Errorf("the last cut is %v, that of load %v", got["flowrun.epoch"], got["flowrun.node.epoch"])
	}
	if age := got["flowrun.epoch.age_seconds"]; age.GetGauge().GetDataPoints()[0].GetAsDouble() != 3 || age.GetUnit() != "s" {
		t.Errorf("its age is %v", age)
	}
	if s := got["flowrun.epoch.given_up"].GetSum(); !s.GetIsMonotonic() || s.DataPoints[0].GetAsInt() != 2 {
		t.Errorf("given up are %v", s)
	}
	p := got["flowrun.epoch.waits_seconds"].GetGauge().GetDataPoints()[0]
	if a := attributes(p.Attributes); p.GetAsDouble() != 1 || a["node"] != "load" || a["input"] != "in" {
		t.Errorf("it waits for %v", p)
	}
	var phases []any
	for _, p := range got["flowrun.epoch.seconds"].GetHistogram().GetDataPoints() {
		phases = append(phases, attributes(p.Attributes)["phase"])
	}
	if !slices.Equal(phases, []any{"align", "flush", "acknowledge"}) || len(got) != 6 {
		t.Errorf("the phases are %v, of %d measurements", phases, len(got))
	}
}

func TestTrace(t *testing.T) {
	parent := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	c := sent(t, example(), "TRACEPARENT", parent)
	spans := c.traces[0].ResourceSpans[0].ScopeSpans[0].Spans
	if len(spans) != 3 {
		t.Fatalf("%d spans, want one for the run and two for the nodes that began", len(spans))
	}
	run, read, load := spans[0], spans[1], spans[2]
	if hex.EncodeToString(run.TraceId) != parent[3:35] || hex.EncodeToString(run.ParentSpanId) != parent[36:52] || run.Name != "run süß \uFFFD" {
		t.Errorf("the run is %v", run)
	}
	if run.Status.GetCode() != trace.Status_STATUS_CODE_ERROR || run.Status.GetMessage() != "load (sql.write): no connection" {
		t.Errorf("the run ended with %v", run.Status)
	}
	if strings.Contains(c.traces[0].String()+c.metrics[0].String(), "4111") {
		t.Error("an item was sent")
	}
	for _, s := range []*trace.Span{read, load} {
		if !bytes.Equal(s.TraceId, run.TraceId) || !bytes.Equal(s.ParentSpanId, run.SpanId) || len(s.SpanId) != 8 || bytes.Equal(s.SpanId, run.SpanId) || bytes.Equal(read.SpanId, load.SpanId) {
			t.Errorf("%s is not a child of the run: %v", s.Name, s)
		}
	}
	if read.Name != "read" || read.StartTimeUnixNano != 1_700_000_001e9 || read.EndTimeUnixNano != 1_700_000_080e9 || read.Status != nil {
		t.Errorf("read is %v", read)
	}
	if load.EndTimeUnixNano != run.EndTimeUnixNano || load.Status.GetCode() != trace.Status_STATUS_CODE_ERROR {
		t.Errorf("load is %v", load)
	}
	if a := attributes(load.Attributes); a["flowrun.kind"] != "sql.write" || a["flowrun.in"] != int64(9) || a["flowrun.errors"] != int64(2) {
		t.Errorf("load has %v", a)
	}
	if a := attributes(read.Attributes); a["flowrun.busy_seconds"] != 3.0 || a["flowrun.out"] != int64(10) || a["flowrun.workers"] != int64(2) {
		t.Errorf("read has %v", a)
	}
}

// Without a parent the run begins a trace of its own, each a new one.
func TestOwnTrace(t *testing.T) {
	var ids []string
	for range 2 {
		run := sent(t, example()).traces[0].ResourceSpans[0].ScopeSpans[0].Spans[0]
		ids = append(ids, hex.EncodeToString(run.TraceId))
		if len(run.ParentSpanId) != 0 || len(run.TraceId) != 16 {
			t.Errorf("%v", run)
		}
	}
	if ids[0] == ids[1] {
		t.Error("two runs are one trace")
	}
}

// While a run goes on it is pushed every ten seconds, and once more at the end.
func TestPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &fake{}
		s := settings(t, "http://collector")
		s.transport = c
		report := example()
		report.Outcome, report.Error = "running", ""
		p := Start(reported{report}, s, func(err error) { t.Error(err) })
		time.Sleep(35 * time.Second)
		synctest.Wait()
		if len(c.metrics) != 3 || len(c.traces) != 0 {
			t.Errorf("after 35 s: %d messages of metrics, %d of traces", len(c.metrics), len(c.traces))
		}
		p.Close(&report)
		if len(c.metrics) != 4 || len(c.traces) != 1 {
			t.Errorf("in all: %d messages of metrics, %d of traces", len(c.metrics), len(c.traces))
		}
	})
}

// A run that never began sends nothing.
func TestNeverBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &fake{}
		s := settings(t, "http://collector")
		s.transport = c
		p := Start(reported{metrics.Report{Outcome: "running"}}, s, func(err error) { t.Error(err) })
		time.Sleep(time.Minute)
		p.Close(&metrics.Report{Outcome: "running"})
		if c.tries != 0 {
			t.Errorf("%d requests", c.tries)
		}
	})
}

type silence struct{}

// RoundTrip never answers.
func (silence) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

type refused struct{}

func (refused) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

// A collector that is not there costs one warning, and at the end next to no time.
func TestUnreachable(t *testing.T) {
	for name, c := range map[string]struct {
		transport http.RoundTripper
		runs      time.Duration
		atMost    time.Duration
	}{
		"silent for a minute":    {silence{}, time.Minute, lostTime},
		"silent at the end":      {silence{}, time.Second, closeTime},
		"refuses for a minute":   {refused{}, time.Minute, 0},
		"silent while one waits": {silence{}, 15 * time.Second, closeTime},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := settings(t, "http://me:geheim@collector")
			s.transport = c.transport
			var warnings []string
			report := example()
			p := Start(reported{report}, s, func(err error) { warnings = append(warnings, err.Error()) })
			time.Sleep(c.runs)
			start := time.Now()
			p.Close(&report)
			if took := time.Since(start); took > c.atMost {
				t.Errorf("%s: the end takes %s", name, took)
			}
			if len(warnings) != 1 || !strings.HasPrefix(warnings[0], "the collector at http://me:xxxxx@collector/v1/") || strings.Contains(warnings[0], "geheim") {
				t.Errorf("%s: the warnings are %q", name, warnings)
			}
		})
	}
}

// What may be sent again is, at the end; nothing else is.
func TestAnswers(t *testing.T) {
	status := func(code int, header ...string) func(int, http.ResponseWriter) bool {
		return func(try int, w http.ResponseWriter) bool {
			if try > 2 {
				return true
			}
			if len(header) > 0 {
				w.Header().Set(header[0], header[1])
			}
			w.WriteHeader(code)
			return false
		}
	}
	partial, err := proto.Marshal(&metricspb.ExportMetricsServiceResponse{PartialSuccess: &metricspb.ExportMetricsPartialSuccess{RejectedDataPoints: 7, ErrorMessage: "too many"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		answer  func(int, http.ResponseWriter) bool
		tries   int
		warning string
		took    time.Duration
	}{
		{"busy", status(503), 3, "", 600 * time.Millisecond},
		{"busy, later", status(429, "Retry-After", "1"), 3, "", 2 * time.Second},
		{"busy, much later", status(503, "Retry-After", "3600"), 1, "it answers 503", 5 * time.Second},
		{"not understood", status(400), 1, "it answers 400", 0},
		{"moved", status(302, "Location", "http://elsewhere/"), 1, "it answers 302", 0},
		{"in part", func(_ int, w http.ResponseWriter) bool { w.Write(partial); return true }, 1, "refused 7 of what was sent: too many", 0},
		{"nonsense", func(_ int, w http.ResponseWriter) bool { w.Write([]byte("ok")); return true }, 1, "", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			server := &fake{answer: c.answer}
			s := settings(t, "http://collector")
			s.transport = server
			send := newSender(s)
			ctx, cancel := context.WithTimeout(t.Context(), closeTime)
			defer cancel()
			report := example()
			start := time.Now()
			err := send.insist(ctx, s.Metrics, metricsOf(&report, nil))
			if (err == nil) != (c.warning == "") || err != nil && !strings.Contains(err.Error(), c.warning) {
				t.Errorf("%s: %v", c.name, err)
			}
			if took := time.Since(start); server.tries != c.tries || took != c.took {
				t.Errorf("%s: %d tries in %s, want %d in %s", c.name, server.tries, took, c.tries, c.took)
			}
		})
	}
}
