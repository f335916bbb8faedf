package nodetest

import (
	"context"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// This file has a server for flows that talk to one, on a network within the process, so
// that such flows run in virtual time too.

// A Server answers as an example says, and keeps what it was sent.
type Server struct {
	answers map[string]string

	mu   sync.Mutex
	sent map[string]string
}

// Answering makes a server of the answers of an example (graph.Example): by method and
// address, such as "GET http://shop.example/items/7". What has no answer is not found. One
// may begin with a line that has its status, such as "HTTP 503", or how long it takes, such
// as "HTTP 1h".
func Answering(answers map[string]string) *Server {
	return &Server{answers: answers, sent: map[string]string{}}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.Method + " http://" + r.Host + r.URL.RequestURI()
	body, err := io.ReadAll(r.Body)
	answer, ok := s.answers[name]
	switch {
	case err != nil:
		return
	case !ok:
		http.NotFound(w, r)
		return
	}
	if len(body) > 0 {
		s.mu.Lock()
		s.sent[name] += string(body)
		s.mu.Unlock()
	}
	if rest, special := strings.CutPrefix(answer, "HTTP "); special {
		first, text, _ := strings.Cut(rest, "\n")
		if wait, err := time.ParseDuration(first); err == nil {
			select {
			case <-time.After(wait):
			case <-r.Context().Done():
				return
			}
		} else if status, err := strconv.Atoi(first); err == nil {
			w.WriteHeader(status)
		}
		answer = text
	}
	io.WriteString(w, answer)
}

// Sent gives what requests had as their bodies, one behind the other, by method and
// address.
func (s *Server) Sent() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.sent)
}

// A serverNetwork connects to one server, whatever the address. Nobody can listen on it.
type serverNetwork struct {
	*Network
	handler http.Handler
}

// DialContext implements nodes.Network.
func (n serverNetwork) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	here, there := net.Pipe()
	server := &http.Server{Handler: n.handler, ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(&oneConn{there})
	return here, nil
}

// A oneConn is a listener that gives one connection.
type oneConn struct{ conn net.Conn }

// Accept implements net.Listener.
func (l *oneConn) Accept() (net.Conn, error) {
	c := l.conn
	if l.conn = nil; c == nil {
		return nil, io.EOF
	}
	return c, nil
}

// Close implements net.Listener.
func (*oneConn) Close() error { return nil }

// Addr implements net.Listener.
func (*oneConn) Addr() net.Addr { return &net.UnixAddr{Name: "server", Net: "pipe"} }
