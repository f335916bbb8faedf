package kafka

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/flowrun/flowrun/nodes"
)

// This file has what befalls a process that reads.

// The parts of a message come into the fields that the flow asks for, and what cannot be read
// goes to the errors, and is acknowledged.
func TestParts(t *testing.T) {
	c := newCluster(t)
	topic := c.topic("parts", 1, nil)
	at := time.UnixMilli(time.Now().UnixMilli()).UTC()
	for _, r := range []*kgo.Record{
		{Key: []byte("a"), Value: []byte(`{"n":1}`), Headers: []kgo.RecordHeader{{Key: "kind", Value: []byte("x")}, {Key: "kind", Value: []byte("y")}}},
		{Value: []byte(`{"n":2}`)},
		{Key: []byte{}, Value: []byte("poison")},
		{Value: nil},
		{Key: []byte{0xff}, Value: []byte(`{"n":5}`), Headers: []kgo.RecordHeader{{Key: "kind"}}},
	} {
		r.Topic, r.Timestamp = topic, at
		if err := c.client.ProduceSync(c.ctx(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	p := c.start(kit, `flow: `+c.prefix+`read
nodes:
  in: {use: kafka.read, on_error: dead, with: {brokers: BROKERS, topics: [`+topic+`], as: '{n: int}', meta: {k: key, o: offset, p: partition, t: topic, at: time, kind: header.kind}}}
  out: {use: file.write, in: in, with: {path: out.jsonl, append: true}}
  why: {use: map, in: in.errors, with: {set: {item: string(item)}, select: [item, error]}}
  bad: {use: file.write, in: why, with: {path: bad.jsonl, append: true}}
`)
	eventually(t, "all is acknowledged", func() bool { return c.committed(c.group(), topic)[0] == 5 })
	p.finish(t)
	want := ""
	for _, line := range []string{`{"n":1,"k":"a","o":0,"p":0,"t":"T","at":"AT","kind":"y"}`, `{"n":2,"k":null,"o":1,"p":0,"t":"T","at":"AT","kind":null}`, `{"n":5,"k":"�","o":4,"p":0,"t":"T","at":"AT","kind":null}`} {
		want += strings.NewReplacer(`"T"`, `"`+topic+`"`, "AT", at.Format("2006-01-02T15:04:05.999Z07:00")).Replace(line) + "\n"
	}
	if got := p.result.File("out.jsonl"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := p.result.File("bad.jsonl"); strings.Count(got, "\n") != 2 || !strings.Contains(got, "poison") || !strings.Contains(got, "the message is empty") {
		t.Errorf("bad items:\n%s", got)
	}
}

// Bodies may be packed by a schema, behind the header of a registry; a tombstone is no such
// body.
func TestPacked(t *testing.T) {
	c := newCluster(t)
	topic := c.topic("packed", 1, map[string]string{"cleanup.policy": "compact"})
	files := map[string]string{
		"order.proto": "syntax = \"proto3\";\npackage shop;\nmessage Note { string text = 1; }\nmessage Order { int32 id = 1; string item = 2; }\n",
		"in.jsonl":    `{"id":1,"item":"cup"}` + "\n" + `{"id":0,"item":""}` + "\n",
	}
	by := "format: protobuf, schema: order.proto, message: shop.Order, framing: confluent"
	p := c.startWith(kit, files, `flow: `+c.prefix+`write
nodes:
  in: {use: file.read, with: {path: in.jsonl, as: '{id: int, item: string}'}}
  out: {use: kafka.write, in: in, with: {brokers: BROKERS, topic: `+topic+`, key: id, `+by+`, schema_id: 7}}
`)
	p.endedWell(t)
	if err := c.client.ProduceSync(c.ctx(), &kgo.Record{Topic: topic, Key: []byte("1")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if got, want := string(c.all(topic, 3)[0].Value), "\x00\x00\x00\x00\x07\x02\x02\x08\x01\x12\x03cup"; got != want {
		t.Errorf("the message is %q, want %q", got, want)
	}
	p = c.startWith(kit, files, `flow: `+c.prefix+`read
nodes:
  in: {use: kafka.read, on_error: dead, with: {brokers: BROKERS, topics: `+topic+`, until: end, meta: {o: offset}, `+by+`}}
  out: {use: file.write, in: in, with: {path: out.jsonl, append: true}}
  bad: {use: file.write, in: in.errors, with: {path: bad.jsonl, append: true}}
`)
	p.endedWell(t)
	if got, want := p.result.File("out.jsonl"), `{"id":1,"item":"cup","o":0}`+"\n"+`{"id":0,"item":"","o":1}`+"\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if bad := p.result.File("bad.jsonl"); strings.Count(bad, "\n") != 1 || !strings.Contains(bad, "the message has no body") || !strings.Contains(bad, topic+"/0@2") {
		t.Errorf("bad items:\n%s", bad)
	}
}

// A broker that fails and comes back: what is sent through it meanwhile arrives, in both
// directions.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	port := freePort(t)
	opts := []kfake.Opt{kfake.DataDir(filepath.Join(dir, "data")), kfake.Ports(port)}
	c := onlyFake(t, opts...)
	const each, n = 5000, 4 * 5000
	c.pad = 500
	from, to := c.topic("from", 3, nil), c.topic("to", 3, nil)
	c.fill(from, 3, 0, each)
	p := c.start(kit, `flow: `+c.prefix+`read
nodes:
  in: {use: kafka.read, with: {brokers: BROKERS, topics: `+from+`, as: '{n: int, pad: string}', fetch: 64kB`+c.session()+`}}
  slow: {use: limit, in: in, rate: 10000/s, with: {count: 1000000000}}
  out: {use: kafka.write, in: slow, with: {brokers: BROKERS, topic: `+to+`, key: n}}
`)
	for round := range 3 {
		before := sum(c.committed(c.group(), from))
		c.fill(from, 3, each*(round+1), each*(round+2)) // so that there is something to go on with
		eventually(t, "it goes on", func() bool { return sum(c.committed(c.group(), from)) > before })
		c.fake.Close()
		c.begin(opts...)
	}
	eventually(t, "all is acknowledged", func() bool { return sum(c.committed(c.group(), from)) == n })
	p.finish(t)
	all := c.all(to, n)
	seen := map[int]bool{}
	for _, r := range all {
		var x int
		fmt.Sscanf(string(r.Value), `{"n":%d`, &x)
		seen[x] = true
	}
	if len(seen) != n {
		t.Errorf("%d of %d messages are lost", n-len(seen), n)
	}
	t.Logf("%d came twice", len(all)-n)
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Positions that Kafka does not take in the middle of a rebalance are committed later; a member
// that the group has forgotten joins again.
func TestCommitRefused(t *testing.T) {
	for _, why := range []*kerr.Error{kerr.RebalanceInProgress, kerr.CoordinatorLoadInProgress, kerr.UnknownMemberID, kerr.IllegalGeneration} {
		c := onlyFake(t)
		topic := c.topic("commit", 1, nil)
		c.fill(topic, 1, 0, 100)
		refused := 0
		c.fake.ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
			if refused++; refused > 2 {
				return nil, nil, false
			}
			c.fake.KeepControl()
			req := r.(*kmsg.OffsetCommitRequest)
			resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
			for _, t := range req.Topics {
				x := kmsg.NewOffsetCommitResponseTopic()
				x.Topic, x.TopicID = t.Topic, t.TopicID
				for _, p := range t.Partitions {
					y := kmsg.NewOffsetCommitResponseTopicPartition()
					y.Partition, y.ErrorCode = p.Partition, why.Code
					x.Partitions = append(x.Partitions, y)
				}
				resp.Topics = append(resp.Topics, x)
			}
			return resp, nil, true
		})
		k := &keeper{}
		p := c.start(k.kit(), c.reading(topic, c.session()))
		eventually(t, "all is acknowledged", func() bool { return c.committed(c.group(), topic)[0] == 100 })
		p.finish(t)
		t.Log(why.Message, once(t, 100, k.got), "twice")
	}
}

// What the topic throws away before it was read is told, and nothing behind it is left out.
func TestThrownAway(t *testing.T) {
	c := onlyFake(t)
	topic := c.topic("gap", 1, nil)
	c.fill(topic, 1, 0, 100)
	k := &keeper{}
	p := c.start(k.kit(), c.reading(topic, ""))
	eventually(t, "all is acknowledged", func() bool { return c.committed(c.group(), topic)[0] == 100 })
	p.finish(t)
	c.fill(topic, 1, 100, 200)
	if err := c.fake.DeleteRecords(topic, 0, 150); err != nil {
		t.Fatal(err)
	}
	p = c.start(k.kit(), c.reading(topic, ""))
	eventually(t, "all is acknowledged", func() bool { return c.committed(c.group(), topic)[0] == 200 })
	p.finish(t)
	if k.len() != 150 || !p.log.has(`"messages":50`) {
		t.Errorf("%d messages were read\n%s", k.len(), p.result.Log)
	}
}

// A group that begins behind the last message begins there also after a restart, and reads
// partitions that are added from their first message.
func TestStartLast(t *testing.T) {
	c := newCluster(t)
	topic := c.topic("last", 1, nil)
	c.fill(topic, 1, 0, 100)
	k := &keeper{}
	flow := c.reading(topic, ", start: last"+c.session())
	p := c.start(k.kit(), flow)
	eventually(t, "its place is kept", func() bool { return c.committed(c.group(), topic)[0] == 100 })
	p.finish(t)
	c.fill(topic, 1, 100, 150)
	p = c.start(k.kit(), flow)
	eventually(t, "all is acknowledged", func() bool { return c.committed(c.group(), topic)[0] == 150 })
	p.finish(t)
	if k.len() != 50 || k.got[0] != 100 {
		t.Errorf("got %d messages", k.len())
	}
}

// Two processes that begin together, each with a partition, both begin behind the last message:
// the first one that finds the group new says so for the other, too.
func TestStartLastTogether(t *testing.T) {
	c := newCluster(t)
	topic := c.topic("together", 2, nil)
	c.fill(topic, 2, 0, 100)
	ctx := t.Context()
	begin := func(id int32) int64 {
		client, err := kgo.NewClient(kgo.SeedBrokers(c.at), kgo.ConsumerGroup(c.group()), kgo.DisableClientMetrics())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		s := &session{i: &inlet{k: &reader{}, group: c.group()}, client: client}
		at := map[string]map[int32]kgo.Offset{topic: {id: kgo.NewOffset().At(-1)}}
		if err := s.fix(ctx, at); err != nil {
			t.Fatal(err)
		}
		return at[topic][id].EpochOffset().Offset
	}
	for id := range int32(2) {
		if got := begin(id); got != 50 {
			t.Errorf("partition %d begins at %d, want 50", id, got)
		}
	}
}

// Topics may be a pattern.
func TestPattern(t *testing.T) {
	c := newCluster(t)
	for _, name := range []string{"p.a", "p.b", "q"} {
		c.fill(c.topic(name, 1, nil), 1, 0, 10)
	}
	k := &keeper{}
	p := c.start(k.kit(), c.reading("^"+c.prefix+`p\..*`, ""))
	eventually(t, "both are read", func() bool { return k.len() == 20 })
	nodes.Sleep(c.ctx(), 50*time.Millisecond)
	p.finish(t)
	if k.len() != 20 {
		t.Errorf("got %d messages", k.len())
	}
}

// A flow that is told to stop under load leaves nothing open: what it has taken is
// acknowledged, and the next one goes on behind it.
func TestStoppedUnderLoad(t *testing.T) {
	c := newCluster(t)
	const n = 12_000
	c.pad = 3000
	topic := c.topic("stop", 3, nil)
	c.fill(topic, 3, 0, n)
	k := &keeper{}
	for rounds := 0; sum(c.committed(c.group(), topic)) < n; rounds++ {
		if rounds > 200 {
			t.Fatal("it does not end")
		}
		had := k.len()
		p := c.start(k.kit(), c.reading(topic, ""))
		eventually(t, "it goes on", func() bool { return k.len() > had })
		p.finish(t)
	}
	if twice := once(t, n, k.got); twice > 0 {
		t.Errorf("%d came twice", twice)
	}
}
