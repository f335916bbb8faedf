// Package diag is how flowrun says that something written is wrong.
//
// Terms. A Source is a text that a person wrote, with its name. A Span is a
// stretch of one line of a source. A Diagnostic is one problem at a span, with
// a stable code, the places that explain it and a hint that says what to do. A
// List is every problem found so far; it is a value, and an error when it is
// not empty.
//
// Laws.
//  1. A pass never stops at its first problem: it adds to the list and goes on.
//  2. A message speaks the user's words, in lower case, without "failed to".
//  3. A code never changes its meaning; Codes lists them all.
//
// Printed, a diagnostic looks like this:
//
//	flow.yaml:6:19: unknown field "amonut" [E301]
//	    6 |     with: {where: amonut > 100}
//	      |                   ^^^^^^
//	  orders gives {id: int, amount: float} (flow.yaml:3:5)
//	  hint: did you mean "amount"?
package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Source is a text that a person wrote. It must not change once spans refer
// to it.
type Source struct {
	Name string // as the user named it, a path mostly
	Text []byte

	lines []string
	veil  veil
}

// NewSource keeps text under the name that diagnostics will show.
func NewSource(name string, text []byte) *Source {
	return &Source{Name: name, Text: text, lines: strings.Split(string(text), "\n")}
}

// Line gives line n, counted from 1, without its line end. A line that the
// source does not have is empty.
func (s *Source) Line(n int) string {
	if s == nil || n < 1 || n > len(s.lines) {
		return ""
	}
	return strings.TrimSuffix(s.lines[n-1], "\r")
}

// Lines is how many lines the source has.
func (s *Source) Lines() int { return len(s.lines) }

// A Span is a stretch of one line. The zero Span means "no place".
type Span struct {
	Source *Source
	Line   int // from 1; 0: the source as a whole
	Col    int // from 1, in characters (runes)
	Width  int // in characters; 0 and 1 look the same
}

// IsZero reports whether the span names no place at all.
func (s Span) IsZero() bool { return s.Source == nil && s.Line == 0 }

// String gives file:line:col, leaving out what is not known.
func (s Span) String() string {
	name := ""
	if s.Source != nil {
		name = s.Source.Name
	}
	switch {
	case s.Line == 0:
		return name
	case s.Col == 0:
		return fmt.Sprintf("%s:%d", name, s.Line)
	}
	return fmt.Sprintf("%s:%d:%d", name, s.Line, s.Col)
}

// compareSpans orders spans of one source by place.
func compareSpans(a, b Span) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
}

// Severity says whether a problem stops the flow from running.
type Severity uint8

const (
	Error   Severity = iota // the flow cannot run
	Warning                 // it runs, but somebody should look
)

func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// A Note is a second place that helps to understand a problem, such as where a
// type came from.
type Note struct {
	Message string
	At      Span // may be zero
}

// A Diagnostic is one problem.
type Diagnostic struct {
	Code     Code
	Severity Severity
	At       Span
	Message  string
	Notes    []Note
	Hint     Hint
}

// Error gives the one-line form, so that a single diagnostic can be an error.
func (d Diagnostic) Error() string {
	d = d.Shown()
	var b strings.Builder
	if !d.At.IsZero() {
		b.WriteString(d.At.String() + ": ")
	}
	if d.Severity == Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(d.Message)
	if !d.Hint.IsZero() {
		b.WriteString("; " + d.Hint.String())
	}
	return b.String()
}

// A List collects problems. The zero value is ready to use.
type List []Diagnostic

// Add appends an error and returns it for notes and a hint to be attached:
//
//	list.Add(diag.UnknownField, at, "unknown field %q", name).WithHint("did you mean %q?", near)
func (l *List) Add(code Code, at Span, format string, args ...any) *Diagnostic {
	*l = append(*l, Diagnostic{Code: code, At: at, Message: fmt.Sprintf(format, args...)})
	return &(*l)[len(*l)-1]
}

// Warn is Add for a problem that does not stop the flow.
func (l *List) Warn(code Code, at Span, format string, args ...any) *Diagnostic {
	d := l.Add(code, at, format, args...)
	d.Severity = Warning
	return d
}

// WithHint says what to do about it, as a text.
func (d *Diagnostic) WithHint(format string, args ...any) *Diagnostic {
	d.Hint = Hint{Text: fmt.Sprintf(format, args...)}
	return d
}

// WithNote adds a place that explains the problem.
func (d *Diagnostic) WithNote(at Span, format string, args ...any) *Diagnostic {
	d.Notes = append(d.Notes, Note{Message: fmt.Sprintf(format, args...), At: at})
	return d
}

// HasErrors reports whether anything in the list stops the flow.
func (l List) HasErrors() bool {
	return slices.ContainsFunc(l, func(d Diagnostic) bool { return d.Severity == Error })
}

// Err is the list as an error, nil when nothing in it stops the flow.
func (l List) Err() error {
	if l.HasErrors() {
		return l
	}
	return nil
}

// Error gives one line for each problem.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, d := range l {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// Sort orders by place and drops problems said twice.
func (l *List) Sort() {
	slices.SortStableFunc(*l, func(a, b Diagnostic) int { return compareSpans(a.At, b.At) })
	*l = slices.CompactFunc(*l, func(a, b Diagnostic) bool {
		return a.At == b.At && a.Code == b.Code && a.Message == b.Message
	})
}
