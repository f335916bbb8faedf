// Package built builds the real command once for the tests of a package, which run it as a
// user does:
//
//	var flowrun string
//
//	func TestMain(m *testing.M) { os.Exit(built.Main(m, &flowrun)) }
package built

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Main builds the command, gives its path, runs the tests and gives the exit code of the
// process. The path is one that other users may run it by. A command that cannot be built is
// told, and the code is 1.
func Main(m *testing.M, path *string) int {
	dir, err := os.MkdirTemp("", "flowrun-program-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		*path = filepath.Join(dir, "flowrun")
		if runtime.GOOS == "windows" {
			*path += ".exe"
		}
		build := exec.Command("go", "build", "-o", *path, "github.com/flowrun/flowrun/cmd/flowrun")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, failed := build.CombinedOutput(); failed != nil {
			err = fmt.Errorf("%w\n%s", failed, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
