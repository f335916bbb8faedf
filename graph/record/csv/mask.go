package csv

// This file hides cells of rows that are shown to people.

// Mask gives the text of a row with a mark in the place of the cells that are hidden, and of
// all from one on that cannot be read.
func (d Dialect) Mask(row string, hidden func(column int) bool, mark string) string {
	l := lexer{Dialect: d, src: append([]byte(row), '\n'), alloc: func(n int) []byte { return make([]byte, n) }}
	var shown []byte
	for p, column := 0, 0; ; column++ {
		_, _, end := l.cell(p)
		switch {
		case end < 0:
			return string(append(shown, mark...))
		case hidden(column):
			shown = append(shown, mark...)
		default:
			shown = append(shown, l.src[p:end]...)
		}
		if l.src[end] == '\n' {
			return string(shown)
		}
		shown = append(shown, d.Comma)
		p = end + 1
	}
}
