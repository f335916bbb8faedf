package mqtt_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/internal/brokertest"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file talks to a real broker.

// What is written is what is read, of every type, with its properties.
func TestRoundTrip(t *testing.T) {
	s := mosquitto(t)
	const item = `{id: int, price: decimal(12, 2), name: string, at: time, day: date, took: duration, ok: bool, blob: bytes, x: float?, tags: [string], sub: {a: int?}, raw: any}`
	line := `{"id":9007199254740993,"price":12.50,"name":"ä \"q\"","at":"2026-01-02T03:04:05.000000006Z","day":"2026-01-02","took":"1m30s","ok":true,"blob":"AAEC","x":null,"tags":["a","b"],"sub":{"a":null},"raw":{"k":[1,2.5,null]}}`
	for _, qos := range []string{"1", "2"} {
		t.Run("qos "+qos, func(t *testing.T) {
			makeSession(t, s, "trip"+qos, "trip"+qos+"/#", qos[0]-'0')
			r := kit.Run(t, `flow: g
nodes:
  in: {use: file.read, with: {path: in.jsonl, as: '`+item+`'}}
  out: {use: mqtt.write, in: in, with: {url: '`+s.URL+`', qos: `+qos+`, topic: '"trip`+qos+`/" + string(id % 2)', headers: {name: name, none: 'x == null ? null : "x"'}}}
`, map[string]string{"in.jsonl": line + "\n"}, nodetest.Setup{})
			if r.Err != nil {
				t.Fatal(r.Told())
			}
			k := &nodetest.Seen{}
			r = reading(t, s, "topics: [trip"+qos+"/#], client_id: trip"+qos+", qos: "+qos+", as: '"+item+"', meta: {topic: topic, retained: retained, duplicate: duplicate, qos: qos, ct: content_type, rt: response_topic, h: header.name, none: header.none}", k, 1)
			want := strings.TrimSuffix(line, "}") + `,"topic":"trip` + qos + `/1","retained":false,"duplicate":false,"qos":` + qos + `,"ct":"application/json","rt":null,"h":"ä \"q\"","none":null}`
			if got := k.Lines(); r.Err != nil || !slices.Equal(got, []string{want}) {
				t.Errorf("got %s\nwant %s\n%s", got, want, r.Told())
			}
			if l := left(t, s, "trip"+qos); len(l) > 0 {
				t.Errorf("%d messages were not acknowledged: %s", len(l), l)
			}
		})
	}
}

// Bytes are what they were, and a retained message says that it is one.
func TestRawAndRetained(t *testing.T) {
	s := mosquitto(t)
	r := kit.Run(t, `flow: g
nodes:
  in: {use: file.read, with: {path: in.jsonl, as: '{body: bytes}'}}
  out: {use: mqtt.write, in: in, with: {url: '`+s.URL+`', topic: raw/last, format: raw, retain: true, expiry: 1m}}
`, map[string]string{"in.jsonl": `{"body":"AP8="}` + "\n"}, nodetest.Setup{})
	if r.Err != nil {
		t.Fatal(r.Told())
	}
	k := &nodetest.Seen{}
	r = reading(t, s, "topics: raw/last, clean: true, format: raw, meta: {r: retained}", k, 1)
	if got := k.Lines(); r.Err != nil || !slices.Equal(got, []string{`{"body":"AP8=","r":true}`}) {
		t.Errorf("got %s\n%s", got, r.Told())
	}
}

// What was acknowledged does not come again, and what was not does, in its order.
func TestComesAgain(t *testing.T) {
	s := mosquitto(t)
	for _, qos := range []byte{1, 2} {
		t.Run(fmt.Sprintf("qos %d", qos), func(t *testing.T) {
			id := fmt.Sprintf("again%d", qos)
			settings := fmt.Sprintf("topics: %s, client_id: %[1]s, qos: %d, as: '{n: int}'", id, qos)
			makeSession(t, s, id, id, qos)
			if r := writing(t, s, 2000, fmt.Sprintf("topic: %s, qos: %d", id, qos)); r.Err != nil {
				t.Fatal(r.Told())
			}
			first := &nodetest.Seen{On: func(n int) error {
				if n == 1500 {
					return errors.New("that will do")
				}
				return nil
			}}
			if r := reading(t, s, settings, first, -1); r.Err == nil {
				t.Fatal("the flow has not failed")
			}
			if got := first.Lines(); !slices.Equal(got, nodetest.Numbers(0, 1500)) {
				t.Errorf("the first run has %d, or they are out of order", len(got))
			}
			kept := left(t, s, id)
			if len(kept) < 500 || len(kept) == 2000 || !slices.Equal(kept, nodetest.Numbers(2000-len(kept), 2000)) {
				t.Fatalf("the broker keeps %d", len(kept))
			}
			second := &nodetest.Seen{}
			r := reading(t, s, settings, second, len(kept))
			if got := second.Lines(); r.Err != nil || !slices.Equal(got, kept) {
				t.Errorf("the second run has %d of %d, or they are out of order\n%s", len(got), len(kept), r.Told())
			}
			if l := left(t, s, id); len(l) > 0 {
				t.Errorf("%d messages were not acknowledged", len(l))
			}
		})
	}
}

// A message that cannot be read goes to the errors, and is acknowledged.
func TestPoison(t *testing.T) {
	s := mosquitto(t)
	makeSession(t, s, "poison", "poison", 1)
	c := client(t, s, "poisoner", true)
	for _, body := range []string{`{"n":0}`, `no JSON`, "", "\xff", `{"n":"x"}`, "{\n\"n\": 1}"} {
		c.publish("poison", body, false)
	}
	c.close()
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
  in: {use: mqtt.read, on_error: dead, with: {url: '`+s.URL+`', topics: poison, client_id: poison, as: '{n: int}'}}
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

// Messages that the broker refuses are bad items, and the others go on.
func TestRefusedMessages(t *testing.T) {
	for name, line := range map[string]string{"the limit is told": "max_packet_size 1000", "the limit is not told": "message_size_limit 900"} {
		for _, qos := range []string{"1", "2"} {
			t.Run(name+", qos "+qos, func(t *testing.T) {
				s := own(t, brokertest.Options{Lines: []string{line, "acl_file DIR/acl"}, Files: []brokertest.File{{Name: "acl", Text: "user flow\ntopic readwrite ok/#\n"}}})
				makeSession(t, s, "x", "ok/#", 2)
				r := kit.Run(t, `flow: g
nodes:
  in: {use: file.read, with: {path: in.jsonl, as: '{n: int, size: int, topic: string}'}}
  out: {use: mqtt.write, in: in, on_error: dead, with: {url: '`+s.URL+`', topic: topic, qos: `+qos+`, headers: {pad: 'repeat("x", size)'}}}
  dead: {use: map, in: out.errors, with: {set: {n: item.n, e: error}, select: [n, e]}}
  o: {use: file.write, in: dead, with: {path: '-', format: jsonl}}
`, map[string]string{"in.jsonl": `{"n":0,"size":1,"topic":"ok/a"}
{"n":1,"size":5000,"topic":"ok/a"}
{"n":2,"size":1,"topic":"secret"}
{"n":3,"size":1,"topic":"ok/+"}
{"n":4,"size":1,"topic":""}
{"n":5,"size":1,"topic":"ok/b"}
`}, nodetest.Setup{})
				if r.Err != nil {
					t.Fatal(r.Told())
				}
				for n, want := range map[string]string{"1": "bytes", "2": "not authorized", "3": "without + and #", "4": "the topic is empty"} {
					if !strings.Contains(r.Stdout, `{"n":`+n+`,"e":"`) || !strings.Contains(r.Stdout, want) {
						if line != "message_size_limit 900" || n != "1" { // that counts the payload alone
							t.Errorf("%s is not told of %s:\n%s", want, n, r.Stdout)
						}
					}
				}
				if l := left(t, s, "x"); len(l) < 2 || !strings.Contains(l[0], `"n":0`) || !strings.Contains(l[len(l)-1], `"n":5`) {
					t.Errorf("the broker has %s", l)
				}
				brokertest.NoCanary(t, r.Log, r.Stdout)
			})
		}
	}
}
