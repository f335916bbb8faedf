package kafka

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file has what becomes of items that are written.

// written runs a flow that writes items, and gives what its dead letters are.
func (c *cluster) written(set string, count int, with string) (nodetest.Result, string) {
	c.t.Helper()
	p := c.start(kit, `flow: `+c.prefix+`write
nodes:
  in: {use: generate, with: {count: `+fmt.Sprint(count)+`, set: `+set+`}}
  out: {use: kafka.write, in: in, on_error: dead, with: {brokers: BROKERS, `+with+`}}
  why: {use: map, in: out.errors, with: {set: {item: string(item)}, select: [item, error]}}
  bad: {use: file.write, in: why, with: {path: bad.jsonl}}
`)
	p.wait(c.t)
	if p.result.Err != nil {
		c.t.Fatal(p.result.Err, p.result.Log)
	}
	return p.result, p.result.File("bad.jsonl")
}

// Messages of a key are in the partition that Kafka's clients choose, in the order of the
// items, with their headers and times; however they are packed.
func TestWritten(t *testing.T) {
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		c := newCluster(t)
		const n = 10_000
		topic := c.topic("written", 3, nil)
		_, bad := c.written(`{n: n, k: string(n % 10)}`, n, `topic: `+topic+`, key: k, headers: {kind: '"even"', none: 'n % 2 == 0 ? null : "odd"'}, time: time("2026-01-02T03:04:05Z") + duration(string(n) + "s"), compression: `+codec)
		if bad != "" {
			t.Fatal(bad)
		}
		last := map[string]int{}
		at := kgo.StickyKeyPartitioner(nil).ForTopic(topic)
		for _, r := range c.all(topic, n) {
			var x int
			fmt.Sscanf(string(r.Value), `{"n":%d`, &x)
			if before, ok := last[string(r.Key)]; ok && before >= x {
				t.Fatalf("%s: %d comes after %d", codec, x, before)
			}
			last[string(r.Key)] = x
			if want := at.Partition(r, 3); r.Partition != int32(want) {
				t.Fatalf("key %s is in partition %d, want %d", r.Key, r.Partition, want)
			}
			if want := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(x) * time.Second); !r.Timestamp.Equal(want) {
				t.Fatalf("message %d is of %s, want %s", x, r.Timestamp, want)
			}
			if len(r.Headers) != 1+x%2 || string(r.Headers[0].Value) != "even" {
				t.Fatalf("message %d has the headers %v", x, r.Headers)
			}
		}
	}
}

// A message that is too large for the topic is a bad item, which says so, and the others go on.
func TestTooLarge(t *testing.T) {
	c := newCluster(t)
	topic := c.topic("large", 1, map[string]string{"max.message.bytes": "5000"})
	r, bad := c.written(`{n: n, text: 'n % 10 == 3 ? repeat("x", 6000) : repeat("y", 100)'}`, 200, `topic: `+topic)
	if strings.Count(bad, "\n") != 20 || !strings.Contains(bad, "the topic "+topic+" takes 5000 in a batch (max.message.bytes, and max_batch here)") {
		t.Errorf("%d bad items: %.500s\n%s", strings.Count(bad, "\n"), bad, r.Log)
	}
	if all := c.all(topic, 180); len(all) != 180 {
		t.Errorf("the topic has %d messages", len(all))
	}
}

// Where the brokers do not say what they take, batches become smaller until they do.
func TestLimitIsNotTold(t *testing.T) {
	c := onlyFake(t)
	topic := c.topic("quiet", 1, map[string]string{"max.message.bytes": "5000"})
	c.fake.ControlKey(int16(kmsg.DescribeConfigs), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.fake.KeepControl()
		return r.ResponseKind(), nil, true
	})
	_, bad := c.written(`{n: n, text: 'n % 100 == 3 ? repeat("x", 6000) : repeat("y", 100)'}`, 2000, `topic: `+topic)
	if strings.Count(bad, "\n") != 20 {
		t.Errorf("%d bad items: %.500s", strings.Count(bad, "\n"), bad)
	}
	seen := map[string]bool{}
	for _, r := range c.all(topic, 1980) {
		seen[string(r.Value)] = true
	}
	if len(seen) != 1980 {
		t.Errorf("the topic has %d messages", len(seen))
	}
}

// What a topic does not take is a bad item, and says why.
func TestUnfit(t *testing.T) {
	c := newCluster(t)
	compacted := c.topic("compacted", 1, map[string]string{"cleanup.policy": "compact"})
	_, bad := c.written(`{n: n, k: 'n % 2 == 0 ? null : "k"'}`, 10, `topic: `+compacted+`, key: k`)
	if strings.Count(bad, "is compacted, so a message must have a key") != 5 {
		t.Error(bad)
	}
	strict := c.topic("strict", 1, map[string]string{"message.timestamp.before.max.ms": "1000"})
	_, bad = c.written(`{n: n}`, 10, `topic: `+strict+`, time: 'n < 3 ? time("2020-01-01T00:00:00Z") : now()'`)
	if strings.Count(bad, "takes no message of 2020-01-01T00:00:00Z") != 3 {
		t.Error(bad)
	}
	_, bad = c.written(`{n: n}`, 10, `topic: '"`+c.prefix+`" + (n < 3 ? "nix" : n == 3 ? "no topic" : "strict")'`)
	if strings.Count(bad, "there is no topic "+c.prefix+"nix") != 3 || strings.Count(bad, "is no name of a topic") != 1 || strings.Count(bad, "\n") != 4 {
		t.Error(bad)
	}
	_, bad = c.written(`{n: n}`, 10, `create: true, topic: '"`+c.prefix+`made" + string(n % 2)'`)
	if bad != "" || len(c.all(c.prefix+"made0", 5)) != 5 {
		t.Error(bad)
	}
}

// A plain name is the name of the topic, and where a field has it, that is told.
func TestTopicOrField(t *testing.T) {
	for topic, want := range map[string]string{
		`orders`:          ``,
		`shop.orders-1`:   ``,
		`'"orders"'`:      ``,
		`(t)`:             ``,
		`'"a-" + t'`:      ``,
		`t`:               `it: the topic has the name "t", and is not what the field t says`,
		`'"t"'`:           ``,
		`'"no topic"'`:    `it: "no topic" is no name of a topic`,
		`'"a" + b'`:       `unknown field "b"`,
		`(n)`:             `topic must be string`,
		`t, key: '[1]'`:   `key must be string, bytes or int`,
		`t, acks: leader`: `may be lost when a broker fails`,
	} {
		_, list := kit.Load(t, `flow: f
nodes:
  in: {use: generate, with: {count: 1, set: {n: n, t: '"x"'}}}
  it: {use: kafka.write, in: in, with: {brokers: "127.0.0.1:1", topic: `+topic+`}}
`, nil)
		if got := nodetest.Printed(list); want == "" && len(list) > 0 || !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", topic, got, want)
		}
	}
}
