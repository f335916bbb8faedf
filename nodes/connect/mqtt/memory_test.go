package mqtt_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file plays brokers that do what mosquitto does not.

// run runs a flow in virtual time against a broker in memory.
func (b *broker) run(t *testing.T, kit nodetest.Kit, flow string) (r nodetest.Result, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		r = kit.Run(t, flow, nil, nodetest.Setup{World: b.play})
		took = time.Since(begun)
	})
	return r, took
}

func publishing(n int, settings string) string {
	return fmt.Sprintf("flow: g\nnodes:\n  gen: {use: generate, with: {count: %d, set: {n: n}}}\n  out: {use: mqtt.write, in: gen, with: {url: 'mqtt://127.0.0.1:1883', topic: t, %s}}\n", n, settings)
}

func hello(c net.Conn, ack *packets.Connack) bool {
	if ack.Properties == nil {
		ack.Properties = &packets.Properties{}
	}
	ack.WriteTo(c)
	return true
}

// A message of QoS 2 that the broker has when the connection breaks is completed under its
// number; one that it has not is sent again under its number.
func TestQoS2IsCompleted(t *testing.T) {
	var seen []string
	connections := 0
	b := &broker{}
	b.answer = func(c net.Conn, p *packets.ControlPacket) bool {
		switch x := p.Content.(type) {
		case *packets.Connect:
			connections++
			seen = append(seen, fmt.Sprintf("connect %t", x.CleanStart))
			return hello(c, &packets.Connack{SessionPresent: connections > 1})
		case *packets.Publish:
			seen = append(seen, fmt.Sprintf("publish %d %t %s", x.PacketID, x.Duplicate, x.Payload))
			if x.PacketID == 2 && connections == 1 {
				c.Close()
				return true
			}
		case *packets.Pubrel:
			seen = append(seen, fmt.Sprintf("release %d", x.PacketID))
			return connections == 1 // which is not answered then
		}
		return false
	}
	r, _ := b.run(t, kit, publishing(2, "qos: 2"))
	i := slices.Index(seen, "connect false")
	if want := []string{"connect false", "release 1", `publish 2 true {"n":1}`, "release 2"}; r.Err != nil || i < 0 || !slices.Equal(seen[i:], want) {
		t.Errorf("the broker saw %q, want %q in the end; %s", seen, want, r.Told())
	}
}

// While a quota is exceeded the node waits.
func TestQuota(t *testing.T) {
	refused := 0
	b := &broker{}
	b.answer = func(c net.Conn, p *packets.ControlPacket) bool {
		if x, ok := p.Content.(*packets.Publish); ok && x.PacketID == 3 && refused < 4 {
			refused++
			(&packets.Puback{PacketID: 3, ReasonCode: packets.PubackQuotaExceeded, Properties: &packets.Properties{ReasonString: "come later"}}).WriteTo(c)
			return true
		}
		return false
	}
	r, took := b.run(t, kit, publishing(5, ""))
	if r.Err != nil || refused < 2 || took < 100*time.Millisecond || !strings.Contains(r.Log, "come later") {
		t.Errorf("%d, %s; %s\n%s", refused, took, r.Told(), r.Log)
	}
}

// No more messages are under way than the broker allows.
func TestReceiveMaximum(t *testing.T) {
	under, most := 0, 0
	var ids []uint16
	b := &broker{}
	b.answer = func(c net.Conn, p *packets.ControlPacket) bool {
		switch x := p.Content.(type) {
		case *packets.Connect:
			three := uint16(3)
			return hello(c, &packets.Connack{Properties: &packets.Properties{ReceiveMaximum: &three}})
		case *packets.Publish:
			under++
			most = max(most, under)
			if ids = append(ids, x.PacketID); under == 3 || string(x.Payload) == `{"n":19}` {
				for _, id := range ids {
					(&packets.Puback{PacketID: id, Properties: &packets.Properties{}}).WriteTo(c)
				}
				under, ids = 0, nil
			}
			return true
		}
		return false
	}
	if r, _ := b.run(t, kit, publishing(20, "")); r.Err != nil || most != 3 {
		t.Errorf("%d were under way; %s", most, r.Told())
	}
}

// A broker that says of a packet that it is too large, and not of which, ends the session; the
// largest of those that are under way is bad, and the others go on.
func TestTooLargeOfManyIsBad(t *testing.T) {
	b := &broker{}
	b.answer = func(c net.Conn, p *packets.ControlPacket) bool {
		if x, ok := p.Content.(*packets.Publish); ok && len(x.Payload) > 100 {
			(&packets.Disconnect{ReasonCode: packets.DisconnectPacketTooLarge, Properties: &packets.Properties{}}).WriteTo(c)
			c.Close()
			return true
		}
		return false
	}
	r, _ := b.run(t, kit, `flow: g
nodes:
  gen: {use: generate, with: {count: 5, set: {n: n, pad: 'repeat("x", n == 2 ? 200 : 1)'}}}
  out: {use: mqtt.write, in: gen, on_error: dead, with: {url: 'mqtt://127.0.0.1:1883', topic: t}}
  o: {use: map, in: out.errors, with: {set: {n: item.n, e: error}, select: [n, e]}}
  w: {use: file.write, in: o, with: {path: '-', format: jsonl}}
`)
	if r.Err != nil || strings.Count(r.Stdout, "\n") != 1 || !strings.Contains(r.Stdout, `{"n":2,"e":"`) || !strings.Contains(r.Stdout, "is the largest") {
		t.Errorf("%s\n%s\n%s", r.Told(), r.Stdout, r.Log)
	}
}

// What a broker says at the beginning is told with the remedy.
func TestAnswersOfBrokers(t *testing.T) {
	for name, c := range map[string]struct {
		code byte
		told string
		hint string
	}{
		"MQTT 3":        {1, "does not speak MQTT 5", "EMQX"},
		"client id":     {packets.ConnackInvalidClientID, "client id", "client_id"},
		"banned":        {packets.ConnackBanned, "banned", "ask"},
		"moved":         {packets.ConnackServerMoved, "has moved", "new address"},
		"an odd reason": {0xF0, "(0xF0)", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := &broker{}
			b.answer = func(conn net.Conn, p *packets.ControlPacket) bool {
				if _, ok := p.Content.(*packets.Connect); ok {
					return hello(conn, &packets.Connack{ReasonCode: c.code})
				}
				return false
			}
			r, _ := b.run(t, kit, publishing(1, ""))
			if hint := nodetest.HintOf(r.Err); r.Err == nil || !strings.Contains(r.Err.Error(), c.told) || !strings.Contains(hint, c.hint) {
				t.Errorf("%s; the hint is %q", r.Told(), hint)
			}
		})
	}
}

// A takeover that the broker tells ends the flow at once.
func TestTakenOver(t *testing.T) {
	connections := 0
	b := &broker{}
	b.answer = func(c net.Conn, p *packets.ControlPacket) bool {
		switch p.Content.(type) {
		case *packets.Connect:
			connections++
		case *packets.Publish:
			(&packets.Disconnect{ReasonCode: packets.DisconnectSessionTakenOver, Properties: &packets.Properties{}}).WriteTo(c)
			c.Close()
			return true
		}
		return false
	}
	r, _ := b.run(t, kit, publishing(1, ""))
	if hint := nodetest.HintOf(r.Err); r.Err == nil || connections != 1 || !strings.Contains(r.Err.Error(), "another client") || !strings.Contains(hint, "client_id") {
		t.Errorf("%d connections; %s; %s", connections, r.Told(), hint)
	}
}

// Settings that no broker would take are refused by the check.
func TestCheck(t *testing.T) {
	for with, want := range map[string]string{
		"mqtt.read, with: {url: 'http://h', topics: t, as: '{n: int}'}":               "no address of a broker",
		"mqtt.read, with: {url: 'mqtt://h', topics: 'a/#/b', as: '{n: int}'}":         "# stands for all levels",
		"mqtt.read, with: {url: 'mqtt://h', topics: 'a/b+', as: '{n: int}'}":          "+ stands for a whole level",
		"mqtt.read, with: {url: 'mqtt://h', topics: '$share/g', as: '{n: int}'}":      "behind $share/",
		"mqtt.read, with: {url: 'mqtt://h', topics: t, as: '{n: int}', meta: {x: y}}": "no property",
		"mqtt.write, in: g, with: {url: 'mqtt://h', topic: '\"a/\" + n'}":             "string(",
		"mqtt.write, in: g, with: {url: 'mqtt://h', topic: n}":                        "topic must be string",
		"mqtt.write, in: g, with: {url: 'mqtt://h', topic: a/+/b}":                    "quotes of its own",
		"mqtt.write, in: g, with: {url: 'mqtt://h', topic: t, headers: {x: n}}":       "the header x must be string",
	} {
		kit.Refuse(t, "flow: f\nnodes:\n  g: {use: generate, with: {count: 1, set: {n: n}}}\n  x: {use: "+with+"}\n", nil, want)
	}
}
