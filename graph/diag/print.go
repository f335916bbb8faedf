package diag

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// This file writes diagnostics: for people with excerpts, for programs as JSON.

// Style says how Print draws. The zero value is plain text with excerpts.
type Style struct {
	Color   bool   // ANSI colours, for a terminal
	Command string // how the command is called in hints; "": flowrun
}

const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	blue   = "\x1b[34m"
	bold   = "\x1b[1m"
	reset  = "\x1b[0m"
)

func (s Style) paint(code, text string) string {
	if !s.Color {
		return text
	}
	return code + text + reset
}

// Print writes every diagnostic of the list with its source line, carets, notes
// and hint.
func Print(w io.Writer, l List, style Style) error {
	var b strings.Builder
	for _, d := range l {
		d.print(&b, style)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (d Diagnostic) print(b *strings.Builder, style Style) {
	d = d.Shown()
	if !d.At.IsZero() {
		b.WriteString(style.paint(bold, Printable(d.At.String())+": "))
	}
	ink := red
	if d.Severity == Warning {
		ink = yellow
		b.WriteString(style.paint(yellow, "warning: "))
	}
	fmt.Fprintf(b, "%s [%s]\n", style.paint(bold, Printable(d.Message)), d.Code)
	excerpt(b, d.At, ink, style)
	for _, n := range d.Notes {
		b.WriteString("  " + Printable(n.Message))
		if !n.At.IsZero() {
			fmt.Fprintf(b, " (%s)", Printable(n.At.String()))
		}
		b.WriteByte('\n')
		excerpt(b, n.At, blue, style)
	}
	if !d.Hint.IsZero() {
		fmt.Fprintf(b, "  %s %s\n", style.paint(blue, "hint:"), Printable(d.Hint.For(style.Command)))
	}
}

// maxExcerpt bounds a shown line, in characters; longer ones are cut around
// the place.
const maxExcerpt = 120

// excerpt writes the line of a span and carets under it. Tabs before the caret
// are kept as tabs so that both lines align.
func excerpt(b *strings.Builder, at Span, ink string, style Style) {
	line := []rune(at.Source.Shown(at.Line))
	if at.Line == 0 || at.Source == nil || at.Line > at.Source.Lines() {
		return
	}
	col, width := max(at.Col, 1), max(at.Width, 1)
	if col > len(line)+1 {
		col = len(line) + 1
	}
	before, after := "", ""
	if len(line) > maxExcerpt {
		from := max(0, min(col-1-maxExcerpt/3, len(line)-maxExcerpt))
		to := min(len(line), from+maxExcerpt)
		if from > 0 {
			before = "…"
		}
		if to < len(line) {
			after = "…"
		}
		line, col = line[from:to], col-from
	}
	fmt.Fprintf(b, "%5d | %s%s%s\n", at.Line, before, visible(line), after)
	marked := line[min(col-1, len(line)):min(col-1+width, len(line))]
	var pad strings.Builder
	if before != "" {
		pad.WriteByte(' ')
	}
	for _, r := range line[:min(col-1, len(line))] {
		if r == '\t' {
			pad.WriteByte('\t')
		} else {
			pad.WriteString(strings.Repeat(" ", cells(r)))
		}
	}
	carets := 0
	for _, r := range marked {
		carets += cells(r)
	}
	fmt.Fprintf(b, "      | %s%s\n", pad.String(), style.paint(ink, strings.Repeat("^", max(1, carets))))
}

// visible replaces control characters, which a terminal would obey, and characters
// that have no shape, which nobody would find.
func visible(line []rune) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf) {
			return '\uFFFD'
		}
		return r
	}, string(line))
}

// cells is how many cells a terminal gives a character: two for East Asian wide
// and full-width forms and emoji, by their Unicode blocks; none for marks that are
// drawn over the character before.
func cells(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r >= 0x1100 && (r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 ||
		r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 ||
		r >= 0x1f300 && r <= 0x1faff || r >= 0x20000 && r <= 0x3fffd):
		return 2
	}
	return 1
}

// JSON form, for `--json`.
type jsonPlace struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Width  int    `json:"width,omitempty"`
}

type jsonNote struct {
	Message string `json:"message"`
	jsonPlace
}

type jsonDiagnostic struct {
	jsonPlace
	Severity string     `json:"severity"`
	Code     Code       `json:"code"`
	Message  string     `json:"message"`
	Hint     string     `json:"hint,omitempty"`
	Notes    []jsonNote `json:"notes,omitempty"`
}

func place(s Span) jsonPlace {
	p := jsonPlace{Line: s.Line, Column: s.Col, Width: s.Width}
	if s.Source != nil {
		p.File = s.Source.Name
	}
	return p
}

// MarshalJSON gives {file, line, column, width, severity, code, message, hint,
// notes}; lines and columns count from 1, columns in characters.
func (d Diagnostic) MarshalJSON() ([]byte, error) {
	d = d.Shown()
	j := jsonDiagnostic{place(d.At), d.Severity.String(), d.Code, d.Message, d.Hint.String(), nil}
	for _, n := range d.Notes {
		j.Notes = append(j.Notes, jsonNote{n.Message, place(n.At)})
	}
	return json.Marshal(j)
}
