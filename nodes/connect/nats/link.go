package nats

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file connects to NATS.

// theServer is what messages call it.
const theServer = "NATS"

const (
	// connectTime bounds how long it may take to open a session.
	connectTime = 15 * time.Second
	// pingEvery is how often a connection is asked whether it lives; that it does not is known
	// after three times as long.
	pingEvery = 2 * time.Second
	// embedded in place of an address is a server within the process.
	embedded = "embedded"

	syncAlways = "always"
	syncLater  = "later"
)

// A Link is the part of the settings that says how to reach a server.
type Link struct {
	URL         config.URL    `yaml:"url,required" doc:"The server: nats://USER:PASSWORD@HOST:4222, tls:// for one with TLS, or several with commas between them; write a password as ${env:NAME} or ${file:/path}. embedded is a server within the process."`
	Token       config.Secret `yaml:"token" doc:"The token that the server wants, if it wants one."`
	Credentials string        `yaml:"credentials" doc:"A file with the credentials of a user (.creds), as nsc writes it."`
	NKey        config.Secret `yaml:"nkey" doc:"The seed of the nkey of a user (SU...)."`
	TLS         *peer.TLS     `yaml:"tls" doc:"How the connection is secured. Without it, tls:// takes what the system trusts."`
	Folder      string        `yaml:"folder" doc:"Of an embedded server: the folder in which it keeps its streams. Nodes with the same folder share the server."`
	Sync        string        `yaml:"sync" enum:"always|later" doc:"Of an embedded server: whether a message is safe on the disk before it is confirmed; or later, which is many times faster, and with which a machine that loses power loses what was confirmed in the last seconds, or a young stream as a whole."`
	Listen      string        `yaml:"listen" doc:"Of an embedded server: an address such as 127.0.0.1:4222, at which others reach it, too. Without it nobody does but the nodes of the flow."`
}

var errAddress = errors.New("the url is no address of NATS")

// servers gives the addresses of the url.
func (l *Link) servers() (texts []string, first *url.URL, err error) {
	for text := range strings.SplitSeq(l.URL.Reveal(), ",") {
		text = strings.TrimSpace(text)
		if !strings.Contains(text, "://") {
			text = "nats://" + text
		}
		u, err := url.Parse(text)
		if err != nil || u.Hostname() == "" || u.Scheme != "nats" && u.Scheme != "tls" {
			return nil, nil, errAddress // the text of the error has the password
		}
		if u.Port() == "" {
			u.Host = net.JoinHostPort(u.Hostname(), "4222")
		}
		if first == nil {
			first = u
		}
		texts = append(texts, u.String())
	}
	return texts, first, nil
}

func (l *Link) isEmbedded() bool { return l.URL.Reveal() == embedded }

// check reports an address that is none, and settings that do not go together.
func (l *Link) check(c *graph.Inference) {
	if c.Unread("url") {
		return
	}
	add := func(format, hint string, args ...any) {
		c.List().Add(diag.WrongValue, c.Node.At, "%s: "+format, append([]any{c.Node.ID}, args...)...).WithHint("%s", hint)
	}
	if _, _, err := l.servers(); err != nil && !l.isEmbedded() {
		add("%s", "nats://HOST:4222, tls://HOST:4222, or embedded", errAddress)
	}
	host, _, err := net.SplitHostPort(l.Listen)
	ip := net.ParseIP(host)
	switch {
	case l.isEmbedded() && l.Folder == "":
		add("an embedded server needs a folder", "folder: nats")
	case l.isEmbedded() && l.TLS != nil:
		add("an embedded server has no TLS", "run nats-server, and write its address as url")
	case !l.isEmbedded() && (l.Folder != "" || l.Listen != "" || l.Sync == syncLater):
		add("folder, listen and sync are for an embedded server", "url: embedded")
	case l.Listen != "" && err != nil:
		add("listen is no address: %q", "listen: 127.0.0.1:4222", l.Listen)
	case l.Listen != "" && !(host == "localhost" || ip != nil && ip.IsLoopback()) && l.Token.Reveal() == "":
		add("others than this machine can reach %s, and nobody asks who they are", "listen: 127.0.0.1:4222, or a token: ${env:NATS_TOKEN}", l.Listen)
	}
}

// address is how the server is called, without secrets.
func (l *Link) address() string {
	if l.isEmbedded() {
		return "embedded: " + l.Folder
	}
	return l.URL.String()
}

// A conn is a connection to a server, until its first error.
type conn struct {
	*client.Conn
	js      jetstream.JetStream
	release func() error // of the embedded server; may be nil
	restart func() error // the same
	ended   context.Context
	end     context.CancelCauseFunc

	mu     sync.Mutex
	denied []error // what the server has refused since the last look
}

// options are those of the client.
func (l *Link) options(env *nodes.Env) ([]client.Option, error) {
	opts := []client.Option{
		client.NoReconnect(), client.Timeout(connectTime), client.SkipHostLookup(), client.IgnoreDiscoveredServers(),
		client.PingInterval(pingEvery), client.MaxPingsOutstanding(2), client.FlusherTimeout(connectTime),
		client.Name("flowrun " + env.Flow.Name + "/" + env.Node.ID), client.PermissionErrOnSubscribe(true),
	}
	if l.Token.Reveal() != "" {
		opts = append(opts, client.Token(l.Token.Reveal()))
	}
	if l.Credentials != "" {
		f, err := env.Open(l.Credentials)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		text := make([]byte, 64<<10)
		n, err := f.Read(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.Credentials, err)
		}
		opts = append(opts, client.UserCredentialBytes(text[:n]))
	}
	if seed := l.NKey.Reveal(); seed != "" {
		key, err := nkeys.FromSeed([]byte(seed))
		if err != nil {
			return nil, errSeed
		}
		public, err := key.PublicKey()
		if err != nil {
			return nil, errSeed
		}
		opts = append(opts, client.Nkey(public, key.Sign))
	}
	return opts, nil
}

var errSeed = final{errors.New("the nkey is no seed of a user"), "it begins with SU"}

// open connects.
func (l *Link) open(ctx context.Context, env *nodes.Env) (c *conn, err error) {
	opts, err := l.options(env)
	if err != nil {
		return nil, err
	}
	c = &conn{}
	c.ended, c.end = context.WithCancelCause(context.Background())
	where := ""
	if l.isEmbedded() {
		s, release, err := l.share(ctx, env)
		if err != nil {
			return nil, err
		}
		c.release, c.restart = release, s.restart
		opts = append(opts, client.InProcessServer(s))
	} else {
		servers, first, err := l.servers()
		if err != nil {
			return nil, err
		}
		where = strings.Join(servers, ",")
		if l.TLS != nil {
			t, err := l.TLS.Client(env, l.hostOf(servers, first))
			if err != nil {
				return nil, err
			}
			opts = append(opts, client.Secure(t))
		} else if first.Scheme == "tls" {
			opts = append(opts, client.Secure(&tls.Config{MinVersion: tls.VersionTLS12}))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	d := &dialer{env: env, ctx: ctx}
	defer context.AfterFunc(ctx, d.cut)()
	opts = append(opts, client.SetCustomDialer(d),
		client.ErrorHandler(func(_ *client.Conn, _ *client.Subscription, err error) { c.refused(err) }),
		client.ClosedHandler(func(nc *client.Conn) { c.end(closedBy(nc)) }))
	c.Conn, err = client.Connect(where, opts...)
	if err == nil {
		c.js, err = jetstream.New(c.Conn)
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		if errors.Is(err, client.ErrNoServers) && d.err != nil {
			err = d.err
		}
		c.Close()
		return nil, l.advised(err)
	}
	return c, nil
}

// hostOf is the name that a certificate must have: with several servers that of each.
func (l *Link) hostOf(servers []string, first *url.URL) string {
	if len(servers) > 1 {
		return ""
	}
	return first.Hostname()
}

// errGone is why a connection has ended of which nobody knows more.
var errGone = errors.New("the connection was closed")

func closedBy(nc *client.Conn) error {
	if err := nc.LastError(); err != nil && !errors.Is(err, client.ErrPermissionViolation) {
		return err
	}
	return errGone
}

// refused keeps what the server refuses without saying to whom.
func (c *conn) refused(err error) {
	if !errors.Is(err, client.ErrPermissionViolation) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.denied) < 100 {
		c.denied = append(c.denied, err)
	}
}

// denial gives the first thing that the server has refused and whose text has a word, nil if
// there is none.
func (c *conn) denial(word string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, err := range c.denied {
		if strings.Contains(err.Error(), word) {
			return err
		}
	}
	return nil
}

// askTime bounds how long the server may take to answer a question.
const askTime = 5 * time.Second

// ask asks the server something that users may not be allowed to ask.
func (c *conn) ask(ctx context.Context, word string, question func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	defer context.AfterFunc(c.ended, cancel)()
	done := make(chan error, 1)
	go func() { done <- nodes.Guard(func() error { return question(ctx) }) }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			if err != nil && c.ended.Err() != nil {
				return context.Cause(c.ended)
			}
			if denied := cmp.Or(c.denial(word), c.denial("_INBOX")); err != nil && denied != nil {
				return denied
			}
			return err
		case <-tick.C:
			if c.denial(word) != nil || c.denial("_INBOX") != nil { // the server does not answer such a question
				cancel()
			}
		}
	}
}

// Close ends the connection.
func (c *conn) Close() {
	if c.Conn != nil {
		c.Conn.Close()
	}
	c.end(errGone)
	if c.release != nil {
		c.release()
	}
}

// A dialer connects for the client; the connection is cut if it is not ready in time.
type dialer struct {
	env *nodes.Env
	ctx context.Context

	mu   sync.Mutex
	made net.Conn
	err  error
}

// Dial implements client.CustomDialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	c, err := d.env.Dial(d.ctx, network, address)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.made, d.err = c, err
	return c, err
}

func (d *dialer) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.made != nil {
		d.made.Close()
	}
}
