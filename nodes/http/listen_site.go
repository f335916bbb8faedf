package http

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	nethttp "net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// This file has the servers. All listeners of a run at one address are one server, each
// with a path of its own.

// A site is a server at an address.
type site struct {
	server *nethttp.Server
	served chan struct{} // closed: the server has ended

	begun atomic.Bool // all listeners are there

	mu    sync.RWMutex
	paths map[string][]*listenOp
}

// Limits of a server that do not depend on what a flow wants.
const (
	headerTime   = 10 * time.Second
	idleTime     = 2 * time.Minute
	maxHeader    = 64 << 10
	goodbyeGrace = 5 * time.Second
	answerTime   = time.Minute // for an answer to be read
)

// join has the listener served: by a server of its own, or by the one at its address.
func (o *listenOp) join(ctx context.Context) (err error) {
	env, k := o.env, o.k
	var secure *tls.Config
	if k.TLS != nil {
		var err error
		if secure, err = k.TLS.Server(env); err != nil {
			return err
		}
	}
	key := fmt.Sprintf("http.listen %s tls=%v", k.Address, k.TLS != nil)
	o.site, o.release, err = nodes.Share(ctx, env, key, func(ctx context.Context) (*site, error) {
		l, err := env.Listen(ctx, "tcp", k.Address)
		if err != nil {
			return nil, err
		}
		scheme := "http"
		if secure != nil {
			secure.NextProtos = []string{"h2", "http/1.1"}
			l, scheme = tls.NewListener(l, secure), "https"
		}
		s := &site{paths: map[string][]*listenOp{k.Path: {o}}, served: make(chan struct{})}
		s.server = &nethttp.Server{
			Handler: s, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
			ErrorLog: slog.NewLogLogger(env.Log.Handler(), slog.LevelDebug), // what strangers do wrong is no event of the flow
		}
		env.Log.Info("listening", "address", scheme+"://"+l.Addr().String()+k.Path)
		go func() {
			defer close(s.served)
			s.server.Serve(l)
		}()
		return s, nil
	})
	if err != nil {
		return err
	}
	return o.site.add(k.Path, o)
}

// Close implements io.Closer. Answers that are on their way get a moment.
func (s *site) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), goodbyeGrace)
	defer cancel()
	err := s.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.server.Close()
	}
	<-s.served
	return err
}

// add gives a path to a listener. It keeps it when the listener has ended, which answers that.
func (s *site) add(path string, o *listenOp) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.paths[path], o) { // it opened the server
		return nil
	}
	for _, other := range s.paths[path] {
		for _, m := range o.k.Method {
			if slices.Contains(other.k.Method, m) {
				return fmt.Errorf("%s %s is taken by %s already: two listeners at one address need paths or methods of their own", m, path, other.env.Node.ID)
			}
		}
	}
	s.paths[path] = append(s.paths[path], o)
	return nil
}

// ServeHTTP finds the listener of a request.
func (s *site) ServeHTTP(w nethttp.ResponseWriter, r *nethttp.Request) {
	// Whoever does not read an answer holds it, and the connection, no longer than this.
	nethttp.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime))
	s.mu.RLock()
	here := slices.Clone(s.paths[r.URL.Path])
	s.mu.RUnlock()
	if len(here) == 0 {
		if !s.begun.Load() {
			unavailable(w, "the flow is about to begin")
			return
		}
		say(w, nethttp.StatusNotFound, "there is no such path here")
		return
	}
	var allowed []string
	for _, o := range here {
		if slices.Contains(o.k.Method, r.Method) {
			o.serve(w, r)
			return
		}
		allowed = append(allowed, o.k.Method...)
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	say(w, nethttp.StatusMethodNotAllowed, r.Method+" is not taken here")
}

// unavailable answers that a request may come again later.
func unavailable(w nethttp.ResponseWriter, reason string) {
	w.Header().Set("Retry-After", "5")
	say(w, nethttp.StatusServiceUnavailable, reason)
}

// say answers with a status and a reason.
func say(w nethttp.ResponseWriter, status int, reason string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write([]byte(reason + "\n"))
}
