package mqtt

import (
	"bufio"
	"bytes"
	"testing"

	"github.com/eclipse/paho.golang/packets"
)

// Packets that are written here are those that the library reads, and the other way round;
// what is none is an error, and takes no memory that did not come.
func FuzzPackets(f *testing.F) {
	f.Add([]byte{0x30, 5, 0, 1, 'a', 0, 'x'})
	f.Add([]byte{0x3a, 200, 1, 0, 1, 'a', 0, 7, 0, 'x'})
	f.Add([]byte{0x20, 3, 0, 0, 0})
	f.Add([]byte{0xe0, 0})
	f.Add([]byte{0x30, 0xff, 0xff, 0xff, 0x7f, 0})
	f.Add([]byte{0x32, 14, 0, 1, 'a', 0, 7, 7, 38, 0, 1, 'k', 0, 1, 'v', '!'})
	f.Fuzz(func(t *testing.T, text []byte) {
		w := &wire{in: bufio.NewReader(bytes.NewReader(text))}
		p, err := w.read()
		if err != nil {
			return
		}
		x, ok := p.(*packets.Publish)
		if !ok {
			return
		}
		flags := x.QoS << 1
		if x.Retain {
			flags |= 1
		}
		if x.Duplicate {
			flags |= 8
		}
		written := appendPublish(nil, flags, x.Topic, x.PacketID, x.Properties.Pack(packets.PUBLISH), x.Payload)
		again, err := packets.ReadPacket(bytes.NewReader(written))
		if err != nil {
			t.Fatalf("%x: %v", written, err)
		}
		y := again.Content.(*packets.Publish)
		if y.Topic != x.Topic || y.PacketID != x.PacketID || y.QoS != x.QoS || y.Retain != x.Retain || y.Duplicate != x.Duplicate || !bytes.Equal(y.Payload, x.Payload) {
			t.Errorf("%+v became %+v", x, y)
		}
	})
}
