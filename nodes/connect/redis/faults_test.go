package redis

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	client "github.com/redis/go-redis/v9"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/internal/brokertest"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

func newEntry() *client.XAddArgs {
	return &client.XAddArgs{Stream: "orders", Values: []any{"id", 1}}
}

const writeOrders = "flow: w\nnodes:\n  in: {use: generate, with: {count: 500, set: {id: n, name: '\"name \" + string(n)'}}}\n  out: {use: redis.write, in: in, on_error: dead, with: {url: URL, key: orders}}\n  why: {use: map, in: out.errors, with: {select: [error]}}\n  bad: {use: file.write, in: why, with: {path: bad.jsonl, append: true}}\n"

// While Redis is full the node waits, and loses nothing.
func TestFull(t *testing.T) {
	url, c := told(t)
	if err := c.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	defer c.ConfigSet(t.Context(), "maxmemory", "0")
	setup := nodetest.Setup{Log: &onceHeard{text: "is away", then: func() { c.ConfigSet(t.Context(), "maxmemory", "0") }}}
	r := kit.Run(t, strings.ReplaceAll(writeOrders, "URL", "'"+url+"'"), nil, setup)
	if n := c.XLen(t.Context(), "orders").Val(); r.Err != nil || n != 500 || r.File("bad.jsonl") != "" || !strings.Contains(r.Log, "OOM") {
		t.Errorf("%v, %d entries, bad: %s\n%s", r.Err, n, r.File("bad.jsonl"), r.Log)
	}
}

// onceHeard calls then when a text was written.
type onceHeard struct {
	text string
	then func()
}

func (o *onceHeard) Write(p []byte) (int, error) {
	if o.then != nil && strings.Contains(string(p), o.text) {
		o.then()
		o.then = nil
	}
	return len(p), nil
}

// An item for a key of another type is a bad item, with what Redis says.
func TestRefused(t *testing.T) {
	url, c := told(t)
	c.Set(t.Context(), "orders", "a text", 0)
	r := perform(t, url, writeOrders, nil, nil)
	if bad := r.File("bad.jsonl"); r.Err != nil || strings.Count(bad, "Redis refuses it: stream orders: WRONGTYPE") != 500 {
		t.Errorf("%v, %.300s", r.Err, bad)
	}
}

// A key of another type ends what reads it, with the key and what to do about it.
func TestAnotherType(t *testing.T) {
	url, c := told(t)
	c.Set(t.Context(), "orders", "a text", 0)
	read := func(settings string) string {
		return strings.Replace(readOrders, "key: orders", "key: orders"+settings, 1)
	}
	const lookup = "flow: l\nnodes:\n  in: {use: generate, with: {count: 1}}\n  it: {use: redis.lookup, in: in, on_error: fail, with: {url: URL, key: '\"orders\"', as: '{id: int}'}}\n  out: {use: log, in: it}\n"
	for flow, want := range map[string]struct{ told, hint string }{
		read(""):                           {"stream orders: WRONGTYPE", "orders is no stream"},
		read(", mode: list"):               {"list orders: WRONGTYPE", "orders is no list"},
		read(", mode: list, unsafe: true"): {"list orders: WRONGTYPE", "orders is no list"},
		lookup:                             {"WRONGTYPE", "a record type reads a hash"},
	} {
		r := kit.Try(t, strings.ReplaceAll(flow, "URL", "'"+url+"'"), nil, nodetest.Setup{})
		if r.Err == nil || !strings.Contains(r.Err.Error(), want.told) || !strings.Contains(diag.HintOf(r.Err).Text, want.hint) {
			t.Errorf("%s: %v\nhint: %s", flow, r.Err, diag.HintOf(r.Err).Text)
		}
	}
}

// Entries that are gone before they were read, or acknowledged, are told.
func TestTrimmed(t *testing.T) {
	url, c := told(t)
	k := &reader{Mode: modeStream, Key: "orders", Start: "first", Claim: time.Minute}
	i := inletOf(t, k, "r")
	s, err := i.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		c.XAdd(t.Context(), newEntry())
	}
	_, tokens := receive(t, s, 5)
	if err := s.Ack(t.Context(), tokens[:3]); err != nil {
		t.Fatal(err)
	}
	s.Close() // two are pending
	for range 10 {
		c.XAdd(t.Context(), newEntry())
	}
	c.XTrimMaxLen(t.Context(), "orders", 4) // 6 that nobody has read, and the two, are gone
	r := perform(t, url, "flow: r\nnodes:\n  in: {use: redis.read, with: {url: URL, key: orders, as: '{id: int}'}}\n  out: {use: file.write, in: in, with: {path: out.jsonl, append: true}}\n", nil, c.allTaken(modeStream, "orders"))
	if got := strings.Count(r.File("out.jsonl"), "\n"); r.Err != nil || got != 4 {
		t.Errorf("%v, %d entries, want 4", r.Err, got)
	}
	for text, times := range map[string]int64{"before they were acknowledged": 2, "before the group has read them": 6} {
		found := false
		for _, n := range r.Report.Nodes[0].Notes {
			found = found || strings.HasSuffix(n.Text, text) && n.Times == times
		}
		if !found {
			t.Errorf("%s: %+v, want %d", text, r.Report.Nodes[0].Notes, times)
		}
	}
}

// A server that takes only plain connections does not answer to TLS, as Redis does not.
func TestPlainServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := kit.Try(t, strings.ReplaceAll(readOrders, "URL", "rediss://127.0.0.1:6379"), nil, nodetest.Setup{World: func(ctx context.Context, n *nodetest.Network, _ func()) {
			l, err := n.Listen(ctx, "tcp", "127.0.0.1:6379")
			if err != nil {
				t.Error(err)
				return
			}
			defer context.AfterFunc(ctx, func() { l.Close() })()
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer context.AfterFunc(ctx, func() { c.Close() })()
				go io.Copy(io.Discard, c)
			}
		}})
		if r.Err == nil || !strings.Contains(r.Err.Error(), "no answer in TLS") || !strings.Contains(diag.HintOf(r.Err).Text, "write redis://") {
			t.Errorf("%v\nhint: %s", r.Err, diag.HintOf(r.Err).Text)
		}
	})
}

// What the user may not do, and what is no address, is told with what to do about it.
func TestNotAllowed(t *testing.T) {
	s := server.Server(t)
	_, c := told(t)
	c.XAdd(t.Context(), newEntry())
	const read = "flow: r\nnodes:\n  in: {use: redis.read, with: {url: URL, key: orders, as: '{id: int}'}}\n  out: {use: log, in: in}\n"
	for name, x := range map[string]struct{ url, flow, told, hint string }{
		"no password":    {strings.Replace(s.URL, "flow:"+brokertest.Password+"@", "", 1), read, "NOAUTH", "write the password into the url"},
		"wrong password": {asUser(t, "flow", "wrong"), read, "WRONGPASS", "look at the user and the password"},
		"may not write":  {asUser(t, "reader", brokertest.Password), writeOrders, "NOPERM", "ACL GETUSER"},
	} {
		r := kit.Try(t, strings.ReplaceAll(x.flow, "URL", "'"+x.url+"'"), nil, nodetest.Setup{})
		if r.Err == nil || !strings.Contains(r.Err.Error(), x.told) || !strings.Contains(diag.HintOf(r.Err).Text, x.hint) || strings.Contains(r.Err.Error(), brokertest.Password) {
			t.Errorf("%s: %v\nhint: %s", name, r.Err, diag.HintOf(r.Err).Text)
		}
	}
	for _, url := range []string{"nonsense://geheim@x", "redis://one:6379,two:6379"} {
		if _, list := kit.Load(t, strings.ReplaceAll(read, "URL", "'"+url+"'"), nil); len(list) != 1 || !strings.Contains(list[0].Message, "no address of Redis") {
			t.Error(url, list)
		}
	}
}

// Entries of a stream have fields of their own, and are in no other format; elements of a list are
// in any.
func TestFormats(t *testing.T) {
	schema := map[string]string{"a.proto": "syntax = \"proto3\"; message A { int32 n = 1; }\n"}
	for _, format := range []string{"raw", "protobuf, schema: a.proto"} {
		name, _, _ := strings.Cut(format, ",")
		kit.Refuse(t, "flow: f\nnodes:\n  in: {use: redis.read, with: {url: 'redis://h', key: k, format: "+format+"}}\n  out: {use: file.write, in: in, with: {path: '-', format: jsonl}}\n",
			schema, "an entry of a stream has fields, and is not "+name)
		kit.Refuse(t, "flow: f\nnodes:\n  in: {use: generate, with: {count: 1}}\n  out: {use: redis.write, in: in, with: {url: 'redis://h', key: k, format: "+format+"}}\n",
			schema, "an entry of a stream has fields, and is not "+name)
	}
	if _, list := kit.Load(t, "flow: f\nnodes:\n  in: {use: redis.read, with: {url: 'redis://h', key: k, mode: list, format: protobuf, schema: a.proto}}\n  out: {use: file.write, in: in, with: {path: '-', format: jsonl}}\n", schema); list.HasErrors() {
		t.Error(nodetest.Printed(list))
	}
}
