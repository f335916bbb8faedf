package mqtt_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/packets"

	"github.com/flowrun/flowrun/internal/brokertest"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file has messages of QoS 0, which brokers refuse in silence.

// unconfirmed is of how many items a node cannot say what became.
func unconfirmed(t *testing.T, r nodetest.Result, node string) int64 {
	t.Helper()
	for _, n := range r.Report.Nodes {
		if n.ID == node {
			return n.Unconfirmed
		}
	}
	t.Fatalf("the report has no node %s", node)
	return 0
}

// padded publishes n items, of which the third is large.
func padded(url string, n, pad int, settings string) string {
	return fmt.Sprintf(`flow: g
nodes:
  gen: {use: generate, with: {count: %d, set: {n: n, pad: 'repeat("x", n == 2 ? %d : 1)'}}}
  out: {use: mqtt.write, in: gen, on_error: dead, with: {url: '%s', topic: t, %s}}
  o: {use: map, in: out.errors, with: {set: {n: item.n, e: error}, select: [n, e]}}
  w: {use: file.write, in: o, with: {path: '-', format: jsonl}}
`, n, pad, url, settings)
}

// When the broker closes the connection because of a message, what it does not know is in the
// books, and what was not written yet is sent to it on the next one.
func TestQoS0IsUnsure(t *testing.T) {
	for _, told := range []bool{true, false} {
		const n = 50
		got := 0
		b := &broker{answer: func(c net.Conn, p *packets.ControlPacket) bool {
			x, ok := p.Content.(*packets.Publish)
			switch {
			case !ok:
			case len(x.Payload) > 100:
				if told {
					(&packets.Disconnect{ReasonCode: packets.DisconnectPacketTooLarge, Properties: &packets.Properties{}}).WriteTo(c)
				}
				c.Close()
				return true
			default:
				got++
			}
			return false
		}}
		r, _ := b.run(t, kit, padded("mqtt://127.0.0.1:1883", n, 200, "qos: 0"))
		if unsure := unconfirmed(t, r, "out"); r.Err != nil || unsure == 0 || got+int(unsure) < n || !strings.Contains(r.Log, "nobody knows what became") {
			t.Errorf("the broker says why: %t; %d arrived, %d may have; %s\n%s", told, got, unsure, r.Told(), r.Log)
		}
	}
}

// What a broker has taken in nobody is unsure of, and one that takes nothing in is not waited for.
func TestQoS0Arrives(t *testing.T) {
	for _, answers := range []bool{true, false} {
		b := &broker{answer: func(_ net.Conn, p *packets.ControlPacket) bool {
			_, ping := p.Content.(*packets.Pingreq)
			return ping && !answers
		}}
		r, _ := b.run(t, kit, publishing(50, "qos: 0"))
		if unsure := unconfirmed(t, r, "out"); r.Err != nil || answers != (unsure == 0) {
			t.Errorf("it answers pings: %t; %d may not have arrived; %s", answers, unsure, r.Told())
		}
	}
}

// The same with mosquitto, which resets connections with messages that are too large for it.
func TestQoS0OfMosquitto(t *testing.T) {
	s := own(t, brokertest.Options{Lines: []string{"message_size_limit 2000"}})
	r := kit.Run(t, padded(s.URL, 50, 3000, "qos: 0"), nil, nodetest.Setup{})
	if unsure := unconfirmed(t, r, "out"); r.Err != nil || unsure == 0 {
		t.Errorf("%d may not have arrived; %s\n%s", unsure, r.Told(), r.Log)
	}
}

// A message that is larger than the broker has said it takes is a bad item and is not sent; one
// that has just the size is.
func TestLargestPacket(t *testing.T) {
	for qos := range 3 {
		const limit = 300
		var largest, sent int
		b := &broker{answer: func(c net.Conn, p *packets.ControlPacket) bool {
			switch x := p.Content.(type) {
			case *packets.Connect:
				most := uint32(limit)
				return hello(c, &packets.Connack{Properties: &packets.Properties{MaximumPacketSize: &most}})
			case *packets.Publish:
				sent++
				again := *x
				size, _ := again.WriteTo(io.Discard)
				largest = max(largest, int(size))
				if x.QoS != byte(qos) {
					t.Errorf("QoS %d, want %d", x.QoS, qos)
				}
			}
			return false
		}}
		r, _ := b.run(t, kit, fmt.Sprintf(`flow: g
nodes:
  gen: {use: generate, with: {count: 40, rate: 100/s, set: {pad: 'repeat("x", 230 + n)'}}}
  out: {use: mqtt.write, in: gen, on_error: dead, with: {url: 'mqtt://127.0.0.1:1883', topic: t, qos: %d}}
  w: {use: file.write, in: out.errors, with: {path: '-', format: jsonl}}
`, qos))
		if r.Err != nil || largest != limit || sent+strings.Count(r.Stdout, "and the broker takes 300") != 40 {
			t.Errorf("qos %d: %d were sent, the largest with %d bytes; %s\n%s", qos, sent, largest, r.Told(), r.Stdout)
		}
	}
}
