package amqp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"

	client "github.com/rabbitmq/amqp091-go"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file says what the errors of a broker mean, and what to do about them.

var (
	errAddress   = errors.New("the url is no address of AMQP")
	errCancelled = errors.New("the broker has ended the subscription: the queue was deleted, or has moved")
	errClosed    = errors.New("the channel has ended")
	errNacked    = errors.New("the broker does not take the message now: its queue is full, or cannot be reached")
)

// A fault is an error of the broker, in words.
type fault struct {
	of   *client.Error
	hint string
}

func (f *fault) Error() string   { return fmt.Sprintf("%s: %s (%d)", theServer, f.of.Reason, f.of.Code) }
func (f *fault) Unwrap() error   { return f.of }
func (f *fault) Hint() diag.Hint { return diag.Hint{Text: f.hint} }

// advised adds what to do to an error.
func advised(err error) error {
	if _, ok := errors.AsType[*fault](err); ok {
		return err
	}
	if e, ok := errors.AsType[*client.Error](err); ok {
		if e.Code == client.FrameError && !e.Server { // so the client calls every end of a connection
			return fmt.Errorf("the connection to %s has ended: %s", theServer, e.Reason)
		}
		if guessed(e) {
			return peer.Hinted(fmt.Errorf("the connection to %s has ended during the login", theServer), "if it stays so, look at the user, the password and the vhost of the url, and at the log of the broker")
		}
		return &fault{e, remedy(e)}
	}
	hint := peer.HintOf(err)
	switch {
	case hint != "":
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		hint = "look at the port of the url; if the broker takes only secured connections, write amqps:// or `tls: {}`"
	default:
		return err
	}
	return peer.Hinted(err, hint)
}

// guessed reports whether an error is what the client makes of a connection that ends during
// the login. A broker of today says so itself where it refuses one.
func guessed(e *client.Error) bool { return e == client.ErrCredentials || e == client.ErrVhost }

// remedy is what to do about an error of the broker, "" if nobody knows.
func remedy(e *client.Error) string {
	has := func(word string) bool { return strings.Contains(e.Reason, word) }
	switch e.Code {
	case client.AccessRefused:
		if has("username or password") || has("Login was refused") || has("SASL") {
			return "look at the user and the password of the url: amqp://USER:${env:AMQP_PASSWORD}@HOST"
		}
		if has("vhost") {
			return "the user may not use the vhost: see rabbitmqctl list_permissions"
		}
		return "the user may not do that: see rabbitmqctl list_permissions"
	case client.NotFound:
		if has("queue") {
			return "write the name of a queue that is there, or `declare: {}`, which makes it"
		}
		return "make the exchange first, or write the name of one that is there"
	case client.ResourceLocked:
		return "another connection has the queue for itself"
	case client.PreconditionFailed:
		if has("inequivalent") {
			return "the queue is there, and is another one: write under declare what it has, or leave declare out"
		}
	case client.NotAllowed:
		if has("refused for user") {
			return "the user may not use the vhost: see rabbitmqctl list_permissions"
		}
		if has("vhost") {
			return "look at the vhost, the name behind the host of the url; none is the vhost /"
		}
	}
	return ""
}

// lost reports whether another session may not have an error.
func lost(err error) bool {
	if e, ok := errors.AsType[*client.Error](err); ok && !guessed(e) {
		switch e.Code {
		case client.AccessRefused, client.NotFound, client.ResourceLocked, client.NotAllowed, client.NotImplemented, client.SyntaxError, client.CommandInvalid:
			return false
		case client.PreconditionFailed:
			return strings.Contains(e.Reason, "timed out") || strings.Contains(e.Reason, "message size")
		}
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return false
	}
	return !errors.Is(err, errAddress) && !errors.Is(err, nodes.ErrEnclosed)
}
