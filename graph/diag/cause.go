package diag

import (
	"errors"
	"strings"
)

// This file finds what errors of a run know of the flow. An error of an item may have two
// methods for it, anywhere in its chain:
//
//	Hint() diag.Hint  // what to do about it
//	Place() diag.Span // where in the flow the cause stands, such as an expression

// HintOf gives the hint of an error; the zero Hint if it has none.
func HintOf(err error) Hint {
	if e, ok := errors.AsType[interface {
		error
		Hint() Hint
	}](err); ok {
		return e.Hint()
	}
	return Hint{}
}

// PlaceOf gives the place that an error is about; the zero Span if it does not know.
func PlaceOf(err error) Span {
	if e, ok := errors.AsType[interface {
		error
		Place() Span
	}](err); ok {
		return e.Place()
	}
	return Span{}
}

// Excerpt gives the line of a span with carets under it, as plain text that ends in a line
// end; "" if there is no such line. Clean takes out of the line what is not to be shown. A
// line that it changes has no carets: they would stand in the wrong place.
func Excerpt(at Span, clean func(line string) string) string {
	if at.Line == 0 || at.Source == nil {
		return ""
	}
	line := at.Source.Shown(at.Line)
	shown := clean(line)
	if shown != line {
		at = Span{Source: NewSource(at.Source.Name, []byte(strings.Repeat("\n", at.Line-1)+shown)), Line: at.Line, Col: 1}
	}
	var b strings.Builder
	excerpt(&b, at, "", Style{})
	text := b.String()
	if shown != line {
		text, _, _ = strings.Cut(text, "\n")
		text += "\n"
	}
	return text
}
