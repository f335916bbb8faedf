package metrics

import (
	"strconv"
	"strings"
)

// This file writes the two text formats of Prometheus itself, and not with the encoder of
// its client library (github.com/prometheus/common/expfmt), which comes with the runtime
// of protocol buffers. A program that imports the scheduler and nothing else of this
// module has 5.4 MB with this file and would have 9.1 MB and 49 packages more with that
// encoder, 10.7 MB with a registry and its handler (linux/amd64, stripped, Go 1.26), for
// the hundred lines below. Their numbers would also read differently: 3.0 for 3. The
// library is in go.mod for the tests alone, where it judges these texts: its parser reads
// them, its linter looks at the names.

// The types of the two texts, for the header Content-Type.
const (
	PrometheusType  = "text/plain; version=0.0.4; charset=utf-8"
	OpenMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8"
)

// Prometheus gives a report in the text format of Prometheus, version 0.0.4.
func (r *Report) Prometheus() []byte { return (&exposition{}).text(r) }

// OpenMetrics gives a report in the text format of OpenMetrics, version 1.0.0,
// which has units besides and an end that tells a whole text from a cut one.
func (r *Report) OpenMetrics() []byte { return (&exposition{open: true}).text(r) }

// An exposition is one of the two texts while it is written.
type exposition struct {
	open bool
	b    []byte
}

func (x *exposition) text(r *Report) []byte {
	for _, f := range r.Families() {
		x.family(&f)
	}
	if x.open {
		x.add("# EOF\n")
	}
	return x.b
}

func (x *exposition) add(parts ...string) {
	for _, p := range parts {
		x.b = append(x.b, p...)
	}
}

func (x *exposition) family(f *Family) {
	name := "flowrun_" + f.Path("_")
	sample := name
	if f.Shape == Counter {
		sample += "_total"
		if !x.open { // there the family has the name of its samples
			name = sample
		}
	}
	x.add("# HELP ", name, " ", helpEscapes.Replace(f.Help), "\n# TYPE ", name, " ", string(f.Shape), "\n")
	if x.open && f.Unit != "" {
		x.add("# UNIT ", name, " ", f.Unit, "\n")
	}
	for _, p := range f.Points {
		labels := labelText(p.Labels)
		if p.Spread != nil {
			x.spread(sample, labels, p.Spread)
		} else {
			x.sample(sample, labels, "", p.Value)
		}
	}
}

// spread writes a distribution: each bucket has all that are below its bound.
func (x *exposition) spread(name, labels string, d *Distribution) {
	bounds, counts, over := d.Shown()
	var n int64
	for i, c := range counts {
		n += c
		x.sample(name+"_bucket", labels, number(bounds[i].Seconds()), float64(n))
	}
	n += over
	x.sample(name+"_bucket", labels, "+Inf", float64(n))
	x.sample(name+"_sum", labels, "", d.Sum.Seconds())
	x.sample(name+"_count", labels, "", float64(n))
}

// sample writes one line; le is the bound of a bucket, "" of anything else.
func (x *exposition) sample(name, labels, le string, value float64) {
	x.add(name, "{", labels)
	if le != "" {
		x.add(`,le="`, le, `"`)
	}
	x.add("} ", number(value), "\n")
}

// labelText writes labels as they stand between the braces.
func labelText(labels []Label) string {
	var b strings.Builder
	for i, l := range labels {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(l.Name + `="` + labelEscapes.Replace(l.Value) + `"`)
	}
	return b.String()
}

// number writes the shortest text that reads back as the same number.
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

var (
	labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
)
