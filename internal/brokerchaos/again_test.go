//go:build unix

package brokerchaos

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowrun/flowrun/internal/kept"
	"github.com/flowrun/flowrun/internal/servertest"
)

// This file is the law about what comes again.

// A gate is the server that the readers of one life send their items to. It keeps what it
// answers, and answers nothing once it is shut: so what is sent then is not acknowledged.
type gate struct {
	*httptest.Server

	mu   sync.Mutex
	shut bool
	held []int // what was sent to it since it was shut
	kept []int
}

func newGate(t *testing.T, shut bool) *gate {
	g := &gate{shut: shut}
	g.Server = httptest.NewServer(g)
	t.Cleanup(g.Close)
	return g
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var items []struct{ ID int }
	if err := json.NewDecoder(r.Body).Decode(&items); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var ids []int
	for _, x := range items {
		ids = append(ids, x.ID)
	}
	g.mu.Lock()
	shut := g.shut
	if shut {
		g.held = append(g.held, ids...)
	} else {
		g.kept = append(g.kept, ids...)
	}
	g.mu.Unlock()
	if shut {
		<-r.Context().Done() // until the reader is dead
	}
}

// close shuts the gate.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
}

func (g *gate) all() (held, kept []int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.held), slices.Clone(g.kept)
}

// givenAgain has readers keep and acknowledge some items, and kills them when they have taken
// others that they have not kept; then once more, with the broker. Who reads after that is
// given exactly those others, and those of a key in order if one reads alone.
func (w *world) givenAgain(t *testing.T) {
	const acknowledged, all = 150, 550
	dir := t.TempDir()
	feed := func(from, to int) {
		p := w.feed(t, dir, w.again, from, to, "")
		w.await(t, "all is written", func() bool { return over(p) })
	}
	life := w.live(t, dir, false)
	feed(0, acknowledged)
	w.await(t, "the first are acknowledged", func() bool { return life.has(acknowledged) })
	if _, kept := life.all(); !w.exactly(kept, 0, acknowledged) {
		t.Fatalf("of items 0 to %d came %v", acknowledged, kept)
	}
	life.close()
	feed(acknowledged, all)
	for _, broker := range []bool{false, true} {
		w.await(t, "the next are under way", func() bool { held, _ := life.all(); return len(held) > 0 })
		held, _ := life.all()
		if slices.Min(held) < acknowledged {
			t.Errorf("items %v come first, and all below %d is acknowledged", held, acknowledged)
		}
		t.Logf("%d items are under way, and all who read are killed", life.pending())
		life.crash()
		if broker {
			w.restart(t, 0)
		}
		life = w.live(t, dir, !broker)
	}
	w.await(t, "the next are acknowledged", func() bool { return life.has(all - acknowledged) })
	life.end()
	if _, kept := life.all(); !w.exactly(kept, acknowledged, all) {
		t.Errorf("items %d to %d were not acknowledged, and %d came, %d of them different ones: %v", acknowledged, all, len(kept), len(distinct(kept)), kept)
	}
}

// A life is that of all who read, until they are killed.
type life struct {
	*gate
	t       *testing.T
	readers []*kept.Process
	ports   []int // of their metrics
}

// live starts those who read.
func (w *world) live(t *testing.T, dir string, shut bool) *life {
	t.Helper()
	l := &life{gate: newGate(t, shut), t: t}
	for i := range w.readers {
		port := servertest.FreePort(t)
		sink := fmt.Sprintf(`use: http.post, workers: 1, batch: {count: 10, period: 10ms}, with: {url: '%s'}`, l.URL)
		l.ports = append(l.ports, port)
		// Whoever is back later than the others is given what it had, and not they.
		l.readers = append(l.readers, w.readBy(t, dir, w.again, i, time.Minute, sink, "--metrics", strconv.Itoa(port)))
	}
	return l
}

func (l *life) crash() {
	for _, r := range l.readers {
		r.Crash()
	}
}

func (l *life) end() {
	for _, r := range l.readers {
		r.End()
	}
}

// has reports whether so many items are kept and nothing is left to be acknowledged.
func (l *life) has(n int) bool {
	_, kept := l.all()
	return len(distinct(kept)) >= n && l.pending() == 0
}

// pending is how many items are taken and not acknowledged.
func (l *life) pending() (n int) {
	for _, port := range l.ports {
		n += pending(l.t, port)
	}
	return n
}

// exactly reports whether numbers are those from one to another, each once; and in order for
// each key, if one reads alone.
func (w *world) exactly(ids []int, from, to int) bool {
	if len(ids) != to-from || len(distinct(ids)) != to-from || slices.Min(ids) != from || slices.Max(ids) != to-1 {
		return false
	}
	last := map[int]int{}
	for _, id := range ids {
		if w.readers == 1 && id < last[id%keys] {
			return false
		}
		last[id%keys] = id
	}
	return true
}

func distinct(ids []int) []int { return slices.Compact(slices.Sorted(slices.Values(ids))) }

// pending is how many items a process has taken and not acknowledged; 1 if it does not say.
func pending(t *testing.T, port int) int {
	t.Helper()
	r, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", port))
	if err != nil {
		return 1
	}
	defer r.Body.Close()
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		if name, value, _ := strings.Cut(lines.Text(), "} "); strings.HasPrefix(name, "flowrun_node_broker_pending{") && strings.Contains(name, `"in"`) {
			n, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	return 1
}

// over reports whether a process has come to its end.
func over(p *kept.Process) bool {
	select {
	case <-p.Ended():
		return true
	default:
		return false
	}
}
