// Package gosource shows where in a Go program something was said, as diagnostics show
// the lines of a flow file.
//
// A [Place] is the line of a call, taken while the program runs. A [Program] finds in its
// text, if that is at hand, the word that a message is about: the id of a node, the name of
// an option, a word in settings that the program holds as YAML.
package gosource

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
)

// A Place is a line of a Go program. The zero value is none.
type Place struct {
	file string
	line int
}

// Caller gives the line that called into a package, which is named by its import path.
func Caller(path string) Place {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for ours := path + "."; ; {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, ours) {
			return Place{f.File, f.Line}
		}
		if !more {
			return Place{}
		}
	}
}

// A Program is the text of the Go files that nodes were made in, as sources for
// diagnostics. The files are read only when there is something to say: a program
// mostly runs where they are not.
type Program struct {
	read    bool
	sources map[string]*diag.Source
	written []embedded
}

// Unread is a program whose files are not read: places have no excerpts.
func Unread() *Program { return &Program{sources: map[string]*diag.Source{}} }

// Read is a program whose files are read where they are found.
func Read() *Program { return &Program{read: true, sources: map[string]*diag.Source{}} }

func (p *Program) source(file string) *diag.Source {
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

// Span gives the place of a call that made a node: the carets stand under its id
// if it is written near.
func (p *Program) Span(at Place, id string) diag.Span {
	span, found := p.find(at, strconv.Quote(id))
	if found {
		span.Col, span.Width = span.Col+1, span.Width-2
	}
	return span
}

// Word gives the place of a word near the line of a call, or else of the line.
func (p *Program) Word(at Place, word string) diag.Span {
	span, _ := p.find(at, word)
	return span
}

func (p *Program) find(at Place, word string) (span diag.Span, found bool) {
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

// Settings makes a source of settings in YAML. A text that begins with a line
// end is indented as Go code is, by tabs, which YAML does not know: what all its
// lines have in common at their beginning is cut off.
func (p *Program) Settings(text, id string, at Place) *diag.Source {
	w := embedded{id: id, at: at, file: p.source(at.file)}
	body := text
	if strings.HasPrefix(text, "\n") {
		body, w.indent = dedent(text)
	}
	w.src = diag.NewSource("settings of "+id, []byte(body))
	w.find(text)
	p.written = append(p.written, w)
	return w.src
}

// Locate moves places in settings to where the settings stand in the program.
func (p *Program) Locate(list diag.List) {
	for i := range list {
		d := &list[i]
		for j := range d.Notes {
			d.Notes[j].At, _ = p.moved(d.Notes[j].At)
		}
		at, w := p.moved(d.At)
		if w != nil && w.line == 0 {
			d.WithNote(p.Span(w.at, w.id), "they are the settings of %s", w.id)
		}
		d.At = at
	}
}

func (p *Program) moved(at diag.Span) (diag.Span, *embedded) {
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
