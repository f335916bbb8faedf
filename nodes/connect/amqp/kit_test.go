package amqp_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/connect/amqp"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

var kit = nodetest.New(std.Nodes, amqp.Nodes)

func TestKinds(t *testing.T) {
	orders := broker{give: []string{`{"id": 1, "item": "cup"}`, `{"id": 2, "item": "lamp"}`}}
	kit.Peers("amqp.read", orders.play).Peers("amqp.write", (&broker{}).play).Conform(t, amqp.Nodes...)
}

// A broker is one in memory. It confirms what it gets.
type broker struct {
	give []string // what it gives to each who reads; then the flow is stopped
}

func (b *broker) play(ctx context.Context, n *nodetest.Network, stop func()) {
	l, err := n.Listen(ctx, "tcp", "127.0.0.1:5672")
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
			(&peer{b: b, c: c}).serve(ctx, stop)
		})
	}
}

// A peer is one connection of a broker.
type peer struct {
	b         *broker
	c         net.Conn
	published uint64
	left      uint64 // bytes of the message that is being published; its header has not come: ^0
}

const none = ^uint64(0)

// frame sends one of a type.
func (p *peer) frame(kind byte, channel uint16, body []byte) {
	f := binary.BigEndian.AppendUint16([]byte{kind}, channel)
	f = binary.BigEndian.AppendUint32(f, uint32(len(body)))
	p.c.Write(append(append(f, body...), 0xce))
}

// method sends one, with its arguments.
func (p *peer) method(channel, class, method uint16, args ...byte) {
	body := binary.BigEndian.AppendUint16(nil, class)
	p.frame(1, channel, append(binary.BigEndian.AppendUint16(body, method), args...))
}

func short(dst []byte, s string) []byte { return append(append(dst, byte(len(s))), s...) }

func long(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(s))), s...)
}

func (p *peer) serve(ctx context.Context, stop func()) {
	var hello [8]byte
	if _, err := io.ReadFull(p.c, hello[:]); err != nil {
		return
	}
	p.left = none
	p.method(0, 10, 10, long(long([]byte{0, 9, 0, 0, 0, 0}, "PLAIN"), "en_US")...)
	for {
		var head [7]byte
		if _, err := io.ReadFull(p.c, head[:]); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[3:])+1)
		if _, err := io.ReadFull(p.c, body); err != nil {
			return
		}
		channel, body := binary.BigEndian.Uint16(head[1:]), body[:len(body)-1]
		switch head[0] {
		case 1:
			p.answer(ctx, channel, binary.BigEndian.Uint16(body), binary.BigEndian.Uint16(body[2:]), body[4:], stop)
			continue
		case 2:
			p.left = binary.BigEndian.Uint64(body[4:])
		case 3:
			p.left -= uint64(len(body))
		}
		if p.left == 0 {
			p.left = none
			p.published++
			p.method(channel, 60, 80, append(binary.BigEndian.AppendUint64(nil, p.published), 0)...)
		}
	}
}

func (p *peer) answer(ctx context.Context, channel, class, method uint16, args []byte, stop func()) {
	switch [2]uint16{class, method} {
	case [2]uint16{10, 11}: // start-ok
		p.method(0, 10, 30, 0, 0, 0, 0, 0, 0, 0, 0)
	case [2]uint16{10, 40}, [2]uint16{10, 50}: // open, close
		p.method(0, class, method+1, 0)
	case [2]uint16{20, 10}: // channel.open
		p.method(channel, 20, 11, 0, 0, 0, 0)
	case [2]uint16{20, 40}, [2]uint16{85, 10}, [2]uint16{60, 10}: // close, confirm, qos
		p.method(channel, class, method+1)
	case [2]uint16{50, 10}: // queue.declare
		p.method(channel, 50, 11, append(short(nil, "orders"), make([]byte, 8)...)...)
	case [2]uint16{60, 20}: // consume
		args = args[2:]
		args = args[1+args[0]:]
		tag := string(args[1 : 1+args[0]])
		p.method(channel, 60, 21, short(nil, tag)...)
		for i, text := range p.b.give {
			d := append(binary.BigEndian.AppendUint64(short(nil, tag), uint64(i+1)), 0)
			p.method(channel, 60, 60, short(short(d, ""), "orders")...)
			h := binary.BigEndian.AppendUint64([]byte{0, 60, 0, 0}, uint64(len(text)))
			p.frame(2, channel, append(h, 0, 0))
			p.frame(3, channel, bytes.Clone([]byte(text)))
		}
		go func() {
			if nodes.Sleep(ctx, time.Second) == nil {
				stop()
			}
		}()
	}
}
