package web_test

import (
	"bufio"
	"context"
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

// idleServer is about how many goroutines a run with its page has that nobody looks at.
const idleServer = 8

// nothingIsLeft wants a running flow's process to be as it was when its readers have
// gone: as many goroutines, about as much memory, and a place for the next stream.
func nothingIsLeft(t *testing.T, loads, streams int) {
	s := startServed(t)
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
	before := s.settled(idleServer)
	memory := s.memory()
	for i := range loads {
		load([]string{"/", "/?down=1", "/api/v1/state", "/metrics"}[i%4])
		if i < streams {
			abort()
		}
	}
	after := s.settled(before)
	t.Logf("%d loads, %d streams: %d goroutines before, %d after; memory %d MB before, %d MB after", loads, streams, before, after, memory>>20, s.memory()>>20)
	if after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
	if grown := s.memory() - memory; grown > 32<<20 {
		t.Errorf("memory grows by %d MB", grown>>20)
	}
	abort() // there is a place
}

// settled is how many goroutines there are when connections have had the time to end: as
// soon as there are no more than wanted, or after three seconds.
func (s *served) settled(want int64) (goroutines int64) {
	s.t.Helper()
	for end := time.Now().Add(3 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, goroutines = s.count(); goroutines <= want || time.Now().After(end) {
			return goroutines
		}
	}
}
