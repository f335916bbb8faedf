package mqtt_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/connect/mqtt"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

var kit = nodetest.New(std.Nodes, mqtt.Nodes)

func TestKinds(t *testing.T) {
	rooms := broker{give: []packets.Publish{
		{Topic: "rooms/kitchen/climate", Payload: []byte(`{"celsius": 21.5}`), QoS: 1, PacketID: 1},
		{Topic: "rooms/attic/climate", Payload: []byte(`{"celsius": 17}`), QoS: 1, PacketID: 2},
	}}
	kit.Peers("mqtt.read", rooms.play).Peers("mqtt.write", (&broker{}).play).Conform(t, mqtt.Nodes...)
}

// A broker is one in memory, for one client at a time. It confirms what it gets.
type broker struct {
	give []packets.Publish // what it gives to each who subscribes; then the flow is stopped
	// answer, if not nil, answers a packet in its place; nil: as usual.
	answer func(c net.Conn, p *packets.ControlPacket) (handled bool)

	mu   sync.Mutex
	seen []string // what it got, such as "PUBLISH alarms/attic"
}

func (b *broker) play(ctx context.Context, n *nodetest.Network, stop func()) {
	l, err := n.Listen(ctx, "tcp", "127.0.0.1:1883")
	if err != nil {
		return
	}
	defer context.AfterFunc(ctx, func() { l.Close() })()
	var all sync.WaitGroup
	defer all.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		all.Go(func() {
			defer context.AfterFunc(ctx, func() { c.Close() })()
			defer c.Close()
			b.serve(ctx, c, stop)
		})
	}
}

func (b *broker) serve(ctx context.Context, c net.Conn, stop func()) {
	for {
		p, err := packets.ReadPacket(c)
		if err != nil {
			return
		}
		b.mu.Lock()
		told := p.PacketType()
		if x, ok := p.Content.(*packets.Publish); ok {
			told += " " + x.Topic
		}
		b.seen = append(b.seen, told)
		b.mu.Unlock()
		if b.answer != nil && b.answer(c, p) {
			continue
		}
		err = nil
		switch x := p.Content.(type) {
		case *packets.Connect:
			_, err = (&packets.Connack{Properties: &packets.Properties{}}).WriteTo(c)
		case *packets.Subscribe:
			_, err = (&packets.Suback{PacketID: x.PacketID, Properties: &packets.Properties{}, Reasons: make([]byte, len(x.Subscriptions))}).WriteTo(c)
			for i := range b.give {
				if err == nil {
					_, err = b.give[i].WriteTo(c)
				}
			}
			go func() {
				if nodes.Sleep(ctx, time.Second) == nil {
					stop()
				}
			}()
		case *packets.Publish:
			if x.QoS == 1 {
				_, err = (&packets.Puback{PacketID: x.PacketID, Properties: &packets.Properties{}}).WriteTo(c)
			} else if x.QoS == 2 {
				_, err = (&packets.Pubrec{PacketID: x.PacketID, Properties: &packets.Properties{}}).WriteTo(c)
			}
		case *packets.Pubrel:
			_, err = (&packets.Pubcomp{PacketID: x.PacketID, Properties: &packets.Properties{}}).WriteTo(c)
		case *packets.Pingreq:
			_, err = (&packets.Pingresp{}).WriteTo(c)
		case *packets.Disconnect:
			return
		}
		if err != nil && !errors.Is(err, io.ErrClosedPipe) {
			return
		}
	}
}
