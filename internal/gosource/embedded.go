package gosource

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/diag"
)

// An embedded text is YAML that stands in a Go program, and where it stands there.
type embedded struct {
	src    *diag.Source
	id     string
	at     Place
	file   *diag.Source // of the program
	line   int          // of its first character in the program; 0: it was not found
	col    int          // likewise
	indent int          // how much was cut off each line, in characters
	quoted bool
}

// find looks for the text behind the line of the call, as it is between
// backquotes or as it is between double quotes.
func (w *embedded) find(text string) {
	start := 0
	for line := 1; line < w.at.line; line++ {
		start += 1 + bytes.IndexByte(w.file.Text[start:], '\n')
	}
	rest := string(w.file.Text[start:])
	at := strings.Index(rest, "`"+text+"`")
	if at < 0 {
		at = strings.Index(rest, strconv.Quote(text))
		w.quoted = true
	}
	if at < 0 {
		return
	}
	before := rest[:at+1]
	w.line = w.at.line + strings.Count(before, "\n")
	w.col = 1 + utf8.RuneCountInString(before[1+strings.LastIndexByte(before, '\n'):])
}

// move gives the place in the program of a place in the text.
func (w *embedded) move(at diag.Span) diag.Span {
	at.Source = w.file
	if w.quoted { // one line of the program, in which some characters are escaped
		var before strings.Builder
		for line := 1; line < at.Line; line++ {
			before.WriteString(w.src.Line(line) + "\n")
		}
		before.WriteString(string([]rune(w.src.Line(at.Line) + " ")[:max(at.Col-1, 0)]))
		at.Line, at.Col = w.line, w.col+utf8.RuneCountInString(strconv.Quote(before.String()))-2
	} else {
		if at.Line == 1 {
			at.Col += w.col - 1
		} else {
			at.Col += w.indent
		}
		at.Line += w.line - 1
	}
	return at
}

// dedent cuts off what all lines have in common at their beginning, and says how many
// characters that were.
func dedent(text string) (string, int) {
	lines := strings.Split(text, "\n")
	common, known := "", false
	for _, l := range lines {
		blank := l[:len(l)-len(strings.TrimLeft(l, " \t"))]
		if blank == l {
			continue
		}
		if !known {
			common, known = blank, true
		}
		for !strings.HasPrefix(blank, common) {
			common = common[:len(common)-1]
		}
	}
	for i, l := range lines {
		if l = strings.TrimPrefix(l, common); strings.TrimLeft(l, " \t") == "" {
			l = ""
		}
		lines[i] = l
	}
	return strings.Join(lines, "\n"), len(common)
}
