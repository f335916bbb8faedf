package http_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	nethttp "net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// posts is a flow that sends the numbers from 0 on.
func posts(count int, with, beside string) string {
	return fmt.Sprintf(`flow: posts
nodes:
  n: {use: generate, with: {count: %d}}
  one: {use: http.post, in: n, with: {url: "http://shop.example/rows?key=canary-query", %s}%s}
  why: {use: map, in: one.errors, with: {select: [error, attempts, item]}}
  bad: {use: file.write, in: why, with: {path: bad.jsonl}}
`, count, with, beside)
}

// A shop keeps what it took, by the keys of batches, as a server does that knows them.
type shop struct {
	mu    sync.Mutex
	taken map[string][]int // by key
	tries map[string]int
	order []string
}

func (s *shop) take(r *nethttp.Request) (key string, numbers []int, tries int) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(r.Body)
	}
	text, _ := io.ReadAll(body)
	var rows []struct{ N int }
	json.Unmarshal(text, &rows)
	for _, row := range rows {
		numbers = append(numbers, row.N)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken == nil {
		s.taken, s.tries = map[string][]int{}, map[string]int{}
	}
	key = r.Header.Get("Idempotency-Key")
	s.tries[key]++
	return key, numbers, s.tries[key]
}

func (s *shop) keep(key string, numbers []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.taken[key]; !known {
		s.taken[key] = numbers
		s.order = append(s.order, key)
	}
}

// all gives what was taken, in the order in which it was.
func (s *shop) all() (numbers []int) {
	for _, key := range s.order {
		numbers = append(numbers, s.taken[key]...)
	}
	return numbers
}

func TestPostFormats(t *testing.T) {
	for with, want := range map[string]string{
		"format: json":  "application/json|[{\"n\":0},{\"n\":1}]",
		"format: jsonl": "application/x-ndjson|{\"n\":0}\n{\"n\":1}\n",
		"format: csv":   "text/csv; charset=utf-8|n\n0\n1\n",
		"method: PUT":   "application/json|[{\"n\":0},{\"n\":1}]",
	} {
		for _, packed := range []string{"", ", compress: gzip"} {
			got := ""
			r, _ := ask(t, posts(2, with+packed, ", batch: {count: 2}"), func(w nethttp.ResponseWriter, r *nethttp.Request) {
				body := io.Reader(r.Body)
				if packed != "" {
					body, _ = gzip.NewReader(r.Body)
				}
				text, _ := io.ReadAll(body)
				got = r.Header.Get("Content-Type") + "|" + string(text)
			})
			if got != want || r.Err != nil {
				t.Errorf("%s: got %q, want %q; %v", with+packed, got, want, r.Err)
			}
		}
	}
	kit.Refuse(t, "nodes:\n  n: {use: generate, with: {count: 1, set: {l: '[n]'}}}\n  one: {use: http.post, in: n, with: {url: 'http://h/', format: csv}}\n", nil, `field "l" is [int]`)
	kit.Refuse(t, posts(1, `idempotency_header: "a b"`, ""), nil, "no name of a header")
}

// A server that fails, breaks off after it took a batch, hangs and asks to wait gets every
// item once, as it knows the keys.
func TestPostsArriveOnce(t *testing.T) {
	const count = 3000
	for _, beside := range []string{", batch: {count: 10}, timeout: 5s", ", batch: {count: 10}, timeout: 5s, workers: 8"} {
		var s shop
		turn := 0
		r, took := ask(t, posts(count, "retry_for: 10m", beside), func(w nethttp.ResponseWriter, r *nethttp.Request) {
			key, numbers, _ := s.take(r)
			s.mu.Lock()
			turn++
			now := turn
			s.mu.Unlock()
			switch now % 11 {
			case 0, 1:
				w.WriteHeader(500)
			case 2:
				s.keep(key, numbers)
				panic(nethttp.ErrAbortHandler)
			case 3:
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(429)
			case 4:
				if now%100 == 4 {
					<-r.Context().Done()
				}
				panic(nethttp.ErrAbortHandler)
			default:
				s.keep(key, numbers)
			}
		})
		got := s.all()
		if strings.Contains(beside, "workers") {
			slices.Sort(got)
		}
		if r.Err != nil || len(got) != count || r.File("bad.jsonl") != "" {
			t.Fatalf("%s: %d of %d arrived in %s: %v %s", beside, len(got), count, took, r.Err, r.File("bad.jsonl"))
		}
		for i, n := range got {
			if n != i {
				t.Fatalf("%s: number %d is %d", beside, i, n)
			}
		}
		says(t, r.Log, "trying again")
		if strings.Contains(r.Log+r.Told(), "canary") {
			t.Error(r.Log)
		}
	}
}

// Of a batch that is refused, only the items that are bad fail.
func TestBisect(t *testing.T) {
	for _, c := range []struct {
		with string
		bad  int
	}{{"bisect: true", 3}, {"bisect: false", 192}} {
		var s shop
		asked := 0
		r, _ := ask(t, posts(256, c.with, ", batch: {count: 64}, on_error: dead"), func(w nethttp.ResponseWriter, r *nethttp.Request) {
			asked++
			key, numbers, tries := s.take(r)
			if tries > 1 {
				t.Error("a batch that was refused came again")
			}
			for _, n := range numbers {
				if n == 5 || n == 77 || n == 255 {
					nethttp.Error(w, "no "+strconv.Itoa(n), nethttp.StatusUnprocessableEntity)
					return
				}
			}
			s.keep(key, numbers)
		})
		bad := strings.Count(r.File("bad.jsonl"), "\n")
		if bad != c.bad || len(s.all())+bad != 256 || asked > 4+3*2*6 {
			t.Errorf("%s: %d bad, %d taken, asked %d times: %v", c.with, bad, len(s.all()), asked, r.Err)
		}
		says(t, r.File("bad.jsonl"), `"attempts":1,"item":{"n":77}}`, "422 Unprocessable Entity: no 77")
	}
}

// What is said of a batch that is refused names the setting that finds the items, unless it
// is there, there is one item, or the server speaks of something else.
func TestPostNamesBisect(t *testing.T) {
	for _, c := range []struct {
		count  int
		with   string
		status int
		hint   bool
	}{
		{4, "", 422, true}, {4, "", 400, true}, {4, "", 413, true}, {1, "", 422, false}, {4, "bisect: true", 422, false}, {4, "", 401, false}, {4, "", 404, false},
	} {
		r, _ := ask(t, posts(c.count, c.with, ", batch: {count: 4}, on_error: fail"), func(w nethttp.ResponseWriter, r *nethttp.Request) { w.WriteHeader(c.status) })
		if r.Err == nil || strings.Contains(diag.HintOf(r.Err).Text, "`bisect: true`") != c.hint {
			t.Errorf("%d items, %s, %d: want a hint %v of %v", c.count, c.with, c.status, c.hint, r.Err)
		}
	}
}

// How long a batch is tried again, and what becomes of it then.
func TestPostGivesUp(t *testing.T) {
	for _, c := range []struct {
		with, beside string
		least, most  time.Duration
	}{
		{"retry_for: 0s", "", 0, time.Second},
		{"retry_for: 1m", "", 50 * time.Second, time.Minute},
		{"", "", 4 * time.Minute, 5 * time.Minute},
		{"", ", retry: {attempts: 2, initial_interval: 3s, jitter: 0}", 3 * time.Second, 4 * time.Second},
	} {
		r, took := ask(t, posts(2, c.with, c.beside+", on_error: dead, batch: {count: 2}"), func(w nethttp.ResponseWriter, r *nethttp.Request) { w.WriteHeader(503) })
		if took < c.least || took > c.most || strings.Count(r.File("bad.jsonl"), "\n") != 2 {
			t.Errorf("%s%s: took %s, want %s to %s: %s", c.with, c.beside, took, c.least, c.most, r.File("bad.jsonl"))
		}
	}
	asked := 0
	r, _ := ask(t, posts(2, "", ", batch: {count: 2}"), func(w nethttp.ResponseWriter, r *nethttp.Request) {
		asked++
		nethttp.Redirect(w, r, "/there", nethttp.StatusMovedPermanently)
	})
	if asked != 1 || r.Err != nil {
		t.Errorf("asked %d times: %v", asked, r.Err)
	}
	says(t, r.File("bad.jsonl"), "301 Moved Permanently, to http://shop.example/there")
}

// A flow that is stopped or killed while a batch is tried again ends.
func TestPostEnds(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := kit.Run(t, posts(2, "retry_for: 20s", ", batch: {count: 2}, on_error: skip"), nil, nodetest.Setup{
			Dir: dir, Server: nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) { w.WriteHeader(503) }),
			Begun: func(stop func()) { time.AfterFunc(time.Second, stop) },
		})
		if r.Report.Took > 30*time.Second {
			t.Errorf("took %s: %v", r.Report.Took, r.Err)
		}
	})
}

// A server that was away is found within two seconds of its return, and one that is busy is
// left more and more time.
func TestPostWaits(t *testing.T) {
	for _, c := range []struct {
		mode  string
		least int
		most  int
	}{{"away", 35, 60}, {"busy", 6, 12}} {
		start, asked := time.Time{}, 0
		var back time.Duration
		r, took := ask(t, posts(1, "", ""), func(w nethttp.ResponseWriter, r *nethttp.Request) {
			if asked++; start.IsZero() {
				start = time.Now()
			}
			switch {
			case time.Since(start) > time.Minute:
				back = time.Since(start) - time.Minute
			case c.mode == "away":
				panic(nethttp.ErrAbortHandler)
			default:
				w.WriteHeader(502)
			}
		})
		if r.Err != nil || asked < c.least || asked > c.most || c.mode == "away" && back > 2*time.Second {
			t.Errorf("%s: asked %d times in %s, found after %s; %v", c.mode, asked, took, back, r.Err)
		}
	}
}
