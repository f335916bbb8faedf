package socket_test

import (
	"bufio"
	"context"
	"io"
	"testing"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/socket"
	"github.com/flowrun/flowrun/nodes/std"
)

var kit = nodetest.New(std.Nodes)

func TestKinds(t *testing.T) {
	kit.Peers("socket.read", sender(`{"sensor": "a", "value": 1.5}`+"\n"+`{"sensor": "b", "value": 2}`+"\n")).
		Peers("socket.write", hearer(io.Discard)).Conform(t, socket.Nodes...)
}

// sender connects, sends a text, lets it arrive and stops the flow.
func sender(text string) nodetest.World {
	return func(ctx context.Context, n *nodetest.Network, stop func()) {
		if !n.Await(ctx, "127.0.0.1:9000") {
			return
		}
		c, err := n.DialContext(ctx, "tcp", "127.0.0.1:9000")
		if err != nil {
			return
		}
		defer context.AfterFunc(ctx, func() { c.Close() })()
		io.WriteString(c, text)
		c.Close()
		nodes.Sleep(ctx, time.Second)
		stop()
	}
}

// hearer listens, and writes down what it hears.
func hearer(to io.Writer) nodetest.World {
	return func(ctx context.Context, n *nodetest.Network, _ func()) {
		l, err := n.Listen(ctx, "tcp", "127.0.0.1:9001")
		if err != nil {
			return
		}
		defer context.AfterFunc(ctx, func() { l.Close() })()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { c.Close() })
			io.Copy(to, bufio.NewReader(c))
			c.Close()
			stop()
		}
	}
}
