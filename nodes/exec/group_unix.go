//go:build unix

package exec

import (
	"errors"
	"os/exec"
	"syscall"
)

// ownGroup lets a command begin a process group, so that what it starts ends with it.
func ownGroup(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// askGroup asks all processes of the group of a command to end; false: there is none left.
func askGroup(pid int) bool { return !errors.Is(syscall.Kill(-pid, syscall.SIGTERM), syscall.ESRCH) }

// killGroup ends all processes of the group.
func killGroup(pid int) { syscall.Kill(-pid, syscall.SIGKILL) }

// hasGroup reports whether a process of the group is left.
func hasGroup(pid int) bool { return !errors.Is(syscall.Kill(-pid, 0), syscall.ESRCH) }
