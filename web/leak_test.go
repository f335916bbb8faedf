package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestNothingIsLeft loads the page and breaks streams off, again and again.
func TestNothingIsLeft(t *testing.T) { nothingIsLeft(t, 100, 40) }

// TestSoakNothingIsLeft does so for longer.
func TestSoakNothingIsLeft(t *testing.T) {
	soak(t)
	nothingIsLeft(t, 2000, 400)
}

// nothingIsLeft wants a running flow's process to be as it was when its readers have
// gone: no more goroutines, about as much memory, and a place for the next stream.
func nothingIsLeft(t *testing.T, loads, streams int) {
	s := startChildRun(t)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	load := func(path string) {
		res, err := client.Get("http://" + s.address + path)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", path, res.Status)
		}
	}
	abort := func() {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", "http://"+s.address+"/api/v1/stream", nil)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if line, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil || !strings.HasPrefix(line, "retry") {
			t.Fatalf("a stream begins with %q, %v", line, err)
		}
	}
	for _, path := range []string{"/", "/?down=1", "/graph.svg"} { // what is made once
		load(path)
	}
	abort()
	before := s.idle()
	memory := s.live()
	for i := range loads {
		load([]string{"/", "/?down=1", "/api/v1/state", "/metrics"}[i%4])
		if i < streams {
			abort()
		}
	}
	eventually(t, fmt.Sprintf("%d goroutines as before", before), func() bool { _, now, _ := s.count(); return now <= before })
	t.Logf("%d loads, %d streams: %d goroutines; memory %.1f MB before, %.1f MB after", loads, streams, before, float64(memory)/(1<<20), float64(s.live())/(1<<20))
	if grown := s.live() - memory; grown > 4<<20 {
		t.Errorf("memory grows by %d bytes", grown)
	}
	abort() // there is a place
}

// live is the memory that the server has in use, in bytes.
func (s *childRun) live() (bytes int64) {
	s.t.Helper()
	fmt.Fprintln(s.in, "memory")
	if _, err := fmt.Sscan(s.line(), &bytes); err != nil {
		s.t.Fatal(err)
	}
	return bytes
}

// idle is how many goroutines a run with its page has that nobody looks at: the fewest
// there are when connections have had the time to end.
func (s *childRun) idle() (goroutines int64) {
	s.t.Helper()
	_, goroutines, _ = s.count()
	for same := 0; same < 50; same++ {
		time.Sleep(20 * time.Millisecond)
		if _, now, _ := s.count(); now < goroutines {
			goroutines, same = now, 0
		}
	}
	return goroutines
}
