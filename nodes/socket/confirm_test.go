package socket_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// The sender is told of all of its rows, also of those that come just before a stop, and
// then the connection ends.
func TestReadConfirmed(t *testing.T) {
	for _, framing := range []string{"lines", "length"} {
		t.Run(framing, func(t *testing.T) {
			address := freePort(t)
			var text strings.Builder
			for n := range 1000 {
				row := fmt.Sprintf(`{"n":%d}`, n)
				if framing == "length" {
					text.WriteString("\x00\x00\x00" + string(rune(len(row))) + row)
				} else {
					text.WriteString(row + "\n")
				}
			}
			told := make(chan string, 1)
			flow := fmt.Sprintf("nodes:\n  in: {use: socket.read, with: {listen: 'tcp://%s', as: '{n: int}', confirm: true, framing: %s}}\n  out: {use: file.write, in: in, with: {path: '-', format: jsonl}}\n", address, framing)
			r := run(t, flow, nil, nodetest.Setup{Begun: func(stop func()) {
				go func() {
					defer stop()
					c := dial(t.Context(), "tcp", address)
					if c == nil {
						return
					}
					defer c.Close()
					io.WriteString(c, text.String())
					c.(*net.TCPConn).CloseWrite()
					all, _ := io.ReadAll(c)
					told <- string(all)
				}()
			}})
			if n := strings.Count(r.Stdout, "\n"); r.Err != nil || n != 1000 {
				t.Errorf("%v, %d rows", r.Err, n)
			}
			if all := <-told; !strings.HasSuffix("\n"+all, "\n1000\n") {
				t.Errorf("told %q", all)
			}
		})
	}
}

// certificate writes a certificate for 127.0.0.1 and its key into a folder.
func certificate(t *testing.T, dir string) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	own := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: own.Certificate[0]}, "key.pem": {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Over TLS rows arrive; a client that does not speak it is closed, and costs nobody else.
func TestTLS(t *testing.T) {
	dir, address := t.TempDir(), freePort(t)
	certificate(t, dir)
	flow := fmt.Sprintf("nodes:\n  in: {use: socket.read, with: {listen: 'tcp://%s', format: lines, tls: {cert: cert.pem, key: key.pem}}}\n  one: {use: limit, in: in, with: {count: 1}}\n  out: {use: file.write, in: one, with: {path: '-', format: lines}}\n", address)
	r := run(t, flow, nil, nodetest.Setup{Dir: dir, Begun: func(func()) {
		go func() {
			bare := dial(t.Context(), "tcp", address)
			if bare == nil {
				return
			}
			io.WriteString(bare, "in the clear\n")
			io.Copy(io.Discard, bare) // until it is closed
			bare.Close()
			c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(c, "safe\n")
			c.Close()
		}()
	}})
	if r.Err != nil || r.Stdout != "safe\n" || !strings.Contains(r.Log, "tls") {
		t.Error(r.Err, r.Stdout, r.Log)
	}
}

// A client checks the certificate of the peer.
func TestTLSOfThePeer(t *testing.T) {
	dir := t.TempDir()
	certificate(t, dir)
	own, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for with, want := range map[string]string{"tls: {ca: cert.pem}": "", "tls: {}": "certificate"} {
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{own}})
		if err != nil {
			t.Fatal(err)
		}
		heard := make(chan string, 1)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				if text, err := io.ReadAll(c); err == nil {
					heard <- string(text)
				}
				c.Close()
			}
		}()
		flow := fmt.Sprintf("nodes:\n  in: {use: generate, with: {count: 1}}\n  out: {use: socket.write, in: in, with: {connect: 'tcp://%s', reconnect_wait: 1ms, give_up: 20ms, %s}}\n", l.Addr(), with)
		r := run(t, flow, nil, nodetest.Setup{Dir: dir})
		switch {
		case want == "" && r.Err != nil, want != "" && (r.Err == nil || !strings.Contains(r.Told(), want)):
			t.Errorf("%s: %v", with, r.Err)
		case want == "":
			if got := <-heard; got != "{\"n\":0}\n" {
				t.Errorf("heard %q", got)
			}
		}
		l.Close()
	}
}
