package brokertest

import (
	"bufio"
	"fmt"
	"strconv"
	"testing"

	"github.com/flowrun/flowrun/internal/servertest"
)

// This file sets Redis up.

func setRedis(t testing.TB, s *Server) {
	program := servertest.Program(t, "redis-server", packages)
	port := strconv.Itoa(s.Port)
	lines := []string{"bind 127.0.0.1", "dir DIR", "daemonize no", "appendonly yes", "appendfsync always", `save ""`, "user default on >" + Password + " ~* &* +@all"}
	for i, user := range s.users() {
		rights := "~* &* +@all"
		if i > 0 {
			rights = "-@all"
		}
		lines = append(lines, "user "+user+" on >"+Password+" "+rights)
	}
	if s.o.TLS == nil {
		lines = append(lines, "port "+port)
	} else {
		clients := "no"
		if s.strict() {
			clients = "yes"
		}
		lines = append(lines, "port 0", "tls-port "+port, "tls-cert-file DIR/server.pem", "tls-key-file DIR/server.key", "tls-ca-cert-file DIR/ca.pem", "tls-auth-clients "+clients)
	}
	s.Argv = []string{program, s.configure(t, "redis.conf", lines...)}
	for _, a := range s.o.Args {
		s.Argv = append(s.Argv, s.In(a))
	}
}

// readyRedis asks until the data is loaded: until then Redis answers LOADING.
func readyRedis(s *Server) error {
	c, err := s.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	r := bufio.NewReader(c)
	fmt.Fprintf(c, "AUTH %s %s\r\nPING\r\n", s.user, s.password)
	for _, want := range []string{"+OK\r\n", "+PONG\r\n"} {
		got, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("answer %q of Redis", got)
		}
	}
	return nil
}
