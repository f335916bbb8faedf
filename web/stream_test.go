package web_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

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

func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}
