package expr

import "github.com/flowrun/flowrun/graph/diag"

// A rowFailure is why an expression could not be computed for a row, and which one it was.
type rowFailure struct {
	error
	src Text
}

func (f *rowFailure) Unwrap() error { return f.error }

// Place is where the expression stands in its file, as far as its first line goes.
func (f *rowFailure) Place() diag.Span {
	text := []rune(f.src.Source())
	from, to := trimmed(text)
	for i, r := range text[from:to] {
		if r == '\n' {
			to = from + i
			break
		}
	}
	return f.src.At(from, max(1, to-from))
}
