package websocket_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	client "github.com/coder/websocket"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/connect/websocket"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

var kit = nodetest.New(std.Nodes, websocket.Nodes)

func TestKinds(t *testing.T) {
	trades := server{at: "feed.example:80", serve: func(ctx context.Context, s *server, c *client.Conn, number int) {
		if s.hear(ctx, c) == nil {
			s.say(ctx, c, `{"pair": "BTC", "price": 64000.5}`)
			s.say(ctx, c, `{"pair": "BTC", "price": 64001}`)
			nodes.Sleep(ctx, time.Second)
			s.stop()
			s.hear(ctx, c)
		}
	}}
	cars := server{at: "map.example:80"}
	kit.Peers("websocket.read", trades.play).Peers("websocket.write", cars.play).Conform(t, websocket.Nodes...)
}

// A server is one in memory, or rather one of the library on a network in memory.
type server struct {
	at      string
	refuse  func(w http.ResponseWriter, r *http.Request) bool // answers a request in place of it
	serve   func(ctx context.Context, s *server, c *client.Conn, number int)
	stop    func()
	options *client.AcceptOptions

	mu          sync.Mutex
	heard       []string
	connections int
}

func (s *server) play(ctx context.Context, n *nodetest.Network, stop func()) {
	s.stop = stop
	l, err := n.Listen(ctx, "tcp", s.at)
	if err != nil {
		return
	}
	var all sync.WaitGroup
	h := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.refuse != nil && s.refuse(w, r) {
			return
		}
		c, err := client.Accept(w, r, s.options)
		if err != nil {
			return
		}
		all.Add(1)
		defer all.Done()
		defer c.CloseNow()
		s.mu.Lock()
		s.connections++
		number := s.connections
		s.mu.Unlock()
		if s.serve != nil {
			s.serve(ctx, s, c, number)
			return
		}
		for s.hear(ctx, c) == nil {
		}
	})}
	defer context.AfterFunc(ctx, func() { h.Close() })()
	h.Serve(l)
	all.Wait()
}

// hear waits for a message.
func (s *server) hear(ctx context.Context, c *client.Conn) error {
	kind, text, err := c.Read(ctx)
	if err == nil {
		s.mu.Lock()
		s.heard = append(s.heard, fmt.Sprintf("%v %s", kind, text))
		s.mu.Unlock()
	}
	return err
}

func (s *server) say(ctx context.Context, c *client.Conn, text string) error {
	return c.Write(ctx, client.MessageText, []byte(text))
}

// run runs a flow in virtual time.
func (s *server) run(t *testing.T, flow string, in ...string) (r nodetest.Result) {
	t.Helper()
	s.at = "h:80"
	synctest.Test(t, func(t *testing.T) {
		r = kit.Run(t, flow, map[string]string{"in.jsonl": strings.Join(in, "\n")}, nodetest.Setup{World: s.play})
	})
	return r
}

const secret = "geheim7Kanarienvogel"

func noSecret(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(text, secret) {
			t.Errorf("this tells the secret:\n%s", text)
		}
	}
}

func read(settings string) string {
	return `flow: f
nodes:
  in: {use: websocket.read, on_error: dead, with: {url: 'ws://h/x?token=` + secret + `', ` + settings + `}}
  bad: {use: map, in: in.errors, with: {set: {t: error}, select: [t]}}
  good: {use: map, in: in, with: {set: {t: string(n)}, select: [t]}}
  all: {use: merge, in: [good, bad]}
  out: {use: file.write, in: all, with: {path: '-', format: jsonl}}
`
}

// A connection that ends is made again, and what is to be sent is sent again.
func TestConnectsAgain(t *testing.T) {
	s := &server{}
	s.serve = func(ctx context.Context, s *server, c *client.Conn, number int) {
		s.hear(ctx, c)
		s.hear(ctx, c)
		s.say(ctx, c, fmt.Sprintf(`{"n": %d}`, number))
		switch number {
		case 1:
			c.Close(client.StatusGoingAway, "bye")
		case 2:
			c.CloseNow()
		case 3: // it hears nothing and says nothing any more
			nodes.Sleep(ctx, time.Hour)
		case 4:
			nodes.Sleep(ctx, time.Second)
			s.stop()
			s.hear(ctx, c)
		}
	}
	r := s.run(t, "flow: f\nnodes:\n  in: {use: websocket.read, with: {url: 'ws://h/x', ping: 10s, send: [hello, '"+secret+"'], as: '{n: int}'}}\n  out: {use: file.write, in: in, with: {path: '-', format: jsonl}}\n")
	want := []string{"MessageText hello", "MessageText " + secret}
	if r.Err != nil || r.Stdout != "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n" || !slices.Equal(s.heard, slices.Concat(want, want, want, want)) || !strings.Contains(r.Log, "does not answer a ping") {
		t.Errorf("%s\n%s\n%q\n%s", r.Told(), r.Stdout, s.heard, r.Log)
	}
	noSecret(t, r.Log, r.Told())
}

// Messages that are too long, or cannot be read, are bad items, and the others go on.
func TestPoison(t *testing.T) {
	s := &server{}
	s.serve = func(ctx context.Context, s *server, c *client.Conn, number int) {
		for _, text := range []string{`{"n": 1}`, `{"n": "` + strings.Repeat("x", 5000) + `"}`, "no JSON", "", "{\n\"n\": 2}"} {
			s.say(ctx, c, text)
		}
		nodes.Sleep(ctx, time.Second)
		s.stop()
		s.hear(ctx, c)
	}
	r := s.run(t, read("max_message: 1000B, as: '{n: int}'"))
	if r.Err != nil || s.connections != 1 || strings.Count(r.Stdout, "\n") != 5 || !strings.Contains(r.Stdout, "more than 1000 bytes") || !strings.Contains(r.Stdout, "the message is empty") {
		t.Errorf("%d: %s\n%s", s.connections, r.Told(), r.Stdout)
	}
	noSecret(t, r.Log, r.Stdout, strings.ReplaceAll(r.Told(), "token="+secret, ""))
}

// Bytes are what they were, in both directions.
func TestRaw(t *testing.T) {
	s := &server{}
	r := s.run(t, `flow: f
nodes:
  in: {use: file.read, with: {path: in.jsonl, as: '{body: bytes}'}}
  out: {use: websocket.write, in: in, with: {url: 'ws://h', format: raw, binary: true}}
`, `{"body":"b2s="}`, `{"body":"AP8="}`, `{"body":"b2s="}`)
	if r.Err != nil || !slices.Equal(s.heard, []string{"MessageBinary ok", "MessageBinary \x00\xff", "MessageBinary ok"}) {
		t.Errorf("%s %q", r.Told(), s.heard)
	}
	back := &server{}
	back.serve = func(ctx context.Context, s *server, c *client.Conn, number int) {
		c.Write(ctx, client.MessageBinary, []byte("\x00\xff"))
		s.say(ctx, c, "text")
		nodes.Sleep(ctx, time.Second)
		s.stop()
		s.hear(ctx, c)
	}
	r = back.run(t, "flow: f\nnodes:\n  in: {use: websocket.read, with: {url: 'ws://h', format: raw, meta: {b: binary}}}\n  out: {use: file.write, in: in, with: {path: '-', format: jsonl}}\n")
	if want := `{"body":"AP8=","b":true}` + "\n" + `{"body":"dGV4dA==","b":false}` + "\n"; r.Err != nil || r.Stdout != want {
		t.Errorf("%s\n%s", r.Told(), r.Stdout)
	}
}

// What is packed by a schema is bytes, and is sent as such.
func TestPacked(t *testing.T) {
	schema := filepath.Join(t.TempDir(), "a.proto")
	if err := os.WriteFile(schema, []byte("syntax = \"proto3\"; message A { bytes body = 1; }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &server{}
	r := s.run(t, `flow: f
nodes:
  in: {use: file.read, with: {path: in.jsonl, as: '{body: bytes}'}}
  out: {use: websocket.write, in: in, with: {url: 'ws://h', format: protobuf, schema: `+schema+`}}
`, `{"body":"AP8="}`)
	if r.Err != nil || !slices.Equal(s.heard, []string{"MessageBinary \n\x02\x00\xff"}) {
		t.Errorf("%s %q", r.Told(), s.heard)
	}
}

// A connection that ends while items are sent is made again, and the next ones arrive.
func TestWritesAgain(t *testing.T) {
	s := &server{}
	s.serve = func(ctx context.Context, s *server, c *client.Conn, number int) {
		for range 3 {
			s.hear(ctx, c)
		}
		if number > 1 {
			for s.hear(ctx, c) == nil {
			}
		}
	}
	r := s.run(t, "flow: f\nnodes:\n  in: {use: generate, with: {count: 20, rate: 10/s, set: {n: n}}}\n  out: {use: websocket.write, in: in, with: {url: 'ws://h', headers: {X-Key: "+secret+"}, token: "+secret+"}}\n")
	if r.Err != nil || s.connections != 2 || len(s.heard) < 18 || s.heard[len(s.heard)-1] != `MessageText {"n":19}` {
		t.Errorf("%d: %s\n%q\n%s", s.connections, r.Told(), s.heard, r.Log)
	}
	noSecret(t, r.Log, r.Told())
}

// Of messages that nobody knows to have been read the books say so: where the server goes away
// early, or does not answer the farewell. One that answers it, or a ping, has read them.
func TestUnsure(t *testing.T) {
	const n = 1000
	for name, c := range map[string]struct {
		serve func(ctx context.Context, s *server, c *client.Conn, number int)
		rate  string
		most  int64
	}{
		"it reads all": {},
		"it goes away": {serve: func(ctx context.Context, s *server, c *client.Conn, number int) {
			for range 10 {
				s.hear(ctx, c)
			}
			c.CloseNow()
		}, most: n},
		"it goes away, and says so": {serve: func(ctx context.Context, s *server, c *client.Conn, number int) {
			for range 10 {
				s.hear(ctx, c)
			}
			c.Close(client.StatusGoingAway, "bye")
		}, most: n},
		"it reads nothing more": {serve: func(ctx context.Context, s *server, c *client.Conn, number int) {
			for range n {
				s.hear(ctx, c)
			}
			nodes.Sleep(ctx, time.Hour)
		}, most: n},
		"it has answered a ping": {serve: func(ctx context.Context, s *server, c *client.Conn, number int) {
			for range 900 {
				s.hear(ctx, c)
			}
		}, rate: ", rate: 200/s", most: 300},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{serve: c.serve}
			r := s.run(t, fmt.Sprintf("flow: f\nnodes:\n  in: {use: generate, with: {count: %d%s, set: {n: n}}}\n  out: {use: websocket.write, in: in, with: {url: 'ws://h', ping: 1s}}\n", n, c.rate))
			unsure := r.Report.Nodes[1].Unconfirmed
			if r.Err != nil || unsure > c.most || len(s.heard)+int(unsure) < n || (unsure > 0) != (c.most > 0) || (unsure > 0) != strings.Contains(r.Log, "nobody knows what became") {
				t.Errorf("%d were heard, %d may have been; %s\n%s", len(s.heard), unsure, r.Told(), r.Log)
			}
		})
	}
}

// What no retry would mend ends the flow, with what to do about it; what passes does not.
func TestRefusals(t *testing.T) {
	status := func(code int) *server {
		return &server{refuse: func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Location", "http://elsewhere/x?token="+secret)
			w.WriteHeader(code)
			return true
		}}
	}
	tries := 0
	for name, c := range map[string]struct {
		s          *server
		told, hint string
	}{
		"not authorized": {status(401), "401", "token"},
		"no such path":   {status(404), "404", "path"},
		"elsewhere":      {status(302), "302", "http://elsewhere/x"},
		"a policy": {&server{serve: func(ctx context.Context, s *server, c *client.Conn, number int) {
			c.Close(client.StatusPolicyViolation, "pay first")
		}}, "pay first", ""},
		"no TLS":         {&server{}, "HTTPS", "write http:// or ws://"},
		"no subprotocol": {&server{}, "subprotocols", "subprotocols"},
		"busy": {&server{refuse: func(w http.ResponseWriter, r *http.Request) bool {
			if tries++; tries < 3 {
				w.WriteHeader(503)
				return true
			}
			return false
		}, options: &client.AcceptOptions{Subprotocols: []string{"p"}}, serve: func(ctx context.Context, s *server, c *client.Conn, number int) {
			s.stop()
			s.hear(ctx, c)
		}}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			more := ""
			if strings.Contains(name, "subprotocol") || name == "busy" {
				more = "subprotocols: p, "
			}
			at := "ws://u:" + secret + "@h"
			if name == "no TLS" {
				at = "wss://u:" + secret + "@h:80"
			}
			r := c.s.run(t, "flow: f\nnodes:\n  in: {use: websocket.read, retry: {attempts: 5}, with: {url: '"+at+"/x?token="+secret+"', "+more+"as: '{n: int}'}}\n  out: {use: file.write, in: in, with: {path: '-', format: jsonl}}\n")
			var h interface {
				error
				Hint() diag.Hint
			}
			hint := ""
			if errors.As(r.Err, &h) {
				hint = h.Hint().Text
			}
			if name == "busy" {
				if r.Err != nil || tries != 3 {
					t.Errorf("%d tries; %s", tries, r.Told())
				}
			} else if r.Err == nil || !strings.Contains(r.Err.Error(), c.told) || !strings.Contains(hint, c.hint) {
				t.Errorf("%s; the hint is %q", r.Told(), hint)
			}
			noSecret(t, r.Log, hint)
			if r.Err != nil {
				noSecret(t, r.Err.Error())
			}
		})
	}
}

// Settings that are none are refused by the check.
func TestCheck(t *testing.T) {
	kit.Refuse(t, "flow: f\nnodes:\n  in: {use: websocket.read, with: {url: 'http://h', as: '{n: int}'}}\n  out: {use: file.write, in: in, with: {path: '-'}}\n", nil, "no address of a WebSocket")
}
