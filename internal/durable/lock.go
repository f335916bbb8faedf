package durable

import (
	"io"
	"os"
)

// This file locks a place for others than the sets of this package.

// Lock takes a lock for this process by a file, which it makes where it is not there, and
// leaves there. ok says that nobody else has it. Close gives it back; so does the end of the
// process.
func Lock(path string) (lock io.Closer, ok bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return nil, false, err
	}
	if ok, err = tryLock(f); !ok || err != nil {
		f.Close()
		return nil, false, err
	}
	return f, true, nil
}
