package otlp

import (
	"maps"
	"slices"
	"strings"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/slim/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	"google.golang.org/protobuf/proto"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// scope names what the measurements and spans are of.
var scope = &common.InstrumentationScope{Name: "github.com/flowrun/flowrun"}

// metricsOf puts a report into a message.
func metricsOf(r *metrics.Report, from *resource.Resource) *collector.ExportMetricsServiceRequest {
	var all []*otlp.Metric
	for _, f := range r.Families() {
		all = append(all, metricOf(&f, span(r)))
	}
	return &collector.ExportMetricsServiceRequest{ResourceMetrics: []*otlp.ResourceMetrics{{
		Resource:     from,
		ScopeMetrics: []*otlp.ScopeMetrics{{Scope: scope, Metrics: all}},
	}}}
}

// An interval is what a measurement is of, in ns since 1970.
type interval struct{ from, to uint64 }

// span is from the start of a run to the moment of a report.
func span(r *metrics.Report) interval { return between(r.Started, r.Started.Add(r.Took)) }

func between(from, to time.Time) interval {
	return interval{uint64(from.UnixNano()), uint64(to.UnixNano())}
}

// units are those of UCUM.
var units = map[string]string{"seconds": "s", "bytes": "By", "ratio": "1"}

func metricOf(f *metrics.Family, at interval) *otlp.Metric {
	const cumulative = otlp.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
	m := &otlp.Metric{Name: "flowrun." + f.Path("."), Description: f.Help, Unit: units[f.Unit]}
	switch f.Shape {
	case metrics.Counter:
		m.Data = &otlp.Metric_Sum{Sum: &otlp.Sum{DataPoints: numbers(f, at), AggregationTemporality: cumulative, IsMonotonic: true}}
	case metrics.Spread:
		m.Data = &otlp.Metric_Histogram{Histogram: &otlp.Histogram{DataPoints: histograms(f, at), AggregationTemporality: cumulative}}
	default:
		m.Data = &otlp.Metric_Gauge{Gauge: &otlp.Gauge{DataPoints: numbers(f, at)}}
	}
	return m
}

// numbers are whole if they count things.
func numbers(f *metrics.Family, at interval) []*otlp.NumberDataPoint {
	var points []*otlp.NumberDataPoint
	for _, p := range f.Points {
		point := &otlp.NumberDataPoint{Attributes: labels(p.Labels), StartTimeUnixNano: at.from, TimeUnixNano: at.to}
		if f.Unit == "" {
			point.Value = &otlp.NumberDataPoint_AsInt{AsInt: int64(p.Value)}
		} else {
			point.Value = &otlp.NumberDataPoint_AsDouble{AsDouble: p.Value}
		}
		points = append(points, point)
	}
	return points
}

func histograms(f *metrics.Family, at interval) []*otlp.HistogramDataPoint {
	var points []*otlp.HistogramDataPoint
	for _, p := range f.Points {
		bounds, counts, over := p.Spread.Shown()
		point := &otlp.HistogramDataPoint{
			Attributes: labels(p.Labels), StartTimeUnixNano: at.from, TimeUnixNano: at.to, Sum: proto.Float64(p.Spread.Sum.Seconds()),
		}
		for i, c := range append(counts, over) {
			if i < len(bounds) {
				point.ExplicitBounds = append(point.ExplicitBounds, bounds[i].Seconds())
			}
			point.BucketCounts = append(point.BucketCounts, uint64(c))
			point.Count += uint64(c)
		}
		points = append(points, point)
	}
	return points
}

func labels(of []metrics.Label) []*common.KeyValue {
	var all []*common.KeyValue
	for _, l := range of {
		all = append(all, text(l.Name, l.Value))
	}
	return all
}

// text is an attribute. Messages take valid UTF-8 only.
func text(name, value string) *common.KeyValue {
	value = strings.ToValidUTF8(value, "\uFFFD")
	return &common.KeyValue{Key: strings.ToValidUTF8(name, "\uFFFD"), Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: value}}}
}

func whole(name string, value int64) *common.KeyValue {
	return &common.KeyValue{Key: name, Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: value}}}
}

func fraction(name string, value float64) *common.KeyValue {
	return &common.KeyValue{Key: name, Value: &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: value}}}
}

// resourceOf says what sends.
func resourceOf(attributes map[string]string) *resource.Resource {
	r := &resource.Resource{}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		r.Attributes = append(r.Attributes, text(name, attributes[name]))
	}
	return r
}
