package nats

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/flowrun/flowrun/internal/servertest"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// A connection is secured as tls says, and an authority that nobody knows is told.
func TestTLS(t *testing.T) {
	a := servertest.NewAuthority(t, "authority")
	cert, key := a.Sign(t, "server", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	s := startServer(t, func(o *server.Options) {
		o.TLS, o.TLSConfig, o.TLSTimeout = true, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, 5
	})
	for with, want := range map[string]string{
		"tls: {ca: ca.pem}":      "",
		"tls: {}":                "unknown authority",
		"tls: {ca: missing.pem}": "missing.pem",
		"headers: {A: '\"b\"'}":  "unknown authority", // the server wants it, and the system does not know who vouches for it
		`headers: {A: '"b"'}, tls: {ca: ca.pem, server_name: other}`: "other",
	} {
		r := kit.Try(t, `flow: safe
nodes:
  in: {use: generate, with: {count: 3, set: {id: n}}}
  out: {use: nats.write, in: in, with: {url: "`+s.url()+`", subject: a.b, mode: core, `+with+`}}
`, map[string]string{"ca.pem": a.PEM}, nodetest.Setup{})
		if told := r.Told(); (r.Err == nil) != (want == "") || !strings.Contains(told, want) {
			t.Errorf("%s: %s, want %q", with, told, want)
		}
	}
}
