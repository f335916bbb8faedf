package mqtt_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/internal/brokertest"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file has brokers and connections that go away, and others who interfere.

// The broker is restarted while a flow writes and another reads: nothing is lost.
func TestBrokerRestarts(t *testing.T) {
	for _, qos := range []string{"1", "2"} {
		t.Run("qos "+qos, func(t *testing.T) {
			s := own(t, brokertest.Options{Lines: []string{"autosave_on_changes false", "autosave_interval 3600"}}) // it saves when it stops
			const n = 20000
			k := &nodetest.Seen{}
			makeSession(t, s, "r", "all", qos[0]-'0')
			stop, ended := begin(t, s.URL, "topics: all, client_id: r, qos: "+qos+", as: '{n: int}'", k)
			written := make(chan nodetest.Result, 1)
			go func() {
				written <- kit.Run(t, fmt.Sprintf("flow: g\nnodes:\n  gen: {use: generate, with: {count: %d, rate: 5000/s, set: {n: n}}}\n  out: {use: mqtt.write, in: gen, with: {url: '%s', topic: all, qos: %s}}\n", n, s.URL, qos), nil, nodetest.Setup{})
			}()
			for i := range 3 {
				brokertest.Await(t, "messages come", func() bool { return len(k.Lines()) > 1000*(i+1) })
				if err := s.Stop(); err != nil {
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
			if w.Err != nil || r.Err != nil {
				t.Error(w.Told(), r.Told())
			}
			brokertest.NoCanary(t, r.Log, w.Log)
			if !strings.Contains(r.Log, "is back") || !strings.Contains(w.Log, "is back") {
				t.Error("they did not notice")
			}
		})
	}
}

// A broker that comes back without the session is told of, and gives what comes from then on.
func TestSessionIsGone(t *testing.T) {
	s := own(t, brokertest.Options{})
	k := &nodetest.Seen{}
	stop, ended := begin(t, s.URL, "topics: t, as: '{n: int}'", k)
	c := client(t, s, "pub", true)
	brokertest.Await(t, "a first message", func() bool {
		c.publish("t", `{"n":0}`, false)
		return len(k.Lines()) > 0
	})
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(s.Dir, "*.db*"))
	if len(files) == 0 {
		t.Fatal("the broker has nothing that could be lost")
	}
	for _, f := range files {
		os.Remove(f)
	}
	if err := s.Again(); err != nil {
		t.Fatal(err)
	}
	c = client(t, s, "pub", true)
	brokertest.Await(t, "a message after that", func() bool {
		c.publish("t", `{"n":1}`, false)
		return slices.Contains(k.Lines(), `{"n":1}`)
	})
	stop()
	r := <-ended
	if r.Err != nil || !strings.Contains(r.Log, "has lost the session") {
		t.Errorf("%s\n%s", r.Told(), r.Log)
	}
}

// Of two processes with the same client id one ends, and says why.
func TestTwoWithOneClientID(t *testing.T) {
	s := mosquitto(t)
	a, b := &nodetest.Seen{}, &nodetest.Seen{}
	makeSession(t, s, "twin", "twin", 1)
	stopA, first := begin(t, s.URL, "topics: twin, client_id: twin, as: '{n: int}'", a)
	c := client(t, s, "twinpub", true)
	c.publish("twin", `{"n":0}`, false)
	brokertest.Await(t, "the first has it", func() bool { return len(a.Lines()) == 1 })
	stopB, second := begin(t, s.URL, "topics: twin, client_id: twin, as: '{n: int}'", b)
	var r nodetest.Result
	select { // this broker gives no reason, so they fight, and one of them gives up
	case r = <-first:
	case r = <-second:
		b, second = a, first
	}
	if told := r.Told(); r.Err == nil || !strings.Contains(told, "same client id") {
		t.Errorf("it is told: %s", told)
	}
	if h := nodetest.HintOf(r.Err); !strings.Contains(h, "client_id") {
		t.Errorf("the hint is %q", h)
	}
	c.publish("twin", `{"n":1}`, false)
	brokertest.Await(t, "the other has the next", func() bool { return slices.Contains(b.Lines(), `{"n":1}`) })
	stopA()
	stopB()
	if r := <-second; r.Err != nil {
		t.Error(r.Told())
	}
	brokertest.NoCanary(t, r.Log, r.Told())
}

// Two processes share a subscription: each message comes to one of them.
func TestShared(t *testing.T) {
	s := mosquitto(t)
	const n = 3000
	a, b := &nodetest.Seen{}, &nodetest.Seen{}
	for _, id := range []string{"sa", "sb"} {
		makeSession(t, s, id, "$share/g/share/#", 1)
	}
	stopA, endedA := begin(t, s.URL, "topics: $share/g/share/#, client_id: sa, as: '{n: int}'", a)
	stopB, endedB := begin(t, s.URL, "topics: $share/g/share/#, client_id: sb, as: '{n: int}'", b)
	if r := writing(t, s, n, "topic: share/x"); r.Err != nil {
		t.Fatal(r.Told())
	}
	both := func() []string { return slices.Concat(a.Lines(), b.Lines()) }
	brokertest.Await(t, "all come", func() bool { missing, _ := nodetest.Missing(both(), n); return len(missing) == 0 })
	stopA()
	stopB()
	ra, rb := <-endedA, <-endedB
	if _, twice := nodetest.Missing(both(), n); ra.Err != nil || rb.Err != nil || twice > 0 || len(a.Lines()) == 0 || len(b.Lines()) == 0 {
		t.Errorf("%d and %d, %d twice; %s %s", len(a.Lines()), len(b.Lines()), twice, ra.Told(), rb.Told())
	}
}

// A connection on which nothing comes through any more is noticed, and made anew.
func TestHalfOpen(t *testing.T) {
	s := mosquitto(t)
	p := brokertest.NewProxy(t, s.Addr())
	makeSession(t, s, "half", "half", 1)
	k := &nodetest.Seen{}
	stop, ended := begin(t, s.At(p.Addr()), "topics: half, client_id: half, keepalive: 1s, as: '{n: int}'", k)
	c := client(t, s, "halfpub", true)
	c.publish("half", `{"n":0}`, false)
	brokertest.Await(t, "a first message", func() bool { return len(k.Lines()) == 1 })
	p.BlackHole(brokertest.ToClient)
	had := p.Accepted()
	brokertest.Await(t, "another connection", func() bool { return p.Accepted() > had })
	p.Resume()
	c.publish("half", `{"n":1}`, false)
	brokertest.Await(t, "the next message", func() bool { return slices.Contains(k.Lines(), `{"n":1}`) })
	stop()
	if r := <-ended; r.Err != nil || !strings.Contains(r.Log, "silent") {
		t.Errorf("%s\n%s", r.Told(), r.Log)
	}
}

// Connections are cut wherever it may be, as often as it may be: nothing is lost in either
// direction, and what comes first comes in order.
func TestCutAnywhere(t *testing.T) {
	s := mosquitto(t)
	for _, qos := range []string{"1", "2"} {
		t.Run("qos "+qos, func(t *testing.T) {
			const n = 20000
			in, out := brokertest.NewProxy(t, s.Addr()), brokertest.NewProxy(t, s.Addr())
			id := "cut" + qos
			makeSession(t, s, id, id, qos[0]-'0')
			k := &nodetest.Seen{}
			stop, ended := begin(t, s.At(in.Addr()), "topics: "+id+", client_id: "+id+", qos: "+qos+", as: '{n: int}'", k)
			written := make(chan nodetest.Result, 1)
			go func() {
				written <- kit.Run(t, fmt.Sprintf("flow: cut%s\nnodes:\n  gen: {use: generate, with: {count: %d, rate: 10000/s, set: {n: n}}}\n  out: {use: mqtt.write, in: gen, with: {url: '%s', topic: %s, qos: %[1]s}}\n", qos, n, s.At(out.Addr()), id), nil, nodetest.Setup{})
			}()
			brokertest.Await(t, "messages come", func() bool { return len(k.Lines()) > 100 })
			for _, bytes := range []int{5, 90, 1000, 9000, 130, 40, 400, 70, 20000, 210} {
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
			for had := -1; had < len(k.Lines()); time.Sleep(500 * time.Millisecond) { // copies of what was sent again
				had = len(k.Lines())
			}
			stop()
			r := <-ended
			lines := k.Lines()
			_, twice := nodetest.Missing(lines, n)
			t.Logf("%d connections to read, %d to write, %d messages came more than once", in.Accepted(), out.Accepted(), twice)
			if w.Err != nil || r.Err != nil || out.Accepted() < 5 {
				t.Errorf("%s %s", w.Told(), r.Told())
			}
			var first []string
			had := map[string]bool{}
			for _, l := range lines {
				if !had[l] {
					had[l], first = true, append(first, l)
				}
			}
			if !slices.Equal(first, nodetest.Numbers(0, n)) {
				t.Error("what came first is out of order")
			}
			if l := left(t, s, id); len(l) > 0 {
				t.Errorf("%d messages were not acknowledged", len(l))
			}
		})
	}
}

// A flow that is stopped under load acknowledges what it has given, and the rest comes later.
func TestStopUnderLoad(t *testing.T) {
	s := mosquitto(t)
	const n = 20000
	makeSession(t, s, "load", "load", 1)
	written := make(chan nodetest.Result, 1)
	go func() { written <- writing(t, s, n, "topic: load") }()
	a, b := &nodetest.Seen{}, &nodetest.Seen{}
	settings := "topics: load, client_id: load, as: '{n: int}'"
	stop, ended := begin(t, s.URL, settings, a)
	brokertest.Await(t, "some come", func() bool { return len(a.Lines()) > 3000 })
	stop()
	ra, w := <-ended, <-written
	stop, ended = begin(t, s.URL, settings, b)
	both := func() []string { return slices.Concat(a.Lines(), b.Lines()) }
	brokertest.Await(t, "all come", func() bool { missing, _ := nodetest.Missing(both(), n); return len(missing) == 0 })
	stop()
	rb := <-ended
	if !slices.Equal(both(), nodetest.Numbers(0, n)) {
		t.Error("some came twice, or out of order")
	}
	if ra.Err != nil || rb.Err != nil || w.Err != nil {
		t.Error(ra.Told(), rb.Told(), w.Told())
	}
}

// What no retry would mend ends the flow, with what to do about it.
func TestRefusals(t *testing.T) {
	s := own(t, brokertest.Options{Lines: []string{"max_qos 1", "retain_available false"}})
	wrong := strings.Replace(s.URL, "flow:"+brokertest.Password, "flow:"+brokertest.Password+"x", 1)
	write := func(url, settings string) string {
		return "flow: g\nnodes:\n  gen: {use: generate, with: {count: 1, set: {n: n}}}\n  out: {use: mqtt.write, retry: {attempts: 3}, in: gen, with: {url: '" + url + "', topic: t, " + settings + "}}\n"
	}
	for name, c := range map[string]struct{ flow, told, hint string }{
		"wrong password to read":  {flowOf(wrong, "topics: t, as: '{n: int}'"), "not authorized", "the password of the url"},
		"wrong password to write": {write(wrong, ""), "not authorized", "the password of the url"},
		"qos":                     {write(s.URL, "qos: 2"), "up to QoS 1", "qos: 1"},
		"retain":                  {write(s.URL, "retain: true"), "retained", "leave out retain"},
		"TLS":                     {write(strings.Replace(s.URL, "mqtt:", "mqtts:", 1), ""), "TLS", "write mqtt://"},
		"nobody there":            {flowOf("mqtt://flow:"+brokertest.Password+"@127.0.0.1:1", "topics: t, as: '{n: int}'"), "refused", ""},
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

// Doctor looks whether the broker is there and gives the topics, and takes no session.
func TestDoctor(t *testing.T) {
	s := mosquitto(t)
	k := &nodetest.Seen{}
	stop, ended := begin(t, s.URL, "topics: doc, client_id: doc, as: '{n: int}'", k)
	look := func(flow, node string) []nodes.Finding {
		f, list := k.In(kit).Load(t, flow, nil)
		if list.HasErrors() {
			t.Fatal(nodetest.Printed(list))
		}
		n := f.Node(node)
		return n.Config.(nodes.Examiner).Examine(t.Context(), &nodes.Env{Flow: f, Node: n})
	}
	found := look(flowOf(s.URL, "topics: [doc, $share/g/x], client_id: doc, as: '{n: int}'"), "in")
	if len(found) != 3 || found[0].Told != "MQTT 5, up to QoS 2" || !strings.Contains(found[1].Told, "shared") || found[2].Told != "doc" {
		t.Errorf("found %v", found)
	}
	for _, f := range found {
		if f.Err != nil {
			t.Errorf("%s: %v", f.What, f.Err)
		}
		brokertest.NoCanary(t, f.Peer)
	}
	wrong := strings.Replace(s.URL, brokertest.Password, "x"+brokertest.Password, 1)
	if found := look(flowOf(wrong, "topics: doc, as: '{n: int}'"), "in"); len(found) != 1 || found[0].Err == nil {
		t.Errorf("found %v", found)
	} else {
		brokertest.NoCanary(t, found[0].Peer, found[0].Err.Error())
	}
	stop()
	if r := <-ended; r.Err != nil {
		t.Error(r.Told())
	}
}
