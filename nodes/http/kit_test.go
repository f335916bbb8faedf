package http_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes/http"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// kit runs flows with all kinds that come with flowrun.
var kit = nodetest.New(std.Nodes)

func TestKinds(t *testing.T) {
	kit.Peers("http.listen", customers).Peers("http.reply", asker).Conform(t, http.Nodes...)
}

// serve starts a server on the loopback network. opened is called for each connection.
func serve(t testing.TB, opened func(), f nethttp.HandlerFunc) *httptest.Server {
	s := httptest.NewUnstartedServer(f)
	s.Config.ConnState = func(_ net.Conn, state nethttp.ConnState) {
		if state == nethttp.StateNew {
			opened()
		}
	}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func says(t testing.TB, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("no word of %q in\n%s", w, text)
		}
	}
}

// customers send the orders of the example, and stop the flow.
func customers(ctx context.Context, n *nodetest.Network, stop func()) {
	if !n.Await(ctx, "127.0.0.1:8080") {
		return
	}
	client := n.Client()
	defer client.CloseIdleConnections()
	for _, order := range []string{`{"id": 1, "amount": 9.5}`, `{"id": 2, "amount": 20}`} {
		post(ctx, client, "http://127.0.0.1:8080/orders", order)
	}
	stop()
}

// asker asks for a price, as in the example, and stops the flow.
func asker(ctx context.Context, n *nodetest.Network, stop func()) {
	if !n.Await(ctx, "127.0.0.1:8080") {
		return
	}
	client := n.Client()
	defer client.CloseIdleConnections()
	post(ctx, client, "http://127.0.0.1:8080/price", `{"qty": 2}`)
	stop()
}

// post sends a body and gives the status and the answer.
func post(ctx context.Context, client *nethttp.Client, url, body string) string {
	r, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	res, err := client.Do(r)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return fmt.Sprintf("%d %s", res.StatusCode, strings.TrimSpace(string(text)))
}
