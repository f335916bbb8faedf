package brokertest

import (
	"crypto/tls"
	"net"
	"time"
)

// This file asks servers whether they answer, by the bytes of their protocols.

// packages are those of Debian that have the servers.
const packages = "redis-server mosquitto rabbitmq-server"

// dial connects to a server, for a question that is over soon.
func (s *Server) dial() (net.Conn, error) {
	const limit = 5 * time.Second
	c, err := net.DialTimeout("tcp", s.Addr(), limit)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(limit))
	if s.o.TLS == nil {
		return c, nil
	}
	// Whose certificate the server has is a question of the tests of its clients.
	config := &tls.Config{InsecureSkipVerify: true}
	if s.strict() {
		own, err := tls.X509KeyPair([]byte(s.o.TLS.Client), []byte(s.o.TLS.ClientKey))
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{own}
	}
	return tls.Client(c, config), nil
}
