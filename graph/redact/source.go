package redact

import (
	"strings"
)

// This file hides secrets in settings and in the text of flow files.

// Setting gives the value of a setting as it may be seen. Its path, such as
// with.headers.token or vars.TOKEN, begins with the section or the setting of the
// engine that it belongs to, which is no secret. A value that is a variable is shown,
// but not its preset.
func Setting(path, value string) string {
	if value == "" {
		return ""
	}
	section, rest, _ := strings.Cut(path, ".")
	names := namesIn(rest)
	if section == "types" && len(names) > 1 { // types may have any name
		names = names[len(names)-1:]
	}
	if hidesUnder(names, value) {
		return Value(value)
	}
	return Text(value)
}

// Field gives one value in an item, as JSON, as it is seen where the whole item is
// shown. Its path is such as login.password or tokens[2], or "" for the item itself.
func Field(path, value string) string {
	if hidesUnder(namesIn(path), value) {
		return `"` + Mask + `"`
	}
	return JSON(value)
}

// namesIn takes a path apart.
func namesIn(path string) []string {
	return strings.FieldsFunc(path, func(c rune) bool { return c == '.' || c == '[' || c == ']' })
}

// hidesUnder reports whether a value is hidden by any of the names that lead to it.
func hidesUnder(names []string, value string) bool {
	for i, name := range names {
		if last := i == len(names)-1; last && standard.hides(name, value) || !last && IsSecret(name) && !standard.isVague(name) {
			return true
		}
	}
	return false
}

// standIn is how package config shows a Secret.
const standIn = "[secret]"

// Value gives a value that is known to be secret as it may be seen: the mask, but a
// variable without its preset.
func Value(value string) string {
	if n, shown := reference(value); n == len(value) {
		return shown
	}
	if value == standIn {
		return value
	}
	return Mask
}

// Source hides secrets in the text of a flow, in a part of it, or in a message that
// quotes lines of it: values under secret names, passwords in addresses, and what
// else Text hides. It goes by what the text looks like, for it may be wrong in any
// way. Lines stay lines. A name that leads to a node or, in types, to a type hides
// nothing.
func Source(text string) string {
	var b strings.Builder
	done := 0
	for {
		at := key().FindStringIndex(text[done:])
		if at == nil {
			break
		}
		begin, end := done+at[0], done+at[1]
		b.WriteString(text[done:end])
		done = end
		name := strings.Trim(strings.TrimRight(text[begin:end], " \t:"), `"'`)
		if !IsSecret(name) {
			continue
		}
		value, shown := secretValue(name, text, begin, end)
		b.WriteString(shown)
		done += len(value)
	}
	b.WriteString(text[done:])
	lines := strings.Split(b.String(), "\n")
	for i, line := range lines {
		if strings.ContainsAny(line, "=-") {
			line = standard.pairs(line, "=-")
		}
		lines[i] = addresses(schemes(standard.examples(line)))
	}
	return strings.Join(lines, "\n")
}

var (
	key       = pattern(`(?:"[^"\n]{1,100}"|'[^'\n]{1,100}'|[\pL_$%.-][\pL\pN_$%.-]*)[ \t]{0,20}:[ \t]*`)
	quoted    = pattern(`^(?:"(?:[^"\\]|\\.|\\\n)*"?|'(?:[^']|'')*'?)`)
	section   = pattern(`(?:^|[\s{,])(?:nodes|types):[ \t]*(?:#.*)?$`)
	blockHead = pattern(`^(?:[|>][-+0-9]{0,4}[ \t]{0,20})?(?:#[^\n]{0,200})?(?:\n|$)`)
)

// secretValue gives the value of a name that begins at begin, and what is shown of it.
// The value begins at end if it is on the same line.
func secretValue(name, text string, begin, end int) (value, shown string) {
	line := text[max(0, begin-maxLine):begin]
	line = line[strings.LastIndexByte(line, '\n')+1:]
	rest := text[end:]
	if n, shown := reference(rest); n > 0 {
		return rest[:n], shown
	}
	if strings.HasPrefix(rest, Mask) { // to hide twice is to hide once
		return "", ""
	}
	switch {
	case blockHead().MatchString(rest):
		value = blockValue(name, line, rest, text[:begin])
	case rest[0] == '"' || rest[0] == '\'':
		value = quoted().FindString(rest)
		if bare := strings.Trim(value, value[:1]); bare != "" {
			if n, shown := reference(bare); n == len(bare) && shown == bare { // nothing but a variable
				return "", ""
			}
		}
	case rest[0] == '{' || rest[0] == '[':
		if standard.isVague(name) || rest[0] == '{' && (isNode(rest) || inSection(line, text[:begin])) {
			return "", ""
		}
		value = below(rest, len(line))
		value = value[:nestedEnd(value)]
	case isOpen(line):
		value = strings.TrimRight(upTo(rest, "\n,}]"), " \t\r")
	default:
		value = strings.TrimRight(below(rest, len(line)), ",}] \t\r")
	}
	if value == "" || !standard.hides(name, value) {
		return "", ""
	}
	return value, masked(value)
}

// blockValue gives the lines below a name: a text after | or >, a list, a mapping, or a
// scalar that begins on a line of its own; "" if they are no secret.
func blockValue(name, line, rest, before string) string {
	value := below(rest, len(line))
	head, block, _ := strings.Cut(value, "\n")
	if strings.TrimSpace(block) == "" {
		return ""
	}
	if first := firstLine(block); !strings.ContainsAny(head, "|>") && !isItem(first) {
		if n, _ := reference(first); n > 0 && n == len(first) {
			return ""
		}
		if strings.Contains(first, ":") && (standard.isVague(name) || isNode(block) || inSection(line, before)) {
			return ""
		}
	}
	return value
}

// maxLine bounds how far back a line is looked at, in bytes.
const maxLine = 4 << 10

// upTo is the beginning of a text, before any of some characters.
func upTo(text, stops string) string {
	if n := strings.IndexAny(text, stops); n >= 0 {
		return text[:n]
	}
	return text
}

// below is the rest of a line and the lines that belong to the name in that column:
// those that are further in, and the items of a list.
func below(rest string, column int) string {
	n := 0
	for line := range strings.Lines(rest) {
		bare := strings.TrimSpace(line)
		if n > 0 && bare != "" && indent(line) <= column && (indent(line) < column || !isItem(bare)) {
			break
		}
		n += len(line)
	}
	return strings.TrimRight(rest[:n], " \t\r\n")
}

func isItem(bare string) bool { return bare == "-" || strings.HasPrefix(bare, "- ") }

// firstLine is the first line that says something, without blanks around it.
func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if bare := strings.TrimSpace(line); bare != "" && bare[0] != '#' {
			return bare
		}
	}
	return ""
}

// isOpen reports whether a list or a mapping has begun in a line and not ended.
func isOpen(line string) bool {
	return strings.Count(line, "{")+strings.Count(line, "[") > strings.Count(line, "}")+strings.Count(line, "]")
}

// isNode reports whether a mapping, in braces or not, has the key use, as nodes have.
func isNode(mapping string) bool {
	mapping = mapping[:min(len(mapping), maxLine)]
	if first := firstLine(mapping); first != "" && first[0] != '{' {
		column := -1
		for line := range strings.Lines(mapping) {
			if bare := strings.TrimSpace(line); bare != "" && bare[0] != '#' {
				if column < 0 {
					column = indent(line)
				}
				if indent(line) == column && strings.HasPrefix(bare, "use:") {
					return true
				}
			}
		}
		return false
	}
	deep := 0
	for i, c := range mapping {
		switch c {
		case '{', '[':
			deep++
		case '}', ']':
			if deep--; deep == 0 {
				return false
			}
		}
		if (c == '{' || c == ',') && deep == 1 && strings.HasPrefix(strings.TrimLeft(mapping[i+1:], " \t\r\n"), "use:") {
			return true
		}
	}
	return false
}

// inSection reports whether a name, before which line stands on its line, belongs to
// the nodes or the types of a flow.
func inSection(line, before string) bool {
	if at := strings.LastIndexByte(line, '{'); at >= 0 && isOpen(line) {
		return section().MatchString(strings.TrimRight(line[:at], " \t"))
	}
	before = before[max(0, len(before)-len(line)-maxLine) : len(before)-len(line)]
	for before != "" {
		before = strings.TrimSuffix(before, "\n")
		at := strings.LastIndexByte(before, '\n') + 1
		last := before[at:]
		before = before[:at]
		if bare := strings.TrimSpace(last); bare != "" && bare[0] != '#' && indent(last) < len(line) {
			return section().MatchString(bare)
		}
	}
	return false
}

// masked is what stands for a value, with as many lines.
func masked(value string) string {
	head, below, more := strings.Cut(value, "\n")
	if !more {
		return Mask
	}
	if !blockHead().MatchString(head) {
		return Mask + strings.Repeat("\n", strings.Count(value, "\n"))
	}
	var b strings.Builder
	if note := strings.IndexByte(head, '#'); note >= 0 {
		head = head[:note+1] + " " + Mask
	}
	b.WriteString(head)
	for line := range strings.SplitSeq(below, "\n") {
		b.WriteString("\n" + line[:indent(line)])
		if bare := line[indent(line):]; strings.HasPrefix(bare, "- ") {
			b.WriteString("- " + Mask)
		} else if strings.TrimSpace(bare) != "" {
			b.WriteString(Mask)
		}
	}
	return b.String()
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }
