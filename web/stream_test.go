package web_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/render"
	"github.com/flowrun/flowrun/web"
	"github.com/flowrun/flowrun/web/webtest"
)

// An event of a stream.
type event struct {
	name string
	data string
}

// events reads a stream until its end.
func events(body io.Reader) func(yield func(event) bool) {
	return func(yield func(event) bool) {
		var e event
		lines := bufio.NewScanner(body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				e.name = name
			} else if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				e.data = data
			} else if lines.Text() == "" && e.name != "" {
				if !yield(e) {
					return
				}
				e = event{}
			}
		}
	}
}

type tick struct {
	T int64
	N [][]int64
	E [][]int64
	V *struct{ Head string }
}

func TestStream(t *testing.T) {
	flow := webtest.Sensors()
	run := webtest.PlaySensors(flow)
	server := serve(t, flow, run, web.Options{})
	res, err := http.Get(server.URL + "/api/v1/stream") // packed: the client unpacks
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if !res.Uncompressed {
		t.Error("the stream is not packed")
	}
	ticks, names := 0, ""
	for e := range events(res.Body) {
		names += e.name + " "
		if e.name != "tick" {
			continue
		}
		var got tick
		if err := json.Unmarshal([]byte(e.data), &got); err != nil {
			t.Fatal(err)
		}
		switch ticks++; ticks {
		case 1:
			if len(got.N) != 15 || len(got.E) != 15 || got.V == nil || len(got.N[0]) != 12 || len(got.E[0]) != 8 {
				t.Errorf("the first tick is not whole: %s", e.data)
			}
		case 3:
			for _, row := range got.N {
				if row[0] == 12 { // dashboard does nothing at all
					t.Errorf("a row that is the same is sent again: %v", row)
				}
			}
			run.Finish("done", "")
		}
	}
	if !strings.HasPrefix(names, "hello tick tick tick ") || !strings.HasSuffix(names, "tick end ") {
		t.Errorf("events %s", names)
	}
}

func TestStreamsAreFew(t *testing.T) {
	flow := webtest.Sensors()
	server := serve(t, flow, webtest.PlaySensors(flow), web.Options{Clients: 2})
	for i, want := range []int{200, 200, 503} {
		res, err := http.Get(server.URL + "/api/v1/stream")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("stream %d: %d, want %d", i, res.StatusCode, want)
		}
	}
}

// Closing the server ends the streams, each with an event that says so.
func TestCloseEndsStreams(t *testing.T) {
	flow := webtest.Sensors()
	page, err := web.New(flow, webtest.PlaySensors(flow), web.Options{Layout: nil})
	if err != nil {
		t.Fatal(err)
	}
	l := listener(t)
	served := make(chan error, 1)
	go func() { served <- page.Serve(l) }()
	res, err := http.Get("http://" + l.Addr().String() + "/api/v1/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	last := ""
	for e := range events(res.Body) {
		if last == "" {
			go page.Close()
		}
		last = e.name
	}
	if last != "end" {
		t.Errorf("the last event is %q", last)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// Ticks must stay small: one of a thousand nodes is sent every second.
func TestSizeOfTicks(t *testing.T) {
	small, large := webtest.Sensors(), webtest.Large(1000)
	for _, c := range []struct {
		run  *webtest.Run
		flow *graph.Flow
		most int // bytes, packed
	}{{webtest.PlaySensors(small), small, 1000}, {webtest.PlayLarge(large), large, 25_000}} {
		raw, packed := sizeOfTicks(t, serve(t, c.flow, c.run, web.Options{Layout: noLayout}).URL)
		t.Logf("a tick of %d nodes: %d bytes, %d packed", len(c.flow.Nodes), raw, packed)
		if packed > c.most || packed == 0 {
			t.Errorf("a tick of %d nodes takes %d bytes", len(c.flow.Nodes), packed)
		}
	}
}

// noLayout is the quick one, where nobody looks at the drawing.
func noLayout(_ context.Context, s *render.Scene) error { return render.LayoutBuiltin(s) }

// sizeOfTicks is the largest of some ticks, as it is and packed.
func sizeOfTicks(t *testing.T, url string) (raw, packed int) {
	t.Helper()
	req, _ := http.NewRequest("GET", url+"/api/v1/stream", nil)
	req.Header.Set("Accept-Encoding", "gzip") // so that the client does not unpack
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	counted := &counter{r: res.Body}
	unpacked := unpack(t, counted)
	ticks, before := 0, 0
	for e := range events(unpacked) {
		if e.name == "tick" {
			if ticks++; ticks > 1 {
				raw, packed = max(raw, len(e.data)), max(packed, counted.n-before)
			}
			if ticks == 4 {
				break
			}
		}
		before = counted.n
	}
	return raw, packed
}

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func unpack(t *testing.T, r io.Reader) io.Reader {
	t.Helper()
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}
