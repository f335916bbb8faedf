package nodes

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"time"
)

// This file is what a kind may do outside of the flow. It asks Env for it and nobody
// else, so that there is one place that refuses: a flow whose writer is not trusted
// sees one folder, and nothing beside it.

// ErrEnclosed is what an enclosed flow is refused with; see graph.Flow.Enclosed.
var ErrEnclosed = errors.New("this flow may only look into its folder")

// An enclosedError says what an enclosed flow may not do.
type enclosedError struct{ what string }

func (r enclosedError) Error() string { return r.what + ": " + ErrEnclosed.Error() }
func (r enclosedError) Unwrap() error { return ErrEnclosed }

// may reports by an error whether the flow may do something outside.
func (e *Env) may(what string) error {
	if e.Flow.Enclosed() {
		return enclosedError{what}
	}
	return nil
}

// MayWrite reports by an error whether the flow may write files.
func (e *Env) MayWrite() error { return e.may("it writes no files") }

// Open opens a file of the settings for reading; see Path.
func (e *Env) Open(path string) (*os.File, error) { return e.Flow.Open(e.Path(path)) }

// dialTimeout bounds how long a connection may take to be made.
const dialTimeout = 30 * time.Second

// Dial makes a connection, as net.Dialer does. Clients that dial by themselves are
// given it as their dial function.
func (e *Env) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := e.may("it opens no connection to " + address); err != nil {
		return nil, err
	}
	if e.Network != nil {
		return e.Network(ctx, network, address)
	}
	d := net.Dialer{Timeout: dialTimeout}
	return d.DialContext(ctx, network, address)
}

// Listen waits for connections at an address, such as 127.0.0.1:8080 or, for the network
// unix, a path; see Path.
func (e *Env) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	if err := e.may("it waits for no connection at " + address); err != nil {
		return nil, err
	}
	var c net.ListenConfig
	return c.Listen(ctx, network, address)
}

// ListenPacket is Listen for networks of packets, such as udp.
func (e *Env) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	if err := e.may("it waits for no packet at " + address); err != nil {
		return nil, err
	}
	var c net.ListenConfig
	return c.ListenPacket(ctx, network, address)
}

// Command makes a command to be started: argv are the program and its arguments, no
// shell. It works in the folder of the flow and is killed when ctx ends.
func (e *Env) Command(ctx context.Context, argv ...string) (*exec.Cmd, error) {
	if len(argv) == 0 {
		return nil, errors.New("a command needs a program")
	}
	if err := e.may("it starts no program, not " + argv[0]); err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Dir = e.Flow.Dir
	return c, nil
}
