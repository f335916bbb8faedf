package expr

import (
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// Text is an expression as its author wrote it, with a way back to the file it
// stands in.
type Text interface {
	// Source is the expression.
	Source() string
	// At gives the place of a part of it; offset and width count characters of
	// Source.
	At(offset, width int) diag.Span
}

// An Expr is a checked expression. It is immutable and may be shared.
type Expr struct {
	src    Text
	typ    *types.Type
	fields []string
}

// Check parses and checks.
func Check(src Text, env *types.Type, list *diag.List) *Expr {
	return &Expr{src: src, typ: types.Error}
}

// Type is what the expression computes; its Kind is KindError if it has a problem.
func (e *Expr) Type() *types.Type { return e.typ }

// Want reports whether the expression may stand where want is needed.
func (e *Expr) Want(want *types.Type, what string, list *diag.List) bool { return false }

// Fields lists the top-level fields it reads, sorted.
func (e *Expr) Fields() []string { return e.fields }

// String is the expression as written.
func (e *Expr) String() string { return e.src.Source() }

// Compile makes a program.
func (e *Expr) Compile() *Program { return &Program{} }
