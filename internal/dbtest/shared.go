package dbtest

import (
	"os/exec"
	"testing"

	"github.com/flowrun/flowrun/internal/servertest"
)

// This file passes on what tests of databases want of servertest.

// Password is that of the user flow: a canary that nothing may show.
const Password = servertest.Password

// Of servers, and of what they need.
type (
	File      = servertest.File
	Authority = servertest.Authority
	Disk      = servertest.Disk
)

// NewAuthority makes one, which vouches for itself.
func NewAuthority(t testing.TB, name string) *Authority {
	t.Helper()
	return servertest.NewAuthority(t, name)
}

// SmallDisk mounts one of so many MB, which is gone after the test. The test is skipped
// where that cannot be done.
func SmallDisk(t testing.TB, size int) *Disk {
	t.Helper()
	return servertest.SmallDisk(t, size)
}

// AsNobody lets a command run as a user without rights, if this one is root.
func AsNobody(c *exec.Cmd) *exec.Cmd { return servertest.AsNobody(c) }

// FreePort is a port of the loopback that nobody listens at.
func FreePort(t testing.TB) int {
	t.Helper()
	return servertest.FreePort(t)
}
