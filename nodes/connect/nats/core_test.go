package nats

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats-server/v2/server/ats"
	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file is about plain subjects, buckets and the embedded server.

func clientOf(url string) (*client.Conn, error) {
	return client.Connect(url, client.MaxReconnects(-1), client.ReconnectWait(20*time.Millisecond))
}

// A listener gets what is published while it listens, and a queue shares it.
func TestCore(t *testing.T) {
	const n = 1000
	s := startServer(t, nil)
	var mu sync.Mutex
	seen := map[int]int{}
	all := make(chan struct{})
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			k := &till{each: func(_ int, o order) error {
				mu.Lock()
				defer mu.Unlock()
				if seen[o.ID]++; len(seen) == n {
					select {
					case <-all:
					default:
						close(all)
					}
				}
				return nil
			}}
			kit := kit.With([]nodes.Decl{nodes.Write("till", "Keeps.", &into{k}, nodes.Doc("Keeps."))})
			kit.Run(t, `flow: reads
nodes:
  in:  {use: nats.read, with: {url: "`+s.url()+`", subject: orders.*, queue: both, as: "{id: int, text: string}"}}
  zero: {use: map, in: in, with: {set: {seq: 0}}}
  out: {use: till, in: zero}
`, nil, nodetest.Setup{Begun: func(stop func()) { go func() { <-all; stop() }() }})
		})
	}
	for listeners(t, s) < 2 {
		time.Sleep(time.Millisecond)
	}
	r := write(t, `url: "`+s.url()+`", subject: orders.new`, &feeder{n: n}, nodetest.Setup{})
	if r.Err != nil {
		t.Fatal(r.Told())
	}
	both.Wait()
	if len(seen) != n {
		t.Errorf("%d of %d came", len(seen), n)
	}
	for id, times := range seen {
		if times != 1 {
			t.Errorf("%d came %d times", id, times)
		}
	}
}

// listeners counts those at orders.
func listeners(t *testing.T, s *testServer) int {
	t.Helper()
	n := 0
	conns, err := s.srv.Connz(&server.ConnzOptions{Subscriptions: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range conns.Conns {
		if slices.ContainsFunc(c.Subs, func(x string) bool { return strings.HasPrefix(x, "orders.") }) {
			n++
		}
	}
	return n
}

// A flow answers requests, and one that is restarted goes on doing so.
func TestReply(t *testing.T) {
	s := startServer(t, nil)
	nc, _ := s.client()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		for listeners(t, s) < 1 {
			time.Sleep(time.Millisecond)
		}
		for i := range 10 {
			m, err := nc.Request("orders.price", fmt.Appendf(nil, `{"qty": %d}`, i), 5*time.Second)
			if err != nil || string(m.Data) != fmt.Sprintf(`{"total":%d}`, 3*i) || m.Header.Get("Unit") != "EUR" {
				t.Errorf("%v %v", m, err)
			}
		}
	}()
	r := kit.Run(t, `flow: prices
nodes:
  asked:  {use: nats.read, with: {url: "`+s.url()+`", subject: orders.price, queue: prices, as: "{qty: int}", meta: {reply_to: reply_to}}}
  priced: {use: map, in: asked, with: {set: {total: 3 * qty}, drop: [qty]}}
  answer: {use: nats.write, in: priced, with: {url: "`+s.url()+`", subject: reply_to, headers: {Unit: '"EUR"'}, drop: reply_to}}
`, nil, nodetest.Setup{Begun: func(stop func()) { go func() { <-answered; stop() }() }})
	if r.Err != nil && !errors.Is(r.Err, nodetest.ErrStopped) {
		t.Error(r.Told())
	}
}

// Changes of a bucket are read as they were written, deletions too where somebody asks for
// them.
func TestBucket(t *testing.T) {
	s := startServer(t, nil)
	texts := []string{"a.x", "b", "a.x", "bad key", "b"}
	r := write(t, `url: "`+s.url()+`", bucket: settings, key: text, delete: id == 4, create: true, history: 5`, &feeder{n: 5, text: func(i int) string { return texts[i] }}, nodetest.Setup{})
	if bad := r.File("bad.jsonl"); r.Err != nil || lines(bad) != 1 || !strings.Contains(bad, "a key has letters") {
		t.Fatal(r.Told(), bad)
	}
	// The first reader finds b deleted, and gives it a value then, which the second one finds.
	for _, c := range [][2]string{
		{`meta: {key: key, rev: revision, op: operation}`, `{"id":2,"key":"a.x","rev":3,"op":"put"}` + "\n" + `{"id":null,"key":"b","rev":4,"op":"delete"}` + "\n" + `{"id":9,"key":"b","rev":5,"op":"put"}` + "\n"},
		{`meta: {key: key}, key: "b"`, `{"id":9,"key":"b"}` + "\n"},
	} {
		with, want := c[0], c[1]
		js := func() jetstream.KeyValue {
			_, js := s.client()
			kv, err := js.KeyValue(t.Context(), "settings")
			if err != nil {
				t.Fatal(err)
			}
			return kv
		}()
		var stop func()
		out := stopAt{lines(want), &stop, &sync.Mutex{}, new(strings.Builder)}
		r := kit.Run(t, `flow: back
nodes:
  in:  {use: nats.read, with: {url: "`+s.url()+`", bucket: settings, durable: d`+fmt.Sprint(len(with))+`, as: "{id: int?}", `+with+`}}
  out: {use: file.write, in: in, with: {path: "-", format: jsonl}}
`, nil, nodetest.Setup{Stdout: out, Begun: func(f func()) {
			stop = f
			go func() {
				_, js2 := s.client()
				for t.Context().Err() == nil {
					if c, err := js2.Consumer(t.Context(), "KV_settings", "d"+fmt.Sprint(len(with))); err == nil && c.CachedInfo().Delivered.Consumer > 0 {
						break
					}
					time.Sleep(time.Millisecond)
				}
				if e, err := js.Get(t.Context(), "b"); err != nil || string(e.Value()) != `{"id":9}` {
					js.Put(t.Context(), "b", []byte(`{"id":9}`))
				}
			}()
		}})
		if r.Err != nil && r.Err != nodetest.ErrStopped || out.text.String() != want {
			t.Errorf("%s: got %s\nwant %s (%v)", with, out.text, want, r.Told())
		}
	}
}

// A server within the process keeps what it has, is shared by the nodes of a run, reached by
// others where it listens, and its folder is nobody else's meanwhile.
func TestEmbedded(t *testing.T) {
	dir := t.TempDir()
	const n = 200
	r := write(t, `url: embedded, folder: store, stream: ORDERS, subject: orders.a, create: true`, &feeder{n: n}, nodetest.Setup{Dir: dir})
	if r.Err != nil {
		t.Fatal(r.Told())
	}
	s := startProxy(t, "127.0.0.1:1") // for a port
	at := strings.TrimPrefix(s.url(), "nats://")
	s.l.Close()
	k := &till{}
	var other nodetest.Result
	k.each = func(got int, o order) error {
		switch got {
		case n:
			other = write(t, `url: embedded, folder: store, stream: ORDERS, subject: orders.a`, &feeder{n: 1}, nodetest.Setup{Dir: dir})
			if r := write(t, `url: "nats://`+at+`", stream: ORDERS, subject: orders.a`, &feeder{n: 3}, nodetest.Setup{}); r.Err != nil {
				t.Error(r.Told())
			}
		case n + 3:
			return errEnough
		}
		return nil
	}
	r = read(t, `url: embedded, folder: store, listen: "`+at+`", stream: ORDERS`, k, nodetest.Setup{Dir: dir})
	if want := append(numbers(n), 0, 1, 2); !slices.Equal(k.ids(), want) {
		t.Errorf("%d came: %s", len(k.ids()), r.Told())
	}
	if other.Err == nil || !strings.Contains(other.Told(), "another process has an embedded server in the folder store") {
		t.Errorf("another one: %s", other.Told())
	}
	if _, err := client.Connect("nats://"+at, client.NoReconnect()); err == nil {
		t.Error("the server still listens")
	}
}

// A connection over which nothing comes any more is noticed, and made anew.
func TestSilence(t *testing.T) {
	ats.Register()
	defer ats.Unregister()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{t: t, orders: count(100)}
		k := &till{each: func(n int, o order) error {
			switch {
			case n == 100:
				m.silence()
				publish(t, m.nc, "orders.new", count(200)[100:]...)
			case o.ID == 199:
				return errEnough
			}
			return nil
		}}
		begun := time.Now()
		r := read(t, `url: "nats://127.0.0.1:4222", stream: ORDERS, ack_wait: 60s`, k, nodetest.Setup{World: m.play})
		if wrong, _ := inOrder(k.ids(), 200); wrong != "" {
			t.Errorf("%s\n%s", wrong, r.Log)
		}
		if took := time.Since(begun); took > 10*time.Second { // virtual ones
			t.Errorf("it was noticed after %s", took)
		}
	})
}
