package scheduler

import (
	"errors"

	"github.com/flowrun/flowrun/nodes"
)

// A nodeError says on its way up which node failed.
type nodeError struct {
	n   *driver
	err error
}

func (e *nodeError) Error() string { return e.err.Error() }
func (e *nodeError) Unwrap() error { return e.err }

// at makes an error one of a node, unless it is one already; what is no failure stays as
// it is.
func at(n *driver, err error) error {
	if err == nil || errors.Is(err, nodes.ErrDone) {
		return err
	}
	if _, ok := errors.AsType[*nodeError](err); ok {
		return err
	}
	return &nodeError{n, err}
}
