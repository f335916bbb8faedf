package expr

import "github.com/flowrun/flowrun/graph/record"

// A Program computes an expression. It is used by one goroutine at a time.
type Program struct{}

// Filter appends to sel the selected rows of b for which the expression is true.
func (p *Program) Filter(b *record.Batch, sel []uint16, errs *RowErrors) []uint16 { return sel }

// Eval computes the expression for the selected rows of b into dst.
func (p *Program) Eval(b *record.Batch, dst *record.Column, arena *record.Arena, errs *RowErrors) {
}

// Rung is "kernel" or "closure".
func (p *Program) Rung() string { return "closure" }
