package redis

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/internal/brokertest"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file talks to a real server, which the first test that asks for it starts.

var server = brokertest.Shared{Brand: brokertest.Redis, Options: brokertest.Options{Lines: []string{"user reader on >" + brokertest.Password + " ~* &* +@read +ping"}}}

func TestMain(m *testing.M) { server.Main(m) }

// told gives a client for the test itself, on a database that is empty.
func told(t *testing.T) (url string, c *conn) {
	t.Helper()
	url = server.Server(t).URL
	l := &Link{URL: config.NewURL(url)}
	c, err := l.open(context.Background(), &nodes.Env{Flow: &graph.Flow{}}, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.FlushAll(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
	return url, c
}

// asUser is the address of the server for a user of its own.
func asUser(t *testing.T, user, password string) string {
	t.Helper()
	return strings.Replace(server.Server(t).URL, "flow:"+brokertest.Password, user+":"+password, 1)
}

// user makes a user who may do what the rules say, and gives the address for it.
func (c *conn) user(t *testing.T, name string, rules ...string) (url string) {
	t.Helper()
	args := []any{"acl", "setuser", name, "reset", "on", ">" + brokertest.Password}
	for _, r := range rules {
		args = append(args, r)
	}
	if err := c.Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
	return asUser(t, name, brokertest.Password)
}

// perform runs a flow that must be right. A source is stopped when done says so.
func perform(t *testing.T, url, flow string, files map[string]string, done func() bool) nodetest.Result {
	t.Helper()
	setup := nodetest.Setup{}
	if done != nil {
		setup.Begun = func(stop func()) {
			go func() {
				brokertest.Until(t, done)
				stop()
			}()
		}
	}
	r := kit.Run(t, strings.ReplaceAll(flow, "URL", "'"+url+"'"), files, setup)
	brokertest.NoCanary(t, r.Log, fmt.Sprint(r.Err), r.Told())
	return r
}

const (
	allTypes = `{id: int, f: float?, d: 'decimal(12,2)?', b: bool?, s: string?, e: 'enum(red|blue)?', at: time?, day: date?, took: duration?, raw: bytes?, any: any, tags: '[string]?', deep: '{x: int}?'}`
	allRows  = `{"id":1,"f":0.1,"d":1234567890.12,"b":true,"s":"a\tb\\n\n\"c' ü\u0001","e":"red","at":"2026-01-02T03:04:05.123456789Z","day":"2026-01-02","took":"1h30m0.5s","raw":"AP8Q","any":{"k":[1,null,"x"]},"tags":["a,b","c\"d","","NULL"],"deep":{"x":7}}
{"id":2,"f":null,"d":null,"b":null,"s":null,"e":null,"at":null,"day":null,"took":null,"raw":null,"any":null,"tags":null,"deep":null}
{"id":9223372036854775807,"f":-1e+300,"d":-0.01,"b":false,"s":"","e":"blue","at":"1969-12-31T23:59:59Z","day":"0001-01-01","took":"-30m0s","raw":"","any":"text","tags":[],"deep":{"x":-1}}
`
)

// lines reports whether a group has acknowledged all of a stream, or a list is empty.
func (c *conn) allTaken(mode, key string) func() bool {
	return func() bool {
		ctx := context.Background()
		if mode == modeList {
			keys, err := c.Keys(ctx, key+"*").Result()
			return err == nil && !slices.ContainsFunc(keys, func(k string) bool { return c.Type(ctx, k).Val() == "list" })
		}
		groups, err := c.XInfoGroups(ctx, key).Result()
		return err == nil && len(groups) == 1 && groups[0].Lag == 0 && groups[0].Pending == 0
	}
}

// What is written is read again.
func TestRoundTrip(t *testing.T) {
	for _, mode := range []string{modeStream, modeList, modeList + " unsafe"} {
		t.Run(mode, func(t *testing.T) {
			url, c := told(t)
			mode, unsafe, _ := strings.Cut(mode, " ")
			r := perform(t, url, "flow: w\ntypes: {T: "+allTypes+"}\nnodes:\n  in: {use: file.read, with: {path: in.jsonl, as: T}}\n  out: {use: redis.write, in: in, with: {url: URL, key: things, mode: "+mode+"}}\n", map[string]string{"in.jsonl": allRows}, nil)
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			if unsafe != "" {
				unsafe = ", unsafe: true"
			}
			r = perform(t, url, "flow: r\ntypes: {T: "+allTypes+"}\nnodes:\n  in: {use: redis.read, with: {url: URL, key: things, mode: "+mode+", as: T"+unsafe+"}}\n  out: {use: file.write, in: in, with: {path: out.jsonl, append: true}}\n", nil, c.allTaken(mode, "things"))
			if got := r.File("out.jsonl"); r.Err != nil || got != allRows {
				t.Errorf("%v\ngot  %s\nwant %s", r.Err, got, allRows)
			}
		})
	}
}

// A channel gives what is published while somebody listens. Nobody knows how far a message is
// that is under way when a flow is stopped, so this asks the session.
func TestChannel(t *testing.T) {
	_, c := told(t)
	k := &reader{Mode: modePubSub, Key: "news", Reading: message.Reading{Format: message.FormatRaw}}
	s, err := inletOf(t, k, "shop").connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if n := c.Publish(t.Context(), "news", "hear\nthis").Val(); n != 1 {
		t.Errorf("%d listen", n)
	}
	if got, _ := receive(t, s, 1); got[0] != "hear\nthis" {
		t.Errorf("it hears %q", got)
	}
}

// What cannot be read goes to errors, and is acknowledged then.
func TestPoison(t *testing.T) {
	url, c := told(t)
	ctx := context.Background()
	for i, qty := range []string{"1", "many", "3"} {
		c.Do(ctx, "xadd", "orders", fmt.Sprint("1-", i+1), "id", i, "qty", qty)
	}
	r := perform(t, url, "flow: r\nnodes:\n  in: {use: redis.read, on_error: dead, with: {url: URL, key: orders, as: '{id: int, qty: int}', meta: {entry: id, at: time, of: key}}}\n  out: {use: file.write, in: in, with: {path: out.jsonl, append: true}}\n  why: {use: map, in: in.errors, with: {select: [error, file]}}\n  bad: {use: file.write, in: why, with: {path: bad.jsonl, append: true}}\n", nil, c.allTaken(modeStream, "orders"))
	want := `{"id":0,"qty":1,"entry":"1-1","at":"1970-01-01T00:00:00.001Z","of":"orders"}` + "\n" + `{"id":2,"qty":3,"entry":"1-3","at":"1970-01-01T00:00:00.001Z","of":"orders"}` + "\n"
	if got := r.File("out.jsonl"); r.Err != nil || got != want {
		t.Errorf("%v\ngot  %s\nwant %s", r.Err, got, want)
	}
	if got := r.File("bad.jsonl"); !strings.Contains(got, `field \"qty\": want int, got \"many\"`) || !strings.Contains(got, `"file":"orders@1-2"`) {
		t.Errorf("the bad item: %s", got)
	}
}

// inletOf gives what makes the sessions of a node.
func inletOf(t *testing.T, k *reader, flow string) *inlet {
	t.Helper()
	typ, err := types.Parse("{id: int}", nil)
	if err != nil {
		t.Fatal(err)
	}
	k.URL = config.NewURL(server.Server(t).URL)
	k.shape = message.Shape{Body: typ, Out: typ}
	env := &nodes.Env{Flow: &graph.Flow{Name: flow}, Node: &graph.Node{ID: "in"}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	return &inlet{k: k, env: env, group: flow, notes: &nodes.Notebook{}, room: func() int { return math.MaxInt }}
}

// receive receives n messages, and gives their bodies.
func receive(t *testing.T, r message.Receiver[string], n int) (bodies, tokens []string) {
	t.Helper()
	for range 200 {
		ms, err := r.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range ms {
			bodies, tokens = append(bodies, string(m.Body)), append(tokens, m.Token)
		}
		if len(bodies) >= n {
			return bodies, tokens
		}
	}
	t.Fatalf("%d messages came, want %d", len(bodies), n)
	return nil, nil
}

// Exactly what was not acknowledged comes again, to the same consumer at once, to another one
// after `claim`.
func TestWhatIsNotAcknowledged(t *testing.T) {
	for _, mode := range []string{modeStream, modeList} {
		for _, other := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, another consumer %v", mode, other), func(t *testing.T) {
				_, c := told(t)
				const n = 300
				for i := range n {
					if mode == modeStream {
						c.Do(t.Context(), "xadd", "orders", "*", "id", i)
					} else {
						c.LPush(t.Context(), "orders", fmt.Sprintf(`{"id":%d}`, i))
					}
				}
				k := &reader{Mode: mode, Key: "orders", Start: "first", Claim: 300 * time.Millisecond, Reading: message.Reading{Format: message.FormatJSON}}
				i := inletOf(t, k, "shop")
				first, err := i.connect(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				bodies, tokens := receive(t, first, n)
				const acked = 123
				if err := first.Ack(t.Context(), tokens[:acked]); err != nil {
					t.Fatal(err)
				}
				first.Close()
				if other {
					k.Consumer = "somebody else"
				}
				second, err := i.connect(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer second.Close()
				again, _ := receive(t, second, n-acked)
				if !slices.Equal(again, bodies[acked:]) {
					t.Errorf("%d came again, want %d; the first %v, want %v", len(again), n-acked, again[0], bodies[acked])
				}
			})
		}
	}
}

// Two processes are two consumers, and one that is started again has its name again.
func TestNamesakes(t *testing.T) {
	_, c := told(t)
	k := &reader{Mode: modeStream, Key: "orders", Start: "first", Claim: time.Second, Reading: message.Reading{Format: message.FormatJSON}}
	names := func() (names []string) {
		for _, x := range c.XInfoConsumers(t.Context(), "orders", "shop").Val() {
			names = append(names, x.Name)
		}
		return names
	}
	open := func() *streamSession {
		s, err := inletOf(t, k, "shop").connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c.XAdd(t.Context(), newEntry())
		receive(t, s, 1)
		return s.(*streamSession)
	}
	one, two := open(), open()
	if got := names(); !slices.Equal(got, []string{"shop/in", "shop/in-2"}) {
		t.Errorf("the consumers are %v", got)
	}
	one.Close()
	three := open()
	if three.consumer != "shop/in" || two.consumer != "shop/in-2" {
		t.Errorf("started again it is %s, beside %s", three.consumer, two.consumer)
	}
	two.Close()
	three.Close()
}

// Bytes that are not UTF-8 are no text: an item that would have them is a bad one, and none has
// them in another form.
func TestBytesAreNoText(t *testing.T) {
	const (
		wrong  = "a\xff\xfeb"
		out    = "  out: {use: file.write, in: it, with: {path: out.jsonl, append: true}}\n  why: {use: map, in: it.errors, with: {select: [error]}}\n  bad: {use: file.write, in: why, with: {path: bad.jsonl, append: true}}\n"
		lookup = "flow: l\nnodes:\n  in: {use: generate, with: {count: 1, set: {n: n}}}\n  it: {use: redis.lookup, in: in, on_error: dead, with: {url: URL, %s}}\n" + out
		read   = "flow: r\nnodes:\n  it: {use: redis.read, on_error: dead, with: {url: URL, %s}}\n" + out
	)
	for name, x := range map[string]struct{ flow, with, mode, out, told string }{
		"a text":           {lookup, `key: '"text"'`, "", "", `field \"value\": want string, got bytes that are not UTF-8`},
		"any":              {lookup, `key: '"text"', as: any, into: found`, "", "", `field \"found\": want any`},
		"bytes":            {lookup, `key: '"text"', as: bytes`, "", `{"n":0,"value":"Yf/+Yg=="}`, ""},
		"a field":          {lookup, `key: '"hash"', as: "{name: string}"`, "", "", `field \"name\": want string`},
		"a field, a list":  {lookup, `key: '"hash"', as: "{list: [string]}"`, "", "", `field \"list\": want [string]`},
		"a field, bytes":   {lookup, `key: '"hash"', as: "{name: bytes}"`, "", `{"n":0,"value":{"name":"Yf/+Yg=="}}`, ""},
		"an entry":         {read, `key: stream, as: "{name: string}"`, modeStream, `{"name":"good"}`, `field \"name\": want string`},
		"an entry, a list": {read, `key: stream, as: "{list: [string]}"`, modeStream, `{"list":["good"]}`, `field \"list\": want [string]`},
		"an element":       {read, `key: list, mode: list, as: "{name: string}"`, modeList, `{"name":"good"}`, "not UTF-8"},
		"an element, raw":  {read, `key: list, mode: list, format: raw, as: "{name: string}"`, modeList, `{"name":"{\"name\":\"good\"}"}`, "not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			url, c := told(t)
			ctx := t.Context()
			c.Set(ctx, "text", wrong, 0)
			c.HSet(ctx, "hash", "name", wrong, "list", `["`+wrong+`"]`)
			for _, v := range []string{wrong, "good"} {
				c.Do(ctx, "xadd", "stream", "*", "name", v, "list", `["`+v+`"]`)
				c.LPush(ctx, "list", `{"name":"`+v+`"}`)
			}
			var done func() bool
			if x.mode != "" {
				done = c.allTaken(x.mode, x.mode)
			}
			r := perform(t, url, fmt.Sprintf(x.flow, x.with), nil, done)
			got, bad := strings.TrimSpace(r.File("out.jsonl")), r.File("bad.jsonl")
			if r.Err != nil || got != x.out || !strings.Contains(bad, x.told) || strings.Count(bad, "\n") != min(1, len(x.told)) {
				t.Errorf("%v\ngot  %s\nwant %s\nbad: %s", r.Err, got, x.out, bad)
			}
		})
	}
}

// What Redis has for a key is added, and what has another type is a bad item.
func TestLookup(t *testing.T) {
	url, c := told(t)
	ctx := context.Background()
	c.Set(ctx, "k1", "7", 0)
	c.Set(ctx, "k2", "no number", 0)
	c.HSet(ctx, "h1", "name", "Ann", "age", 30, "more", "x")
	c.HSet(ctx, "h2", "age", "old")
	in := map[string]string{"in.jsonl": `{"k":"k1"}` + "\n" + `{"k":"k2"}` + "\n" + `{"k":"h1"}` + "\n" + `{"k":"h2"}` + "\n" + `{"k":"none"}` + "\n" + `{"k":null}` + "\n"}
	for with, want := range map[string][2]string{
		"":                                {`"k1","value":"7"|"k2","value":"no number"|"none","value":null|null,"value":null|`, "WRONGTYPE WRONGTYPE"},
		"as: int, into: n":                {`"k1","n":7|"none","n":null|null,"n":null|`, `"n":_want_int,_got_"no_number" WRONGTYPE WRONGTYPE`},
		"as: '{name: string?, age: int}'": {`"h1","value":{"name":"Ann","age":30}|"none","value":null|null,"value":null|`, `WRONGTYPE WRONGTYPE "old"`},
	} {
		if with != "" {
			with = ", " + with
		}
		r := perform(t, url, "flow: l\nnodes:\n  in: {use: file.read, with: {path: in.jsonl, as: '{k: string?}'}}\n  it: {use: redis.lookup, in: in, on_error: dead, with: {url: URL, key: k"+with+"}}\n  out: {use: file.write, in: it, with: {path: out.jsonl}}\n  why: {use: map, in: it.errors, with: {select: [error]}}\n  bad: {use: file.write, in: why, with: {path: bad.jsonl}}\n", in, nil)
		got := strings.NewReplacer(`{"k":`, "", "}\n", "|").Replace(r.File("out.jsonl"))
		bad := strings.ReplaceAll(r.File("bad.jsonl"), `\"`, `"`)
		if r.Err != nil || got != want[0] || strings.Count(bad, "\n") != len(strings.Split(want[1], " ")) && with != ", as: int, into: n" {
			t.Errorf("%s: %v\ngot  %s\nwant %s\nbad: %s", with, r.Err, got, want[0], bad)
		}
		for _, word := range strings.Fields(want[1]) {
			if word = strings.ReplaceAll(word, "_", " "); !strings.Contains(bad, word) {
				t.Errorf("%s: the errors have no %s: %s", with, word, bad)
			}
		}
	}
}
