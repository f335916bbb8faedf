package kafka

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// This file plays the examples, in virtual time, with a cluster in this process.

var kit = nodetest.New(std.Nodes, Nodes)

func TestKinds(t *testing.T) {
	orders := []string{`{"id":1,"item":"cup"}`, `{"id":2,"item":"lamp"}`}
	kit.Peers("kafka.read", played(t, orders...)).Peers("kafka.write", played(t)).Conform(t, Nodes...)
}

// played is a cluster with a topic that has some messages. It stops the flow after a while.
func played(t *testing.T, messages ...string) nodetest.World {
	return func(ctx context.Context, n *nodetest.Network, stop func()) {
		c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.SeedTopics(1, "orders"),
			kfake.ListenFn(func(network, address string) (net.Listener, error) { return n.Listen(ctx, network, address) }))
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		client, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:9092"), kgo.Dialer(n.DialContext), kgo.DisableClientMetrics())
		if err != nil {
			t.Error(err)
			return
		}
		for _, m := range messages {
			r := &kgo.Record{Topic: "orders", Partition: 0, Value: []byte(m), Timestamp: time.UnixMilli(1_700_000_000_000)}
			client.ProduceSync(ctx, r)
		}
		client.Close()
		if len(messages) > 0 {
			nodes.Sleep(ctx, 10*time.Second)
			stop()
		}
		<-ctx.Done()
	}
}
