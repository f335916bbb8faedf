package nats

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file says what errors mean.

// A final error is one that another session would have, too.
type final struct {
	error
	hint string
}

func (f final) Unwrap() error   { return f.error }
func (f final) Hint() diag.Hint { return diag.Hint{Text: f.hint} }

func finally(hint, format string, args ...any) error {
	return final{fmt.Errorf(format, args...), hint}
}

// none is for a stream that is not there: at first that is a mistake of the flow, later somebody
// may be about to make it again.
func none(first bool, hint, format string, args ...any) error {
	if first {
		return finally(hint, format, args...)
	}
	return peer.Hinted(fmt.Errorf(format, args...), hint)
}

// advised adds what to do to an error of opening a session.
func (l *Link) advised(err error) error {
	if _, ok := errors.AsType[final](err); ok {
		return err
	}
	var record tls.RecordHeaderError
	switch hint := peer.HintOf(err); {
	case hint != "":
		return peer.Hinted(err, hint)
	case errors.Is(err, client.ErrAuthorization), errors.Is(err, client.ErrAuthExpired), errors.Is(err, client.ErrAuthRevoked), errors.Is(err, client.ErrAccountAuthExpired):
		return final{err, "look at the user and the password of the url, or give credentials, an nkey or a token"}
	case errors.Is(err, client.ErrPermissionViolation):
		return final{err, "the permissions of the user in the server must allow it"}
	case errors.Is(err, client.ErrSecureConnRequired):
		return final{err, "the server takes only secured connections: write tls:// or `tls: {}`"}
	case errors.Is(err, client.ErrSecureConnWanted):
		return final{err, "the server has no TLS: write nats://, and leave out `tls`"}
	case errors.Is(err, client.ErrNkeysNotSupported), errors.Is(err, client.ErrNkeyButNoSigCB):
		return final{err, "the server does not know nkeys"}
	case errors.As(err, &record):
		return peer.Hinted(err, "it does not speak TLS at this port: write nats://, and leave out `tls`")
	}
	return err
}

// lost reports whether another session may not have an error.
func lost(err error) bool {
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate), errors.Is(err, errAddress), errors.Is(err, nodes.ErrEnclosed):
		return false
	}
	_, ok := errors.AsType[final](err)
	return !ok
}

// noJetStream reports whether nobody has answered for JetStream, or it is off.
func noJetStream(err error) bool {
	return errors.Is(err, client.ErrNoResponders) || errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount)
}

// explained says what an error of a question to JetStream means. first: no session was there
// before.
func (l *Link) explained(err error, first bool) error {
	var api *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case noJetStream(err) && first:
		return finally("start the server with JetStream: nats-server -js; or leave out stream and durable", "the server has no JetStream: %w", err)
	case errors.As(err, &api) && api.Code >= 400 && api.Code < 500 && api.Code != 429 && api.Code != 408:
		return final{err, "the server does not take that"}
	}
	return l.advised(err)
}

// clean leaves a word of the client out that is in front of all its errors.
func clean(err error) string { return strings.TrimPrefix(err.Error(), "nats: ") }
