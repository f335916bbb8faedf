package diag

import "strings"

// Printable replaces what a terminal would obey instead of showing it: control characters
// but for line ends and tabs, and characters that turn the direction of the text around
// them. File names and data are full of it when somebody means harm.
func Printable(text string) string {
	if !strings.ContainsFunc(text, Commands) && strings.ToValidUTF8(text, "") == text {
		return text
	}
	return strings.Map(func(r rune) rune {
		if Commands(r) {
			return '\uFFFD'
		}
		return r
	}, text)
}

// Commands reports whether a terminal would obey a character instead of showing it. A line
// end and a tab are not meant.
func Commands(r rune) bool {
	switch {
	case r < ' ':
		return r != '\n' && r != '\t'
	case r < 0x7f:
		return false
	case r < 0xa0: // delete, and the C1 controls
		return true
	}
	switch r {
	case 0x061c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069:
		return true
	}
	return false
}
