package kafka

import (
	"context"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file has logins that fail, rights that are missing and topics that are not there.

// canary is the password of the tests, which nobody may show.
const canary = "hunter2-canary"

// right is one that a user has.
func right(on kmsg.ACLResourceType, name string, to kmsg.ACLOperation) kfake.ACL {
	return kfake.ACL{Resource: on, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: to, Allow: true}
}

// guarded is a cluster where ann may read and write the topic `open`, and see `seen`.
func guarded(t *testing.T) *cluster {
	if testing.Short() {
		t.Skip("short")
	}
	topic, group := kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup
	rights := []kfake.ACL{
		right(topic, "open", kmsg.ACLOperationRead), right(topic, "open", kmsg.ACLOperationWrite), right(topic, "open", kmsg.ACLOperationDescribe),
		right(topic, "seen", kmsg.ACLOperationDescribe), right(group, "mine", kmsg.ACLOperationRead),
		right(kmsg.ACLResourceTypeCluster, "kafka-cluster", kmsg.ACLOperationIdempotentWrite),
	}
	c := &cluster{t: t}
	c.begin(kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "root", canary), kfake.SeedTopics(1, "open", "seen", "secret"),
		kfake.User("SCRAM-SHA-256", "ann", canary, rights...), kfake.User("SCRAM-SHA-512", "ann", canary, rights...), kfake.User("PLAIN", "ann", canary, rights...))
	t.Cleanup(func() { c.fake.Close() })
	c.client = c.connect(kgo.SASL(plain.Auth{User: "root", Pass: canary}.AsMechanism()))
	return c
}

// Every way to log in works, and what goes wrong says what, and what to do; nobody tells the
// password.
func TestRefused(t *testing.T) {
	if os := onlyFakeName(); os != "" {
		t.Skip(os)
	}
	c := guarded(t)
	login := func(mechanism, password string) string {
		return `, sasl: {mechanism: ` + mechanism + `, user: ann, password: "` + password + `"}`
	}
	read := func(topic, group, more string) string {
		return `flow: f
nodes:
  in: {use: kafka.read, with: {brokers: BROKERS, topics: ` + topic + `, group: ` + group + `, as: '{n: int}'` + more + `}}
  keep: {use: keep, in: in}
`
	}
	write := func(topic, more string) string {
		return `flow: f
nodes:
  in: {use: generate, with: {count: 10}}
  out: {use: kafka.write, in: in, with: {brokers: BROKERS, topic: ` + topic + more + `}}
`
	}
	good := login("plain", canary)
	for name, x := range map[string]struct{ flow, want, hint string }{
		"scram-sha-256":      {write("open", login("scram-sha-256", canary)), "", ""},
		"scram-sha-512":      {write("open", login("scram-sha-512", canary)), "", ""},
		"plain":              {write("open", good), "", ""},
		"wrong password":     {read("open", "mine", login("plain", "no"+canary)), "closed the connection", "look at the user and the password under sasl"},
		"wrong scram":        {write("open", login("scram-sha-512", "no"+canary)), "closed the connection", "look at the user and the password under sasl"},
		"no login":           {read("open", "mine", ""), "closed the connection", "write it under sasl"},
		"no topic":           {read("nix", "mine", good), "nix", ""},
		"may not see":        {read("secret", "mine", good), "the user may not read the topic secret", "kafka-acls.sh"},
		"may not read":       {read("seen", "mine", good), "the user may not read the topic seen", "kafka-acls.sh"},
		"may not join":       {read("open", "yours", good), "GROUP_AUTHORIZATION_FAILED", "READ on the group"},
		"may not write":      {write("seen", good), "the user may not write the topic seen", "kafka-acls.sh"},
		"topic is not there": {write("nix", good), "nix", ""},
		"not a broker":       {strings.ReplaceAll(write("open", good), "BROKERS", "127.0.0.1:1"), "connection refused", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.t = t
			k := &keeper{}
			p := c.start(k.kit(), x.flow)
			p.wait(t)
			told := p.result.Log + p.result.Told()
			if strings.Contains(told, canary) {
				t.Errorf("the password is told: %s", told)
			}
			err := p.result.Err
			switch {
			case x.want == "" && err != nil, x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)):
				t.Fatalf("got %v, want %s", err, x.want)
			case x.hint != "" && !strings.Contains(nodetest.HintOf(err), x.hint):
				t.Errorf("%v: the hint is %q, want %q", err, nodetest.HintOf(err), x.hint)
			}
		})
	}
}

// Doctor tells what is there and what is not.
func TestExamined(t *testing.T) {
	if os := onlyFakeName(); os != "" {
		t.Skip(os)
	}
	c := guarded(t)
	login := `, sasl: {user: ann, password: "` + canary + `"}`
	for with, want := range map[string]string{
		`kafka.read|topics: open, group: mine, as: '{n: int}'` + login:   "connection: 1 broker; topic open: 1 partition; group mine: it is new",
		`kafka.read|topics: [open, nix], group: mine, as: '{n: int}'`:    "connection failed",
		`kafka.read|topics: secret, group: mine, as: '{n: int}'` + login: "connection: 1 broker; topic secret failed; group mine: it is new",
		`kafka.write|topic: open` + login:                                "connection: 1 broker; topic open: the user may not ask for its settings (DESCRIBE_CONFIGS), so what is usual counts",
		`kafka.write|topic: secret` + login:                              "connection: 1 broker; topic secret failed",
		`kafka.write|topic: '"a" + b'` + login:                           "connection: 1 broker",
	} {
		use, with, _ := strings.Cut(with, "|")
		flow := "flow: f\ntypes: {T: {b: string}}\nnodes:\n  in: {use: generate, with: {count: 1, set: {b: '\"x\"'}}}\n  it: {use: " + use
		if use == "kafka.write" {
			flow += ", in: in"
		}
		f, list := kit.With().Load(t, flow+", with: {brokers: '"+c.at+"', "+with+"}}\n", nil)
		if list.HasErrors() {
			t.Fatal(nodetest.Printed(list))
		}
		for _, n := range f.Nodes {
			e, ok := n.Config.(nodes.Examiner)
			if !ok {
				continue
			}
			var told []string
			for _, found := range e.Examine(context.Background(), &nodes.Env{Flow: f, Node: n}) {
				x := found.What + ": " + found.Told
				if found.Err != nil {
					x = found.What + " failed"
				}
				told = append(told, x)
			}
			if got := strings.Join(told, "; "); got != want {
				t.Errorf("%s %s:\n got %s\nwant %s", use, with, got, want)
			}
		}
	}
}
