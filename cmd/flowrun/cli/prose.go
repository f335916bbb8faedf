package cli

import "strings"

// This file sets text for people in lines.

// proseWidth is how wide text for people is set, in cells.
const proseWidth = 88

// wrap breaks text into lines of at most room cells. Blank lines part paragraphs;
// tables, fenced and indented lines stay as they are.
func wrap(text string, room int) []string {
	var lines, words []string
	hanging := ""
	flush := func() {
		lines = append(lines, paragraph(words, room, hanging)...)
		words, hanging = nil, ""
	}
	fenced := false
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		trimmed := strings.TrimSpace(line)
		fence := strings.HasPrefix(trimmed, "```")
		switch {
		case fence || fenced || line != "" && strings.ContainsAny(line[:1], " \t|"):
			flush()
			lines = append(lines, strings.TrimRight(line, " "))
			fenced = fenced != fence
		case trimmed == "":
			flush()
			lines = append(lines, "")
		case strings.HasPrefix(trimmed, "- ") || strings.HasPrefix(trimmed, "* "):
			flush()
			words, hanging = strings.Fields(trimmed), "  "
		default:
			words = append(words, strings.Fields(trimmed)...)
		}
	}
	flush()
	return lines
}

// paragraph sets words; lines but the first begin with hanging.
func paragraph(words []string, room int, hanging string) []string {
	var lines []string
	line, used := "", 0
	for i, w := range words {
		n := cellsOf(w)
		switch {
		case i == 0:
		case used+1+n > room:
			lines = append(lines, line)
			line, used = hanging, len(hanging)
		default:
			line, used = line+" ", used+1
		}
		line, used = line+w, used+n
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// indent puts the same blanks before every line that is not empty.
func indent(lines []string, by string) string {
	var b strings.Builder
	for _, line := range lines {
		if line != "" {
			b.WriteString(by + line)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// beside sets text behind something that takes so many cells already; further
// lines begin below the text.
func beside(used int, text string) string {
	lines := wrap(text, max(proseWidth-used, proseWidth/3))
	return strings.TrimLeft(indent(lines, strings.Repeat(" ", used)), " ")
}
