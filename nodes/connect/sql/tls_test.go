package sql

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/internal/dbtest"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file talks TLS to servers: to some that insist on it, and to some that have none.

// secured starts a server that takes no connection without TLS, and from the user strict
// none without a certificate of its own. The folder has the certificates of clients.
func secured(t *testing.T, d dialect) (s *dbtest.Server, dir string) {
	t.Helper()
	dir = t.TempDir()
	ca, other := dbtest.NewAuthority(t, "ca"), dbtest.NewAuthority(t, "other")
	cert, key := ca.Sign(t, "db.example", &x509.Certificate{DNSNames: []string{"db.example"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	ofClient := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	mine, myKey := ca.Sign(t, "strict", &x509.Certificate{ExtKeyUsage: ofClient})
	strange, strangeKey := other.Sign(t, "strict", &x509.Certificate{ExtKeyUsage: ofClient})
	late, lateKey := ca.Sign(t, "strict", &x509.Certificate{ExtKeyUsage: ofClient, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)})
	for name, text := range map[string]string{"ca.pem": ca.PEM, "other.pem": other.PEM, "mine.pem": mine, "mine.key": myKey, "strange.pem": strange, "strange.key": strangeKey, "late.pem": late, "late.key": lateKey} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o := dbtest.Options{
		Files: []dbtest.File{{Name: "ca.pem", Text: ca.PEM}, {Name: "server.pem", Text: cert}, {Name: "server.key", Text: key}},
		Ready: func(s *dbtest.Server) error {
			db, err := openTLS(s.URL, dir, &peer.TLS{CA: "ca.pem", ServerName: "db.example"})
			if err == nil {
				db.close()
			}
			return err
		},
		Init: "CREATE USER IF NOT EXISTS strict@'%' IDENTIFIED BY '" + canary + "' REQUIRE X509;\nGRANT ALL ON *.* TO strict@'%';\n",
		HBA:  "hostssl all flow 127.0.0.1/32 scram-sha-256\nhostssl all strict 127.0.0.1/32 scram-sha-256 clientcert=verify-full\n",
		Args: []string{"--ssl-ca=DIR/ca.pem", "--ssl-cert=DIR/server.pem", "--ssl-key=DIR/server.key", "--require-secure-transport=ON"},
	}
	if d == postgres {
		o.Args = []string{"-c", "ssl=on", "-c", "ssl_ca_file=DIR/ca.pem", "-c", "ssl_cert_file=DIR/server.pem", "-c", "ssl_key_file=DIR/server.key"}
	}
	s = dbtest.Start(t, brands[d], o)
	t.Cleanup(s.Close)
	if d == postgres {
		db, err := openTLS(s.URL, dir, &peer.TLS{CA: "ca.pem", ServerName: "db.example"})
		if err != nil {
			t.Fatal(err)
		}
		defer db.close()
		run(t, db, "CREATE ROLE strict LOGIN PASSWORD '"+canary+"'")
	}
	return s, dir
}

func openTLS(url, dir string, of *peer.TLS) (session, error) {
	l := &Link{URL: config.NewURL(url), TLS: of}
	s, err := l.open(context.Background(), &nodes.Env{Flow: &graph.Flow{Dir: dir}}, toRead)
	return s, l.clean(err)
}

// encrypted asks the server whether the session is.
var encrypted = map[dialect]string{
	postgres: "SELECT CASE WHEN ssl THEN version ELSE '' END FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
	mysql:    "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_version'",
}

func TestTLS(t *testing.T) {
	for _, d := range []dialect{postgres, mysql} {
		t.Run(d.String(), func(t *testing.T) {
			s, dir := secured(t, d)
			strict := strings.Replace(s.URL, "//flow:", "//strict:", 1)
			good := func(t peer.TLS) *peer.TLS {
				t.CA, t.ServerName = "ca.pem", "db.example"
				return &t
			}
			key := func(name string) config.Secret { return config.NewSecret(name) }
			for name, c := range map[string]struct {
				url        string
				tls        *peer.TLS
				want, hint string // "": it goes well
			}{
				"good":                        {s.URL, good(peer.TLS{}), "", ""},
				"another authority":           {s.URL, &peer.TLS{CA: "other.pem", ServerName: "db.example"}, "unknown authority", "`ca: FILE`"},
				"the system's authorities":    {s.URL, &peer.TLS{ServerName: "db.example"}, "unknown authority", "`ca: FILE`"},
				"another name":                {s.URL, &peer.TLS{CA: "ca.pem", ServerName: "bank.example"}, "db.example", "`server_name: NAME`"},
				"an address for a name":       {s.URL, &peer.TLS{CA: "ca.pem"}, "127.0.0.1", "`server_name: NAME`"},
				"not checked":                 {s.URL, &peer.TLS{Insecure: true}, "", ""},
				"own certificate":             {strict, good(peer.TLS{Cert: "mine.pem", Key: key("mine.key")}), "", ""},
				"no own certificate":          {strict, good(peer.TLS{}), map[dialect]string{postgres: "certificate", mysql: "Access denied"}[d], "`cert: FILE`"},
				"a stranger's certificate":    {strict, good(peer.TLS{Cert: "strange.pem", Key: key("strange.key")}), "", "`cert: FILE`"},
				"a certificate that is over":  {strict, good(peer.TLS{Cert: "late.pem", Key: key("late.key")}), "", "`cert: FILE`"},
				"without, where it is needed": {s.URL, nil, "", "`tls: {}`"},
			} {
				t.Run(name, func(t *testing.T) {
					db, err := openTLS(c.url, dir, c.tls)
					if c.want == "" && c.hint == "" {
						if err != nil {
							t.Fatalf("%v (%s)", err, diag.HintOf(err))
						}
						defer db.close()
						if got, err := collect(t.Context(), db, encrypted[d]); err != nil || !strings.HasPrefix(got[0][0], "TLSv1.") {
							t.Errorf("the session has %v, want TLS (%v)", got, err)
						}
						return
					}
					if err == nil {
						db.close()
						t.Fatal("it connects")
					}
					hint := fmt.Sprint(diag.HintOf(err))
					noCanary(t, err.Error(), hint)
					t.Logf("%v\nhint: %s", err, hint)
					if !strings.Contains(err.Error(), c.want) || !strings.Contains(hint, c.hint) {
						t.Errorf("got %v, hint %s; want %s, %s", err, hint, c.want, c.hint)
					}
				})
			}
		})
		t.Run(d.String()+" without TLS", func(t *testing.T) {
			url, _ := database(t, d, "")
			_, err := openTLS(url, t.TempDir(), &peer.TLS{})
			if err == nil || !strings.Contains(fmt.Sprint(diag.HintOf(err)), "`tls`") {
				t.Errorf("got %v, hint %s", err, diag.HintOf(err))
			}
			t.Logf("%v\nhint: %s", err, diag.HintOf(err))
		})
	}
}
