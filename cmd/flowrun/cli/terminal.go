package cli

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/term"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/diff"
)

// This file knows terminals: their size, their colours, and readers that went away.

// terminal gives the descriptor of a stream if it is a terminal that can move its
// cursor.
func terminal(w any) (fd int, ok bool) {
	if c, ok := w.(*cleanWriter); ok {
		w = c.w
	}
	f, isFile := w.(*os.File)
	if !isFile || os.Getenv("TERM") == "dumb" || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	return int(f.Fd()), true
}

// size is how many characters and lines a terminal has. Those that do not tell
// are taken for the terminals of old.
func size(fd int) (width, height int) {
	width, height, err := term.GetSize(fd)
	if err != nil || width < 1 || height < 1 {
		return 80, 24
	}
	return width, height
}

// ink paints text for a terminal; false leaves it as it is.
type ink bool

func (on ink) paint(code, text string) string {
	if !on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + diag.Printable(text) + "\x1b[0m"
}

func (on ink) bold(s string) string   { return on.paint("1", s) }
func (on ink) dim(s string) string    { return on.paint("2", s) }
func (on ink) red(s string) string    { return on.paint("31", s) }
func (on ink) green(s string) string  { return on.paint("32", s) }
func (on ink) yellow(s string) string { return on.paint("33", s) }
func (on ink) blue(s string) string   { return on.paint("34", s) }

// mark paints a text by what became of it.
func (on ink) mark(m diff.Mark, text string) string {
	switch m {
	case diff.Added:
		return on.green(text)
	case diff.Removed:
		return on.red(text)
	case diff.Changed, diff.Renamed:
		return on.yellow(text)
	case diff.Affected:
		return on.blue(text)
	}
	return on.dim(text)
}

// codeBrokenPipe is how a program ends whose reader went away: `| head`.
const codeBrokenPipe = codeSignal + int(syscall.SIGPIPE)

// brokenPipe reports whether an error means that nobody reads the output.
func brokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
