package http

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	nethttp "net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// A position is read, or refused, whatever it is.
func FuzzSeek(f *testing.F) {
	f.Add([]byte(`{"cursor":"7","page":"http://h/2","pages":1,"ahead":"9","marks":{"":{"tag":"x","next":"http://h/2","cursor":"9"}}}`))
	f.Add([]byte("null"))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, after []byte) {
		var o pollOp
		if o.Seek(t.Context(), after) != nil {
			return
		}
		again, err := json.Marshal(o.at)
		if err != nil {
			t.Fatal(err)
		}
		before := o.at
		if err := o.Seek(t.Context(), again); err != nil {
			t.Errorf("%s became %s: %v", after, again, err)
		}
		if once, err := json.Marshal(o.at); err != nil || !bytes.Equal(once, again) || o.at.Page != before.Page {
			t.Errorf("%s became %s: %v", again, once, err)
		}
	})
}

// What an answer asks to wait is never less than nothing.
func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "7", "-1", "99999999999", "Fri, 02 Jan 2026 03:04:05 GMT", "x"} {
		f.Add(s, "")
		f.Add(s, s)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, after, date string) {
		if d := retryAfter(nethttp.Header{"Retry-After": {after}, "Date": {date}}, now); d < 0 {
			t.Errorf("%q at %q: %s", after, date, d)
		}
	})
}

// An answer of any type is taken if and only if it is one JSON text, and what is taken is
// what was answered; one that is not leaves nothing behind.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{"1", `{"a":[1,"x"]}`, " [] \n", "1 2", "", "{", "\xff", "1,", "0\f", "1 ,", `"\u00e9"`, "nul", "\xEF\xBB\xBF1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := answerType{t: types.Any}.decoder()
		if err != nil {
			t.Fatal(err)
		}
		b := record.New(types.Any)
		defer b.Release()
		arena := b.Arena()
		if err := d.add(b, arena, []byte("[true]")); err != nil {
			t.Fatal(err)
		}
		err = d.add(b, arena, body)
		text := bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF"))
		if good := json.Valid(text) && utf8.Valid(body); good != (err == nil) {
			t.Fatalf("%q: %v, and encoding/json says %v", body, err, good)
		}
		want := 1
		if err == nil {
			want = 2
		}
		if b.Rows != want || b.Cols[0].Str[0] != "[true]" {
			t.Errorf("%q: %d rows", body, b.Rows)
		}
	})
}

// A header Link gives an address that stands in it, or none.
func FuzzLinked(f *testing.F) {
	for _, s := range []string{`<a>; rel="next"`, `<a>; rel=prev, <b>; rel=next`, "<", "<>;rel=next", `<a>;rel="x next"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if to := linked([]string{header}); to != "" && !strings.Contains(header, "<"+to+">") {
			t.Errorf("%q gives %q", header, to)
		}
	})
}

// Who is killed waits no longer: neither for a server that hangs, nor for the time that one
// has asked for.
func TestKilledWhileAsking(t *testing.T) {
	for _, mode := range []string{"hang", "later"} {
		synctest.Test(t, func(t *testing.T) {
			server := &nethttp.Server{Handler: nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
				if mode == "hang" {
					<-r.Context().Done()
				}
				w.Header().Set("Retry-After", "300")
				w.WriteHeader(nethttp.StatusServiceUnavailable)
			})}
			dial := func(context.Context, string, string) (net.Conn, error) {
				here, there := net.Pipe()
				go server.Serve(&oneConn{conn: there})
				return here, nil
			}
			k := defaults
			c, err := k.newClient(&nodes.Env{Node: &graph.Node{ID: "a"}, Flow: &graph.Flow{}, Network: pipes{dial: dial}}, graph.Retry{Attempts: 5}, 1)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			start := time.Now()
			time.AfterFunc(time.Second, cancel)
			_, tries, err := c.ask(ctx, &request{method: "GET", url: "http://h.example/", again: true})
			if took := time.Since(start); err == nil || tries != 1 || took != time.Second {
				t.Errorf("%s: %d tries in %s, %v", mode, tries, took, err)
			}
			c.close()
		})
	}
}

// A oneConn is a listener that gives one connection.
type oneConn struct {
	net.Listener
	conn net.Conn
}

func (l *oneConn) Accept() (net.Conn, error) {
	c := l.conn
	if l.conn = nil; c == nil {
		return nil, io.EOF
	}
	return c, nil
}

func (*oneConn) Close() error   { return nil }
func (*oneConn) Addr() net.Addr { return &net.UnixAddr{} }

// Tries that a budget has no room for wait, at ten a second, and not longer than it takes.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(0.5)
		for range 10 {
			b.asked()
		}
		for i := range budgetSaved {
			if w := b.wait(); w != 0 {
				t.Fatalf("try %d waits %s", i, w)
			}
		}
		for i := range 20 {
			if w, want := b.wait(), time.Duration(i+1)*time.Second/budgetRate; w.Round(time.Millisecond) != want {
				t.Errorf("try %d waits %s, want %s", i, w, want)
			}
		}
		time.Sleep(2 * time.Second)
		for range 4 {
			b.asked()
		}
		if w := b.wait(); w != 0 {
			t.Errorf("after a while a try waits %s", w)
		}
	})
}

// A failure that goes on is told now and then, and that it is over once.
func TestHealthTellsNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := newHealth(slog.New(slog.NewTextHandler(&log, nil)))
		for range 600 { // a minute
			h.ill(&statusError{status: 503})
			time.Sleep(100 * time.Millisecond)
		}
		h.well()
		h.well()
		if warned, told := bytes.Count(log.Bytes(), []byte("WARN")), bytes.Count(log.Bytes(), []byte("succeed again")); warned != 2 || told != 1 {
			t.Errorf("%d warnings, %d times well:\n%s", warned, told, &log)
		}
	})
}

// pipes are a network on which nobody listens.
type pipes struct {
	nodes.Network
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (p pipes) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return p.dial(ctx, network, address)
}

// A message shows what one reads on a page for browsers, on one line that is not long.
func TestExcerpts(t *testing.T) {
	k := access{Token: config.NewSecret("geheim&1")}
	c := &client{secrets: k.redactor(nil)}
	long := strings.Repeat("ä", 500)
	for _, s := range []struct{ kind, body, want string }{
		{"application/json", `{"error":` + "\n\t" + `"<b>no</b>"}`, `{"error": "<b>no</b>"}`},
		{"", "", ""},
		{"text/plain", long, strings.Repeat("ä", 200) + "…"},
		{"text/html; charset=utf-8", "<!DOCTYPE html>\n<html><head><title>Oops</title><style>p {color: red}</style></head>\n<body><!-- 1 > 0 --><h1>Bad&nbsp;Gateway</h1>\n<script>if (a < b) {}</script><p>nginx &amp; more</p></body></html>", "Bad Gateway nginx & more"},
		{"Text/HTML", "<html><head><title>502 Bad\nGateway</title></head><body></body></html>", "502 Bad Gateway"},
		{"", " <!doctype HTML><body><p>" + long, strings.Repeat("ä", 200) + "…"},
		{"text/html", "<body>a<script>" + long, "a"},
		{"text/html", "<body>a<img src='" + long, "a"},
		{"text/html", "<p>you sent geheim&amp;1</p>", "you sent •••"},
		{"text/html", "just text", "just text"},
	} {
		head := nethttp.Header{}
		if s.kind != "" {
			head.Set("Content-Type", s.kind)
		}
		if got := c.excerpt(head, []byte(s.body)); got != s.want {
			t.Errorf("%s %s: got %q, want %q", s.kind, s.body, got, s.want)
		}
	}
}
