package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// A screen redraws lines at the bottom of a terminal while other writers print
// above them.
type screen struct {
	mu      sync.Mutex
	out     io.Writer
	drawn   int  // lines of the view that stand there now
	midline bool // what another writer printed does not end in a line end
}

// draw replaces the view. No line may be wider than the terminal, and there must
// be fewer lines than it has. While a line of another writer is unfinished,
// nothing is drawn.
func (s *screen) draw(lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.midline {
		return
	}
	var b strings.Builder
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", s.drawn)
	}
	for _, line := range lines {
		b.WriteString(cleanText(line, true) + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	io.WriteString(s.out, b.String())
	s.drawn = len(lines)
}

// erase takes the view away. The caller holds mu.
func (s *screen) erase() {
	if s.drawn > 0 {
		fmt.Fprintf(s.out, "\x1b[%dA\r\x1b[J", s.drawn)
		s.drawn = 0
	}
}

// clear takes the view away.
func (s *screen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
}

// through gives a writer that prints above the view, for everyone else who writes
// to the same terminal.
func (s *screen) through(w io.Writer) io.Writer { return aboveWriter{s, w} }

// An aboveWriter prints above the view of a screen.
type aboveWriter struct {
	s *screen
	w io.Writer
}

func (a aboveWriter) Write(b []byte) (int, error) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.s.erase()
	if len(b) > 0 {
		a.s.midline = b[len(b)-1] != '\n'
	}
	return a.w.Write(b)
}
