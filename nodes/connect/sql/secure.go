package sql

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"

	maria "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/flowrun/flowrun/nodes/peer"
)

// This file says what to do about connections that a server does not take, or that are not
// as safe as they must be.

const (
	wantsTLS = "if the server takes only secured connections, write `tls: {}`"
	noTLS    = "turn it on in the server, or leave out `tls`"
)

// advised adds what to do to an error of opening a session.
func (l *Link) advised(err error) error {
	if hint := peer.HintOf(err); hint != "" {
		if plain := peer.Plain(err); plain != nil {
			err = cleanError{err, plain.Error()}
		}
		return peer.Hinted(err, hint)
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case e.Code == "28000" && strings.Contains(e.Message, "client certificate"):
			return peer.Hinted(err, peer.OwnCertificate)
		case e.Code == "28000" && strings.Contains(e.Message, "no encryption"):
			return peer.Hinted(err, wantsTLS+", or leave out sslmode=disable")
		}
		return err
	}
	if e, ok := errors.AsType[*maria.MySQLError](err); ok {
		switch {
		case e.Number == 3159 || e.Number == 1045 && !l.secured():
			return peer.Hinted(err, wantsTLS)
		case e.Number == 1045 && (l.TLS == nil || l.TLS.Cert == ""):
			return peer.Hinted(err, "if the user needs a certificate, "+peer.OwnCertificate)
		}
		return err
	}
	if broken(err) && l.TLS != nil && l.TLS.Cert != "" { // it may have ended before its reason was read
		return peer.Hinted(err, "if the server does not take the certificate, "+peer.OwnCertificate)
	}
	if errors.Is(err, maria.ErrNoTLS) || strings.Contains(err.Error(), "server refused TLS connection") {
		return peer.Hinted(cleanError{err, "the server has no TLS"}, noTLS)
	}
	return err
}

// secured reports whether the connection to a MySQL server is.
func (l *Link) secured() bool {
	a, err := addressOf(l.URL)
	return l.TLS != nil || err == nil && a.params.Get("tls") != "" && a.params.Get("tls") != "false"
}

// broken reports whether a client says that the connection has ended, and no more than
// that.
func broken(err error) bool {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Op == "read" || e.Op == "write"
	}
	return errors.Is(err, maria.ErrInvalidConn) || errors.Is(err, driver.ErrBadConn)
}

// A hearer keeps what the client of MySQL logs, which is why a connection has ended: its
// errors say only that it has.
type hearer struct{ last error }

// Print implements the logger of the client.
func (h *hearer) Print(v ...any) {
	for _, x := range v {
		if err, ok := x.(error); ok {
			h.last = err
		}
	}
}

// told adds why a connection has ended, if that was heard.
func (h *hearer) told(err error) error {
	if err.Error() == "bad connection" { // one of the client's own, for a connection that ends in the handshake
		err = driver.ErrBadConn
	}
	if h.last != nil && broken(err) {
		return fmt.Errorf("%w: %w", err, h.last)
	}
	return err
}
