package mqtt

import (
	"context"
	"crypto/tls"
	"fmt"
	"math"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file has the settings that say how to reach a broker, and begins sessions.

// theBroker is what messages call it.
const theBroker = "the MQTT broker"

// connectTime bounds how long it may take to open a session.
const connectTime = 15 * time.Second

// A Link is the part of the settings that says how to reach a broker.
type Link struct {
	URL       config.URL    `yaml:"url,required" doc:"The broker: mqtt://USER:PASSWORD@HOST:1883, or mqtts://HOST:8883 for one with TLS; write a password as ${env:NAME} or ${file:/path}."`
	TLS       *peer.TLS     `yaml:"tls" doc:"How the connection is secured. Without it, mqtts:// takes what the system trusts."`
	ClientID  string        `yaml:"client_id" doc:"The name under which the broker keeps the session. By default FLOW.NODE, the same in every run. Two processes with one client id push each other out, so each that runs at the same time needs its own."`
	KeepAlive time.Duration `yaml:"keepalive" min:"1s" max:"5h" doc:"After which silence the broker is asked whether it is there, and after which the connection counts as broken if it does not answer."`
}

// An address is what a url says.
type address struct {
	host, port     string
	user           string
	password       []byte
	hasUser, hasPW bool
	secure         bool
}

// schemes are those of a url, with what they stand for.
var schemes = map[string]struct {
	secure bool
	port   string
}{"mqtt": {false, "1883"}, "tcp": {false, "1883"}, "mqtts": {true, "8883"}, "ssl": {true, "8883"}, "tls": {true, "8883"}}

func (l *Link) address() (a address, err error) {
	u, err := url.Parse(l.URL.Reveal())
	if err != nil {
		return a, errAddress // the text of the error has the password
	}
	scheme, ok := schemes[u.Scheme]
	if !ok || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" {
		return a, errAddress
	}
	a = address{host: u.Hostname(), port: u.Port(), secure: scheme.secure || l.TLS != nil}
	if a.port == "" {
		if a.port = scheme.port; l.TLS != nil {
			a.port = "8883"
		}
	}
	if u.User != nil {
		a.user, a.hasUser = u.User.Username(), u.User.Username() != ""
		password, has := u.User.Password()
		a.password, a.hasPW = []byte(password), has
	}
	return a, nil
}

// check reports a url that is none.
func (l *Link) check(c *graph.Inference) {
	if c.Unread("url") {
		return
	}
	if _, err := l.address(); err != nil {
		c.List().Add(diag.WrongValue, c.Node.At, "%s: %s", c.Node.ID, errAddress).WithHint("mqtt://HOST:1883, or mqtts://USER:PASSWORD@HOST:8883")
	}
	if len(l.ClientID) > math.MaxUint16 {
		c.List().Add(diag.WrongValue, c.Node.At, "%s: client_id is too long", c.Node.ID)
	}
}

// clientID is the name of the session.
func (l *Link) clientID(env *nodes.Env) string {
	if l.ClientID != "" {
		return l.ClientID
	}
	return env.Flow.Name + "." + env.Node.ID
}

// A session is what is asked of a broker at the beginning.
type session struct {
	id      string
	clean   bool          // what there is under the id is thrown away
	expiry  time.Duration // how long the broker keeps it when the connection has ended
	receive int           // how many messages of QoS 1 and 2 the broker may have under way; 0: as it likes
}

const (
	// shortTime is how long a session lasts at most that may have been taken over by a client
	// that has lost it before.
	shortTime = 2 * time.Second
	// mostShort is how many such sessions there may be in a row.
	mostShort = 5
)

// A succession is the sessions of a node, one after the other.
type succession struct {
	last  *wire
	short int // how many the broker has ended at once, without a reason
}

// open begins the next session, unless another client seems to take them all.
func (s *succession) open(ctx context.Context, l *Link, env *nodes.Env, as session, handle handler) (*wire, error) {
	if s.last != nil {
		if s.last.short() {
			s.short++
		} else {
			s.short = 0
		}
		if s.last = nil; s.short >= mostShort {
			return nil, errFight
		}
	}
	w, err := l.open(ctx, env, as, handle)
	s.last = w
	return w, err
}

// open begins a session. What the broker sends from then on goes to handle, on one goroutine.
func (l *Link) open(ctx context.Context, env *nodes.Env, s session, handle handler) (*wire, error) {
	a, err := l.address()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	c, err := l.dial(ctx, env, a)
	if err != nil {
		return nil, advised(err)
	}
	w := newWire(c, l.KeepAlive, handle)
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	err = nodes.Guard(func() error { return w.greet(l.hello(a, s)) })
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		c.Close()
		if ctx.Err() != nil {
			err = fmt.Errorf("%s does not answer: %w", theBroker, context.Cause(ctx))
		}
		return nil, advised(err)
	}
	w.begin()
	return w, nil
}

// dial connects.
func (l *Link) dial(ctx context.Context, env *nodes.Env, a address) (net.Conn, error) {
	var secure *tls.Config
	if a.secure {
		var err error
		if secure, err = l.TLS.Client(env, a.host); err != nil {
			return nil, err
		}
	}
	c, err := env.Dial(ctx, "tcp", net.JoinHostPort(a.host, a.port))
	if err != nil || secure == nil {
		return c, err
	}
	return peer.Secure(ctx, c, secure, "write mqtt://, and leave out `tls`")
}

// hello is the packet that begins a session.
func (l *Link) hello(a address, s session) *packets.Connect {
	p := &packets.Connect{
		ProtocolName: "MQTT", ProtocolVersion: 5, ClientID: s.id, CleanStart: s.clean, KeepAlive: uint16(seconds(l.KeepAlive, math.MaxUint16)),
		UsernameFlag: a.hasUser, Username: a.user, PasswordFlag: a.hasPW, Password: a.password,
		Properties: &packets.Properties{},
	}
	if s.expiry > 0 {
		n := uint32(seconds(s.expiry, math.MaxUint32-1))
		p.Properties.SessionExpiryInterval = &n
	}
	if s.receive > 0 {
		n := uint16(s.receive)
		p.Properties.ReceiveMaximum = &n
	}
	return p
}

// channels names topics for drawings.
func (l *Link) channels(topics ...string) (all []graph.Channel) {
	a, err := l.address()
	if err != nil {
		return nil
	}
	for _, t := range topics {
		if rest, ok := strings.CutPrefix(t, sharePrefix); ok {
			_, t, _ = strings.Cut(rest, "/")
		}
		c := graph.Channel{Key: "mqtt://" + net.JoinHostPort(a.host, a.port) + " " + t, What: "MQTT topic", Name: t}
		if strings.ContainsAny(t, "+#") {
			c.Covers = func(written graph.Channel) bool { return filters(t, written.Name) }
		}
		all = append(all, c)
	}
	return all
}

// filters reports whether a filter takes a topic: + is a level, and # all that follow, or none.
// What a broker tells of itself, below $, only a filter takes that says so.
func filters(filter, topic string) bool {
	if strings.HasPrefix(topic, "$") && !strings.HasPrefix(filter, "$") {
		return false
	}
	fs, ts := strings.Split(filter, "/"), strings.Split(topic, "/")
	for i, f := range fs {
		switch {
		case f == "#":
			return true
		case i >= len(ts) || f != "+" && f != ts[i]:
			return false
		}
	}
	return len(fs) == len(ts)
}

// seconds is a time in whole seconds, at least one, at most so many.
func seconds(d time.Duration, most int64) int64 {
	return max(1, min(int64((d+time.Second-1)/time.Second), most))
}
