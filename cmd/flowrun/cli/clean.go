package cli

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file stands between texts and the terminal. Names, settings, data and the messages
// of others get into what the command says, and none of it may reach a terminal as a
// command to it.

// inks are the sequences by which ink and diag.Print paint.
var inks = regexp.MustCompile("^\x1b\\[(0|1|2|31|32|33|34)?m")

// cleanText replaces what a terminal would obey. With painted, the sequences of ink stay.
func cleanText(text string, painted bool) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if !painted || strings.IndexByte(text, 0x1b) < 0 {
		return diag.Printable(text)
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "\x1b")
		b.WriteString(diag.Printable(before))
		if !found {
			return b.String()
		}
		code := inks.FindString("\x1b" + rest)
		if code == "" {
			b.WriteRune(utf8.RuneError)
		} else {
			b.WriteString(code)
			rest = rest[len(code)-1:]
		}
		text = rest
	}
}

// A cleanWriter cleans what is written to a stream of the process. Many goroutines may
// write.
type cleanWriter struct {
	w       io.Writer
	painted func() bool // whether the stream gets colour

	mu   sync.Mutex
	rest []byte // of a character that is not whole yet
}

func (c *cleanWriter) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := b
	if len(c.rest) > 0 {
		text = append(c.rest, b...)
		c.rest = nil
	}
	if n := cutRune(text); n > 0 {
		c.rest = bytes.Clone(text[len(text)-n:])
		text = text[:len(text)-n]
	}
	if _, err := io.WriteString(c.w, cleanText(string(text), c.painted())); err != nil {
		return 0, err
	}
	return len(b), nil
}

// cutRune is how many bytes at the end of a text begin a character that goes on.
func cutRune(text []byte) int {
	for n := 1; n <= min(len(text), utf8.UTFMax-1); n++ {
		if b := text[len(text)-n]; utf8.RuneStart(b) {
			if b >= utf8.RuneSelf && !utf8.FullRune(text[len(text)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

// bare gives the stream behind a cleanWriter, for those who command a terminal themselves.
func bare(w io.Writer) io.Writer {
	if c, ok := w.(*cleanWriter); ok {
		return c.w
	}
	return w
}

// data is standard output for what must arrive as it is, such as the rows of a flow: only
// on a terminal is it cleaned.
func (c *call) data() io.Writer {
	if _, ok := terminal(c.stdout); ok {
		return c.stdout
	}
	return bare(c.stdout)
}

// escapeJSON writes what a terminal would obey as escapes of JSON, which mean the same. Such
// characters stand in strings only.
func escapeJSON(text []byte) []byte {
	obeyed := func(r rune) bool { return r >= 0x7f && diag.Commands(r) }
	if !bytes.ContainsFunc(text, obeyed) {
		return text
	}
	var b bytes.Buffer
	for _, r := range string(text) {
		if obeyed(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.Bytes()
}
