package peer_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes/peer"
)

// A server that takes only plain connections is told, whatever it does with what it does not
// understand; that a flow is stopped is not its fault.
func TestPlainServer(t *testing.T) {
	for name, c := range map[string]struct {
		server func(c net.Conn)
		stop   bool
		told   string
	}{
		"another answer": {func(c net.Conn) { io.WriteString(c, "AMQP\x00\x00\x09\x01") }, false, "does not speak TLS at this port"},
		"no answer":      {func(c net.Conn) { io.Copy(io.Discard, c) }, false, "gives no answer in TLS: context deadline exceeded"},
		"hangs up":       {func(c net.Conn) { c.Close() }, false, "gives no answer in TLS: EOF"},
		"stopped":        {func(c net.Conn) { io.Copy(io.Discard, c) }, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, its := net.Pipe()
				go func() {
					its.Read(make([]byte, 64<<10))
					go io.Copy(io.Discard, its)
					c.server(its)
				}()
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				if c.stop {
					time.AfterFunc(time.Second, stop)
				}
				_, err := peer.Secure(ctx, ours, &tls.Config{ServerName: "shop.example"}, "write redis://")
				hint := "if the server takes plain connections at this port, write redis://"
				if c.stop {
					if hint = ""; !errors.Is(err, context.Canceled) {
						t.Errorf("got %v", err)
					}
				}
				if err == nil || !strings.Contains(err.Error(), c.told) || peer.HintOf(err) != hint || diag.HintOf(peer.Hinted(err, peer.HintOf(err))).Text != hint {
					t.Errorf("got %v, hint %q", err, peer.HintOf(err))
				}
				if _, err := ours.Write([]byte("x")); err == nil {
					t.Error("the connection is open")
				}
				its.Close()
			})
		})
	}
}
