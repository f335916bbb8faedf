package web

import (
	"compress/gzip"
	"io"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/web/webtest"
)

// Ticks must stay small: one of a thousand nodes is sent every second.
func TestSizeOfTicks(t *testing.T) {
	for _, c := range []struct {
		flow *graph.Flow
		play func(*graph.Flow) *webtest.Run
		most int // bytes, packed
	}{{webtest.Sensors(), webtest.PlaySensors, 1000}, {webtest.Large(1000), webtest.PlayLarge, 25_000}} {
		synctest.Test(t, func(t *testing.T) {
			reader, asks := httptest.NewRecorder(), httptest.NewRequest("GET", "/api/v1/stream", nil)
			asks.Header.Set("Accept-Encoding", "gzip")
			out := newEventWriter(reader, asks)
			m := newSampler(c.flow, c.play(c.flow))
			var last *snapshot
			raw, packed := 0, 0
			for i := range 4 {
				now, before := m.sample(), reader.Body.Len()
				tick := appendTick(nil, last, now)
				if err := out.send("tick", tick); err != nil {
					t.Fatal(err)
				}
				if i > 0 { // the first has everything in it
					raw, packed = max(raw, len(tick)), max(packed, reader.Body.Len()-before)
				}
				last = now
				time.Sleep(m.period())
			}
			t.Logf("a tick of %d nodes: %d bytes, %d packed", len(c.flow.Nodes), raw, packed)
			if packed > c.most || packed == 0 {
				t.Errorf("a tick of %d nodes takes %d bytes", len(c.flow.Nodes), packed)
			}
		})
	}
}

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
