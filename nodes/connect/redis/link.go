package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	client "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file connects to Redis, and says what its errors mean.

// theServer is what messages call it.
const theServer = "Redis"

const (
	// connectTime bounds how long it may take to open a session.
	connectTime = 15 * time.Second
	// answerTime bounds how long Redis may take to answer what does not wait. Then the
	// connection counts as broken.
	answerTime = 30 * time.Second
)

// A Link is the part of the settings that says how to reach a server.
type Link struct {
	URL config.URL `yaml:"url,required" doc:"The server: redis://USER:PASSWORD@HOST:6379/0, or rediss:// for one with TLS; write a password as ${env:NAME} or ${file:/path}."`
	TLS *peer.TLS  `yaml:"tls" doc:"How the connection is secured. Without it, rediss:// takes what the system trusts."`
}

var errAddress = errors.New("the url is no address of Redis")

// options are those of the client. It tries nothing again by itself, because a node must know
// when it has a new connection.
// Its connections end with life, also those that it makes on a goroutine of its own.
func (l *Link) options(life context.Context, env *nodes.Env) (*client.Options, error) {
	o, err := client.ParseURL(l.URL.Reveal())
	if err != nil {
		return nil, errAddress // the text of the error has the password
	}
	u, _ := url.Parse(l.URL.Reveal())
	if l.TLS != nil {
		if o.TLSConfig, err = l.TLS.Client(env, u.Hostname()); err != nil {
			return nil, err
		}
	} else if o.TLSConfig != nil {
		o.TLSConfig.MinVersion = tls.VersionTLS12
	}
	secure := o.TLSConfig
	o.TLSConfig = nil
	o.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(life, cancel)()
		c, err := env.Dial(ctx, network, address)
		if err != nil || secure == nil {
			return c, err
		}
		return peer.Secure(ctx, c, secure, "write redis://, and leave out `tls`")
	}
	o.MaxRetries, o.DialerRetries, o.PoolSize = -1, 1, 2
	o.ReadTimeout, o.WriteTimeout = -1, -1
	o.ContextTimeoutEnabled = true
	o.Protocol, o.DisableIdentity = 2, true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}

// silent is the logger of the client, whose errors come to the node anyway.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

var silence = sync.OnceFunc(func() { client.SetLogger(silent{}) })

// A conn is a client with the end of its connections.
type conn struct {
	*client.Client
	end context.CancelFunc
}

// Close ends all connections, also those that are in use.
func (c *conn) Close() {
	c.end()
	c.Client.Close()
}

// open makes a client that has a connection.
func (l *Link) open(ctx context.Context, env *nodes.Env, name string) (*conn, error) {
	silence()
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	o, err := l.options(life, env)
	if err != nil {
		end()
		return nil, err
	}
	o.ClientName = name
	c := &conn{client.NewClient(o), end}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	if err := c.Ping(ctx).Err(); err != nil {
		c.Close()
		return nil, l.advised(err)
	}
	return c, nil
}

// check reports a url that is none.
func (l *Link) check(c *graph.Inference) {
	if c.Unread("url") {
		return
	}
	if o, err := client.ParseURL(l.URL.Reveal()); err != nil || strings.Contains(o.Addr, ",") {
		c.List().Add(diag.WrongValue, c.Node.At, "%s: %s", c.Node.ID, errAddress).WithHint("redis://HOST:6379, or redis://USER:PASSWORD@HOST:6379/0")
	}
}

// advised adds what to do to an error of opening a session.
func (l *Link) advised(err error) error {
	hint := peer.HintOf(err)
	switch {
	case hint != "":
	case is(err, "NOAUTH"):
		hint = "write the password into the url: redis://:${env:REDIS_PASSWORD}@HOST:6379"
	case is(err, "WRONGPASS"):
		hint = "look at the user and the password of the url"
	case is(err, "NOPERM"):
		hint = "the user may not do that: see ACL GETUSER in Redis"
	case is(err, "MOVED"), is(err, "ASK"), is(err, "CROSSSLOT"):
		hint = "this is a node of a Redis Cluster, which is not supported: only a single server is, or its master"
	case errors.Is(err, io.EOF), is(err, "ERR Protocol"):
		hint = "if the server takes only secured connections, write rediss:// or `tls: {}`"
	default:
		return err
	}
	return peer.Hinted(err, hint)
}

// of adds to an error of a command which key it is about, where that is of another type than the
// mode of a node says, and what to do about it.
func (l *Link) of(mode, key string, err error) error {
	if !is(err, "WRONGTYPE") {
		return l.advised(err)
	}
	return peer.Hinted(fmt.Errorf("%s %s: %w", mode, key, err), fmt.Sprintf("%s is no %s: look at key and mode", key, mode))
}

// is reports whether an error is one that Redis has answered with, by its first word.
func is(err error, word string) bool {
	var e client.Error
	return errors.As(err, &e) && strings.HasPrefix(e.Error(), word)
}

// answered reports whether an error is an answer of Redis, and not one of a connection.
func answered(err error) bool {
	var e client.Error
	return errors.As(err, &e)
}

// passing are the answers that another try may not get: Redis is full, starts, has lost its
// master, or is one that was a master.
var passing = []string{"OOM", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "MISCONF", "NOREPLICAS", "UNBLOCKED", "ERR max number of clients"}

// lost reports whether another session may not have an error.
func lost(err error) bool {
	if !answered(err) {
		var certificate *tls.CertificateVerificationError
		return !errors.As(err, &certificate) && !errors.Is(err, errAddress) && !errors.Is(err, nodes.ErrEnclosed)
	}
	for _, word := range passing {
		if is(err, word) {
			return true
		}
	}
	return false
}

// channel names a stream, a list or a channel for drawings.
func (l *Link) channel(mode, key string) []graph.Channel {
	o, err := client.ParseURL(l.URL.Reveal())
	if err != nil {
		return nil
	}
	what := map[string]string{modeStream: "Redis stream", modeList: "Redis list", modePubSub: "Redis channel"}[mode]
	return []graph.Channel{{Key: fmt.Sprintf("redis://%s/%d %s %s", o.Addr, o.DB, mode, key), What: what, Name: key}}
}

// database is the number of the database, which names of connections have: those of a server are
// the same in all of its databases.
func (l *Link) database() int {
	o, err := client.ParseURL(l.URL.Reveal())
	if err != nil {
		return 0
	}
	return o.DB
}
