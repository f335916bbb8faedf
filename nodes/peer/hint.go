package peer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file says what to do about errors of peers.

// HintOf is what to do about an error of TLS, "" if it is none, or nobody knows.
func HintOf(err error) string {
	if e, ok := errors.AsType[*noTLS](err); ok {
		return e.hint()
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return "renew the certificate of the server, or look at the clock of this machine"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "write under tls `ca: FILE`, the certificate that vouches for the server"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "write the name that the certificate has into the address, or under tls `server_name: NAME`"
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "remote error" && strings.Contains(e.Error(), "certificate") {
		return OwnCertificate
	}
	if PlainHTTP(err) {
		return "the server takes plain connections at this port: write http:// or ws:// in place of https:// or wss://"
	}
	return ""
}

// PlainHTTP reports whether an HTTP server without TLS has answered to TLS. The client of Go has
// no type for that.
func PlainHTTP(err error) bool {
	return err != nil && strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

// OwnCertificate is what to do where a server does not take the own certificate, or wants
// one.
const OwnCertificate = "write under tls `cert: FILE` and `key: FILE`, a certificate that the server trusts and that has not expired"

// Plain is the error of TLS within an error, in its own words; nil if there is none.
func Plain(err error) error {
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return e
	}
	return nil
}

// Hinted adds to an error what to do about it, "" if nobody knows.
func Hinted(err error, hint string) error {
	if err == nil || hint == "" {
		return err
	}
	return hinted{err, hint}
}

type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error   { return h.error }
func (h hinted) Hint() diag.Hint { return diag.Hint{Text: h.hint} }
