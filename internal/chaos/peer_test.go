//go:build unix

package chaos

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
)

// This file has the server of the prices, which fails.

// A peer is the server that fails.
type peer struct {
	server *http.Server
	url    string
	over   chan struct{} // closed: nobody hangs any more

	mu     sync.Mutex
	random *rand.Rand
	what   map[string]int // how requests were answered
}

func startPeer(t *testing.T, random *rand.Rand) *peer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{url: "http://" + l.Addr().String(), over: make(chan struct{}), random: random, what: map[string]int{}}
	p.server = &http.Server{Handler: p}
	done := make(chan struct{})
	go func() { defer close(done); p.server.Serve(l) }()
	t.Cleanup(func() { close(p.over); p.server.Close(); <-done })
	return p
}

func (p *peer) draw() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	what := "200"
	switch n := p.random.IntN(1000); {
	case n < 70:
		what = "500"
	case n < 140:
		what = "503"
	case n < 200:
		what = "hung up"
	case n < 210:
		what = "hangs"
	}
	p.what[what]++
	return what
}

func (p *peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var id int
	if _, err := fmt.Sscanf(r.URL.Path, "/price/%d", &id); err != nil {
		http.NotFound(w, r)
		return
	}
	switch p.draw() {
	case "500":
		http.Error(w, "chaos", http.StatusInternalServerError)
	case "503":
		http.Error(w, "chaos", http.StatusServiceUnavailable)
	case "hung up":
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			c.Close()
		}
	case "hangs":
		select {
		case <-r.Context().Done():
		case <-p.over:
		}
	default:
		fmt.Fprintf(w, `{"price": %d}`, priceOf(id))
	}
}

// priceOf is the price of an order.
func priceOf(id int) int { return id%1000 + 1 }
