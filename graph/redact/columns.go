package redact

import "strings"

// This file hides secrets so that nothing moves.

// hiddenRune stands for one character.
const hiddenRune = "•"

// Columns hides in the text of a flow what Source hides, but character for character, so
// that a caret under the text still points where it did.
func Columns(text string) string {
	was, is := strings.Split(text, "\n"), strings.Split(Source(text), "\n")
	for i, line := range was {
		switch {
		case i >= len(is): // lines stay lines, so this is never reached
			was[i] = covered(line)
		case is[i] != line:
			was[i] = stretched(line, is[i])
		}
	}
	return strings.Join(was, "\n")
}

// stretched puts as many characters into a line as each mask in what is shown of it
// stands for. What stands between two masks is looked for in the line; if it cannot be
// found there, all of the rest is hidden.
func stretched(line, shown string) string {
	parts := strings.Split(shown, Mask)
	var b strings.Builder
	rest := line
	for i, part := range parts {
		at := 0
		switch {
		case i == 0 && !strings.HasPrefix(rest, part):
			at = -1
		case i == 0:
		case i == len(parts)-1:
			at = len(rest) - len(part)
			if at < 0 || !strings.HasSuffix(rest, part) {
				at = -1
			}
		default:
			at = strings.Index(rest, part)
		}
		if at < 0 || i > 0 && i < len(parts)-1 && part == "" {
			b.WriteString(covered(rest))
			return b.String()
		}
		b.WriteString(covered(rest[:at]) + part)
		rest = rest[at+len(part):]
	}
	b.WriteString(covered(rest)) // nothing, unless blanks were left out too
	return b.String()
}

// covered is a text of which nothing is shown but how long it is. The carriage return of
// an end of line stays.
func covered(text string) string {
	end := ""
	if strings.HasSuffix(text, "\r") {
		text, end = text[:len(text)-1], "\r"
	}
	return strings.Repeat(hiddenRune, len([]rune(text))) + end
}
