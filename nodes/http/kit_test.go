package http_test

import (
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

func TestKinds(t *testing.T) { kit.Conform(t, http.Nodes...) }

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
