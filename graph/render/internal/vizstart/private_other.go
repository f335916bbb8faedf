//go:build !unix

package vizstart

import "os"

// private makes the folder. Elsewhere than on unix the temp folder does not
// come from TMPDIR and belongs to the user already, so there is nothing to guard.
func private(dir string) error { return os.MkdirAll(dir, 0o700) }
