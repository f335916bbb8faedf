package web_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/flowrun/flowrun/graph"
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
	synctest.Test(t, func(t *testing.T) {
		flow := webtest.Sensors()
		page, err := web.New(flow, webtest.PlaySensors(flow), web.Options{})
		if err != nil {
			t.Fatal(err)
		}
		res := onWire(t, page).do("GET", "/api/v1/stream")
		defer res.Body.Close()
		last := ""
		var closing sync.WaitGroup
		for e := range events(res.Body) {
			if last == "" {
				closing.Go(page.Close)
			}
			last = e.name
		}
		closing.Wait()
		if last != "end" {
			t.Errorf("the last event is %q", last)
		}
	})
}

// Ticks must stay small: one of a thousand nodes is sent every second.
func TestSizeOfTicks(t *testing.T) {
	for _, c := range []struct {
		flow *graph.Flow
		play func(*graph.Flow) *webtest.Run
		most int // bytes, packed
	}{{webtest.Sensors(), webtest.PlaySensors, 1000}, {webtest.Large(1000), webtest.PlayLarge, 25_000}} {
		synctest.Test(t, func(t *testing.T) {
			page, err := web.New(c.flow, c.play(c.flow), web.Options{})
			if err != nil {
				t.Fatal(err)
			}
			raw, packed := sizeOfTicks(t, onWire(t, page))
			t.Logf("a tick of %d nodes: %d bytes, %d packed", len(c.flow.Nodes), raw, packed)
			if packed > c.most || packed == 0 {
				t.Errorf("a tick of %d nodes takes %d bytes", len(c.flow.Nodes), packed)
			}
		})
	}
}

// sizeOfTicks is the largest of some ticks, as it is and packed.
func sizeOfTicks(t *testing.T, page caller) (raw, packed int) {
	t.Helper()
	res := page.do("GET", "/api/v1/stream", "Accept-Encoding", "gzip") // so that the client does not unpack
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
