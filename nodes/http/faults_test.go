package http_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	nethttp "net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// What each of the kinds that ask a server does with one that misbehaves: the item is a bad
// one with its cause, or the run fails and says why; and all of it comes to an end.
func TestServersThatMisbehave(t *testing.T) {
	zeros := make([]byte, 64<<10)
	var sent atomic.Int64
	pour := func(w io.Writer, most int64) {
		for sent.Load() < most {
			n, err := w.Write(zeros)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	}
	const most = 1 << 30
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for range 16 << 20 / len(zeros) {
		z.Write(zeros)
	}
	z.Close()
	bomb := packed.Bytes() // as one file after another it is as long as it likes
	faults := map[string]struct {
		server nethttp.HandlerFunc
		says   string // the message
		unread string // that of a kind which does not look at answers; "-": it has none
	}{
		"500":   {func(w nethttp.ResponseWriter, r *nethttp.Request) { nethttp.Error(w, "boom", 500) }, "500 Internal Server Error: boom", ""},
		"hangs": {func(w nethttp.ResponseWriter, r *nethttp.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() }, "no answer within 2s", ""},
		"drips": {func(w nethttp.ResponseWriter, r *nethttp.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, " ")
				w.(nethttp.Flusher).Flush()
				time.Sleep(100 * time.Millisecond)
			}
		}, "no answer within 2s", ""},
		"never ends": {func(w nethttp.ResponseWriter, r *nethttp.Request) { pour(w, most) }, "the answer is longer than 8MB", "-"},
		"never ends an error": {func(w nethttp.ResponseWriter, r *nethttp.Request) {
			w.WriteHeader(404)
			pour(w, most)
		}, "404 Not Found", ""},
		"packs a bomb": {func(w nethttp.ResponseWriter, r *nethttp.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			for sent.Load() < most {
				n, err := w.Write(bomb)
				if sent.Add(int64(n)); err != nil {
					return
				}
			}
		}, "the answer is longer than 8MB", "-"},
		"sends it round": {func(w nethttp.ResponseWriter, r *nethttp.Request) {
			nethttp.Redirect(w, r, "/", nethttp.StatusTemporaryRedirect)
		}, "from address to address, more than 3 times", ""},
		"breaks off": {func(w nethttp.ResponseWriter, r *nethttp.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "{")
		}, "the answer breaks off after 1 bytes", ""},
		"has a long head": {func(w nethttp.ResponseWriter, r *nethttp.Request) {
			w.Header().Set("X-Long", strings.Repeat("a", 2<<20))
		}, "GET or POST", ""},
	}
	kinds := map[string]string{
		"http.call":             calls(2, toNumbers, ", timeout: 2s, retry: {attempts: 2}, on_error: dead"),
		"http.call, none wants": calls(2, "url: http://shop.example/", ", timeout: 2s, retry: {attempts: 2}, on_error: dead"),
		"http.post":             posts(2, "retry_for: 5s", ", timeout: 2s, on_error: dead, batch: {count: 2}"),
		"http.poll":             polls(shopOrders+", timeout: 2s, retry_for: 5s", ""),
	}
	for name, f := range faults {
		for kind, flow := range kinds {
			t.Run(name+"/"+kind, func(t *testing.T) {
				sent.Store(0)
				r, took := ask(t, flow, f.server)
				want, unread := f.says, kind == "http.post" || kind == "http.call, none wants"
				if unread && f.unread != "" {
					want = f.unread
				}
				if took > 20*time.Second || sent.Load() > 64<<20 {
					t.Errorf("it took %s, and %d bytes", took, sent.Load())
				}
				bad := r.File("bad.jsonl")
				switch n := strings.Count(bad, "\n"); {
				case kind == "http.poll":
					if r.Err == nil {
						t.Error("the run has not failed")
					}
					bad = r.Told()
				case r.Err != nil:
					t.Error(r.Err)
				case want == "-" && n > 0 || want != "-" && n != 2:
					t.Errorf("%d items are bad", n)
				}
				switch want {
				case "-":
				case "GET or POST":
					says(t, bad, "http://shop.example")
				default:
					says(t, bad, want)
				}
				if strings.Contains(r.Log, "context deadline") {
					t.Error(r.Log)
				}
			})
		}
	}
}

// Senders that are slow, endless or liars are cut off by a listener, and hold up nobody.
func TestSendersThatMisbehave(t *testing.T) {
	const flow = `nodes:
  in: {use: http.listen, with: {address: "shop:80", as: "{id: int}", timeout: 20s}}
  out: {use: file.write, in: in, with: {path: out.jsonl, append: true}}
`
	var mu sync.Mutex
	var told []string
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, fmt.Sprintf(format, args...))
	}
	for name, c := range map[string]struct {
		head   string
		more   string        // sent again and again
		pause  time.Duration // between
		answer string        // how it begins; "": the connection is closed
		within time.Duration
		sent   int // bytes at most
	}{
		"a slow head":           {"POST / HTTP/1.1\r\nHost: h\r\n", "X: a\r\n", time.Second, "", 11 * time.Second, 1000},
		"a silent head":         {"POST / HT", "", time.Second, "HTTP/1.1 400", 11 * time.Second, 1000},
		"a long head":           {"POST / HTTP/1.1\r\nHost: h\r\n", "X: " + strings.Repeat("a", 1000) + "\r\n", time.Millisecond, "HTTP/1.1 431", 2 * time.Second, 1 << 20},
		"a slow body":           {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n", " ", time.Second, "HTTP/1.1 408", 21 * time.Second, 1000},
		"10 GB, and it says so": {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000000\r\n\r\n", strings.Repeat(" ", 1<<16), 0, "HTTP/1.1 413", time.Second, 3 << 20},
		"10 GB in chunks":       {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "10000\r\n" + strings.Repeat(" ", 1<<16) + "\r\n", 0, "HTTP/1.1 4", time.Second, 3 << 20}, // 413, or 429 where many do it
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				told = nil
				world := func(ctx context.Context, n *nodetest.Network, stop func()) {
					defer stop()
					if !n.Await(ctx, "shop:80") {
						return
					}
					var all sync.WaitGroup
					for range 30 {
						all.Go(func() {
							conn, err := n.DialContext(ctx, "tcp", "shop:80")
							if err != nil {
								note("no connection: %v", err)
								return
							}
							defer conn.Close()
							defer context.AfterFunc(ctx, func() { conn.Close() })()
							start, sent := time.Now(), 0
							var line string
							var answered sync.WaitGroup
							over := make(chan struct{})
							answered.Go(func() {
								line, _ = bufio.NewReader(conn).ReadString('\n')
								close(over)
							})
							n1, err := io.WriteString(conn, c.head)
							for sent = n1; err == nil && sent < 1<<28; {
								if c.pause > 0 {
									select {
									case <-over:
									case <-time.After(c.pause):
									}
								}
								var more int
								more, err = io.WriteString(conn, c.more)
								sent += more
								select {
								case <-over:
									err = io.EOF
								default:
								}
							}
							answered.Wait()
							if took := time.Since(start); !strings.HasPrefix(line, c.answer) || c.answer == "" && line != "" || took > c.within || sent > c.sent {
								note("%q after %s and %d bytes", line, took, sent)
							}
						})
					}
					client := n.Client()
					defer client.CloseIdleConnections()
					if got := post(ctx, client, "http://shop:80/", `{"id":1}`); !strings.HasPrefix(got, "200") {
						note("a good request: %s", got)
					}
					all.Wait()
				}
				r := kit.Run(t, flow, nil, nodetest.Setup{World: world, Dir: dir})
				if r.Err != nil || r.File("out.jsonl") != "{\"id\":1}\n" || len(told) > 0 {
					t.Errorf("%v: %.1000q, the file has %q", r.Err, told, r.File("out.jsonl"))
				}
			})
		})
	}
}
