package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"regexp"
	"strings"
)

// This file decides who may come in, and what a page may load.

// policy lets the page use its own files and nothing else; no markup has style= or
// an inline script.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// framePolicy is that of a page which other origins may show in a frame.
func framePolicy(origins []string) string {
	return strings.Replace(policy, "frame-ancestors 'none'", "frame-ancestors "+strings.Join(origins, " "), 1)
}

var origin = regexp.MustCompile(`^https?://[a-zA-Z0-9.-]+(:[0-9]{1,5})?$`)

// isOrigin reports whether a text is a scheme, a host and perhaps a port: no path, no
// wildcard, nothing that would end a directive of the policy.
func isOrigin(text string) bool { return origin.MatchString(text) }

// filePolicy is that of a drawing, which has its style sheet inside and is shown
// alone or as an image.
const filePolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

// A gate decides who may come in.
type gate struct {
	token    string // "": whoever is on this machine
	readOnly bool
}

// guard is what every request passes first.
func (g gate) guard(next http.Handler) http.Handler {
	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusForbidden, "this request came from another site")
	}))
	next = http.MaxBytesHandler(sameOrigin.Handler(next), maxBody)
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
		case g.token == "" && !loopback(r.Host):
			refuse(w, http.StatusForbidden, "this answers on localhost only; a token lets it answer elsewhere")
			return
		case g.token != "" && !g.admitted(w, r):
			return
		case g.readOnly && r.Method == http.MethodPost:
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
func (g gate) admitted(w http.ResponseWriter, r *http.Request) bool {
	if given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && g.isToken(given) {
		return true
	}
	if c, err := r.Cookie(g.cookieName()); err == nil && g.isToken(c.Value) {
		return true
	}
	if r.URL.Path == "/" && r.Method == http.MethodGet && g.isToken(r.URL.Query().Get("token")) {
		http.SetCookie(w, &http.Cookie{Name: g.cookieName(), Value: g.token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
		// The token must not stay in the address bar or the history.
		rest := r.URL.Query()
		rest.Del("token")
		http.Redirect(w, r, strings.TrimSuffix("/?"+rest.Encode(), "?"), http.StatusSeeOther)
		return false
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="flowrun"`)
	refuse(w, http.StatusUnauthorized, "this page needs its token: open the address that flowrun printed when it started")
	return false
}

func (g gate) isToken(given string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(g.token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// cookieName differs from page to page, for cookies do not know ports.
func (g gate) cookieName() string {
	sum := sha256.Sum256([]byte("name:" + g.token))
	return "flowrun-" + hex.EncodeToString(sum[:4])
}
