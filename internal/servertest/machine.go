package servertest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// This file deals with the machine: users, programs and ports.

// nobody is whom servers run as that refuse to be root.
const nobody = 65534

// AsNobody lets a command run as a user without rights, if this one is root.
func AsNobody(c *exec.Cmd) *exec.Cmd {
	if os.Getuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME=/")
	return c
}

// Own gives a file to the user of AsNobody.
func Own(t testing.TB, path string) {
	t.Helper()
	if os.Getuid() == 0 {
		if err := os.Chown(path, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
}

// Program finds a program by patterns of its path, and then by its name. The test is skipped
// where it is not installed; the packages are those of Debian that have it.
func Program(t testing.TB, name, packages string, patterns ...string) string {
	t.Helper()
	for _, pattern := range append(patterns, "/usr/sbin/"+name, "/usr/bin/"+name) {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	t.Skipf("%s is not installed: apt-get install %s", name, packages)
	return ""
}

// Ports that FreePort gives: outside of those that systems take for the calling side of a
// connection. A server that is away would find one of these taken by whoever calls it, or a
// caller would meet itself there.
const firstPort, lastPort = 10_000, 30_000

var (
	portsMu sync.Mutex
	ports   = map[int]bool{} // that this process was given
)

// FreePort is a port of the loopback that nobody listens at, and that no other server of
// these tests has, be it away or not.
func FreePort(t testing.TB) int {
	t.Helper()
	portsMu.Lock()
	defer portsMu.Unlock()
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if ports[port] {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			ports[port] = true
			return port
		}
	}
	t.Fatal("there is no free port")
	return 0
}
