package nats

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/nodes"
)

// This file is about what messages and subjects are called, and about a server that is started
// anew.

func TestTokens(t *testing.T) {
	for reply, want := range map[string]token{
		"$JS.ACK.ORDERS.reads-in.2.17.23.1700000000000000000.5":             {stream: "ORDERS", delivered: 2, seq: 17, handOut: 23, time: 1700000000000000000, pending: 5},
		"$JS.ACK.hub.AB12.ORDERS.reads-in.1.18446744073709551615.3.7.0.xyz": {stream: "ORDERS", delivered: 1, seq: 1<<64 - 1, handOut: 3, time: 7},
		"$JS.ACK._.AB12.ORDERS.reads-in.1.9.3.7.0":                          {stream: "ORDERS", delivered: 1, seq: 9, handOut: 3, time: 7},
		"_INBOX.a.b":                         {},
		"":                                   {},
		"$JS.ACK.ORDERS.reads-in.x.1.1.1.1":  {},
		"$JS.ACK" + strings.Repeat(".1", 20): {},
	} {
		got, ok := tokenOf(reply)
		if ok != (want.stream != "") {
			t.Errorf("%s: %v", reply, ok)
		}
		if want.reply = reply; ok && got != want {
			t.Errorf("%s: got %+v, want %+v", reply, got, want)
		}
	}
}

func FuzzToken(f *testing.F) {
	f.Add("$JS.ACK.hub.AB12.ORDERS.reads-in.1.9.3.7.0")
	f.Add("$JS.ACK.ORDERS.reads-in.2.17.23.1700000000000000000.5")
	f.Fuzz(func(t *testing.T, reply string) {
		if got, ok := tokenOf(reply); ok && (got.reply != reply || !strings.Contains(reply, "."+got.stream+".")) {
			t.Errorf("%q gives %+v", reply, got)
		}
		if badSubject(reply, false) == nil && (badSubject(reply, true) != nil || !matches(reply, reply) || !matches(">", reply)) {
			t.Errorf("%q", reply)
		}
	})
}

func TestSubjectsMatch(t *testing.T) {
	for pair, want := range map[string]bool{
		"orders.> orders.a": true, "orders.> orders": false, "orders.* orders.a": true, "orders.* orders.a.b": false,
		"*.a orders.a": true, "> a.b.c": true, "orders.a orders.b": false, "a.*.c a.b.c": true, "a.*.c a.b": false,
	} {
		pattern, subject, _ := strings.Cut(pair, " ")
		if matches(pattern, subject) != want {
			t.Errorf("%s: want %v", pair, want)
		}
	}
}

// An embedded server ends with the run, and not with the nodes that use it. One that is started
// anew ends its connections, has what it had, and takes new ones.
func TestEmbeddedRestart(t *testing.T) {
	f, list := kit.Load(t, "nodes:\n  in: {use: nats.read, with: {url: embedded, folder: x, stream: S, format: raw}}\n  out: {use: log, in: in}\n", nil)
	if list.HasErrors() {
		t.Fatal(list)
	}
	env := &nodes.Env{Node: f.Node("in"), Flow: f, Shared: &nodes.Resources{}, Log: slog.New(slog.DiscardHandler)}
	l := &Link{URL: config.NewURL(embedded), Folder: filepath.Join(t.TempDir(), "store"), Sync: syncAlways}
	ctx := t.Context()
	s, release, err := l.share(ctx, env)
	if err != nil {
		t.Fatal(err)
	}
	release()
	c, err := l.open(ctx, env)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	o := &outlet{k: &writer{Link: *l, Stream: "S", Subjects: []string{"s.>"}, Replicas: 1, Window: time.Minute}, env: env, notes: &nodes.Notebook{}}
	if err := o.create(ctx, c, "S"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.js.Publish(ctx, "s.a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := c.restart(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.ended.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the connection to the server before lives on")
	}
	again, err := l.open(ctx, env)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	st, err := again.js.Stream(ctx, "S")
	if err != nil || st.CachedInfo().State.Msgs != 1 {
		t.Fatal(st, err)
	}
	again.Close()
	c.Close()
	if s.server == nil {
		t.Error("the server has ended with those who use it")
	}
	if err := env.Shared.Close(); err != nil || s.server != nil {
		t.Errorf("the server has not ended with the run: %v", err)
	}
}
