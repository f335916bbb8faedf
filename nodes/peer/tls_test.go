package peer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// authority makes certificates into a folder.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, dir, name string) *authority {
	a := &authority{t: t, dir: dir}
	a.cert, a.key = a.sign(name, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// sign writes NAME.pem and NAME.key, signed by the authority, or by itself if that has no
// certificate yet.
func (a *authority) sign(name string, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, by := c, key
	if a.cert != nil {
		parent, by = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	if err != nil {
		a.t.Fatal(err)
	}
	made, _ := x509.ParseCertificate(der)
	secret, _ := x509.MarshalECPrivateKey(key)
	for ext, block := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(a.dir, name+ext), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return made, key
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	ca, other := newAuthority(t, dir, "ca"), newAuthority(t, dir, "other")
	ca.sign("server", &x509.Certificate{DNSNames: []string{"shop.example"}})
	ca.sign("client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	other.sign("stranger", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	key, err := os.ReadFile(filepath.Join(dir, "client.key"))
	if err != nil {
		t.Fatal(err)
	}
	env := &nodes.Env{Flow: &graph.Flow{Dir: dir}}
	open := &peer.TLS{Cert: "server.pem", Key: config.NewSecret("server.key")}
	mutual := &peer.TLS{Cert: "server.pem", Key: config.NewSecret("server.key"), ClientCA: "ca.pem"}
	for name, c := range map[string]struct {
		server, client *peer.TLS
		host           string
		want           string // a part of the error; "": none
	}{
		"good":                    {open, &peer.TLS{CA: "ca.pem"}, "shop.example", ""},
		"not trusted":             {open, &peer.TLS{CA: "other.pem"}, "shop.example", "unknown authority"},
		"the system's trust":      {open, nil, "shop.example", "certificate"},
		"another name":            {open, &peer.TLS{CA: "ca.pem"}, "bank.example", "shop.example"},
		"another name, told":      {open, &peer.TLS{CA: "ca.pem", ServerName: "shop.example"}, "10.0.0.1", ""},
		"not checked":             {open, &peer.TLS{Insecure: true}, "bank.example", ""},
		"mutual":                  {mutual, &peer.TLS{CA: "ca.pem", Cert: "client.pem", Key: config.NewSecret("client.key")}, "shop.example", ""},
		"mutual, key as a secret": {mutual, &peer.TLS{CA: "ca.pem", Cert: "client.pem", Key: config.NewSecret(string(key))}, "shop.example", ""},
		"mutual, no certificate":  {mutual, &peer.TLS{CA: "ca.pem"}, "shop.example", "certificate required"},
		"mutual, a stranger":      {mutual, &peer.TLS{CA: "ca.pem", Cert: "stranger.pem", Key: config.NewSecret("stranger.key")}, "shop.example", "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			server, err := c.server.Server(env)
			if err != nil {
				t.Fatal(err)
			}
			client, err := c.client.Client(env, c.host)
			if err != nil {
				t.Fatal(err)
			}
			err = talk(t, server, client)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	for name, wrong := range map[string]*peer.TLS{
		"has no certificate":   {CA: "ca.key"},
		"no such file":         {CA: "none.pem"},
		"both cert and key":    {Cert: "client.pem"},
		"neither a file nor":   {Cert: "client.pem", Key: config.NewSecret("geheim")},
		"private key does not": {Cert: "client.pem", Key: config.NewSecret("server.key")},
	} {
		if _, err := wrong.Client(env, "h"); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("got %v, want %s", err, name)
		}
	}
}

// talk sends a byte from a server to a client.
func talk(t *testing.T, server, client *tls.Config) error {
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err == nil {
			c.Write([]byte("x"))
			c.Close()
		}
	}()
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	_, err = io.ReadAll(tls.Client(raw, client))
	return err
}
