package brokertest

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/internal/servertest"
)

// TestKafka makes a topic, produces and consumes by Kafka's own programs.
func TestKafka(t *testing.T) {
	begin := time.Now()
	s := Start(t, Kafka, Options{})
	defer s.Close()
	t.Logf("start: %v", time.Since(begin).Round(time.Millisecond))
	tool := func(input, class string, args ...string) string {
		t.Helper()
		out, err := s.Tool(input, "org.apache.kafka.tools."+class, args...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	tool("", "TopicCommand", "--create", "--topic", "kept", "--partitions", "2")
	tool("one\ntwo\n", "ConsoleProducer", "--topic", "kept", "--command-property", "acks=all")
	consume := func() {
		t.Helper()
		out := tool("", "consumer.ConsoleConsumer", "--topic", "kept", "--from-beginning", "--max-messages", "2", "--timeout-ms", "60000")
		if !strings.Contains(out, "one\n") || !strings.Contains(out, "two\n") {
			t.Errorf("it gives %q", out)
		}
	}
	consume()
	for i, end := range []func() error{func() error { s.Kill(); return nil }, s.Stop} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
		refuses(t, s)
		begin = time.Now()
		if err := s.Again(); err != nil {
			t.Fatal(err)
		}
		t.Logf("again, after %s: %v", []string{"a kill", "a stop"}[i], time.Since(begin).Round(time.Millisecond))
		consume()
	}
	s.Close()
	gone(t, s)
}

// TestKafkaTakesTLSAndSASL uses its programs as clients that have to log in.
func TestKafkaTakesTLSAndSASL(t *testing.T) {
	ca := servertest.NewAuthority(t, "ca")
	o := &TLS{CA: ca.PEM}
	o.Cert, o.Key = ca.Sign(t, "broker.example", &x509.Certificate{DNSNames: []string{"broker.example"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	s := Start(t, Kafka, Options{TLS: o, SASL: true, Users: []string{"ann"}})
	defer s.Close()
	for _, login := range []struct {
		mechanism, class, user, password string
		fails                            bool
	}{
		{"PLAIN", "plain.Plain", "flow", Password, false},
		{"SCRAM-SHA-256", "scram.Scram", "ann", Password, false},
		{"SCRAM-SHA-512", "scram.Scram", "flow", Password, false},
		{"SCRAM-SHA-512", "scram.Scram", "flow", "other", true},
	} {
		config := filepath.Join(t.TempDir(), "client.properties")
		text := "security.protocol=SASL_SSL\nsasl.mechanism=" + login.mechanism + "\nssl.truststore.type=PEM\nssl.truststore.location=" + s.In("DIR/ca.pem") +
			"\nssl.endpoint.identification.algorithm=\nsasl.jaas.config=org.apache.kafka.common.security." + login.class + "LoginModule required username=\"" + login.user + "\" password=\"" + login.password + "\";\n"
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.internal = s.Addr()
		_, err := s.Tool("", "org.apache.kafka.tools.TopicCommand", "--list", "--command-config", config)
		if (err != nil) != login.fails {
			t.Errorf("%s as %s: %v", login.mechanism, login.user, err)
		}
	}
}

// TestTwoKafkas has them at addresses that tests choose.
func TestTwoKafkas(t *testing.T) {
	p := NewProxy(t, "")
	one := Start(t, Kafka, Options{Advertise: p.Addr()})
	defer one.Close()
	two := Start(t, Kafka, Options{Lines: []string{"message.max.bytes=1000"}})
	defer two.Close()
	p.To(one.Addr())
	one.internal = p.Addr() // from there on its clients know only the proxy
	if _, err := one.Tool("", "org.apache.kafka.tools.TopicCommand", "--create", "--topic", "one"); err != nil {
		t.Fatal(err)
	}
	if p.Accepted() < 2 {
		t.Errorf("%d connections came by the proxy, which the broker names as its address", p.Accepted())
	}
	out, err := two.Tool("", "org.apache.kafka.tools.TopicCommand", "--list")
	if err != nil || strings.Contains(out, "one") {
		t.Errorf("the second broker has the topics of the first: %q, %v", out, err)
	}
}

// TestKafkaIsNotFetched tells in one line why there is none.
func TestKafkaIsNotFetched(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if err := fetchKafka(filepath.Join(t.TempDir(), "jars")); err == nil || !strings.Contains(err.Error(), "mvn is not installed") {
		t.Errorf("%v", err)
	}
	mvn := "#!/bin/sh\necho '[INFO] x'\necho '[ERROR] no route to the registry'\necho '[ERROR] more'\nexit 1\n"
	if err := os.WriteFile(filepath.Join(os.Getenv("PATH"), "mvn"), []byte(mvn), 0o755); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := fetchKafka(filepath.Join(dir, "jars")); err == nil || !strings.HasSuffix(err.Error(), "exit status 1: [ERROR] no route to the registry") {
		t.Errorf("%v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
}
