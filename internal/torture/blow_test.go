//go:build unix

package torture

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// A blow is what kills a process, or has one of its calls fail.
type blow struct {
	kind  int
	after time.Duration // afterTime: since the start; atJournal: since the journal is there; atGrowth: since the file has grown
	call  string        // atCall: the call of the operating system
	nth   int           // atCall: of one thread; atGrowth: time that the file grows
	path  string        // atCall: only those with this path; "": any; atGrowth: the file
	fails string        // the error that the call gives; "": it kills
}

// The kinds of blows.
const (
	afterTime = iota
	atJournal
	atGrowth
	atCall
)

func (w blow) String() string {
	switch w.kind {
	case afterTime:
		return fmt.Sprintf("killed after %v", w.after)
	case atJournal:
		return fmt.Sprintf("killed %v after its journal was there", w.after)
	case atGrowth:
		return fmt.Sprintf("killed %v after %s had grown %d times", w.after, filepath.Base(w.path), w.nth)
	}
	what := "killed"
	if w.fails != "" {
		what = w.fails
	}
	text := fmt.Sprintf("%s at %s number %d of a thread", what, w.call, w.nth)
	if w.path != "" {
		text += " to " + filepath.Base(w.path)
	}
	return text
}

// strike runs a command and kills it, unless it has ended before; point says where a blow
// at a call struck, "" if it did not. Dirs are where its journal may be.
func (w blow) strike(t testing.TB, dirs []string, name string, args ...string) (e end, point string, err error) {
	trace := ""
	if w.kind == atCall {
		trace = filepath.Join(t.TempDir(), "trace")
		effect := "signal=SIGKILL"
		if w.fails != "" {
			effect = "error=" + w.fails
		}
		more := []string{"-e", "inject=" + w.call + ":" + effect + ":when=" + strconv.Itoa(w.nth)}
		if w.path != "" {
			more = append(more, "-P", w.path)
		}
		name, args = strace(trace, killedAt, more, name, args...)
	}
	cmd := command(t, name, args...)
	if err := cmd.Start(); err != nil {
		return e, "", err
	}
	over := make(chan error, 1)
	go func() { over <- cmd.Wait() }()
	var ended error
	switch w.kind {
	case afterTime:
		ended = w.killAfter(cmd, over)
	case atJournal:
		ended = w.killAtJournal(cmd, over, dirs)
	case atGrowth:
		ended = w.killAtGrowth(cmd, over)
	default:
		ended = <-over
	}
	if e, err = endOf(cmd, ended); err == nil && trace != "" {
		point, err = pointOf(trace, w)
	}
	return e, point, err
}

// killAfter kills after some time.
func (w blow) killAfter(cmd *exec.Cmd, over <-chan error) error {
	timer := time.NewTimer(w.after)
	defer timer.Stop()
	select {
	case err := <-over:
		return err
	case <-timer.C:
		cmd.Process.Kill()
		return <-over
	}
}

// killAtJournal kills soon after a journal has appeared.
func (w blow) killAtJournal(cmd *exec.Cmd, over <-chan error, dirs []string) error {
	for {
		select {
		case err := <-over:
			return err
		default:
		}
		for _, dir := range dirs {
			if all, _ := filepath.Glob(filepath.Join(dir, ".flowrun-*.journal")); len(all) > 0 {
				return w.killAfter(cmd, over)
			}
		}
	}
}

// killAtGrowth kills soon after a file has grown.
func (w blow) killAtGrowth(cmd *exec.Cmd, over <-chan error) error {
	size := func() int64 {
		if info, err := os.Stat(w.path); err == nil {
			return info.Size()
		}
		return 0
	}
	for was, grown := size(), 0; ; {
		select {
		case err := <-over:
			return err
		case <-time.After(50 * time.Microsecond):
		}
		if now := size(); now != was {
			was = now
			if grown++; grown == w.nth {
				return w.killAfter(cmd, over)
			}
		}
	}
}
