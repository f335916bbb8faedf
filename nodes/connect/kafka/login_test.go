package kafka

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/internal/brokertest"
	"github.com/flowrun/flowrun/internal/servertest"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file logs in to a real broker, by TLS.

// Every mechanism logs in over a connection that is secured; what a broker refuses says what to
// do about it, and nobody tells the password.
func TestLogin(t *testing.T) {
	if at := os.Getenv("FLOWRUN_KAFKA"); at == "" || strings.Contains(at, ":") {
		t.Skip("this starts a broker of its own: make kafka")
	}
	ca := servertest.NewAuthority(t, "ca")
	o := &brokertest.TLS{CA: ca.PEM}
	o.Cert, o.Key = ca.Sign(t, "broker.example", &x509.Certificate{DNSNames: []string{"broker.example"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	s := brokertest.Start(t, brokertest.Kafka, brokertest.Options{TLS: o, SASL: true})
	t.Cleanup(s.Close)
	if _, err := s.Tool("", "org.apache.kafka.tools.TopicCommand", "--create", "--topic", "open"); err != nil {
		t.Fatal(err)
	}
	const secure = ", tls: {ca: ca.pem, server_name: broker.example}"
	login := func(mechanism, password string) string {
		return ", sasl: {mechanism: " + mechanism + ", user: flow, password: '" + password + "'}"
	}
	wrong := "no" + brokertest.Password
	for with, want := range map[string]string{
		secure + login("plain", brokertest.Password):                                 "",
		secure + login("scram-sha-256", brokertest.Password):                         "",
		secure + login("scram-sha-512", brokertest.Password):                         "",
		secure + login("plain", wrong):                                               "look at the user and the password under sasl",
		secure + login("scram-sha-512", wrong):                                       "look at the user and the password under sasl",
		secure:                                                                       "write it under sasl",
		login("plain", brokertest.Password):                                          "tls: {}",
		", tls: {server_name: broker.example}" + login("plain", brokertest.Password): "write under tls `ca: FILE`",
		", tls: {ca: ca.pem}" + login("plain", brokertest.Password):                  "write the name that the certificate has",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "ca.pem"), []byte(ca.PEM), 0o600); err != nil {
			t.Fatal(err)
		}
		r := kit.Try(t, `flow: f
nodes:
  in: {use: generate, with: {count: 10}}
  out: {use: kafka.write, in: in, with: {brokers: '`+s.Addr()+`', topic: open`+with+`}}
`, nil, nodetest.Setup{Dir: dir})
		hidden := strings.ReplaceAll(strings.ReplaceAll(with, wrong, "WRONG"), brokertest.Password, "PASSWORD")
		if told := r.Log + r.Told(); strings.Contains(told, brokertest.Password) {
			t.Errorf("%s: the password is told: %s", hidden, told)
		}
		if want == "" && r.Err != nil || want != "" && (r.Err == nil || !strings.Contains(nodetest.HintOf(r.Err), want)) {
			t.Errorf("%s: got %v, and the hint %q, want %q", hidden, r.Err, nodetest.HintOf(r.Err), want)
		}
	}
}
