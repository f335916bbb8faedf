package otlp

import (
	"crypto/rand"
	"strings"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	otlp "go.opentelemetry.io/proto/slim/otlp/trace/v1"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// Lengths of ids, in bytes.
const traceID, spanID = 16, 8

func newID(bytes int) []byte {
	id := make([]byte, bytes)
	rand.Read(id)
	return id
}

// traceOf puts a report into a trace: a span for the run, and one below it for each
// node that began.
func traceOf(r *metrics.Report, parent []byte, from *resource.Resource) *collector.ExportTraceServiceRequest {
	run := &otlp.Span{
		TraceId: newID(traceID), SpanId: newID(spanID), Name: strings.ToValidUTF8("run "+r.Flow, "\uFFFD"), Kind: otlp.Span_SPAN_KIND_INTERNAL,
		Attributes: []*common.KeyValue{text("flowrun.flow", r.Flow), text("flowrun.outcome", string(r.Phase()))},
	}
	if parent != nil {
		run.TraceId, run.ParentSpanId = parent[:traceID], parent[traceID:]
	}
	at := span(r)
	run.StartTimeUnixNano, run.EndTimeUnixNano = at.from, at.to
	if r.Error != "" {
		run.Status = failure(r.Error)
	}
	spans := []*otlp.Span{run}
	for i := range r.Nodes {
		if n := &r.Nodes[i]; !n.Began.IsZero() {
			spans = append(spans, nodeSpan(r, n, run))
		}
	}
	return &collector.ExportTraceServiceRequest{ResourceSpans: []*otlp.ResourceSpans{{
		Resource:   from,
		ScopeSpans: []*otlp.ScopeSpans{{Scope: scope, Spans: spans}},
	}}}
}

func nodeSpan(r *metrics.Report, n *metrics.NodeReport, run *otlp.Span) *otlp.Span {
	at := between(n.Began, n.Finished)
	if n.Finished.IsZero() { // it was still there when the run was given up
		at.to = run.EndTimeUnixNano
	}
	s := &otlp.Span{
		TraceId: run.TraceId, SpanId: newID(spanID), ParentSpanId: run.SpanId, Kind: otlp.Span_SPAN_KIND_INTERNAL,
		Name: strings.ToValidUTF8(n.ID, "\uFFFD"), StartTimeUnixNano: at.from, EndTimeUnixNano: at.to,
		Attributes: []*common.KeyValue{
			text("flowrun.node", n.ID), text("flowrun.kind", n.Kind), whole("flowrun.workers", int64(n.Workers)),
			whole("flowrun.in", n.In), whole("flowrun.out", n.Out), whole("flowrun.errors", n.Errors()),
			whole("flowrun.dropped", n.Filtered), whole("flowrun.retries", n.Retries),
			fraction("flowrun.busy_seconds", n.BusyTime.Round(time.Microsecond).Seconds()),
		},
	}
	if n.Failed > 0 || strings.HasPrefix(r.Error, n.ID+" (") {
		s.Status = failure(r.Error)
	}
	return s
}

// failure has the first line of an error: the others show an item or a stack.
func failure(err string) *otlp.Status {
	first, _, _ := strings.Cut(err, "\n")
	return &otlp.Status{Code: otlp.Status_STATUS_CODE_ERROR, Message: strings.ToValidUTF8(first, "\uFFFD")}
}
