//go:build !unix

package exec

import (
	"os"
	"os/exec"
)

// Here a command cannot be asked to end, and what it has started is its own affair.

func ownGroup(*exec.Cmd) {}

func askGroup(pid int) bool {
	killGroup(pid)
	return false
}

func killGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		p.Kill()
	}
}

func hasGroup(int) bool { return false }
