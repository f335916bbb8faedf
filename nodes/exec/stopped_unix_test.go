//go:build unix

package exec_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// A stop ends the command with all that it has started, and of an endless one it is the end.
// Whoever is left holds the pipe open.
func TestReadStopped(t *testing.T) {
	for name, with := range map[string]string{
		"asked":  `command: [sh, -c, "exec 3> alive; sleep 1000 & echo a; echo b; wait"], endless: true`,
		"killed": `command: [sh, -c, "exec 3> alive; trap '' TERM; sleep 1000 & echo a; echo b; exec sleep 1000"], endless: true, grace: 20ms`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "alive")
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
			alive, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer alive.Close()
			flow := "nodes:\n  in:  {use: exec.read, with: {format: lines, " + with + "}}\n  two: {use: limit, in: in, with: {count: 2}}\n  out: {use: file.write, in: two, with: {path: '-', format: lines}}\n"
			r := run(t, flow, nil, nodetest.Setup{Dir: dir})
			if r.Err != nil || strings.Fields(r.Stdout)[1] != "b" {
				t.Fatal(r.Told(), r.Stdout)
			}
			alive.SetReadDeadline(time.Now().Add(time.Minute))
			if text, err := io.ReadAll(alive); err != nil || len(text) > 0 {
				t.Errorf("a process is still there: %v", err)
			}
		})
	}
}
