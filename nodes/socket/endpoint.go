package socket

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
	"github.com/flowrun/flowrun/nodes/stream"
)

// This file has the settings that both kinds have: whom to talk to, and how.

// How rows stand one behind the other.
const (
	framingLines  = "lines"
	framingLength = "length"
	framingSyslog = "syslog"
)

// An endpoint is where a connection is made.
type endpoint struct {
	Listen        config.URL    `yaml:"listen" doc:"Where to wait for connections: tcp://HOST:PORT, udp://HOST:PORT or unix://PATH. tcp://:5140 is every network that this machine is in."`
	Connect       config.URL    `yaml:"connect" doc:"Whom to connect to, in place of listen."`
	Framing       string        `yaml:"framing" enum:"lines|length|syslog" doc:"How rows stand one behind the other: lines, each with its length before it (four bytes, the highest first), or messages of syslog (RFC 6587)."`
	Connections   int           `yaml:"connections" min:"1" max:"100000" doc:"Of listen: how many connections there may be at once. One more is closed."`
	ReconnectWait time.Duration `yaml:"reconnect_wait" min:"1ms" doc:"Of connect: how long to wait before the next try when there is no connection; twice as long each time, up to a minute."`
	TLS           *peer.TLS     `yaml:"tls" doc:"How the connection is secured. Without it, everybody on the way can read it."`

	network, address string // of the one that is given
	listens          bool
}

var endpointDefaults = endpoint{Framing: framingLines, Connections: 1000, ReconnectWait: 500 * time.Millisecond}

// check reports what is wrong with the settings, and finds out what they mean.
func (k *endpoint) check(c *graph.Inference) bool {
	wrong := func(code diag.Code, hint, format string, args ...any) bool {
		c.List().Add(code, c.Node.At, format, args...).WithHint("%s", hint)
		return false
	}
	const forms = "write tcp://HOST:PORT, udp://HOST:PORT or unix://PATH"
	at := k.Connect
	switch l, d := k.Listen.Reveal() != "", k.Connect.Reveal() != ""; {
	case l && d:
		return wrong(diag.Conflict, "keep one of them", "listen and connect exclude each other")
	case !l && !d:
		return !c.Unread("listen", "connect") && wrong(diag.MissingKey, forms, "the key %q or %q is required", "listen", "connect")
	case l:
		at, k.listens = k.Listen, true
	}
	_, rest, ok := strings.Cut(at.Reveal(), "://")
	k.network, k.address = at.Scheme(), rest
	switch k.network {
	case "unix":
		ok = ok && rest != ""
	case "tcp", "udp":
		host, port, err := net.SplitHostPort(rest)
		ok = ok && err == nil && port != "" && (k.listens || host != "")
	default:
		ok = false
	}
	if !ok {
		return wrong(diag.WrongValue, forms, "%s is no address", at)
	}
	if k.network == "udp" && k.TLS != nil {
		return wrong(diag.Conflict, "leave tls out, or write tcp://", "udp has no tls")
	}
	if k.network == "udp" && k.Framing == framingLength {
		return wrong(diag.Conflict, "leave framing out", "a datagram has its length: framing length is for tcp and unix")
	}
	return true
}

// frame is the framing, for readers.
func (k *endpoint) frame() stream.Frame {
	switch k.Framing {
	case framingLength:
		return stream.FrameLength
	case framingSyslog:
		return stream.FrameSyslog
	}
	return stream.FrameLines
}

// name is what messages call the peer, or the own address.
func (k *endpoint) name() string { return k.network + "://" + k.address }

// at is the address as the network wants it.
func (k *endpoint) at(env *nodes.Env) string {
	if k.network == "unix" {
		return env.Path(k.address)
	}
	return k.address
}

// listen begins to wait for connections. What is left of a socket that nobody listens at any
// more is put away.
func (k *endpoint) listen(ctx context.Context, env *nodes.Env) (net.Listener, error) {
	at := k.at(env)
	l, err := env.Listen(ctx, k.network, at)
	if k.network != "unix" || !errors.Is(err, syscall.EADDRINUSE) {
		return l, err
	}
	if c, refused := env.Dial(ctx, k.network, at); refused == nil {
		c.Close()
		return nil, err
	}
	if info, statErr := os.Lstat(at); statErr != nil || info.Mode().Type() != fs.ModeSocket {
		return nil, err
	}
	if os.Remove(at) != nil {
		return nil, err
	}
	return env.Listen(ctx, k.network, at)
}

// handshakeTime bounds how long the securing of a connection may take.
const handshakeTime = 10 * time.Second

// dial makes a connection, once.
func (k *endpoint) dial(ctx context.Context, env *nodes.Env) (net.Conn, error) {
	c, err := env.Dial(ctx, k.network, k.at(env))
	if err != nil || k.TLS == nil {
		return c, err
	}
	host, _, _ := net.SplitHostPort(k.address)
	config, err := k.TLS.Client(env, host)
	if err != nil {
		c.Close()
		return nil, err
	}
	return peer.Secure(ctx, c, config, "leave out `tls`")
}

func secured(ctx context.Context, bare net.Conn, c *tls.Conn) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		bare.Close()
		return nil, fmt.Errorf("tls: %w", err)
	}
	return c, nil
}

// longestWait is how long it takes at most to the next try.
const longestWait = time.Minute

// dialing tries until there is a connection, limit has passed (0: never) or ctx ends.
func (k *endpoint) dialing(ctx context.Context, env *nodes.Env, limit time.Duration) (net.Conn, error) {
	began := time.Now()
	for wait := k.ReconnectWait; ; wait = min(2*wait, max(longestWait, k.ReconnectWait)) {
		c, err := k.dial(ctx, env)
		switch {
		case err == nil:
			return c, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, nodes.ErrEnclosed), limit > 0 && time.Since(began)+wait > limit:
			return nil, fmt.Errorf("%s: %w", k.name(), err)
		}
		env.Log.Warn("there is no connection", "peer", k.name(), "error", err.Error(), "again_in", wait.String())
		if err := nodes.Sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// Examine looks whether the peer answers, or whether the address is free.
func (k *endpoint) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	f := nodes.Finding{Peer: k.name(), What: "connection", Told: "answers"}
	began := time.Now()
	var closer interface{ Close() error }
	switch {
	case k.listens && k.network == "udp":
		f.What, f.Told = "address", "free to listen at"
		closer, f.Err = env.ListenPacket(ctx, k.network, k.address)
	case k.listens:
		f.What, f.Told = "address", "free to listen at"
		closer, f.Err = k.listen(ctx, env)
		if f.Err == nil && k.TLS != nil {
			_, f.Err = k.TLS.Server(env)
		}
	case k.network == "udp":
		f.Told = "the address is known; udp does not tell who listens there"
		closer, f.Err = env.Dial(ctx, k.network, k.address)
	default:
		closer, f.Err = k.dial(ctx, env)
		f.Took = time.Since(began)
	}
	if f.Err != nil {
		f.Told = ""
		return []nodes.Finding{f}
	}
	closer.Close()
	return []nodes.Finding{f}
}
