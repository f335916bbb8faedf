package socket_test

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/socket"
)

// Whatever was sent has been read or was counted as thrown away: nobody reads while the
// datagrams come, so all that counts is what fits the buffer.
func TestDatagramsThrownAway(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux says what it threw away")
	}
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := socket.ReceiveBuffer(c, 16<<10); err != nil || got != 16<<10 {
		t.Errorf("the buffer has %s, %v", got, err)
	}
	to, err := net.Dial("udp", c.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	const sent = 1000
	for range sent {
		to.Write(make([]byte, 100))
	}
	lost, ok := socket.ThrownAway(c.(syscall.Conn))
	if !ok || lost < sent/2 || lost >= sent {
		t.Fatalf("%d of %d were thrown away, %t", lost, sent, ok)
	}
	buf := make([]byte, 200)
	for range sent - lost {
		if n, _, err := c.ReadFrom(buf); n != 100 || err != nil {
			t.Fatal(n, err)
		}
	}
	to.Write([]byte("the last"))
	if n, _, err := c.ReadFrom(buf); string(buf[:n]) != "the last" {
		t.Errorf("after the last one came %q, %v", buf[:n], err)
	}
}

// Without a setting the buffer is as large as the system allows, which is no less than its
// default.
func TestAmpleBuffer(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux says how large a buffer is")
	}
	size := map[bool]int64{}
	for _, ample := range []bool{false, true} {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if ample {
			if _, err := socket.ReceiveBuffer(c, 0); err != nil {
				t.Error(err)
			}
		}
		size[ample] = int64(socket.BufferOf(c.(syscall.Conn)))
	}
	if size[true] < size[false] || size[false] == 0 {
		t.Errorf("the buffer has %d bytes, without asking %d", size[true], size[false])
	}
}

// A flow that is too slow says what it lost, in the log and in the report.
func TestSlowFlowCountsDatagrams(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux says what it threw away")
	}
	const sent = 20000
	address := freePort(t)
	flow := fmt.Sprintf("nodes:\n  in: {use: socket.read, with: {listen: 'udp://%s', format: lines, receive_buffer: 4KiB}}\n"+
		"  some: {use: limit, in: {from: in, capacity: 1}, rate: 100/s, with: {count: 20}}\n  out: {use: drop, in: some}\n", address)
	r := run(t, flow, nil, nodetest.Setup{Batch: 1, Begun: func(func()) {
		go func() {
			if c := dial(t.Context(), "udp", address); c != nil && heard(t.Context(), c) {
				defer c.Close()
				for range sent {
					fmt.Fprintln(c, "hello")
				}
			}
		}()
	}})
	if r.Err != nil || !strings.Contains(r.Log, "thrown away by the system") {
		t.Error(r.Err, r.Log)
	}
	notes := r.Report.Nodes[0].Notes
	if len(notes) != 1 || notes[0].Times < sent/2 || notes[0].Times > sent || !strings.Contains(notes[0].Text, "receive buffer") {
		t.Errorf("noted %v of %d", notes, sent)
	}
}

// What the system does not give is said.
func TestBufferTooLarge(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux says how large a buffer is")
	}
	address := freePort(t)
	flow := fmt.Sprintf("nodes:\n  in: {use: socket.read, with: {listen: 'udp://%s', format: lines, receive_buffer: 1GiB}}\n  out: {use: drop, in: in}\n", address)
	r := run(t, flow, nil, nodetest.Setup{Begun: func(stop func()) {
		go func() {
			if c := dial(t.Context(), "udp", address); c != nil && heard(t.Context(), c) {
				c.Close()
				nodes.Sleep(t.Context(), 0)
				stop()
			}
		}()
	}})
	if r.Err != nil || !strings.Contains(r.Log, "no receive buffer of this size") {
		t.Error(r.Err, r.Log)
	}
	_, list := kit.Load(t, strings.Replace(flow, "udp:", "tcp:", 1), nil)
	if told := nodetest.Printed(list); !strings.Contains(told, "receive_buffer is for those who listen to udp") {
		t.Error(told)
	}
}
