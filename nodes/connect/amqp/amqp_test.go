package amqp_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	client "github.com/rabbitmq/amqp091-go"

	"github.com/flowrun/flowrun/internal/brokertest"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file talks to a real broker.

// What is written is what is read, of every type, with its properties.
func TestRoundTrip(t *testing.T) {
	s := rabbit(t)
	ch := makeQueue(t, s, "trip", "quorum", nil)
	if err := ch.ExchangeDeclare("tripx", "topic", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind("trip", "a.#", "tripx", false, nil); err != nil {
		t.Fatal(err)
	}
	const item = `{id: int, price: decimal(12, 2), name: string, at: time, day: date, took: duration, ok: bool, blob: bytes, x: float?, tags: [string], sub: {a: int?}, raw: any}`
	line := `{"id":9007199254740993,"price":12.50,"name":"ä \"q\"","at":"2026-01-02T03:04:05.000000006Z","day":"2026-01-02","took":"1m30s","ok":true,"blob":"AAEC","x":null,"tags":["a","b"],"sub":{"a":null},"raw":{"k":[1,2.5,null]}}`
	r := kit.Run(t, `flow: g
nodes:
  in: {use: file.read, with: {path: in.jsonl, as: '`+item+`'}}
  out: {use: amqp.write, in: in, with: {url: '`+s.URL+`', exchange: tripx, routing_key: '"a." + string(id % 2)', id: name, time: at, headers: {name: name, none: 'x == null ? null : "x"'}}}
`, map[string]string{"in.jsonl": line + "\n"}, nodetest.Setup{})
	if r.Err != nil {
		t.Fatal(r.Told())
	}
	k := &nodetest.Seen{}
	r = reading(t, s, "queue: trip, as: '"+item+"', meta: {ex: exchange, key: routing_key, again: redelivered, time: time, mid: id, type: type, ct: content_type, p: priority, h: header.name, none: header.none}", k, 1)
	want := strings.TrimSuffix(line, "}") + `,"ex":"tripx","key":"a.1","again":false,"time":"2026-01-02T03:04:05Z","mid":"ä \"q\"","type":null,"ct":"application/json","p":0,"h":"ä \"q\"","none":null}`
	if got := k.Lines(); r.Err != nil || !slices.Equal(got, []string{want}) {
		t.Errorf("got %s\nwant %s\n%s", got, want, r.Told())
	}
	if l := left(t, s, "trip"); len(l) > 0 {
		t.Errorf("%d messages were not acknowledged: %s", len(l), l)
	}
}

// What was acknowledged does not come again, and what was not does, in its order.
func TestComesAgain(t *testing.T) {
	s := rabbit(t)
	for _, kind := range []string{"classic", "quorum"} {
		t.Run(kind, func(t *testing.T) {
			queue := "again-" + kind
			makeQueue(t, s, queue, kind, nil)
			if r := writing(t, s, 2000, "routing_key: "+queue); r.Err != nil {
				t.Fatal(r.Told())
			}
			first := &nodetest.Seen{On: func(n int) error {
				if n == 1500 {
					return errors.New("that will do")
				}
				return nil
			}}
			settings := "queue: " + queue + ", as: '{n: int}'"
			if r := reading(t, s, settings, first, -1); r.Err == nil {
				t.Fatal("the flow has not failed")
			}
			if got := first.Lines(); !slices.Equal(got, nodetest.Numbers(0, 1500)) {
				t.Errorf("the first run has %d, or they are out of order", len(got))
			}
			second := &nodetest.Seen{}
			n := len(left(t, s, queue)) // which gives them back
			if n < 500 || n == 2000 {
				t.Fatalf("the broker keeps %d", n)
			}
			r := reading(t, s, settings, second, n)
			got, want := second.Lines(), nodetest.Numbers(2000-n, 2000)
			if kind == "quorum" { // which gives back what was taken, and not in its order
				slices.Sort(got)
				slices.Sort(want)
			}
			if r.Err != nil || !slices.Equal(got, want) {
				t.Errorf("the second run has %d of %d, or they are out of order\n%s", len(got), n, r.Told())
			}
			if l := left(t, s, queue); len(l) > 0 {
				t.Errorf("%d messages were not acknowledged", len(l))
			}
		})
	}
}

// A message that cannot be read goes to the errors, and is acknowledged.
func TestPoison(t *testing.T) {
	s := rabbit(t)
	ch := makeQueue(t, s, "poison", "classic", nil)
	for _, body := range []string{`{"n":0}`, `no JSON`, "", "\xff", `{"n":"x"}`, "{\n\"n\": 1}"} {
		if err := ch.Publish("", "poison", false, false, client.Publishing{Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	k := &nodetest.Seen{}
	bad := 0
	var stop func()
	k.On = func(n int) error {
		if n == 6 {
			stop()
		}
		return nil
	}
	r := k.In(kit).Run(t, `flow: f
nodes:
  in: {use: amqp.read, on_error: dead, with: {url: '`+s.URL+`', queue: poison, as: '{n: int}'}}
  good: {use: map, in: in, with: {set: {t: string(n)}, select: [t]}}
  bad: {use: map, in: in.errors, with: {set: {t: error}, select: [t]}}
  all: {use: merge, in: [good, bad]}
  out: {use: seen, in: all}
`, nil, nodetest.Setup{Begun: func(f func()) { stop = f }})
	for _, line := range k.Lines() {
		if line != `{"t":"0"}` && line != `{"t":"1"}` {
			bad++
		}
	}
	if r.Err != nil || bad != 4 || len(k.Lines()) != 6 {
		t.Errorf("got %s\n%s", k.Lines(), r.Told())
	}
	if l := left(t, s, "poison"); len(l) > 0 {
		t.Errorf("%d messages were not acknowledged: %q", len(l), l)
	}
}

// Messages that the broker refuses, or that go nowhere, are bad items, and the others go on.
func TestRefusedMessages(t *testing.T) {
	s := own(t, brokertest.Options{Lines: []string{"max_message_size = 2000"}})
	makeQueue(t, s, "ok", "classic", nil)
	r := kit.Run(t, `flow: g
nodes:
  in: {use: file.read, with: {path: in.jsonl, as: '{n: int, size: int, key: string}'}}
  padded: {use: map, in: in, with: {set: {pad: 'repeat("x", size)'}}}
  out: {use: amqp.write, in: padded, on_error: dead, with: {url: '`+s.URL+`', routing_key: key, id: '"same"'}}
  dead: {use: map, in: out.errors, with: {set: {n: item.n, e: error}, select: [n, e]}}
  o: {use: file.write, in: dead, with: {path: '-', format: jsonl}}
`, map[string]string{"in.jsonl": `{"n":0,"size":1,"key":"ok"}
{"n":1,"size":5000,"key":"ok"}
{"n":2,"size":1,"key":"nobody"}
{"n":3,"size":1,"key":"` + strings.Repeat("k", 300) + `"}
{"n":4,"size":6000,"key":"ok"}
{"n":5,"size":1,"key":"ok"}
`}, nodetest.Setup{})
	if r.Err != nil {
		t.Fatal(r.Told())
	}
	for n, want := range map[string]string{"1": "message size 5", "2": "goes to no queue", "3": "300 bytes", "4": "message size 6"} {
		found := false
		for line := range strings.Lines(r.Stdout) {
			found = found || strings.HasPrefix(line, `{"n":`+n+`,`) && strings.Contains(line, want)
		}
		if !found {
			t.Errorf("%q is not told of %s:\n%s", want, n, r.Stdout)
		}
	}
	l := left(t, s, "ok")
	if strings.Count(r.Stdout, "\n") != 4 || len(l) < 2 || !strings.Contains(l[0], `"n":0`) || !strings.Contains(l[len(l)-1], `"n":5`) {
		t.Errorf("the queue has %s\n%s", l, r.Stdout)
	}
	brokertest.NoCanary(t, r.Log, r.Stdout)
}

// While a queue that rejects what is too much is full, the node waits.
func TestFullQueue(t *testing.T) {
	s := rabbit(t)
	const n = 300
	makeQueue(t, s, "full", "classic", client.Table{"x-max-length": int64(100), "x-overflow": "reject-publish"})
	var log syncBuffer
	_, written := kit.Start(t, flowTo(s, n, "routing_key: full"), nodetest.Setup{Log: &log})
	brokertest.Await(t, "the queue is full", func() bool { return strings.Contains(log.String(), "queue is full") })
	k := &nodetest.Seen{}
	stop, ended := begin(t, s.URL, "queue: full, as: '{n: int}'", k)
	brokertest.Await(t, "all come", func() bool { missing, _ := nodetest.Missing(k.Lines(), n); return len(missing) == 0 })
	w := <-written
	stop()
	if r := <-ended; r.Err != nil || w.Err != nil {
		t.Errorf("%s %s\n%s", r.Told(), w.Told(), w.Log)
	}
}

// A broker without room takes nothing; the node waits, says so, and goes on.
func TestBlocked(t *testing.T) {
	s := own(t, brokertest.Options{Lines: []string{"disk_free_limit.absolute = 900000000000000"}})
	makeQueue(t, s, "q", "classic", nil)
	written := make(chan nodetest.Result, 1)
	var log syncBuffer
	go func() {
		written <- kit.Run(t, "flow: g\nnodes:\n  gen: {use: generate, with: {count: 10, set: {n: n}}}\n  out: {use: amqp.write, in: gen, with: {url: '"+s.URL+"', routing_key: q}}\n", nil, nodetest.Setup{Log: &log})
	}()
	brokertest.Await(t, "it says so", func() bool { return strings.Contains(log.String(), "is full and takes nothing") })
	path := filepath.Join(s.Dir, "rabbitmq.conf")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s.Write(t, brokertest.File{Name: "rabbitmq.conf", Text: strings.Replace(string(text), "900000000000000", "1MB", 1)})
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Again(); err != nil {
		t.Fatal(err)
	}
	if w := <-written; w.Err != nil {
		t.Error(w.Told())
	}
	if l := left(t, s, "q"); len(l) < 10 {
		t.Errorf("the queue has %d", len(l))
	}
}

// The broker is restarted, and killed, while a flow writes and another reads.
func TestBrokerRestarts(t *testing.T) {
	s := own(t, brokertest.Options{})
	const n = 30000
	makeQueue(t, s, "all", "quorum", nil)
	if err := errors.Join(s.Stop(), s.Again()); err != nil { // a kill soon after it was declared would take the queue too
		t.Fatal(err)
	}
	k := &nodetest.Seen{}
	stop, ended := begin(t, s.URL, "queue: all, as: '{n: int}'", k)
	written := make(chan nodetest.Result, 1)
	go func() {
		written <- kit.Run(t, fmt.Sprintf("flow: g\nnodes:\n  gen: {use: generate, with: {count: %d, rate: 5000/s, set: {n: n}}}\n  out: {use: amqp.write, in: gen, with: {url: '%s', routing_key: all}}\n", n, s.URL), nil, nodetest.Setup{})
	}()
	for i := range 2 {
		brokertest.Await(t, "messages come", func() bool { return len(k.Lines()) > 3000*(i+1) })
		if i == 0 {
			s.Kill()
		} else if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := s.Again(); err != nil {
			t.Fatal(err)
		}
	}
	w := <-written
	brokertest.Await(t, "all messages come", func() bool { missing, _ := nodetest.Missing(k.Lines(), n); return len(missing) == 0 })
	stop()
	r := <-ended
	_, twice := nodetest.Missing(k.Lines(), n)
	t.Logf("%d messages came more than once", twice)
	if w.Err != nil || r.Err != nil || !strings.Contains(r.Log, "is back") || !strings.Contains(w.Log, "is back") {
		t.Error(w.Told(), r.Told())
	}
	brokertest.NoCanary(t, r.Log, w.Log)
}

// Connections are cut wherever it may be: nothing is lost in either direction.
func TestCutAnywhere(t *testing.T) {
	s := rabbit(t)
	const n = 20000
	in, out := brokertest.NewProxy(t, s.Addr()), brokertest.NewProxy(t, s.Addr())
	makeQueue(t, s, "cut", "classic", nil)
	k := &nodetest.Seen{}
	stop, ended := begin(t, s.At(in.Addr()), "queue: cut, as: '{n: int}'", k)
	written := make(chan nodetest.Result, 1)
	go func() {
		written <- kit.Run(t, fmt.Sprintf("flow: g\nnodes:\n  gen: {use: generate, with: {count: %d, rate: 10000/s, set: {n: n}}}\n  out: {use: amqp.write, in: gen, with: {url: '%s', routing_key: cut}}\n", n, s.At(out.Addr())), nil, nodetest.Setup{})
	}()
	brokertest.Await(t, "messages come", func() bool { return len(k.Lines()) > 100 })
	for _, bytes := range []int{5, 90, 1000, 9000, 430, 40, 400, 700, 20000, 210} {
		for _, p := range []*brokertest.Proxy{in, out} {
			for _, d := range []brokertest.Direction{brokertest.ToServer, brokertest.ToClient} {
				p.CutAfter(d, bytes)
				time.Sleep(50 * time.Millisecond)
			}
		}
	}
	in.Resume()
	out.Resume()
	w := <-written
	brokertest.Await(t, "all messages come", func() bool { missing, _ := nodetest.Missing(k.Lines(), n); return len(missing) == 0 })
	stop()
	r := <-ended
	_, twice := nodetest.Missing(k.Lines(), n)
	t.Logf("%d connections to read, %d to write, %d messages came more than once", in.Accepted(), out.Accepted(), twice)
	if w.Err != nil || r.Err != nil || out.Accepted() < 4 || in.Accepted() < 4 {
		t.Errorf("%s %s", w.Told(), r.Told())
	}
	if l := left(t, s, "cut"); len(l) > 0 {
		t.Errorf("%d messages were not acknowledged", len(l))
	}
}

// Two processes share a queue, and one is stopped under load: nothing is lost or comes twice.
func TestTwoReaders(t *testing.T) {
	s := rabbit(t)
	const n = 10000
	makeQueue(t, s, "two", "classic", nil)
	a, b := &nodetest.Seen{}, &nodetest.Seen{}
	stopA, endedA := begin(t, s.URL, "queue: two, as: '{n: int}'", a)
	stopB, endedB := begin(t, s.URL, "queue: two, as: '{n: int}'", b)
	written := make(chan nodetest.Result, 1)
	go func() { written <- writing(t, s, n, "routing_key: two") }()
	brokertest.Await(t, "some come to one", func() bool { return len(a.Lines()) > 1000 })
	stopA()
	ra, w := <-endedA, <-written
	both := func() []string { return slices.Concat(a.Lines(), b.Lines()) }
	brokertest.Await(t, "all come", func() bool { missing, _ := nodetest.Missing(both(), n); return len(missing) == 0 })
	stopB()
	rb := <-endedB
	if _, twice := nodetest.Missing(both(), n); twice > 0 || ra.Err != nil || rb.Err != nil || w.Err != nil || len(b.Lines()) == 0 {
		t.Errorf("%d and %d, %d twice; %s %s %s", len(a.Lines()), len(b.Lines()), twice, ra.Told(), rb.Told(), w.Told())
	}
}

// What no retry would mend ends the flow, with what to do about it.
func TestRefusals(t *testing.T) {
	s := own(t, brokertest.Options{Users: []string{"poor"}})
	makeQueue(t, s, "there", "classic", nil)
	wrong := strings.Replace(s.URL, brokertest.Password, "x"+brokertest.Password, 1)
	poor := strings.Replace(s.URL, "flow:", "poor:", 1)
	read := func(url, settings string) string { return flowOf(url, settings+", as: '{n: int}'") }
	write := func(url, settings string) string {
		return "flow: g\nnodes:\n  gen: {use: generate, with: {count: 1, set: {n: n}}}\n  out: {use: amqp.write, retry: {attempts: 3}, in: gen, with: {url: '" + url + "', " + settings + "}}\n"
	}
	for name, c := range map[string]struct{ flow, told, hint string }{
		"wrong password to read":    {read(wrong, "queue: there"), "(403)", "the password of the url"},
		"wrong password to write":   {write(wrong, "routing_key: there"), "(403)", "the password of the url"},
		"a vhost that is not there": {read(s.URL+"nowhere", "queue: there"), "vhost", "vhost"},
		"a user without rights":     {read(poor, "queue: there"), "", "list_permissions"},
		"no queue":                  {read(s.URL, "queue: none"), "no queue 'none'", "declare: {}"},
		"no exchange":               {write(s.URL, "exchange: none, routing_key: x"), "no exchange 'none'", "make the exchange"},
		"no exchange to bind":       {read(s.URL, "queue: there, bind: {exchange: none}"), "no exchange 'none'", "make the exchange"},
		"another queue":             {read(s.URL, "queue: there, declare: {type: quorum}"), "inequivalent arg", "under declare"},
		"no TLS":                    {read(strings.Replace(s.URL, "amqp:", "amqps:", 1), "queue: there"), "TLS", "write amqp://"},
		"nobody there":              {read("amqp://flow:"+brokertest.Password+"@127.0.0.1:1", "queue: q"), "refused", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := (&nodetest.Seen{}).In(kit).Run(t, c.flow, nil, nodetest.Setup{})
			hint := nodetest.HintOf(r.Err)
			if r.Err == nil || !strings.Contains(r.Err.Error(), c.told) || !strings.Contains(hint, c.hint) {
				t.Errorf("it is told: %s; the hint is %q", r.Told(), hint)
			}
			brokertest.NoCanary(t, r.Log, r.Told(), hint)
		})
	}
}

// Doctor looks whether the broker, the queue and the exchange are there.
func TestDoctor(t *testing.T) {
	s := rabbit(t)
	makeQueue(t, s, "doc", "classic", nil)
	look := func(flow, node string) []nodes.Finding {
		f, list := (&nodetest.Seen{}).In(kit).Load(t, flow, nil)
		if list.HasErrors() {
			t.Fatal(nodetest.Printed(list))
		}
		n := f.Node(node)
		return n.Config.(nodes.Examiner).Examine(t.Context(), &nodes.Env{Flow: f, Node: n})
	}
	found := look(flowOf(s.URL, "queue: doc, as: '{n: int}', bind: {exchange: none}"), "in")
	if len(found) != 3 || found[0].Err != nil || !strings.Contains(found[0].Told, "RabbitMQ 3") || found[1].Told != "0 messages, consumers: 0" || found[2].Err == nil {
		t.Errorf("found %v", found)
	}
	found = look(flowOf(s.URL, "queue: unmade, as: '{n: int}', declare: {}"), "in")
	if len(found) != 2 || found[1].Err != nil || !strings.Contains(found[1].Told, "will be made") {
		t.Errorf("found %v", found)
	}
	for _, f := range found {
		brokertest.NoCanary(t, f.Peer)
	}
}

// Settings that no broker would take are refused by the check.
func TestCheck(t *testing.T) {
	for with, want := range map[string]string{
		"amqp.read, with: {url: 'http://h', queue: q, as: '{n: int}'}":                                           "no address of AMQP",
		"amqp.read, with: {url: 'amqp://h', queue: q, declare: {type: quorum, exclusive: true}, as: '{n: int}'}": "neither exclusive",
		"amqp.write, in: g, with: {url: 'amqp://h'}":                                                             "without an exchange",
		"amqp.write, in: g, with: {url: 'amqp://h', routing_key: n}":                                             "routing_key must be string",
		"amqp.write, in: g, with: {url: 'amqp://h', routing_key: q, time: n}":                                    "time must be time",
	} {
		kit.Refuse(t, "flow: f\nnodes:\n  g: {use: generate, with: {count: 1, set: {n: n}}}\n  x: {use: "+with+"}\n", nil, want)
	}
}
