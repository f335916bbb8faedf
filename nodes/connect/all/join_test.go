package all_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/render"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/connect/all"
)

// Flows are drawn as joined where a pattern covers what another one writes, whatever the server
// is called.
func TestJoinsByPatterns(t *testing.T) {
	const (
		from = "flow: a\nnodes:\n  in: {use: generate, with: {count: 1, set: {id: n, s: string(n)}}}\n  out: {use: %s.write, in: in, with: {%s}}\n"
		to   = "flow: b\nnodes:\n  in: {use: %s.read, with: {%s, as: '{id: int}'}}\n  out: {use: file.write, in: in, with: {path: out.jsonl, append: true}}\n"
	)
	registry, err := nodes.NewRegistry(all.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ kind, written, read, card string }{
		{"mqtt", "url: 'mqtt://localhost', topic: a/b", "url: 'mqtt://ann:pw@127.0.0.1:1883', topics: a/+", "a/b"},
		{"mqtt", "url: 'mqtt://h', topic: a/b", "url: 'mqtt://h', topics: [x, $share/g/#]", "a/b"},
		{"mqtt", "url: 'mqtt://h', topic: a", "url: 'mqtt://h', topics: a/#", "a"},
		{"mqtt", "url: 'mqtt://h', topic: '\"$x/b\"'", "url: 'mqtt://h', topics: +/b", ""},
		{"mqtt", "url: 'mqtt://h', topic: a/b/c", "url: 'mqtt://h', topics: [a/+, b/#]", ""},
		{"mqtt", "url: 'mqtt://h', topic: a/b", "url: 'mqtt://other', topics: a/+", ""},
		{"nats", "url: 'nats://localhost', subject: orders.new", "url: 'nats://127.0.0.1:4222', subject: orders.>", "orders.new"},
		{"nats", "url: 'nats://h', subject: orders.new, mode: jetstream", "url: 'nats://ann:pw@h', subject: orders.*, durable: d", "orders.new"},
		{"nats", "url: 'nats://h', stream: ORDERS, subject: orders.new", "url: 'nats://h', stream: ORDERS, durable: d", "ORDERS"},
		{"nats", "url: 'nats://h', stream: ORDERS, subject: orders.new", "url: 'nats://h', subject: orders.new, durable: d", "orders.new"},
		{"nats", "url: 'nats://h', stream: ORDERS, subject: '\"orders.\" + s'", "url: 'nats://h', stream: ORDERS, subject: orders.1, durable: d", "ORDERS"},
		{"nats", "url: 'nats://h', stream: ORDERS, subject: orders.new", "url: 'nats://h', stream: ORDERS, subject: orders.old, durable: d", ""},
		{"nats", "url: embedded, folder: d, listen: '127.0.0.1:4222', subject: o", "url: 'nats://[::1]', subject: o", "o"},
		{"nats", "url: embedded, folder: d, subject: o", "url: embedded, folder: d, subject: o", ""},
		{"kafka", "brokers: localhost, topic: orders-eu", "brokers: '127.0.0.1:9092', topics: '^orders-.*'", "orders-eu"},
		{"kafka", "brokers: h, topic: orders-eu", "brokers: h, topics: ['^letters', other]", ""},
		{"redis", "url: 'redis://localhost:6379', key: k, mode: list", "url: 'redis://127.0.0.1', key: k, mode: list", "k"},
		{"amqp", "url: 'amqp://localhost', routing_key: q", "url: 'amqp://127.0.0.1:5672', queue: q", "q"},
	} {
		var flows []*graph.Flow
		for i, text := range []string{fmt.Sprintf(from, c.kind, c.written), fmt.Sprintf(to, c.kind, c.read)} {
			f, list := graph.Load(diag.NewSource(fmt.Sprint(i, ".yaml"), []byte(text)), registry, graph.Options{})
			if list.HasErrors() {
				t.Fatal(text, list)
			}
			flows = append(flows, f)
		}
		scene, joined := render.Join(flows)
		var cards, want []string
		for _, card := range scene.Cards[4:] {
			cards = append(cards, card.ID)
		}
		if c.card != "" {
			want = []string{c.card}
		}
		if joined != (c.card != "") || !slices.Equal(cards, want) {
			t.Errorf("%s: %s and %s meet at %q, want %q", c.kind, c.written, c.read, cards, want)
		}
	}
}
