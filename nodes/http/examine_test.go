package http_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// examine looks at the peer of the node one.
func examine(t *testing.T, flow string) string {
	t.Helper()
	f, list := kit.Load(t, flow, nil)
	if list.HasErrors() {
		t.Fatal(nodetest.Printed(list))
	}
	n := f.Node("one")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	text := ""
	for _, f := range n.Config.(nodes.Examiner).Examine(ctx, &nodes.Env{Node: n, Flow: f, Workers: 1, Log: slog.New(slog.DiscardHandler), Shared: &nodes.Resources{}}) {
		text += fmt.Sprintf("%s %s: %s %v\n", f.Peer, f.What, f.Told, f.Err)
	}
	return text
}

func TestExamine(t *testing.T) {
	var skew, others atomic.Int64 // of the clock; requests that are not by HEAD
	s := serve(t, func() {}, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.Method != "HEAD" {
			others.Add(1)
		}
		w.Header().Set("Server", "shop/1.2")
		w.Header().Set("Date", time.Now().Add(time.Duration(skew.Load())).UTC().Format(nethttp.TimeFormat))
		switch {
		case r.URL.Path == "/none":
			w.WriteHeader(404)
		case r.URL.Path == "/only-post":
			w.WriteHeader(405)
		case r.URL.Path == "/broken":
			w.WriteHeader(503)
		case r.URL.Path == "/secret" && r.Header.Get("Authorization") != "Bearer right":
			w.WriteHeader(401)
		}
	})
	for _, c := range []struct {
		path string
		skew time.Duration
		want []string
	}{
		{"/", 0, []string{"connection: shop/1.2 <nil>", "clock: in step <nil>"}},
		{"/?api_key=canary", -time.Hour, []string{"connection: shop/1.2", "the clock of the server is ", " behind"}},
		{"/none", 0, []string{"path /none:  the answer is 404 Not Found"}},
		{"/only-post", 0, []string{"answers 405 to HEAD, which says nothing of other methods <nil>"}},
		{"/broken", 0, []string{"answer:  the answer is 503 Service Unavailable"}},
		{"/secret", 0, []string{"login:  the answer is 401 Unauthorized"}},
		{`/secret", token: "right`, 0, []string{"login: accepted <nil>"}},
	} {
		skew.Store(int64(c.skew))
		for _, kind := range []string{"http.call", "http.post", "http.poll"} {
			in := "in: n, "
			if kind == "http.poll" {
				in = ""
			}
			got := examine(t, fmt.Sprintf("nodes:\n  n: {use: generate, with: {count: 1}}\n  one: {use: %s, %swith: {url: \"%s\"}}\n", kind, in, s.URL+c.path))
			says(t, got, c.want...)
			if strings.Contains(got, "canary") || strings.Contains(got, "right") {
				t.Error(got)
			}
		}
	}
	if others.Load() > 0 {
		t.Error("it asks by HEAD alone")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	says(t, examine(t, strings.ReplaceAll(posts(1, "", ""), "shop.example", l.Addr().String())), "connection refused")
	says(t, examine(t, calls(1, toNumbers, "")), "addresses that come from the items")
}

// A connection is secured as tls says, and credentials do not leave it.
func TestTLSAndRedirects(t *testing.T) {
	plain := serve(t, func() {}, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		io.WriteString(w, "plain"+r.Header.Get("Authorization"))
	})
	s := httptest.NewTLSServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/1" {
			nethttp.Redirect(w, r, plain.URL, nethttp.StatusFound)
			return
		}
		io.WriteString(w, r.Proto)
	}))
	s.EnableHTTP2 = true
	t.Cleanup(s.Close)
	dir := t.TempDir()
	var ca bytes.Buffer
	pem.Encode(&ca, &pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), ca.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ with, out, bad string }{
		{"", "", "certificate"},
		{", tls: {ca: ca.pem}", `{"n":0,"a":"HTTP/1.1"}|{"n":1,"a":"plain"}|`, ""},
		{", tls: {ca: ca.pem}, token: canary", `{"n":0,"a":"HTTP/1.1"}|`, "leads from https to " + plain.URL + ", where everybody could read the credentials"},
	} {
		r := kit.Run(t, calls(2, `url: '"`+s.URL+`/" + string(n)', into: a, as: text`+c.with, ", on_error: dead"), nil, nodetest.Setup{Dir: dir})
		if got := strings.ReplaceAll(r.Stdout, "\n", "|"); got != c.out {
			t.Errorf("%s: got %s, want %s: %s", c.with, got, c.out, r.File("bad.jsonl"))
		}
		says(t, r.File("bad.jsonl"), c.bad)
	}
}

// What TLS is told of an error, a request tells: that the server has none, or is not trusted.
func TestHintsOfTLS(t *testing.T) {
	quiet := log.New(io.Discard, "", 0)
	hello := nethttp.HandlerFunc(func(w nethttp.ResponseWriter, _ *nethttp.Request) { io.WriteString(w, "hello") })
	plain, secured := httptest.NewUnstartedServer(hello), httptest.NewUnstartedServer(hello)
	plain.Config.ErrorLog, secured.Config.ErrorLog = quiet, quiet
	plain.Start()
	secured.StartTLS()
	t.Cleanup(plain.Close)
	t.Cleanup(secured.Close)
	for url, hint := range map[string]string{
		strings.Replace(plain.URL, "http:", "https:", 1): "write http://",
		secured.URL: "write under tls `ca: FILE`",
	} {
		r := kit.Try(t, calls(1, `url: '"`+url+`"', into: a, as: text`, ", on_error: fail"), nil, nodetest.Setup{})
		if r.Err == nil || !strings.Contains(diag.HintOf(r.Err).Text, hint) {
			t.Errorf("%s: %v; the hint is %q", url, r.Err, diag.HintOf(r.Err).Text)
		}
	}
}

// dialing gives operators a network of their own.
type dialing struct {
	nodetest.Operators
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (d dialing) Operator(n *graph.Node, env *nodes.Env) (nodes.Operator, error) {
	env.Network = dialNetwork{nodetest.NewNetwork(), d.dial}
	return d.Operators.Operator(n, env)
}

// A dialNetwork dials by a function.
type dialNetwork struct {
	*nodetest.Network
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (n dialNetwork) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return n.dial(ctx, network, address)
}

// Where a redirect leads to is dialled as everything is, so that what a flow may not reach
// it does not reach by a server that sends it there.
func TestARedirectIsDialledAgain(t *testing.T) {
	var private atomic.Int64
	inner := serve(t, func() { private.Add(1) }, func(w nethttp.ResponseWriter, r *nethttp.Request) { io.WriteString(w, "geheim") })
	outer := serve(t, func() {}, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		nethttp.Redirect(w, r, inner.URL, nethttp.StatusFound)
	})
	allowed := strings.TrimPrefix(outer.URL, "http://")
	operators := dialing{kit.Registry(t), func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != allowed {
			return nil, fmt.Errorf("%s is a private address: %w", address, nodes.ErrEnclosed)
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	r := kit.Run(t, calls(1, "url: '\""+outer.URL+"/\" + string(n)', into: a", ", retry: {attempts: 5}, on_error: dead"), nil, nodetest.Setup{Operators: operators})
	if r.Err == nil || private.Load() != 0 {
		t.Errorf("the private server had %d connections: %v", private.Load(), r.Err)
	}
	says(t, r.Told(), "is a private address")
}

// A flow that is enclosed in a folder asks nobody.
func TestEnclosedFlowsAskNobody(t *testing.T) {
	var opened atomic.Int64
	s := serve(t, func() { opened.Add(1) }, func(w nethttp.ResponseWriter, r *nethttp.Request) {})
	for _, node := range []string{"{use: http.call, in: n, with: {url: %q}}", "{use: http.post, in: n, with: {url: %q}}", "{use: http.poll, with: {url: %q, every: 1s}}"} {
		dir := t.TempDir()
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		text := "nodes:\n  n: {use: generate, with: {count: 1}}\n  one: " + fmt.Sprintf(node, s.URL) + "\n"
		if !strings.Contains(node, "post") {
			text += "  out: {use: drop, in: one}\n"
		}
		flow, list := graph.Load(diag.NewSource(filepath.Join(dir, "flow.yaml"), []byte(text)), kit.Registry(t), graph.Options{Root: root})
		if list.HasErrors() {
			t.Fatal(nodetest.Printed(list))
		}
		r := kit.RunFlow(t, flow, nodetest.Setup{})
		if r.Err == nil || !strings.Contains(r.Err.Error(), "may only look into its folder") || opened.Load() != 0 {
			t.Errorf("%s: %d connections: %v", node, opened.Load(), r.Err)
		}
	}
}

// There is a proxy only where the flow says so.
func TestProxy(t *testing.T) {
	proxy := serve(t, func() {}, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		fmt.Fprintf(w, "by proxy to %s %s", r.URL, r.Header.Get("Proxy-Authorization"))
	})
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	address := strings.Replace(proxy.URL, "http://", "http://u:canary@", 1)
	for with, want := range map[string]string{
		", proxy: env":          `"a":"by proxy to http://shop.example/0 "`,
		", proxy: " + address:   `"a":"by proxy to http://shop.example/0 Basic dTpjYW5hcnk="`,
		", proxy: " + proxy.URL: `"a":"by proxy to http://shop.example/0 "`,
	} {
		r := kit.Run(t, calls(1, toNumbers+", as: text"+with, ""), nil, nodetest.Setup{})
		says(t, r.Stdout, want)
	}
	server := nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) { io.WriteString(w, "direct") })
	says(t, kit.Run(t, calls(1, toNumbers+", as: text", ""), nil, nodetest.Setup{Server: server}).Stdout, "direct")
}

// Nothing that is secret in an address, a header or a password is shown, whatever goes wrong.
func TestNothingSecretIsShown(t *testing.T) {
	var mode atomic.Value
	s := serve(t, func() {}, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/x" && r.Header.Get("X-Key") != "canary-token" {
			t.Errorf("http.call sent %q", r.Header.Get("X-Key"))
		}
		switch mode.Load() {
		case "echo":
			nethttp.Error(w, fmt.Sprint(r.Method, r.URL, r.Header), 500)
		case "moved":
			nethttp.Redirect(w, r, r.URL.String()+"/there", nethttp.StatusMovedPermanently)
		case "break":
			panic(nethttp.ErrAbortHandler)
		}
	})
	secret := strings.Replace(s.URL, "http://", "http://ann:canary-pw@", 1) + "/hooks/canary-path?sig=canary-query"
	for _, m := range []string{"echo", "moved", "break", "garbage"} {
		mode.Store(m)
		for _, node := range []string{
			`{use: http.post, in: n, with: {url: "${env:HOOK}", retry_for: 1ms, token: "${env:TOKEN}"}, on_error: dead}`,
			`{use: http.poll, with: {url: "${env:HOOK}", retry_for: 1ms, headers: {X-Key: "${env:TOKEN}"}, as: {a: int}}, on_error: dead}`,
			`{use: http.call, in: n, with: {url: "` + s.URL + `/x", basic: {user: u, password: "${env:TOKEN}"}, headers: {X-Key: "${env:TOKEN}"}, into: a, as: {a: int}}, retry: {attempts: 2, initial_interval: 1ms}, on_error: dead}`,
		} {
			dir := t.TempDir()
			text := "nodes:\n  n: {use: generate, with: {count: 1}}\n  one: " + node + "\n  bad: {use: file.write, in: one.errors, with: {path: bad.jsonl}}\n"
			if !strings.Contains(node, "post") {
				text += "  out: {use: drop, in: one}\n"
			}
			env := func(name string) (string, bool) {
				return map[string]string{"HOOK": secret, "TOKEN": "canary-token"}[strings.TrimPrefix(name, "env:")], true
			}
			flow, list := graph.Load(diag.NewSource(filepath.Join(dir, "flow.yaml"), []byte(text)), kit.Registry(t), graph.Options{LookupEnv: env})
			if list.HasErrors() {
				t.Fatal(nodetest.Printed(list))
			}
			r := kit.RunFlow(t, flow, nodetest.Setup{})
			told := fmt.Sprint(r.Told(), r.Log, r.File("bad.jsonl"), r.Report)
			one := flow.Node("one")
			for _, f := range one.Config.(nodes.Examiner).Examine(t.Context(), &nodes.Env{Node: one, Flow: flow, Workers: 1, Shared: &nodes.Resources{}}) {
				told += fmt.Sprintln(f.Peer, f.What, f.Told, f.Err)
			}
			if strings.Contains(told, "canary") {
				t.Errorf("%s, %s:\n%s", m, node, told)
			}
			if r.File("bad.jsonl") == "" && r.Err == nil && m != "garbage" {
				t.Errorf("%s, %s: nothing failed", m, node)
			}
		}
	}
}
