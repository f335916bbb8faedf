package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// This file secures connections.

// handshakeTime bounds how long the securing of a connection may take.
const handshakeTime = 10 * time.Second

// Secure secures a connection to a server, and closes it if that fails. A server that takes only
// plain connections says so in no way that all have in common: it answers something else, hangs
// up, or waits for more. The error tells of that then, and its hint says how a plain connection is
// written: plain is such as "write redis://, and leave out `tls`".
func Secure(ctx context.Context, c net.Conn, config *tls.Config, plain string) (net.Conn, error) {
	within, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	safe := tls.Client(c, config)
	err := safe.HandshakeContext(within)
	if err == nil {
		return safe, nil
	}
	c.Close()
	if _, other := errors.AsType[tls.RecordHeaderError](err); other {
		return nil, &noTLS{errors.New("the server does not speak TLS at this port"), err, plain}
	}
	for _, silent := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, os.ErrDeadlineExceeded, context.DeadlineExceeded} {
		if errors.Is(err, silent) {
			return nil, &noTLS{fmt.Errorf("the server gives no answer in TLS: %w", err), err, plain}
		}
	}
	return nil, err
}

// A noTLS is the error of a connection to a server that seems to take only plain ones.
type noTLS struct {
	error
	cause error
	plain string
}

func (e *noTLS) Unwrap() error { return e.cause }

func (e *noTLS) hint() string {
	return "if the server takes plain connections at this port, " + e.plain
}
