package websocket

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	client "github.com/coder/websocket"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file connects to a server, and says what its errors mean.

// theServer is what messages call it.
const theServer = "the WebSocket server"

const (
	// connectTime bounds how long it may take to open a connection.
	connectTime = 15 * time.Second
	// byeTime bounds how long it may take to close one in good order, arriveTime so if messages
	// were sent that the server may still have to read.
	byeTime    = time.Second
	arriveTime = 5 * time.Second
)

// A Link is the part of the settings that says how to reach a server.
type Link struct {
	URL          config.URL                `yaml:"url,required" doc:"The server: ws://HOST/PATH, or wss://HOST/PATH for one with TLS; write a password or token in it as ${env:NAME} or ${file:/path}."`
	TLS          *peer.TLS                 `yaml:"tls" doc:"How the connection is secured. Without it, wss:// takes what the system trusts."`
	Headers      config.Map[config.Secret] `yaml:"headers" doc:"Headers of the request that opens the connection, such as {X-Api-Key: \"${env:KEY}\"}. Their values are shown to nobody."`
	Token        config.Secret             `yaml:"token" doc:"Sent as Authorization: Bearer."`
	Subprotocols []string                  `yaml:"subprotocols" lone:"true" doc:"Those that the client speaks, such as graphql-transport-ws; the server must choose one."`
	Send         sendSetting               `yaml:"send" doc:"Messages that are sent whenever a connection is made, such as a subscription, as texts."`
	Ping         time.Duration             `yaml:"ping" min:"0s" doc:"How often the server is asked whether it is there. A connection on which no answer comes in that time is broken. 0s: never."`
}

var errAddress = errors.New("the url is no address of a WebSocket")

// check reports a url that is none.
func (l *Link) check(c *graph.Inference) {
	if c.Unread("url") {
		return
	}
	u, err := url.Parse(l.URL.Reveal())
	if err != nil || !slices.Contains([]string{"ws", "wss"}, u.Scheme) || u.Hostname() == "" {
		c.List().Add(diag.WrongValue, c.Node.At, "%s: %s", c.Node.ID, errAddress).WithHint("ws://HOST:PORT/PATH, or wss://HOST/PATH")
	}
}

// A wire is a connection. Its first error ends it.
type wire struct {
	conn   *client.Conn
	ctx    context.Context // ends with the wire, by its error
	cancel context.CancelCauseFunc
	works  sync.WaitGroup
	busy   atomic.Bool // nobody reads, because what was read waits
	asked  atomic.Bool // a ping is under way; the client closes the connection if that fails
	ended  error       // why nobody reads any more; of the goroutine that reads, until it has ended

	sent    atomic.Int64 // messages that were written
	arrived atomic.Int64 // those of them that the server has read, as far as is known
}

// open makes a connection and sends what is to be sent at its beginning. Messages go to take,
// on a goroutine of its own.
func (l *Link) open(ctx context.Context, env *nodes.Env, take func(w *wire, binary bool, r io.Reader) error) (*wire, error) {
	u, err := url.Parse(l.URL.Reveal())
	if err != nil {
		return nil, errAddress // the text of the error has the password
	}
	secure, err := l.TLS.Client(env, u.Hostname())
	if err != nil {
		return nil, err
	}
	if l.TLS != nil && u.Scheme == "ws" {
		u.Scheme = "wss"
	}
	transport := &http.Transport{DialContext: env.Dial, TLSClientConfig: secure, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	opening, end := context.WithTimeout(ctx, connectTime)
	defer end()
	conn, response, err := client.Dial(opening, u.String(), &client.DialOptions{
		// Elsewhere secrets are nobody's business.
		HTTPClient: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		HTTPHeader: l.header(), Subprotocols: l.Subprotocols,
	})
	if err == nil && len(l.Subprotocols) > 0 && conn.Subprotocol() == "" {
		conn.CloseNow()
		return nil, &refusal{told: "the server speaks none of the subprotocols", hint: "look at subprotocols, and at the documentation of the server"}
	}
	if err != nil {
		return nil, opened(response, err)
	}
	own, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	w := &wire{conn: conn, ctx: own, cancel: cancel}
	conn.SetReadLimit(-1) // take has limits of its own
	for _, text := range l.Send.texts {
		if err := conn.Write(opening, client.MessageText, []byte(text.Reveal())); err != nil {
			conn.CloseNow()
			return nil, plain(err)
		}
	}
	w.works.Go(func() {
		w.ended = nodes.Guard(func() error { return w.read(take) })
		w.fail(w.ended)
	})
	if l.Ping > 0 {
		w.works.Go(func() { w.ping(l.Ping) })
	}
	return w, nil
}

func (l *Link) header() http.Header {
	h := http.Header{}
	for _, x := range l.Headers {
		h.Set(x.Key, x.Value.Reveal())
	}
	if l.Token.Reveal() != "" {
		h.Set("Authorization", "Bearer "+l.Token.Reveal())
	}
	return h
}

// read passes messages on until the connection ends.
func (w *wire) read(take func(w *wire, binary bool, r io.Reader) error) error {
	for {
		kind, r, err := w.conn.Reader(w.ctx)
		if errors.Is(err, net.ErrClosed) && w.asked.Load() {
			return errSilent
		}
		if err != nil {
			return plain(err)
		}
		if err := take(w, kind == client.MessageBinary, r); err != nil {
			return plain(err)
		}
	}
}

// ping sees to it that a server that is gone is noticed. One that answers has read what was sent
// before.
func (w *wire) ping(every time.Duration) {
	for nodes.Sleep(w.ctx, every) == nil {
		if w.busy.Load() {
			continue // nobody would hear the answer
		}
		ctx, end := context.WithTimeout(w.ctx, every)
		w.asked.Store(true)
		sent := w.sent.Load()
		err := w.conn.Ping(ctx)
		end()
		if err != nil && w.ctx.Err() == nil && !w.busy.Load() {
			w.fail(errSilent)
			return
		}
		if err == nil {
			w.arrived.Store(sent)
		}
		w.asked.Store(false)
	}
}

// fail ends the wire, by its first error.
func (w *wire) fail(err error) {
	w.cancel(err)
	w.conn.CloseNow()
}

// why is the error that has ended the wire.
func (w *wire) why() error { return context.Cause(w.ctx) }

var errSilent = errors.New("the server does not answer a ping")

// errLeft is that of a wire that was closed in good order.
var errLeft = errors.New("the connection was closed")

// close says good-bye and ends the goroutines. A server that answers has read what was sent.
func (w *wire) close() {
	answered := false
	if w.ctx.Err() == nil {
		longest := byeTime
		if w.unsure() > 0 {
			longest = arriveTime
		}
		bye := time.AfterFunc(longest, func() { w.fail(errLeft) })
		err := w.conn.Close(client.StatusNormalClosure, "")
		answered = bye.Stop() && err == nil
	}
	w.fail(errLeft)
	w.works.Wait()
	// The answer has come to whoever was reading: this goroutine, or the one that has ended.
	status := client.CloseStatus(w.ended)
	if answered && (status == client.StatusNormalClosure || status == client.StatusNoStatusRcvd || errors.Is(w.ended, net.ErrClosed)) {
		w.arrived.Store(w.sent.Load())
	}
}

// unsure is how many messages the server may not have read.
func (w *wire) unsure() int64 { return w.sent.Load() - w.arrived.Load() }

// A refusal is what another try would not mend.
type refusal struct{ told, hint string }

func (r *refusal) Error() string   { return r.told }
func (r *refusal) Hint() diag.Hint { return diag.Hint{Text: r.hint} }

// opened is the error of a connection that was not made.
func opened(response *http.Response, err error) error {
	if response == nil || response.StatusCode == http.StatusSwitchingProtocols {
		err = plain(err)
		if hint := peer.HintOf(err); hint != "" {
			return peer.Hinted(err, hint)
		}
		return err
	}
	status := response.StatusCode
	told := fmt.Sprintf("the server answers %d %s, and opens no WebSocket", status, http.StatusText(status))
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return &refusal{told, "look at the token, the headers, or the user and the password of the url"}
	case status == http.StatusNotFound:
		return &refusal{told, "look at the path of the url"}
	case status >= 300 && status < 400:
		return &refusal{told, "write the address that it leads to: " + place(response)}
	case status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout:
		return errors.New(told)
	}
	return &refusal{told, "look at the url: WebSockets may have another path"}
}

// place is where a server sends its client, without what may be secret.
func place(response *http.Response) string {
	u, err := response.Location()
	if err != nil {
		return "it does not say"
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// plain is an error without the url of its request, which may have secrets.
func plain(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// lost reports whether another session may not have an error.
func lost(err error) bool {
	if _, ok := errors.AsType[*refusal](err); ok {
		return false
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return false
	}
	return client.CloseStatus(err) != client.StatusPolicyViolation && !errors.Is(err, errAddress) && !errors.Is(err, nodes.ErrEnclosed)
}

// examine connects, and sends nothing.
func (l *Link) examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	quiet := *l
	quiet.Send = sendSetting{}
	f := nodes.Finding{Peer: l.URL.String(), What: "connection", Told: "it opens a WebSocket"}
	begun := time.Now()
	w, err := quiet.open(ctx, env, func(_ *wire, _ bool, r io.Reader) error {
		_, err := io.Copy(io.Discard, r)
		return err
	})
	if f.Took, f.Err = time.Since(begun), err; err == nil {
		w.close()
	}
	return []nodes.Finding{f}
}
