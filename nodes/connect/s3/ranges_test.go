package s3

import (
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/flowrun/flowrun/nodes"
)

// large is a server with an object of some ranges, its text, and a store that reads it.
func large(t *testing.T) (f *fake, text string, s nodes.Store) {
	t.Helper()
	f = newFake()
	at := serve(t, f)
	chance := rand.NewChaCha8([32]byte{7})
	all := make([]byte, 5*rangeSize+12_345)
	chance.Read(all) // never fails
	f.put("large", string(all))
	g, _ := load(t, at, "nodes:\n  in: {use: s3.read, with: {url: s3://shop/large, format: lines, LINK}}\n  out: {use: drop, in: in}\n")
	n := g.Node("in")
	s, err := n.Config.(*reader).Link.store(&nodes.Env{Node: n, Flow: g, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return f, string(all), s
}

// open begins to read the object from a place on.
func open(t *testing.T, s nodes.Store, from int64) io.ReadCloser {
	t.Helper()
	found, err := s.Find(t.Context(), "s3://shop/large")
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	r, err := s.Open(t.Context(), found[0], from, -1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

const getLarge = "GET /shop/large"

// A large object comes in ranges, of which no more than a few are on their way, and who looks
// at its beginning gets one of them.
func TestRanges(t *testing.T) {
	f, text, s := large(t)
	var under, most atomic.Int64
	f.failing(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet {
			return false
		}
		n := under.Add(1)
		defer under.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		f.server.ServeHTTP(w, r)
		return true
	})
	for _, from := range []int64{0, 1, 3*rangeSize - 1} {
		before := f.asked(getLarge)
		got, err := io.ReadAll(open(t, s, from))
		if err != nil || string(got) != text[from:] {
			t.Errorf("from %d: %d bytes of %d, %v", from, len(got), int64(len(text))-from, err)
		}
		if asked, want := f.asked(getLarge)-before, int((int64(len(text))-from+rangeSize-1)/rangeSize); asked != want {
			t.Errorf("from %d: %d requests, want %d", from, asked, want)
		}
	}
	if most.Load() < 2 || most.Load() > rangesAhead+1 {
		t.Errorf("%d requests at once", most.Load())
	}
	before := f.asked(getLarge)
	r := open(t, s, 0)
	if _, err := io.ReadFull(r, make([]byte, 1<<20)); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil || f.asked(getLarge) != before+1 {
		t.Errorf("%d requests for the beginning, %v", f.asked(getLarge)-before, err)
	}
}

// Ranges whose connections break, or that are refused for a time, are taken up where they
// broke.
func TestRangesGoOn(t *testing.T) {
	f, text, s := large(t)
	var n atomic.Int64
	r := open(t, s, 0)
	f.failing(func(w http.ResponseWriter, r *http.Request) bool {
		switch i := n.Add(1); {
		case i > 40 || i%3 == 0:
			return false
		case i%3 == 1:
			return refuse(w, 503, "SlowDown", "")
		}
		f.server.ServeHTTP(&cutting{ResponseWriter: w, left: 1_000_000}, r)
		return true
	})
	if got, err := io.ReadAll(r); err != nil || string(got) != text || n.Load() < 10 {
		t.Errorf("%d bytes of %d by %d requests, %v", len(got), len(text), n.Load(), err)
	}
}

// Of another object that is written to the place of one while it is read, nothing comes.
func TestRangesOfAnother(t *testing.T) {
	f, text, s := large(t)
	r := open(t, s, 0)
	got := make([]byte, rangeSize/4)
	if _, err := io.ReadFull(r, got); err != nil {
		t.Fatal(err)
	}
	f.put("large", strings.Repeat("x", len(text)))
	rest, err := io.ReadAll(r)
	if got = append(got, rest...); !errors.Is(err, nodes.ErrOtherObject) || !strings.HasPrefix(text, string(got)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Who wants no more leaves nothing behind that reads on.
func TestRangesEndEarly(t *testing.T) {
	f, _, s := large(t)
	f.failing(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && r.Header.Get("Range") != "bytes=0-8388607" {
			<-r.Context().Done()
		}
		return false
	})
	r := open(t, s, 0)
	if _, err := io.ReadFull(r, make([]byte, rangeSize)); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	coming := r.(*rangedBody).coming
	if len(coming) == 0 {
		t.Error("nothing was asked for ahead")
	}
	for _, a := range coming {
		<-a.done
		if a.err == nil {
			t.Error("a range that nobody wants has come")
		}
	}
}
