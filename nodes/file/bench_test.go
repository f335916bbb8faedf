package file_test

import (
	"fmt"
	"strings"
	"testing"
)

// benchmarkCopy measures a flow of two nodes over 200,000 rows of six fields.
func benchmarkCopy(b *testing.B, from, to string) {
	var rows strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&rows, "{\"id\":%d,\"date\":\"2001-01-%02dT%02d:%02d:00Z\",\"origin\":\"LAS\",\"destination\":\"PHL\",\"delay\":%d,\"distance\":%d}\n",
			i, i%28+1, i%24, i%60, i%90-10, i%3000)
	}
	w := world{dir: b.TempDir()}
	w.put(b, "rows.jsonl", rows.String())
	const typ = "as: {id: int, date: time, origin: string, destination: string, delay: int, distance: int}"
	if o := w.run(b, copyFlow("path: rows.jsonl, "+typ, "path: in."+from)); o.Err != nil || o.Problems.HasErrors() {
		b.Fatal(o.Told())
	}
	flow := copyFlow(fmt.Sprintf("path: in.%s, %s", from, typ), "path: out."+to)
	b.SetBytes(int64(rows.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if o := w.run(b, flow); o.Err != nil {
			b.Fatal(o.Told())
		}
	}
}

func BenchmarkJSONLToJSONL(b *testing.B) { benchmarkCopy(b, "jsonl", "jsonl") }
func BenchmarkCSVToJSONL(b *testing.B)   { benchmarkCopy(b, "csv", "jsonl") }
func BenchmarkJSONLToGzip(b *testing.B)  { benchmarkCopy(b, "jsonl", "jsonl.gz") }
