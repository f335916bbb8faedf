package nats

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats-server/v2/server/ats"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file reads and writes streams, and takes the server away meanwhile.

const types_ = `{b: bool, i: int, f: float, d: decimal(12,2), s: string, e: enum(a|b), t: time, day: date, len: duration, raw: bytes, l: [int], r: {x: int, y: string?}, any: any, none: int?}`

// Items of all types are what they were.
func TestRoundTrip(t *testing.T) {
	s := startServer(t, nil)
	text := `{"b":true,"i":-7,"f":1.5,"d":12.34,"s":"ä \"x\"\n","e":"b","t":"2026-03-01T12:00:00.123456789Z","day":"2026-03-01","len":"1h2m3s","raw":"AP8=","l":[1,2],"r":{"x":1,"y":null},"any":{"k":[1,"x"]},"none":null}` + "\n"
	r := kit.Run(t, `flow: there
nodes:
  in: {use: file.read, with: {path: in.jsonl, as: '`+types_+`'}}
  out: {use: nats.write, in: in, with: {url: "`+s.url()+`", stream: ALL, subject: all.of, create: true, id: '"id-1"', headers: {Kind: e, None: 'null', Fixed: '"x"'}}}
`, map[string]string{"in.jsonl": text}, nodetest.Setup{})
	if r.Err != nil {
		t.Fatal(r.Told())
	}
	var stop func()
	out := stopAt{1, &stop, &sync.Mutex{}, new(strings.Builder)}
	r = kit.Run(t, `flow: back
nodes:
  in: {use: nats.read, with: {url: "`+s.url()+`", stream: ALL, as: '`+types_+`', meta: {subject: subject, stream: stream, seq: seq, time: time, delivered: delivered, id: id, kind: header.Kind, gone: header.None}}}
  rest: {use: map, in: in, with: {drop: [time]}}
  out: {use: file.write, in: rest, with: {path: "-", format: jsonl}}
`, nil, nodetest.Setup{Stdout: out, Begun: func(f func()) { stop = f }})
	want := strings.TrimSuffix(text, "}\n") + `,"subject":"all.of","stream":"ALL","seq":1,"delivered":1,"id":"id-1","kind":"b","gone":null}` + "\n"
	if r.Err != nil && r.Err != nodetest.ErrStopped || out.text.String() != want {
		t.Errorf("got %s\nwant %s (%v)", out.text, want, r.Told())
	}
}

// A stopAt is an output that stops the run when it has lines.
type stopAt struct {
	lines int
	stop  *func()
	mu    *sync.Mutex
	text  *strings.Builder
}

func (s stopAt) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(text)
	if lines(s.text.String()) >= s.lines {
		go (*s.stop)()
	}
	return len(text), nil
}

// numbers are those from 0 to n.
func numbers(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

// inOrder says what is wrong with numbers of which each from 0 to n must be there, whose first
// copies are in order; and how many there are twice.
func inOrder(ids []int, n int) (wrong string, twice int) {
	seen := map[int]bool{}
	next := 0
	for _, id := range ids {
		switch {
		case seen[id]:
			twice++
		case id != next:
			return fmt.Sprintf("%d came where %d was to come", id, next), twice
		default:
			next++
		}
		seen[id] = true
	}
	if next != n {
		return fmt.Sprintf("%d of %d came", next, n), twice
	}
	return "", twice
}

// When a process is killed, exactly what it had not acknowledged comes again, at once and in
// order: to whoever is the only one at the durable.
func TestKilled(t *testing.T) {
	const n = 3000
	s := startServer(t, nil)
	nc, st := s.stream("ORDERS", "orders.>", nil)
	publish(t, nc, "orders.new", count(n)...)
	p := startProxy(t, s.address())
	k := &till{}
	k.each = func(n int, _ order) error {
		if n == 1000 {
			p.cut(true) // as a process that is killed, it says nothing any more
			return errEnough
		}
		return nil
	}
	r := read(t, `url: "`+p.url()+`", stream: ORDERS, ack_wait: 60s`, k, nodetest.Setup{Batch: 100})
	if r.Err == nil {
		t.Fatal("the first run has not failed")
	}
	for s.srv.NumClients() > 1 { // what was on its way from the reader when it was cut off may still come
		time.Sleep(time.Millisecond)
	}
	c, err := st.Consumer(t.Context(), "reads-in")
	if err != nil {
		t.Fatal(err)
	}
	done := int(c.CachedInfo().AckFloor.Stream)
	k = &till{}
	k.each = func(got int, _ order) error {
		if got == n-done {
			return errEnough
		}
		return nil
	}
	begun := time.Now()
	r = read(t, `url: "`+s.url()+`", stream: ORDERS, ack_wait: 60s`, k, nodetest.Setup{})
	if want := numbers(n)[done:]; !slices.Equal(k.ids(), want) {
		t.Errorf("%d were acknowledged; then %d came, the first %v\n%s", done, len(k.ids()), k.ids()[:min(5, len(k.ids()))], r.Log)
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
}

// The server is restarted while a flow writes: nothing is lost, and the first copies are in
// order.
func TestRestartsWhileWriting(t *testing.T) {
	const n = 30_000
	s := startServer(t, nil)
	_, st := s.stream("ORDERS", "orders.>", nil)
	r := write(t, `url: "`+s.url()+`", stream: ORDERS, subject: orders.new`, &feeder{n: n, at: func(i int) {
		if i%10_000 == 5000 {
			s.restart()
		}
	}}, nodetest.Setup{})
	if r.Err != nil {
		t.Fatal(r.Told(), r.Log)
	}
	var ids []int
	for _, b := range bodies(t, st) {
		var id int
		fmt.Sscanf(b, `{"id":%d`, &id)
		ids = append(ids, id)
	}
	wrong, twice := inOrder(ids, n)
	if wrong != "" {
		t.Error(wrong)
	}
	if strings.Count(r.Log, "NATS is back") == 0 {
		t.Errorf("no word of the restarts in the log:\n%s", r.Log)
	}
	t.Logf("%d twice of %d", twice, n)
}

// The server is restarted while a flow reads: nothing is lost, and the first copies are in
// order, also where the connection alone is cut.
func TestRestartsWhileReading(t *testing.T) {
	const n = 30_000
	for _, what := range []string{"restart", "cut", "lame duck"} {
		t.Run(what, func(t *testing.T) {
			s := startServer(t, func(o *server.Options) {
				o.LameDuckGracePeriod, o.LameDuckDuration = time.Millisecond, 100*time.Millisecond
			})
			nc, _ := s.stream("ORDERS", "orders.>", nil)
			publish(t, nc, "orders.new", count(n)...)
			p := startProxy(t, s.address())
			seen := map[int]bool{}
			k := &till{}
			k.each = func(_ int, o order) error {
				if !seen[o.ID] && o.ID%8000 == 5000 {
					switch what {
					case "restart":
						s.restart()
					case "cut":
						p.cut(false)
					default:
						s.srv.LameDuckShutdown()
						s.restart()
					}
				}
				seen[o.ID] = true
				if len(seen) == n {
					return errEnough
				}
				return nil
			}
			r := read(t, `url: "`+p.url()+`", stream: ORDERS, ack_wait: 60s`, k, nodetest.Setup{})
			wrong, twice := inOrder(k.ids(), n)
			if wrong != "" {
				t.Errorf("%s (%v)\n%s", wrong, r.Told(), r.Log)
			}
			t.Logf("%d twice of %d", twice, n)
		})
	}
}

// A flow that is slower than ack_wait gets nothing twice: the server is told that it lives.
func TestSlowFlow(t *testing.T) {
	ats.Register()
	defer ats.Unregister()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{t: t, orders: count(20)}
		k := &till{each: func(n int, _ order) error {
			time.Sleep(200 * time.Millisecond)
			if n == 20 {
				return errEnough
			}
			return nil
		}}
		r := read(t, `url: "nats://127.0.0.1:4222", stream: ORDERS, ack_wait: 1s`, k, nodetest.Setup{Batch: 20, World: m.play})
		if !slices.Equal(k.ids(), numbers(20)) {
			t.Errorf("got %v", k.ids())
		}
		if s := r.Report.Nodes[0].Standing; s == nil || s.Redelivered != 0 {
			t.Errorf("the server has handed out some again: %+v", s)
		}
	})
}

// Two processes share a durable: each message goes to one of them. One that dies leaves what
// it had to the other.
func TestTwoProcesses(t *testing.T) {
	const n = 2000
	s := startServer(t, nil)
	nc, _ := s.stream("ORDERS", "orders.>", nil)
	p := startProxy(t, s.address())
	var mu sync.Mutex
	seen, came := map[int]int{}, 0
	var both sync.WaitGroup
	all := make(chan struct{})
	till := func(mine int, die func()) *till {
		return &till{each: func(got int, o order) error {
			mu.Lock()
			seen[o.ID]++
			came++
			end := len(seen) == n
			mu.Unlock()
			if end {
				close(all)
			}
			if die != nil && got == 200 {
				die()
				return errEnough
			}
			return nil
		}}
	}
	dead := make(chan struct{})
	both.Go(func() {
		read(t, `url: "`+p.url()+`", stream: ORDERS, durable: both, ack_wait: 1s`, till(1, func() { p.cut(true); close(dead) }), nodetest.Setup{Batch: 10})
	})
	both.Go(func() {
		begun := func(stop func()) {
			go func() { <-all; stop() }()
		}
		read(t, `url: "`+s.url()+`", stream: ORDERS, durable: both, ack_wait: 1s`, till(2, nil), nodetest.Setup{Batch: 10, Begun: begun})
	})
	for i := 0; i < n; i += 100 { // in parts, so that both get some
		publish(t, nc, "orders.new", count(n)[i:i+100]...)
	}
	both.Wait()
	<-dead
	if len(seen) != n {
		t.Errorf("%d of %d came", len(seen), n)
	}
	t.Logf("%d twice", came-n)
}

// What cannot be read is a bad item, and is acknowledged.
func TestPoison(t *testing.T) {
	s := startServer(t, nil)
	nc, st := s.stream("ORDERS", "orders.>", nil)
	publish(t, nc, "orders.new", `{"id": 0, "text": "a"}`, `{"id": "x"}`, ``, "\xff", `{"id": 1, "text": "b"}`)
	var stop func()
	k := &till{}
	k.each = func(n int, _ order) error {
		if n == 2 {
			go stop()
		}
		return nil
	}
	r := read(t, `url: "`+s.url()+`", stream: ORDERS`, k, nodetest.Setup{Begun: func(f func()) { stop = f }})
	if got := r.File("bad.jsonl"); lines(got) != 3 || !strings.Contains(got, "ORDERS@2") || !slices.Equal(k.ids(), []int{0, 1}) {
		t.Errorf("got %v, and as bad items\n%s", k.ids(), got)
	}
	c, err := st.Consumer(t.Context(), "reads-in")
	if err != nil {
		t.Fatal(err)
	}
	if i := c.CachedInfo(); i.NumAckPending != 0 || i.AckFloor.Stream != 5 {
		t.Errorf("%d are under way, all up to %d acknowledged", i.NumAckPending, i.AckFloor.Stream)
	}
}

// Messages that are larger than what is asked for come all the same, and those that are too
// large for the server are bad items.
func TestLargeMessages(t *testing.T) {
	s := startServer(t, func(o *server.Options) { o.MaxPayload = 16 << 20 })
	_, st := s.stream("ORDERS", "orders.>", func(c *jetstream.StreamConfig) { c.MaxMsgSize = 12 << 20 })
	sizes := []int{10, 11 << 20, 13 << 20, 17 << 20, 10}
	r := write(t, `url: "`+s.url()+`", stream: ORDERS, subject: orders.new`, &feeder{n: len(sizes), text: func(i int) string { return strings.Repeat("x", sizes[i]) }}, nodetest.Setup{})
	if r.Err != nil {
		t.Fatal(r.Told())
	}
	bad := r.File("bad.jsonl")
	if lines(bad) != 2 || !strings.Contains(bad, "max_msg_size") || !strings.Contains(bad, "max_payload") {
		t.Errorf("%d bad items", lines(bad))
	}
	if info, _ := st.Info(t.Context()); info.State.Msgs != 3 {
		t.Errorf("the stream has %d messages", info.State.Msgs)
	}
	k := &till{each: func(n int, _ order) error {
		if n == 3 {
			return errEnough
		}
		return nil
	}}
	read(t, `url: "`+s.url()+`", stream: ORDERS`, k, nodetest.Setup{})
	if !slices.Equal(k.ids(), []int{0, 1, 4}) {
		t.Errorf("got %v", k.ids())
	}
}

// A stream that is full takes nothing: the node waits, and goes on when there is room.
func TestFullStream(t *testing.T) {
	const n = 2000
	s := startServer(t, nil)
	_, st := s.stream("ORDERS", "orders.>", func(c *jetstream.StreamConfig) { c.MaxMsgs = 500 })
	var mu sync.Mutex
	var all []string
	full := listenFor("takes nothing more")
	full.each = func() {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, bodies(t, st)...)
		if err := st.Purge(t.Context()); err != nil {
			t.Error(err)
		}
	}
	r := write(t, `url: "`+s.url()+`", stream: ORDERS, subject: orders.new`, &feeder{n: n}, nodetest.Setup{Log: full})
	if r.Err != nil {
		t.Fatal(r.Told())
	}
	all = append(all, bodies(t, st)...)
	ids := map[int]bool{}
	for _, b := range all {
		var id int
		fmt.Sscanf(b, `{"id":%d`, &id)
		ids[id] = true
	}
	if len(ids) != n || len(all) != n {
		t.Errorf("%d messages, of %d orders of %d", len(all), len(ids), n)
	}
}

// A listening is a log that calls a function when it has a text.
type listening struct {
	text string
	each func()
}

func listenFor(text string) *listening { return &listening{text: text} }

// Write implements io.Writer.
func (l *listening) Write(line []byte) (int, error) {
	if strings.Contains(string(line), l.text) {
		l.each()
	}
	return len(line), nil
}

// A message that is sent again with its id is kept once.
func TestIDs(t *testing.T) {
	s := startServer(t, nil)
	_, st := s.stream("ORDERS", "orders.>", nil)
	for range 2 {
		r := write(t, `url: "`+s.url()+`", stream: ORDERS, subject: orders.new, id: string(id)`, &feeder{n: 10}, nodetest.Setup{})
		if r.Err != nil {
			t.Fatal(r.Told())
		}
	}
	if info, _ := st.Info(t.Context()); info.State.Msgs != 10 {
		t.Errorf("the stream has %d messages", info.State.Msgs)
	}
}

// Each item may have a subject of its own; one that no stream has is a bad item, and so is
// what is none.
func TestSubjects(t *testing.T) {
	s := startServer(t, nil)
	_, st := s.stream("ORDERS", "orders.>", nil)
	texts := []string{"orders.a", "nobody.has", "orders..b", "orders.*", "", "orders.c"}
	r := write(t, `url: "`+s.url()+`", stream: ORDERS, subject: text`, &feeder{n: len(texts), text: func(i int) string { return texts[i] }}, nodetest.Setup{})
	if r.Err != nil {
		t.Fatal(r.Told())
	}
	bad := r.File("bad.jsonl")
	for _, want := range []string{"no stream has the subject nobody.has", "empty part", "is for those who read", "its subject is empty"} {
		if !strings.Contains(bad, want) {
			t.Errorf("no word of %q in\n%s", want, bad)
		}
	}
	if info, _ := st.Info(t.Context()); info.State.Msgs != 2 {
		t.Errorf("the stream has %d messages", info.State.Msgs)
	}
}

// A durable or a stream that is gone when the server is back is made anew, and told.
func TestComesBackEmpty(t *testing.T) {
	s := startServer(t, nil)
	nc, st := s.stream("ORDERS", "orders.>", nil)
	publish(t, nc, "orders.new", count(100)...)
	p := startProxy(t, s.address())
	k := &till{}
	k.each = func(n int, o order) error {
		if n == 50 {
			if err := st.DeleteConsumer(t.Context(), "reads-in"); err != nil {
				t.Error(err)
			}
			p.cut(false)
		}
		if o.ID == 99 && n > 100 {
			return errEnough
		}
		return nil
	}
	r := read(t, `url: "`+p.url()+`", stream: ORDERS`, k, nodetest.Setup{Batch: 10})
	if !strings.Contains(r.Log, "the durable is gone, and is made anew") {
		t.Errorf("got %d\n%s", len(k.ids()), r.Log)
	}
}

// A run that is stopped under load loses nothing, and what it had is there at once for the
// next.
func TestStopUnderLoad(t *testing.T) {
	const n = 50_000
	s := startServer(t, nil)
	nc, _ := s.stream("ORDERS", "orders.>", nil)
	publish(t, nc, "orders.new", count(n)...)
	seen, came := map[int]bool{}, 0
	for range 3 {
		enough := min(10_000, n-len(seen)) // the runs before may have had nearly all
		if enough == 0 {
			break
		}
		var stop func()
		k := &till{}
		k.each = func(got int, o order) error {
			if got == enough {
				go stop()
			}
			return nil
		}
		r := read(t, `url: "`+s.url()+`", stream: ORDERS, ack_wait: 60s`, k, nodetest.Setup{Begun: func(f func()) { stop = f }})
		if r.Err != nil && r.Err != nodetest.ErrStopped {
			t.Fatal(r.Told())
		}
		for _, id := range k.ids() {
			seen[id] = true
			came++
		}
		for i := range len(seen) {
			if !seen[i] {
				t.Fatalf("%d was left out", i)
			}
		}
	}
	if came != len(seen) {
		t.Errorf("%d came twice", came-len(seen))
	}
}
