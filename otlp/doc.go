// Package otlp sends what a run counts to an OpenTelemetry collector, by OTLP over
// HTTP with protobuf messages.
//
//	settings, err := otlp.FromEnv("http://localhost:4318", os.Getenv)
//	push := otlp.Start(run, settings, warn)
//	report, err := run.Run(ctx)
//	push.Close(&report)
//
// # What is sent
//
// Metrics: every family of metrics.Report.Families, every ten seconds and at the
// end, as sums since the start. flowrun_node_in_total of Prometheus is called
// flowrun.node.in here, and a collector that hands it on to Prometheus makes the
// first name of the second.
//
// A trace, at the end: a span for the run and below it one for each node, from its
// first worker to its last, with its kind, what it took and gave, and its errors. If
// TRACEPARENT is set, as some systems do for what they start, the run is a part of
// that trace.
//
// # Laws
//
// The collector never disturbs the run. Counters are read and never locked, one
// request at a time is on its way, a period that comes too soon is left out, and
// nothing is queued: sums since the start make up for what was lost. The first thing
// that goes wrong is told, the others are not. Close takes five seconds at most.
//
// No item is ever sent. Headers, in which keys of services are, are sent to the
// collector alone: redirects are not followed.
//
// # Why not the SDK
//
// The run counts already, so all that is left to do is to put a report into other
// words. The SDK with its exporters for HTTP makes the binary 8.5 MB larger and
// brings 18 modules, gRPC among them; the messages alone make it 3.3 MB larger and
// bring 2.
package otlp
