package amqp

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	client "github.com/rabbitmq/amqp091-go"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file connects to a broker.

// theServer is what messages call it.
const theServer = "RabbitMQ"

const (
	// connectTime bounds how long it may take to open a session.
	connectTime = 15 * time.Second
	// byeTime bounds how long it may take to close one in good order.
	byeTime = 3 * time.Second
)

// A Link is the part of the settings that says how to reach a broker.
type Link struct {
	URL       config.URL    `yaml:"url,required" doc:"The broker: amqp://USER:PASSWORD@HOST:5672/VHOST, or amqps://HOST:5671 for one with TLS; write a password as ${env:NAME} or ${file:/path}. Without a vhost it is /."`
	TLS       *peer.TLS     `yaml:"tls" doc:"How the connection is secured. Without it, amqps:// takes what the system trusts."`
	Heartbeat time.Duration `yaml:"heartbeat" min:"1s" max:"10h" doc:"How often each side says that it is there. After three times that in silence the connection counts as broken."`
}

// parse takes the url apart.
func (l *Link) parse() (client.URI, error) {
	u, err := client.ParseURI(l.URL.Reveal())
	if err != nil {
		return u, errAddress // the text of the error may have the password
	}
	if parsed, err := url.Parse(l.URL.Reveal()); err != nil || parsed.Hostname() == "" || parsed.RawQuery != "" {
		return u, errAddress
	}
	return u, nil
}

// check reports a url that is none.
func (l *Link) check(c *graph.Inference) {
	if c.Unread("url") {
		return
	}
	if _, err := l.parse(); err != nil {
		c.List().Add(diag.WrongValue, c.Node.At, "%s: %s", c.Node.ID, errAddress).WithHint("amqp://HOST:5672, or amqps://USER:PASSWORD@HOST:5671/VHOST")
	}
}

// A link is a connection with a channel.
type link struct {
	raw     net.Conn
	conn    *client.Connection
	ch      *client.Channel
	ended   chan *client.Error // why the channel has ended
	broken  chan *client.Error // why the connection has
	blocks  chan client.Blocking
	watched sync.WaitGroup

	mu    sync.Mutex
	cause *client.Error // what has come by ended or broken first
}

// open makes a connection and a channel.
func (l *Link) open(ctx context.Context, env *nodes.Env) (*link, error) {
	silence()
	u, err := l.parse()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	raw, err := l.dial(ctx, env, u)
	if err != nil {
		return nil, advised(err)
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	x := &link{raw: raw, ended: make(chan *client.Error, 1), broken: make(chan *client.Error, 1), blocks: make(chan client.Blocking, 1)}
	err = x.begin(env, u, l.Heartbeat)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		x.close()
		if ctx.Err() != nil {
			err = fmt.Errorf("%s does not answer: %w", theServer, context.Cause(ctx))
		}
		return nil, advised(err)
	}
	return x, nil
}

// begin logs in and opens the channel.
func (x *link) begin(env *nodes.Env, u client.URI, heartbeat time.Duration) (err error) {
	properties := client.NewConnectionProperties()
	properties.SetClientConnectionName(env.Flow.Name + "/" + env.Node.ID)
	x.conn, err = client.Open(x.raw, client.Config{
		SASL: []client.Authentication{&login{u.PlainAuth(), properties}}, Vhost: u.Vhost, Heartbeat: heartbeat, Locale: "en_US", Properties: properties,
	})
	if err != nil {
		x.conn = nil
		return err
	}
	x.conn.NotifyClose(x.broken)
	x.conn.NotifyBlocked(x.blocks)
	x.watched.Go(func() { tellBlocks(env, x.blocks) })
	if x.ch, err = x.conn.Channel(); err != nil {
		return x.why(err)
	}
	x.ch.NotifyClose(x.ended)
	return nil
}

// A login is by user and password, and asks the broker to say so if it refuses them. Without
// that it closes the connection in silence, as one that breaks does. The client writes what it
// is capable of itself, before it asks for the response.
type login struct {
	*client.PlainAuth
	properties client.Table
}

// Response implements client.Authentication.
func (l *login) Response() string {
	if capable, ok := l.properties["capabilities"].(client.Table); ok {
		capable["authentication_failure_close"] = true
	}
	return l.PlainAuth.Response()
}

// tellBlocks says when the broker takes nothing because it is full, until the connection ends.
func tellBlocks(env *nodes.Env, blocks <-chan client.Blocking) {
	var since time.Time
	for b := range blocks {
		switch {
		case b.Active:
			since = time.Now()
			env.Log.Warn(theServer+" is full and takes nothing until it has room", "reason", b.Reason)
		case !since.IsZero():
			env.Log.Info(theServer+" takes messages again", "after", time.Since(since).Round(time.Millisecond).String())
		}
	}
}

// dial connects.
func (l *Link) dial(ctx context.Context, env *nodes.Env, u client.URI) (net.Conn, error) {
	var secure *tls.Config
	if u.Scheme == "amqps" || l.TLS != nil {
		var err error
		if secure, err = l.TLS.Client(env, u.Host); err != nil {
			return nil, err
		}
	}
	c, err := env.Dial(ctx, "tcp", net.JoinHostPort(u.Host, strconv.Itoa(u.Port)))
	if err != nil || secure == nil {
		return c, err
	}
	return peer.Secure(ctx, c, secure, "write amqp://, and leave out `tls`")
}

// why is the reason for which the channel or the connection has ended, if the broker gave one;
// else an error itself.
func (x *link) why(err error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range []chan *client.Error{x.ended, x.broken} {
		if x.cause != nil {
			return advised(x.cause)
		}
		select {
		case x.cause = <-c:
		default:
		}
	}
	if x.cause != nil {
		return advised(x.cause)
	}
	return advised(err)
}

// close ends the session in good order, if it is not over.
func (x *link) close() {
	if x.conn != nil && !x.conn.IsClosed() {
		x.conn.CloseDeadline(time.Now().Add(byeTime))
	}
	x.raw.Close()
	x.watched.Wait()
}

// quiet is the logger of the client, whose errors come to the node anyway.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

var silence = sync.OnceFunc(func() { client.SetLogger(quiet{}) })

// channels names an exchange or a queue for drawings.
func (l *Link) channel(what, name string) []graph.Channel {
	u, err := l.parse()
	if err != nil || name == "" {
		return nil
	}
	return []graph.Channel{{Key: fmt.Sprintf("amqp://%s:%d/%s %s %s", u.Host, u.Port, strings.TrimPrefix(u.Vhost, "/"), what, name), What: "RabbitMQ " + what, Name: name}}
}
