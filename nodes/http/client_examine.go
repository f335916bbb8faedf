package http

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	nethttp "net/http"
	"net/url"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/nodes"
)

// This file looks at a server, for flowrun doctor: by HEAD, which changes nothing there.

// maxSkew is how far the clock of a server may be off.
const maxSkew = 5 * time.Second

// Examine implements nodes.Examiner.
func (k *call) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	if k.url != nil {
		return []nodes.Finding{{Peer: "addresses that come from the items", What: "connection", Told: "not looked at"}}
	}
	return k.examine(ctx, env, k.URL.Value)
}

// Examine implements nodes.Examiner.
func (k *post) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.examine(ctx, env, k.URL.Reveal(), k.URL)
}

// Examine implements nodes.Examiner.
func (k *poll) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.examine(ctx, env, strings.ReplaceAll(k.URL.Reveal(), inAddress, url.QueryEscape(k.Start)), k.URL)
}

// examine looks at the server of an address.
func (k *access) examine(ctx context.Context, env *nodes.Env, address string, secret ...config.URL) []nodes.Finding {
	c, err := k.newClient(env, graph.Retry{Attempts: 1}, 1, append(secret, config.NewURL(address))...)
	if err != nil {
		return []nodes.Finding{{Peer: config.NewURL(address).String(), What: "settings", Err: err}}
	}
	defer c.close()
	peer := c.shownText(address)
	start := time.Now()
	resp, err := c.once(ctx, &request{method: nethttp.MethodHead, url: address, named: func(int) bool { return true }})
	took := time.Since(start)
	if err != nil {
		if r, ok := errors.AsType[*requestError](err); ok {
			err = r.err // doctor names the address
		}
		return []nodes.Finding{{Peer: peer, What: "connection", Err: err, Took: took}}
	}
	found := []nodes.Finding{{Peer: peer, What: "connection", Told: c.serverOf(resp), Took: took}}
	found = append(found, c.standing(peer, resp)...)
	if date, err := nethttp.ParseTime(resp.header.Get("Date")); err == nil {
		found = append(found, clock(peer, date.Sub(start.Add(took/2).Truncate(time.Second))))
	}
	return found
}

// serverOf is what a server says that it is.
func (c *client) serverOf(resp *response) string {
	name := c.secrets.Text(cmp.Or(resp.header.Get("Server"), "a server without a name"))
	if resp.url.Scheme == "https" {
		name += ", by TLS"
	}
	return redact.Text(name)
}

// standing looks whether the server knows who asks, and the path. Many do not answer HEAD
// at all: that says nothing.
func (c *client) standing(peer string, resp *response) []nodes.Finding {
	status := &statusError{status: resp.status, secured: c.auth, retries: true}
	switch code := resp.status; {
	case code == 401 || code == 403:
		return []nodes.Finding{{Peer: peer, What: "login", Err: status}}
	case code == 404 || code == 410:
		return []nodes.Finding{{Peer: peer, What: "path " + c.pathOf(resp), Err: status}}
	case status.passing():
		return []nodes.Finding{{Peer: peer, What: "answer", Err: status}}
	case code >= 300 && code < 400:
		return []nodes.Finding{{Peer: peer, What: "path " + c.pathOf(resp), Told: "leads to " + cmp.Or(c.shownText(resp.header.Get("Location")), "nowhere")}}
	case code >= 400:
		return []nodes.Finding{{Peer: peer, What: "path " + c.pathOf(resp), Told: fmt.Sprintf("answers %d to HEAD, which says nothing of other methods", code)}}
	case c.auth:
		return []nodes.Finding{{Peer: peer, What: "login", Told: "accepted"}}
	}
	return nil
}

// clock compares clocks, to the second: a date has no more.
func clock(peer string, skew time.Duration) nodes.Finding {
	f := nodes.Finding{Peer: peer, What: "clock", Told: "in step", Skew: skew}
	way := "ahead"
	if skew < 0 {
		skew, way = -skew, "behind"
	}
	if skew > time.Second {
		f.Told = fmt.Sprintf("%s %s", skew.Round(time.Second), way)
	}
	if skew > maxSkew {
		f.Err = &skewError{f.Told}
	}
	return f
}

// pathOf is the path that was looked at, as it may be shown.
func (c *client) pathOf(resp *response) string {
	if resp.url.Host == c.hidden {
		return "of the url"
	}
	return cmp.Or(resp.url.Path, "/")
}

// A skewError is a clock that is off.
type skewError struct{ told string }

func (e *skewError) Error() string { return "the clock of the server is " + e.told }

// Hint says what to do.
func (e *skewError) Hint() diag.Hint {
	return diag.Hint{Text: "set one of the clocks: certificates, tokens and Retry-After depend on them"}
}

var (
	_ nodes.Examiner = (*call)(nil)
	_ nodes.Examiner = (*post)(nil)
	_ nodes.Examiner = (*poll)(nil)
)
