package web

import (
	"compress/gzip"
	"io"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/web/webtest"
)

// BenchmarkTick is all that a reader of the page costs its run, twice a second, or
// once with more than a hundred nodes.
func BenchmarkTick(b *testing.B) {
	small, large := webtest.Sensors(), webtest.Large(1000)
	for _, c := range []struct {
		name string
		flow *graph.Flow
		run  *webtest.Run
	}{{"nodes=15", small, webtest.PlaySensors(small)}, {"nodes=1000", large, webtest.PlayLarge(large)}} {
		b.Run(c.name, func(b *testing.B) {
			m := newSampler(c.flow, c.run)
			out, err := gzip.NewWriterLevel(io.Discard, streamLevel)
			if err != nil {
				b.Fatal(err)
			}
			last := m.sample()
			for b.Loop() {
				now := m.sample()
				out.Write(appendTick(nil, last, now))
				out.Flush()
				last = now
			}
		})
	}
}
