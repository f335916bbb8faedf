package flowrun

import (
	"bytes"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
)

// A place is a line of a Go program.
type place struct {
	file string
	line int
}

// ours begins the names of this package's functions.
var ours = reflect.TypeFor[Graph]().PkgPath() + "."

// caller gives the line that called into this package.
func caller() place {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, ours) {
			return place{f.File, f.Line}
		}
		if !more {
			return place{}
		}
	}
}

// program is the text of the Go files that nodes were made in, as sources for
// diagnostics. The files are read only when there is something to say: a program
// mostly runs where they are not.
type program struct {
	read    bool
	sources map[string]*diag.Source
	written []writtenText
}

func newProgram(read bool) *program { return &program{read: read, sources: map[string]*diag.Source{}} }

func (p *program) source(file string) *diag.Source {
	s := p.sources[file]
	if s == nil {
		var text []byte
		if p.read {
			text, _ = os.ReadFile(file) // without it there are no excerpts
		}
		s = diag.NewSource(nodes.ShortPath(file), text)
		p.sources[file] = s
	}
	return s
}

// span gives the place of a call that made a node: the carets stand under its id
// if it is written near.
func (p *program) span(at place, id string) diag.Span {
	span, found := p.find(at, strconv.Quote(id))
	if found {
		span.Col, span.Width = span.Col+1, span.Width-2
	}
	return span
}

// word gives the place of a word near the line of a call, or else of the line.
func (p *program) word(at place, word string) diag.Span {
	span, _ := p.find(at, word)
	return span
}

func (p *program) find(at place, word string) (span diag.Span, found bool) {
	if at.file == "" {
		return diag.Span{}, false
	}
	s := p.source(at.file)
	for line := at.line; line <= min(at.line+2, s.Lines()); line++ {
		if before, _, ok := strings.Cut(s.Line(line), word); ok {
			return diag.Span{Source: s, Line: line, Col: 1 + utf8.RuneCountInString(before), Width: utf8.RuneCountInString(word)}, true
		}
	}
	text := s.Line(at.line)
	code := strings.TrimLeft(text, " \t")
	return diag.Span{Source: s, Line: at.line, Col: 1 + len(text) - len(code), Width: utf8.RuneCountInString(code)}, false
}

// A writtenText is a text of settings and where it stands in the program.
type writtenText struct {
	src    *diag.Source
	id     string
	at     place
	file   *diag.Source // of the program
	line   int          // of its first character in the program; 0: it was not found
	col    int          // likewise
	indent int          // how much was cut off each line, in characters
	quoted bool
}

// settingsText makes a source of settings in YAML. A text that begins with a line
// end is indented as Go code is, by tabs, which YAML does not know: what all its
// lines have in common at their beginning is cut off.
func (p *program) settingsText(text, id string, at place) *diag.Source {
	w := writtenText{id: id, at: at, file: p.source(at.file)}
	body := text
	if strings.HasPrefix(text, "\n") {
		body, w.indent = dedent(text)
	}
	w.src = diag.NewSource("settings of "+id, []byte(body))
	w.find(text)
	p.written = append(p.written, w)
	return w.src
}

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

// find looks for the text behind the line of the call, as it is between
// backquotes or as it is between double quotes.
func (w *writtenText) find(text string) {
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

// locate moves places in settings to where the settings stand in the program.
func (p *program) locate(list diag.List) {
	for i := range list {
		d := &list[i]
		for j := range d.Notes {
			d.Notes[j].At, _ = p.moved(d.Notes[j].At)
		}
		at, w := p.moved(d.At)
		if w != nil && w.line == 0 {
			d.WithNote(p.span(w.at, w.id), "they are the settings of %s", w.id)
		}
		d.At = at
	}
}

func (p *program) moved(at diag.Span) (diag.Span, *writtenText) {
	for i := range p.written {
		w := &p.written[i]
		if w.src != at.Source {
			continue
		}
		if w.line > 0 {
			at = w.move(at)
		}
		return at, w
	}
	return at, nil
}

// move gives the place in the program of a place in the text.
func (w *writtenText) move(at diag.Span) diag.Span {
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
