package nats

import (
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file is about who may do what, and what is told where something is not there.

// canary is a password that nobody may show.
const canary = "canary-7d1f"

func noCanary(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(text, canary) {
			t.Errorf("the password is shown:\n%s", text)
		}
	}
}

// secured starts a server whose users may do different things.
func secured(t *testing.T) *testServer {
	admin := &server.User{Username: "admin", Password: canary}
	mute := &server.User{Username: "mute", Password: canary, Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Deny: []string{"orders.secret", "plain.secret"}},
	}}
	deaf := &server.User{Username: "deaf", Password: canary, Permissions: &server.Permissions{
		Publish:   &server.SubjectPermission{Deny: []string{"$JS.API.CONSUMER.>", "$JS.API.STREAM.NAMES"}},
		Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
	}}
	return startServer(t, func(o *server.Options) { o.Users = []*server.User{admin, mute, deaf} })
}

func (s *testServer) as(user string) string {
	return "nats://" + user + ":" + canary + "@" + s.address()
}

// What cannot be ends the run before anything is read, and says what to do.
func TestRefusals(t *testing.T) {
	s := secured(t)
	nc := s.admin(t)
	if _, err := nc.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		ack, none bool
	}{"push": {true, false}, "unacknowledged": {false, true}} {
		cfg := jetstream.ConsumerConfig{Durable: name, AckPolicy: jetstream.AckExplicitPolicy}
		if c.none {
			cfg.AckPolicy = jetstream.AckNonePolicy
		}
		var err error
		if name == "push" {
			cfg.DeliverSubject = "there"
			_, err = nc.CreateOrUpdatePushConsumer(t.Context(), "ORDERS", cfg)
		} else {
			_, err = nc.CreateConsumer(t.Context(), "ORDERS", cfg)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	plain := startServer(t, func(o *server.Options) { o.JetStream = false })
	for _, c := range []struct{ url, read, write, want string }{
		{"nats://admin:wrong-" + canary + "@" + s.address(), "stream: ORDERS", "stream: ORDERS, subject: orders.a", "Authorization Violation"},
		{s.url(), "stream: ORDERS", "stream: ORDERS, subject: orders.a", "Authorization Violation"},
		{s.as("admin"), "stream: NONE", "stream: NONE, subject: orders.a", "there is no stream NONE"},
		{s.as("admin"), "subject: none.>, durable: d", "mode: jetstream, subject: none.a", "no stream has the subject none."},
		{s.as("admin"), "bucket: none", "bucket: none, key: text", "there is no bucket none"},
		{s.as("admin"), "stream: ORDERS, durable: push", "", "(push)"},
		{s.as("admin"), "stream: ORDERS, durable: unacknowledged", "", "AckNone"},
		{s.as("admin"), "", "stream: ORDERS, subject: others.a", "has the subjects orders.>, and not others.a"},
		{s.as("mute"), "", "stream: ORDERS, subject: orders.secret", "permissions violation"},
		{s.as("mute"), "", "subject: plain.secret", "permissions violation"},
		{s.as("deaf"), "stream: ORDERS", "", "permissions violation"},
		{s.as("deaf"), "subject: orders.>", "", "permissions violation"},
		{plain.url(), "stream: ORDERS", "stream: ORDERS, subject: orders.a", "has no JetStream"},
		{"nats://admin:" + canary + "@127.0.0.1:1", "stream: ORDERS", "stream: ORDERS, subject: orders.a", "connection refused"},
	} {
		if c.read != "" {
			r := kit.Try(t, "flow: reads\nnodes:\n  in: {use: nats.read, with: {url: \""+c.url+"\", "+c.read+", format: raw}}\n  out: {use: log, in: in}\n", nil, nodetest.Setup{})
			if r.Err == nil || !strings.Contains(strings.ToLower(r.Told()), strings.ToLower(c.want)) {
				t.Errorf("reading %s: %s, want %q", c.read, r.Told(), c.want)
			}
			noCanary(t, r.Told(), r.Log)
		}
		if c.write != "" {
			r := write(t, `url: "`+c.url+`", `+c.write, &feeder{n: 3}, nodetest.Setup{})
			if r.Err == nil || !strings.Contains(strings.ToLower(r.Told()), strings.ToLower(c.want)) {
				t.Errorf("writing %s: %s, want %q", c.write, r.Told(), c.want)
			}
			noCanary(t, r.Told(), r.Log)
		}
	}
}

// admin is a client that may do anything.
func (s *testServer) admin(t *testing.T) jetstream.JetStream {
	t.Helper()
	nc, err := clientOf(s.as("admin"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// Where each item has a subject of its own, those that the user may not publish to are bad
// items.
func TestForbiddenSubjects(t *testing.T) {
	s := secured(t)
	if _, err := s.admin(t).CreateStream(t.Context(), jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}}); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"core", "jetstream"} {
		texts := []string{"orders.a", "orders.secret", "orders.b"}
		r := write(t, `url: "`+s.as("mute")+`", subject: text, mode: `+mode, &feeder{n: 3, text: func(i int) string { return texts[i] }}, nodetest.Setup{})
		if bad := r.File("bad.jsonl"); r.Err != nil || lines(bad) != 1 || !strings.Contains(strings.ToLower(bad), "permissions violation") {
			t.Errorf("%s: %s\n%s", mode, r.Told(), bad)
		}
		noCanary(t, r.Log)
	}
}

// A user may show who he is by a token, or an nkey.
func TestLogins(t *testing.T) {
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := key.PublicKey()
	seed, _ := key.Seed()
	for with, change := range map[string]func(o *server.Options){
		"token: " + canary:      func(o *server.Options) { o.Authorization = canary },
		"nkey: " + string(seed): func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: public}} },
	} {
		s := startServer(t, change)
		r := write(t, `url: "`+s.url()+`", stream: ORDERS, subject: orders.a, create: true, `+with, &feeder{n: 3}, nodetest.Setup{})
		if r.Err != nil {
			t.Error(r.Told())
		}
		noCanary(t, r.Told(), r.Log)
		if strings.Contains(r.Told()+r.Log, string(seed)) {
			t.Error("the seed is shown")
		}
		r = write(t, `url: "`+s.url()+`", stream: ORDERS, subject: orders.a`, &feeder{n: 3}, nodetest.Setup{})
		if r.Err == nil {
			t.Error("somebody unknown may publish")
		}
	}
}

// examine asks what doctor does.
func examine(t *testing.T, node string) []nodes.Finding {
	t.Helper()
	text := "flow: x\nnodes:\n  gen: {use: generate, with: {count: 1, set: {id: n, text: '\"a\"'}}}\n  it: " + node + "\n  all: {use: log, in: gen}\n"
	if strings.Contains(node, "nats.read") {
		text += "  more: {use: log, in: it}\n"
	}
	f, list := kit.Load(t, text, nil)
	if list.HasErrors() {
		t.Fatal(nodetest.Printed(list))
	}
	n := f.Node("it")
	env := &nodes.Env{Node: n, Flow: f, Shared: &nodes.Resources{}}
	return n.Config.(nodes.Examiner).Examine(t.Context(), env)
}

// What doctor finds.
func TestExamine(t *testing.T) {
	s := startServer(t, nil)
	nc, _ := s.stream("ORDERS", "orders.>", func(c *jetstream.StreamConfig) { c.MaxBytes, c.Discard = 1_000_000_000, jetstream.DiscardOld })
	publish(t, nc, "orders.a", count(3)...)
	url := `url: "` + s.url() + `"`
	for _, c := range []struct{ node, want string }{
		{`{use: nats.read, with: {` + url + `, stream: ORDERS, format: raw}}`, "connection: NATS 2.|stream ORDERS: 3 messages|of 1000 MB|oldest messages go|durable x-it: it is not there yet, and will be made"},
		{`{use: nats.read, with: {` + url + `, stream: NONE, format: raw}}`, "stream NONE: failed: it is not there"},
		{`{use: nats.read, with: {` + url + `, subject: orders.a, durable: d, format: raw}}`, "stream ORDERS: 3 messages"},
		{`{use: nats.write, in: gen, with: {` + url + `, stream: NONE, subject: orders.b, create: true}}`, "stream NONE: it is not there yet, and will be made"},
		{`{use: nats.write, in: gen, with: {` + url + `, stream: NONE, subject: orders.b}}`, "stream NONE: failed: it is not there"},
		{`{use: nats.write, in: gen, with: {` + url + `, bucket: b, key: text}}`, "bucket b: failed: it is not there"},
		{`{use: nats.write, in: gen, with: {url: "nats://ann:` + canary + `@127.0.0.1:1", subject: a.b}}`, "connection: failed: dial tcp 127.0.0.1:1"},
		{`{use: nats.write, in: gen, with: {url: embedded, folder: store, subject: a.b}}`, "folder: it is not there yet, and will be made"},
	} {
		var told strings.Builder
		for _, f := range examine(t, c.node) {
			told.WriteString(f.Peer + " " + f.What + ": ")
			if f.Err != nil {
				told.WriteString("failed: " + f.Err.Error())
			}
			told.WriteString(f.Told + "\n")
		}
		for want := range strings.SplitSeq(c.want, "|") {
			if !strings.Contains(told.String(), want) {
				t.Errorf("%s: no word of %q in\n%s", c.node, want, told.String())
			}
		}
		noCanary(t, told.String())
	}
}

// What is wrong with settings is told by the check.
func TestSettings(t *testing.T) {
	for with, want := range map[string]string{
		`url: "http://x", subject: a, format: raw`:                                  "no address of NATS",
		`url: "nats://x", format: raw`:                                              `the key "subject" is required`,
		`url: "nats://x", subject: "a..b", format: raw`:                             "empty part",
		`url: "nats://x", subject: "a.>.b", format: raw`:                            "not at its end",
		`url: "nats://x", stream: S, durable: "a.b", format: raw`:                   "durable",
		`url: embedded, subject: a, format: raw`:                                    "needs a folder",
		`url: "nats://x", folder: a, subject: a, format: raw`:                       "embedded server",
		`url: embedded, folder: f, listen: "0.0.0.0:4222", subject: a, format: raw`: "nobody asks who they are",
		`url: "nats://x", bucket: b, as: "{v: int}", meta: {op: operation}`:         "a key that is deleted has no value",
		`url: "nats://x", subject: a, format: raw, meta: {op: revision}`:            "no property",
	} {
		kit.Refuse(t, "nodes:\n  in: {use: nats.read, with: {"+with+"}}\n  out: {use: log, in: in}\n", nil, want)
	}
}
