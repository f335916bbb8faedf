package web_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/flowrun/flowrun/web"
)

// A wire is a listener whose connections are pipes within this process, so that a
// server and its readers can both be in a bubble of virtual time.
type wire struct {
	calls chan net.Conn
	cut   chan struct{}
	close func()
}

func newWire() *wire {
	w := &wire{calls: make(chan net.Conn), cut: make(chan struct{})}
	w.close = sync.OnceFunc(func() { close(w.cut) })
	return w
}

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.calls:
		return c, nil
	case <-w.cut:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error   { w.close(); return nil }
func (w *wire) Addr() net.Addr { return &net.UnixAddr{Name: "wire", Net: "unix"} }

func (w *wire) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case w.calls <- far:
		return near, nil
	case <-w.cut:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A caller is a reader at the other end of a wire.
type caller struct {
	t *testing.T
	http.Client
}

// onWire puts a page on a wire until the test ends, and gives a reader of it.
func onWire(t *testing.T, page *web.Server) caller {
	t.Helper()
	w := newWire()
	over := make(chan struct{})
	go func() {
		defer close(over)
		if err := page.Serve(w); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { page.Close(); <-over })
	return w.caller(t)
}

// caller gives a reader, whose connections end with the test.
func (w *wire) caller(t *testing.T) caller {
	t.Helper()
	transport := &http.Transport{DialContext: w.dial}
	t.Cleanup(transport.CloseIdleConnections)
	return caller{t, http.Client{Transport: transport}}
}

// do sends a request to a path, with headers and their values in turn.
func (c caller) do(method, path string, headers ...string) *http.Response {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, "http://localhost"+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	return res
}

// text is the whole answer to a request.
func (c caller) text(method, path string) (status int, text string) {
	c.t.Helper()
	res := c.do(method, path)
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res.StatusCode, string(all)
}

func (c caller) json(path string, v any) {
	c.t.Helper()
	if status, text := c.text("GET", path); status != http.StatusOK || json.Unmarshal([]byte(text), v) != nil {
		c.t.Fatalf("%s: %d\n%.300s", path, status, text)
	}
}
