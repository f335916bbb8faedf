package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler"
)

// This file measures calls of a server that takes its time.

const (
	callers  = 64
	callTime = 50 * time.Millisecond
)

// callsWorkload: http.call with 64 workers on a server that takes 50 ms. The ideal is 64
// calls every 50 ms, and what goroutines with a bare client reach of it.
func callsWorkload(ctx context.Context, h *harness) error {
	n := h.size(200, 20) * callers
	ideal := float64(n) / callers * callTime.Seconds()
	size := strconv.Itoa(n)
	all, err := h.compare(ctx, fmt.Sprintf("A server that takes 50 ms, 64 workers, %d items, order kept (ideal %.2f s)", n, ideal), int64(n), 0,
		h.child("http.call, 64 workers", size), h.child("64 goroutines with net/http", size))
	if err != nil {
		return err
	}
	over := func(s series) float64 { return 100 * (s.median(wall)/ideal - 1) }
	h.claim(claim{text: "http.call, 64 workers on a server that takes 50 ms: over the bare client", got: 100 * (all[0].median(wall)/all[1].median(wall) - 1), unit: "%", target: 5, most: true}, all...)
	h.claim(claim{text: "the same, over 64 calls every 50 ms", got: over(all[0]), unit: "%", target: 5, most: true}, all...)
	// On a busy machine 50 ms of sleep are more: what the client loses is seen best against
	// what the handlers of the server took.
	lost := func(s series) float64 {
		return 100 * (s.median(func(m measurement) float64 { return m.wall.Seconds() * callers / m.result.More["handlers"] }) - 1)
	}
	h.claim(claim{text: "http.call, over 64 at once of what the handlers took", got: lost(all[0]), unit: "%", target: 5, most: true}, all...)
	h.claim(claim{text: "the bare client, over 64 at once of what the handlers took", got: lost(all[1]), unit: "%"}, all...)
	h.claim(claim{text: "the bare client, over 64 calls every 50 ms", got: over(all[1]), unit: "%"}, all...)
	return nil
}

// slowServer answers with the number that it is asked for, times two. took is what its
// handlers took in all, in nanoseconds.
func slowServer(took *atomic.Int64) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		start := time.Now()
		time.Sleep(callTime)
		took.Add(int64(time.Since(start)))
		fmt.Fprintf(w, `{"two": %d}`, 2*n)
	}))
}

// callWork runs the flow and adds up what came out.
func callWork(args []string) (result, error) {
	var took atomic.Int64
	s := slowServer(&took)
	defer s.Close()
	text := fmt.Sprintf(`flow: calls
nodes:
  n: {use: generate, with: {count: %s}}
  call: {use: http.call, in: n, with: {url: '"%s/" + string(n)', as: {two: int}, into: a}, workers: %d}
  sum: {use: group, in: call, with: {set: {sum: sum(a.two), ordered: count()}}}
  out: {use: file.write, in: sum, with: {path: "-", format: csv, header: false}}
`, args[0], s.URL, callers)
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		return result{}, err
	}
	flow, list := graph.Load(diag.NewSource("calls.yaml", []byte(text)), registry, graph.Options{})
	if list.HasErrors() {
		return result{}, list.Err()
	}
	var out strings.Builder
	run, err := scheduler.New(flow, registry, scheduler.Options{Stdin: strings.NewReader(""), Stdout: &out})
	if err != nil {
		return result{}, err
	}
	return withHandlers(&took)(timed(func() (string, error) {
		_, err := run.Run(context.Background())
		return strings.TrimSpace(out.String()), err
	}))
}

// withHandlers adds to a result what the handlers took.
func withHandlers(took *atomic.Int64) func(result, error) (result, error) {
	return func(r result, err error) (result, error) {
		r.More = map[string]float64{"handlers": time.Duration(took.Load()).Seconds()}
		return r, err
	}
}

// callAlone is the same by goroutines.
func callAlone(args []string) (result, error) {
	count, err := strconv.Atoi(args[0])
	if err != nil {
		return result{}, err
	}
	var took atomic.Int64
	s := slowServer(&took)
	defer s.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}
	return withHandlers(&took)(timed(func() (string, error) {
		var all sync.WaitGroup
		var next, sum, answered atomic.Int64
		for range callers {
			all.Go(func() {
				for n := next.Add(1) - 1; n < int64(count); n = next.Add(1) - 1 {
					resp, err := client.Get(fmt.Sprint(s.URL, "/", n))
					if err != nil {
						fmt.Fprintln(os.Stderr, err)
						return
					}
					var two int64
					body, _ := io.ReadAll(resp.Body)
					resp.Body.Close()
					if _, err := fmt.Sscanf(string(body), `{"two": %d}`, &two); err == nil {
						sum.Add(two)
						answered.Add(1)
					}
				}
			})
		}
		all.Wait()
		return fmt.Sprintf("%d,%d", sum.Load(), answered.Load()), nil
	}))
}
