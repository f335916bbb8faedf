package http

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file has the client that the kinds share: its settings, and how it asks.

// access is the settings of kinds that talk to a server.
type access struct {
	Token   config.Secret `yaml:"token" doc:"Sent as Authorization: Bearer TOKEN."`
	Basic   *basic        `yaml:"basic" doc:"{user, password}: sent as Authorization: Basic."`
	TLS     *peer.TLS     `yaml:"tls" doc:"How connections are secured; by default as the system does."`
	Proxy   config.URL    `yaml:"proxy" doc:"The address of a proxy, or env: what HTTP_PROXY, HTTPS_PROXY and NO_PROXY say. By default there is none."`
	MaxBody config.Size   `yaml:"max_body" min:"1B" doc:"How long an answer may be, once it is unpacked. A longer one is an error."`

	RetryBudget float64 `yaml:"retry_budget" min:"0" max:"10" doc:"How many tries after the first there may be for each request, on the whole: with 0.5 half as many. Above that, and above ten a second, they wait."`

	headers config.Map[config.Secret] // of every request
	own     []string                  // names of those that some requests have besides
}

// fixedHeaders is the setting `headers` of kinds that have the same for every request.
type fixedHeaders struct {
	Headers config.Map[config.Secret] `yaml:"headers" doc:"Headers of every request, such as {X-Api-Key: \"${env:KEY}\"}. Their values are shown to nobody."`
}

// defaults are those of the settings.
var defaults = access{MaxBody: 8e6, RetryBudget: 0.5}

type basic struct {
	User     string        `yaml:"user,required" doc:"The name of the user."`
	Password config.Secret `yaml:"password" doc:"The password."`
}

const (
	defaultTimeout = 30 * time.Second // of a try, where the flow does not say
	maxRedirects   = 3
	maxExcerpt     = 200      // characters of an answer that a message shows
	maxRead        = 8 << 10  // bytes of an answer that are looked at for it
	maxDrained     = 64 << 10 // of an answer that nobody wants, to use its connection again
	proxyEnv       = "env"
)

// check looks at the settings while the flow is compiled.
func (k *access) check(c *graph.Inference) {
	if k.Token.Reveal() != "" && k.Basic != nil {
		c.List().Add(diag.Conflict, c.Node.At, "%s has both token and basic, which are the same header", c.Node.ID)
	}
	for _, h := range k.headers {
		k.checkHeader(c, h.Key, h.Value.Reveal(), h.At)
	}
	if p := k.Proxy.Reveal(); p != "" && p != proxyEnv {
		if u, err := url.Parse(p); err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) {
			c.List().Add(diag.WrongValue, c.Node.At, "%s: proxy must be `env` or an address such as http://proxy:3128", c.Node.ID)
		}
	}
}

// checkHeader reports a header that cannot be sent.
func (k *access) checkHeader(c *graph.Inference, key, value string, at diag.Span) {
	switch name := nethttp.CanonicalHeaderKey(key); {
	case !validHeader(key, value):
		c.List().Add(diag.WrongValue, at, "%q is no header that can be sent", key).WithHint("a name has letters, digits and `-`, a value no line ends")
	case name == "Authorization" && (k.Token.Reveal() != "" || k.Basic != nil):
		c.List().Add(diag.Conflict, at, "token and basic are the header Authorization, too")
	case slices.Contains([]string{"Host", "Content-Length", "Transfer-Encoding", "Connection"}, name):
		c.List().Add(diag.WrongValue, at, "the header %s belongs to the connection and cannot be set", name)
	}
}

// validHeader reports whether a header can be sent.
func validHeader(name, value string) bool {
	for _, r := range name {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) {
			return false
		}
	}
	return name != "" && !strings.ContainsAny(value, "\r\n\x00")
}

// checkAddress reports an address that is not one of HTTP.
func checkAddress(c *graph.Inference, text string, at diag.Span) {
	u, err := url.Parse(text)
	switch {
	case text == "" && c.List().HasErrors(): // it could not be read
	case err != nil || u.Host == "":
		c.List().Add(diag.WrongValue, at, "url is no address such as https://shop.example/items")
	case u.Scheme != "http" && u.Scheme != "https":
		c.List().Add(diag.WrongValue, at, "url has the scheme %q; this kind talks http and https", u.Scheme)
	}
}

// A client asks servers, for all workers of a node.
type client struct {
	k       *access
	env     *nodes.Env // with the policy of tries
	log     *health
	http    *nethttp.Client
	pool    *nethttp.Transport
	conns   *conns
	budget  *budget
	secrets *redact.Redactor
	hidden  string // a host whose paths are secret; "": none
	auth    bool   // something is sent that a stranger must not see
}

// newClient makes a client. secret are addresses that may hold some.
func (k *access) newClient(env *nodes.Env, retry graph.Retry, inFlight int, secret ...config.URL) (*client, error) {
	c := &client{k: k, env: trying(env, retry), log: newHealth(env.Log), budget: newBudget(k.RetryBudget), secrets: k.redactor(secret)}
	for _, s := range secret {
		c.hidden = cmp.Or(c.hidden, hiddenHost(s))
	}
	c.auth = k.Token.Reveal() != "" || k.Basic != nil || len(k.headers) > 0 || len(k.own) > 0
	security, err := k.TLS.Client(env, "") // each host has its own name
	if err != nil {
		return nil, err
	}
	proxy, err := k.proxy()
	if err != nil {
		return nil, err
	}
	c.conns = &conns{dial: env.Dial}
	c.pool = transport(c.conns, security, inFlight)
	c.pool.Proxy = proxy
	c.http = &nethttp.Client{Transport: c.pool, CheckRedirect: c.redirected}
	return c, nil
}

// transport keeps as many connections as there are requests at once.
func transport(to *conns, security *tls.Config, inFlight int) *nethttp.Transport {
	return &nethttp.Transport{
		DialContext: to.Dial, TLSClientConfig: security, ForceAttemptHTTP2: true,
		MaxIdleConnsPerHost: inFlight, MaxIdleConns: max(2*inFlight, 100), IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 256 << 10,
	}
}

// proxy finds the proxy of a request; nil: there is none.
func (k *access) proxy() (func(*nethttp.Request) (*url.URL, error), error) {
	switch p := k.Proxy.Reveal(); p {
	case "":
		return nil, nil
	case proxyEnv:
		return nethttp.ProxyFromEnvironment, nil
	default:
		u, err := url.Parse(p)
		if err != nil {
			return nil, errors.New("the address of the proxy cannot be read")
		}
		return nethttp.ProxyURL(u), nil
	}
}

// redactor hides what the settings have that is secret.
func (k *access) redactor(addresses []config.URL) *redact.Redactor {
	secrets := []string{k.Token.Reveal()}
	if k.Basic != nil {
		secrets = append(secrets, k.Basic.Password.Reveal())
	}
	for _, h := range k.headers {
		if v := h.Value.Reveal(); !product().MatchString(v) { // text/csv is no secret
			secrets = append(secrets, v)
		}
	}
	for _, a := range append(addresses, k.Proxy) {
		u, err := url.Parse(a.Reveal())
		if err != nil {
			continue
		}
		password, _ := u.User.Password()
		if secrets = append(secrets, password); hiddenHost(a) != "" {
			secrets = append(secrets, u.Path)
		}
		for _, values := range u.Query() {
			secrets = append(secrets, values...)
		}
	}
	return redact.New(nil, secrets)
}

// trying is an environment whose tries have a policy of the kind's own, and a timeout in
// any case.
func trying(env *nodes.Env, retry graph.Retry) *nodes.Env {
	n := *env.Node
	n.Engine.Retry = retry
	n.Engine.Timeout = cmp.Or(n.Engine.Timeout, defaultTimeout)
	return &nodes.Env{Node: &n, Flow: env.Flow, Seed: env.Seed, Retries: env.Retries}
}

// close lets go of all connections.
func (c *client) close() {
	c.pool.CloseIdleConnections()
	c.conns.close()
}

// A request is what is asked.
type request struct {
	method string
	url    string
	page   int    // of a poll, counted from 1; messages name it, since they do not show queries
	body   []byte // nil: none
	kind   string // of the body, as Content-Type
	packed bool   // the body is gzip
	again  bool   // it may be made twice
	unread bool   // nobody wants the answer: it may be of any form, and as long as it likes
	bare   bool   // without headers and credentials of the settings
	batch  bool   // it has several items, and is not sent in halves if the server refuses it
	header nethttp.Header

	answered int // how often a server has said that it is busy or broken

	named func(code int) bool // statuses from 400 on that are answers all the same; nil: none
}

// failed is the error of a request.
func (r *request) failed(at string, err error) error {
	if r.page > 1 && at != "" {
		at += ", page " + strconv.Itoa(r.page)
	}
	return &requestError{r.method, at, err}
}

// idempotent reports whether a request of a method may be made twice.
func idempotent(method string) bool {
	return method != nethttp.MethodPost && method != nethttp.MethodPatch
}

// A response is what came of a request: its body is read.
type response struct {
	status int
	header nethttp.Header
	body   []byte
	url    *url.URL // after redirects
	at     string   // the same, as it may be shown
}

// ask makes a request until it succeeds or the policy says that it is enough. It gives
// how many tries it took.
func (c *client) ask(ctx context.Context, r *request) (resp *response, tries int, err error) {
	c.budget.asked()
	r.answered = 0
	tries, err = c.env.Tries(ctx, func(ctx context.Context) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var err error
		resp, err = c.once(ctx, r)
		if err = c.verdict(ctx, r, err); err == nil {
			c.log.well()
		}
		return err
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = r.failed(c.shownText(r.url), err)
	}
	return resp, tries, err
}

// once makes a request.
func (c *client) once(ctx context.Context, r *request) (*response, error) {
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body) // of which it makes copies, for redirects
	}
	req, err := nethttp.NewRequestWithContext(ctx, r.method, r.url, body)
	if err != nil || req.URL.Host == "" || req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		return nil, final(r.failed("", errors.New("its url is no address of http or https")))
	}
	c.head(req, r)
	resp, err := c.http.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // it names the address with all its secrets
		}
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("the server closed the connection without an answer: %w", err)
		}
		return nil, r.failed(c.shown(req.URL), peer.Hinted(c.masked(err), peer.HintOf(err)))
	}
	defer resp.Body.Close()
	return c.read(r, resp)
}

// head sets the headers of a request.
func (c *client) head(req *nethttp.Request, r *request) {
	req.Header.Set("User-Agent", "flowrun")
	if r.kind != "" {
		req.Header.Set("Content-Type", r.kind)
	}
	if r.packed {
		req.Header.Set("Content-Encoding", "gzip")
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if r.bare {
		return
	}
	for _, h := range c.k.headers {
		req.Header.Set(h.Key, h.Value.Reveal())
	}
	switch {
	case c.k.Token.Reveal() != "":
		req.Header.Set("Authorization", "Bearer "+c.k.Token.Reveal())
	case c.k.Basic != nil:
		req.SetBasicAuth(c.k.Basic.User, c.k.Basic.Password.Reveal())
	}
}

// read reads an answer to its end, or reports what is wrong with it.
func (c *client) read(r *request, resp *nethttp.Response) (*response, error) {
	at := resp.Request.URL
	if code := resp.StatusCode; code >= 300 && (r.named == nil || !r.named(code)) {
		excerpt, _ := io.ReadAll(io.LimitReader(resp.Body, maxRead))
		io.Copy(io.Discard, io.LimitReader(resp.Body, maxDrained))
		return nil, r.failed(c.shown(at), &statusError{
			status: code, text: c.excerpt(resp.Header, excerpt), wait: retryAfter(resp.Header, time.Now()), secured: c.auth,
			retries: c.env.Node.Engine.Retry.Attempts > 1, to: c.moved(resp),
			batch: r.batch,
		})
	}
	if r.unread { // what it takes to use the connection again is read
		n, err := io.CopyN(io.Discard, resp.Body, maxDrained)
		if err != nil && err != io.EOF {
			return nil, c.brokenOff(r, at, n, err)
		}
		return &response{resp.StatusCode, resp.Header, nil, at, c.shown(at)}, nil
	}
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, final(r.failed(c.shown(at), fmt.Errorf("the answer is packed as %s, which nobody asked for", redact.Text(e))))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(c.k.MaxBody)+1))
	switch {
	case err != nil:
		return nil, c.brokenOff(r, at, int64(len(body)), err)
	case len(body) > int(c.k.MaxBody):
		return nil, final(r.failed(c.shown(at), &longError{c.k.MaxBody}))
	}
	return &response{resp.StatusCode, resp.Header, body, at, c.shown(at)}, nil
}

// brokenOff is the error of an answer that does not come to its end.
func (c *client) brokenOff(r *request, at *url.URL, after int64, err error) error {
	return r.failed(c.shown(at), fmt.Errorf("the answer breaks off after %d bytes: %w", after, c.masked(err)))
}

// moved says where an answer that was not followed leads to.
func (c *client) moved(resp *nethttp.Response) string {
	if to, err := resp.Location(); err == nil {
		return c.shown(to)
	}
	return ""
}

// redirected is asked before a redirect is followed.
func (c *client) redirected(req *nethttp.Request, via []*nethttp.Request) error {
	first, last := via[0], via[len(via)-1]
	safe := first.Method == nethttp.MethodGet || first.Method == nethttp.MethodHead
	switch {
	case len(via) > maxRedirects:
		return final(fmt.Errorf("it leads on from address to address, more than %d times, at last to %s", maxRedirects, c.shown(req.URL)))
	case req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return final(fmt.Errorf("it leads to an address of the scheme %q", redact.Text(req.URL.Scheme)))
	case last.URL.Scheme == "https" && req.URL.Scheme == "http" && (c.auth || first.URL.User != nil):
		return final(fmt.Errorf("it leads from https to %s, where everybody could read the credentials", c.shown(req.URL)))
	case !safe && req.Method != first.Method:
		return nethttp.ErrUseLastResponse // the body would be lost; the status says where it is now
	}
	if req.URL.Host != first.URL.Host {
		for _, h := range c.k.headers {
			req.Header.Del(h.Key)
		}
		for _, name := range c.k.own {
			req.Header.Del(name)
		}
		req.Header.Del("Authorization")
	}
	req.Header.Del("Referer") // it may have secrets
	return nil
}

// shown is an address as it may be shown: without what may be secret in it.
func (c *client) shown(u *url.URL) string {
	at := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if u.Host == c.hidden {
		at.Path = ""
	}
	return at.String()
}

// shownText is shown of the text of an address.
func (c *client) shownText(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return c.shown(u)
}

// hiddenHost is the host of an address that is a secret as a whole, "" of any other: its path
// may be what the server knows its friends by.
func hiddenHost(address config.URL) string {
	u, err := url.Parse(address.Reveal())
	if err != nil || !strings.HasSuffix(address.String(), u.Host+"/"+config.NewSecret("x").String()) {
		return ""
	}
	return u.Host
}

// masked is an error without secrets. Those of connections have none, and are kept as
// they are.
func (c *client) masked(err error) error {
	text := err.Error()
	if masked := c.secrets.Text(text); masked != text {
		if _, ok := errors.AsType[*net.OpError](err); !ok {
			return errors.New(masked)
		}
	}
	return err
}
