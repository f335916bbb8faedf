package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
)

// policy lets the page use its own files and nothing else; no markup has style= or
// an inline script.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// guard is what every request passes first.
func (s *Server) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusForbidden, "this request came from another site")
	}))
	next = http.MaxBytesHandler(origin.Handler(next), maxBody)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch {
		case r.URL.Path == "/healthz" || r.URL.Path == "/readyz":
			// Probes know neither the token nor a name of this machine.
		case s.options.Token == "" && !loopback(r.Host):
			refuse(w, http.StatusForbidden, "this page answers on localhost only; --ui-token lets it answer elsewhere")
			return
		case s.options.Token != "" && !s.admitted(w, r):
			return
		case s.options.ReadOnly && r.Method == http.MethodPost:
			refuse(w, http.StatusForbidden, "this page is read only")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuse answers with a sentence.
func refuse(w http.ResponseWriter, code int, why string) { http.Error(w, why, code) }

// loopback reports whether a Host header names this machine by a name that no
// other server of names decides about.
func loopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if ip := net.ParseIP(name); ip != nil {
		return ip.IsLoopback()
	}
	return strings.EqualFold(name, "localhost")
}

// admitted looks for the token: in the header Authorization, in the cookie, or in
// the address that was printed, which then becomes the cookie. If it is not there,
// the request is answered.
func (s *Server) admitted(w http.ResponseWriter, r *http.Request) bool {
	if given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && s.isToken(given) {
		return true
	}
	if c, err := r.Cookie(s.cookieName()); err == nil && s.isToken(c.Value) {
		return true
	}
	if r.URL.Path == "/" && r.Method == http.MethodGet && s.isToken(r.URL.Query().Get("token")) {
		http.SetCookie(w, &http.Cookie{Name: s.cookieName(), Value: s.options.Token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
		// The token must not stay in the address bar or the history.
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return false
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="flowrun"`)
	refuse(w, http.StatusUnauthorized, "this page needs its token: open the address that flowrun printed when it started")
	return false
}

func (s *Server) isToken(given string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(s.options.Token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// cookieName differs from page to page, for cookies do not know ports.
func (s *Server) cookieName() string {
	sum := sha256.Sum256([]byte("name:" + s.options.Token))
	return "flowrun-" + hex.EncodeToString(sum[:4])
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
