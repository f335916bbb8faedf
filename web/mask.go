package web

import (
	"regexp"
	"strings"
)

// mask stands for what is hidden.
const mask = "•••"

// secretWord ends the name of a key whose value is nobody's business. A key that leads
// to a mapping hides nothing: nodes and types may have such names.
const secretWord = `(?:pass(?:words?|wd|phrases?)?|pwd|secrets?|secret[_-]?key|access[_-]?key|token|bearer|api[_-]?keys?|credentials?|authorization|private[_-]?key)`

var (
	secretKey = regexp.MustCompile(`(?i)` + secretWord + `["']?\s*:[ \t]*`)
	quoted    = regexp.MustCompile(`^(?:"(?:[^"\\]|\\.)*"?|'(?:[^']|\'\')*'?)`)
	reference = regexp.MustCompile(`^\$\{[^}\n]{0,200}\}[ \t]{0,20}(?:[,}\]\n#]|$)`)
	blockHead = regexp.MustCompile(`^(?:[|>][-+0-9]{0,4}[ \t]{0,20})?(?:#[^\n]{0,200})?(?:\n|$)`)
	secretURL = regexp.MustCompile(`(://[^/\s:@]*:)[^/\s@]+@`)
)

// masked hides values under keys that name secrets, and passwords in addresses. The
// text is YAML, JSON or a message that quotes them, so it goes by what they look like.
// It keeps as many lines as it had, and takes time in proportion to its length.
func masked(text string) string {
	var b strings.Builder
	done := 0
	for {
		at := secretKey.FindStringIndex(text[done:])
		if at == nil {
			break
		}
		end := done + at[1]
		line := text[max(0, end-maxLine):end]
		line = line[strings.LastIndexByte(line, '\n')+1:]
		b.WriteString(text[done:end])
		value := secretValue(line, text[end:])
		if value != "" {
			b.WriteString(hidden(value))
		}
		done = end + len(value)
	}
	b.WriteString(text[done:])
	return secretURL.ReplaceAllString(b.String(), "${1}"+mask+"@")
}

// maxLine bounds how far back a line is looked at, in bytes.
const maxLine = 4 << 10

// secretValue is the part of a text that is the value of a key, which ends the line
// before it; "" if there is nothing to hide.
func secretValue(line, rest string) string {
	switch {
	case reference.MatchString(rest):
		return ""
	case blockHead.MatchString(rest):
		return blockValue(line, rest)
	case rest[0] == '"' || rest[0] == '\'':
		return quoted.FindString(rest)
	case rest[0] == '{':
		return ""
	case rest[0] == '[':
		return upTo(rest, "\n", "]")
	case strings.Count(line, "{")+strings.Count(line, "[") > strings.Count(line, "}")+strings.Count(line, "]"):
		return strings.TrimRight(upTo(rest, "\n,}]", ""), " \t\r")
	}
	return strings.TrimRight(upTo(rest, "\n", ""), ",}] \t\r")
}

// upTo is the beginning of a text: before any of some characters, or with any of others.
func upTo(text, before, with string) string {
	end := strings.IndexAny(text, before+with)
	switch {
	case end < 0:
		return text
	case strings.IndexByte(with, text[end]) >= 0:
		return text[:end+1]
	}
	return text[:end]
}

// blockValue is the lines below a key that are further in: a text after | or >, a list,
// or a scalar that begins on a line of its own.
func blockValue(line, rest string) string {
	deep := indent(line)
	head, below, _ := strings.Cut(rest, "\n")
	literal := strings.ContainsAny(head, "|>")
	first, n := true, 0
	for next := range strings.Lines(below) {
		bare := strings.TrimSpace(next)
		item := bare == "-" || strings.HasPrefix(bare, "- ")
		if bare != "" && indent(next) <= deep && !(item && indent(next) == deep) {
			break
		}
		if text := bare != "" && (literal || bare[0] != '#'); text && first {
			if !literal && !item && (strings.Contains(bare, ":") || reference.MatchString(bare)) {
				return "" // a mapping, or a variable
			}
			first = false
		}
		n += len(next)
	}
	if first {
		return ""
	}
	return strings.TrimRight(rest[:len(head)+1+n], " \t\r\n")
}

// hidden is what stands for a value, with as many lines.
func hidden(value string) string {
	head, below, more := strings.Cut(value, "\n")
	if !more {
		return mask
	}
	if strings.HasPrefix(head, `"`) || strings.HasPrefix(head, "'") {
		return mask + strings.Repeat("\n", strings.Count(value, "\n"))
	}
	var b strings.Builder
	b.WriteString(head)
	for line := range strings.SplitSeq(below, "\n") {
		b.WriteString("\n" + line[:indent(line)])
		if bare := line[indent(line):]; strings.HasPrefix(bare, "- ") {
			b.WriteString("- " + mask)
		} else if bare != "" {
			b.WriteString(mask)
		}
	}
	return b.String()
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }
