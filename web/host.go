package web

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// This file serves on a listener within limits.

// Limits of a server that faces strangers.
const (
	maxConnections = 256
	maxHeader      = 16 << 10
	maxBody        = 1 << 20
	headerTime     = 5 * time.Second
	answerTime     = 30 * time.Second // of all but the stream, which has a deadline per write
	idleTime       = time.Minute
	closeTime      = time.Second // for open streams to hear the end
)

// A host answers on a listener within the limits. Its handler is set before use.
type host struct {
	handler http.Handler

	mu     sync.Mutex
	http   *http.Server // nil before serve
	closed bool
}

// serve answers until shut, and returns nil then.
func (h *host) serve(l net.Listener) error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return l.Close()
	}
	h.http = &http.Server{
		Handler: h.handler, ReadHeaderTimeout: headerTime, ReadTimeout: answerTime, WriteTimeout: answerTime,
		IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog: quiet(), // strangers must not be able to fill the log
	}
	server := h.http
	h.mu.Unlock()
	if err := server.Serve(limited(l, maxConnections)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// shut waits a moment for requests to end and cuts off those that do not.
func (h *host) shut() {
	h.mu.Lock()
	server := h.http
	h.closed = true
	h.mu.Unlock()
	if server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		server.Close()
	}
}

// quiet is a log that keeps nothing.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// limited is a listener that hangs up on whoever comes when n connections are open.
func limited(l net.Listener, n int) net.Listener {
	return &limitedListener{l, make(chan struct{}, n)}
}

type limitedListener struct {
	net.Listener
	places chan struct{}
}

func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.places <- struct{}{}:
			return &limitedConn{Conn: conn, leave: sync.OnceFunc(func() { <-l.places })}, nil
		default:
			conn.Close()
		}
	}
}

type limitedConn struct {
	net.Conn
	leave func()
}

func (c *limitedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
