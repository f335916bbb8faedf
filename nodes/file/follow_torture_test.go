package file

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// patience is how long a line may take that is on the disk before the test fails.
const patience = 30 * time.Second

// Every line that is written arrives once, and in its order if files are
// renamed, while the file is rotated under
// the reader as fast as that goes: by renaming, by copying and truncating, or by both in
// turn. Nothing here waits for a clock: the reader looks whenever it has read all.
func TestFollowUnderRotation(t *testing.T) {
	for _, how := range []string{"rename", "copy", "both"} {
		for _, pattern := range []string{"a.log", "'a.log*'"} {
			t.Run(how+" "+strings.Trim(pattern, "'"), func(t *testing.T) {
				f := tail(t, t.TempDir(), "format: lines, every: 1ms, path: "+pattern)
				defer func() { f.stop() }()
				const lines = 10_000
				written := make(chan error, 1)
				f.add("a.log", "line 0\n")
				f.wantNumbers(0, 1, true) // what was rotated away before a run is not asked for
				go func() { written <- writeRotating(f.dir, how, lines) }()
				f.wantNumbers(1, lines, pattern == "a.log" && how == "rename")
				if err := <-written; err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// wantNumbers reads until all numbers of a range have come, each once. Now and then another
// run goes on.
func (f *tailer) wantNumbers(from, to int, ordered bool) {
	f.t.Helper()
	got := make([]int, to)
	next, left, chunks := from, to-from, 0
	for left > 0 {
		ctx, cancel := context.WithTimeout(f.t.Context(), patience)
		p, after, err := f.op.Next(ctx)
		cancel()
		if err != nil {
			var missing []int
			for i, k := range got {
				if i >= from && k == 0 && len(missing) < 10 {
					missing = append(missing, i)
				}
			}
			f.t.Fatalf("%v; %d lines are missing, as %v\n%s", err, left, missing, f.end())
		}
		f.last = after
		var out rowLog
		if _, err := f.work.Work(f.t.Context(), nodes.Input{Made: p}, &out); err != nil {
			f.t.Fatal(err)
		}
		for line := range strings.Lines(string(out.text)) {
			var i int
			if _, err := fmt.Sscanf(line, `{"line":"line %d"}`, &i); err != nil {
				f.t.Fatalf("%q: %v\n%s", line, err, f.end())
			}
			if got[i]++; got[i] > 1 {
				f.t.Fatalf("line %d came twice\n%s", i, f.end())
			}
			if ordered && i != next {
				f.t.Fatalf("line %d came in place of %d\n%s", i, next, f.end())
			}
			next = i + 1
			left--
		}
		if chunks++; chunks%50 == 0 {
			f.again()
		}
	}
}

// writeRotating writes numbered lines, some of them in parts, and rotates the file.
func writeRotating(dir, how string, lines int) error {
	rnd := rand.New(rand.NewPCG(1, 2))
	path := filepath.Join(dir, "a.log")
	open := func() (*os.File, error) { return os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) }
	file, err := open()
	if err != nil {
		return err
	}
	defer func() { file.Close() }()
	for i := 1; i < lines; {
		var b strings.Builder
		for n := rnd.IntN(60); n > 0 && i < lines; n-- {
			fmt.Fprintf(&b, "line %d\n", i)
			i++
		}
		text := b.String()
		at := rnd.IntN(len(text) + 1)
		for _, part := range []string{text[:at], text[at:]} {
			if _, err := file.WriteString(part); err != nil {
				return err
			}
		}
		if rnd.IntN(20) > 0 {
			continue
		}
		tick() // the names of files are in the order of their times
		to := fmt.Sprintf("%s.%06d", path, i)
		if how == "copy" || how == "both" && rnd.IntN(2) == 0 {
			if err := copyFile(path, to); err != nil {
				return err
			}
			if err := file.Truncate(0); err != nil {
				return err
			}
			continue
		}
		if err := os.Rename(path, to); err != nil {
			return err
		}
		if rnd.IntN(2) == 0 { // it has not noticed yet
			fmt.Fprintf(file, "line %d\n", i)
			i++
			tick()
		}
		file.Close()
		if file, err = open(); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		return err
	}
	defer dst.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{src}, make([]byte, 512))
	return err
}

// end is the last of the log.
func (f *tailer) end() string {
	text := strings.ReplaceAll(f.log.String(), f.dir, "")
	return text[max(0, len(text)-3000):]
}
