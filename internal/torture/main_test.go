//go:build unix

package torture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	_ "github.com/flowrun/flowrun/cmd/flowrun/cli" // its changes make go test forget old results
	"github.com/flowrun/flowrun/internal/built"
)

// program is the real command, built once.
var program string

// long says that the long form is wanted.
var long = os.Getenv("FLOWRUN_TORTURE") != ""

func TestMain(m *testing.M) {
	asCommand()
	os.Exit(built.Main(m, &program))
}

// patience ends a process that hangs; one of Go tells where.
const patience = 2 * time.Minute

// An end is how a process ended.
type end struct {
	code   int // -1: by a signal
	killed bool
	out    string
	err    string
}

func (e end) String() string { return fmt.Sprintf("exit %d\n%s", e.code, e.err) }

// endOf reads how a command ended that was waited for.
func endOf(cmd *exec.Cmd, err error) (end, error) {
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		return end{}, err
	}
	e := end{code: cmd.ProcessState.ExitCode()}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok {
		e.killed = ws.Signaled() && ws.Signal() == syscall.SIGKILL
	}
	e.out, e.err = cmd.Stdout.(*bytes.Buffer).String(), cmd.Stderr.(*bytes.Buffer).String()
	return e, nil
}

// command prepares a process whose output is kept.
func command(t testing.TB, name string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGQUIT) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// finish runs a command to its end.
func finish(t testing.TB, cmd *exec.Cmd) end {
	t.Helper()
	e, err := endOf(cmd, cmd.Run())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// flowrun runs the real command.
func flowrun(t testing.TB, args ...string) end {
	t.Helper()
	return finish(t, command(t, program, args...))
}

// check fails the test at an error that is not what is tested.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put writes a file, with its folder.
func put(t testing.TB, path, text string) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Dir(path), 0o755))
	check(t, os.WriteFile(path, []byte(text), 0o644))
}

// get reads a file; a missing one is "".
func get(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// seed is that of FLOWRUN_SEED, or a new one.
func seed(t testing.TB) uint64 {
	t.Helper()
	text := os.Getenv("FLOWRUN_SEED")
	if text == "" {
		return rand.Uint64()
	}
	n, err := strconv.ParseUint(text, 10, 64)
	check(t, err)
	return n
}
