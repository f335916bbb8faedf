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
	reference = regexp.MustCompile(`^\$\{[^}\n]*\}[ \t]*(?:[,}\]\n#]|$)`)
	blockHead = regexp.MustCompile(`^(?:[|>][-+0-9]*[ \t]*(?:#[^\n]*)?)?(?:\n|$)`)
	secretURL = regexp.MustCompile(`(://[^/\s:@]*:)[^/\s@]+@`)
)

// masked hides values under keys that name secrets, and passwords in addresses. The
// text is YAML, JSON or a message that quotes them, so it goes by what they look like.
// It keeps as many lines as it had.
func masked(text string) string {
	var b strings.Builder
	for {
		at := secretKey.FindStringIndex(text)
		if at == nil {
			break
		}
		before, rest := text[:at[1]], text[at[1]:]
		b.WriteString(before)
		line := before[strings.LastIndexByte(before, '\n')+1:]
		n := len(secretValue(line, rest))
		if n > 0 {
			b.WriteString(hidden(rest[:n]))
		}
		text = rest[n:]
	}
	b.WriteString(text)
	return secretURL.ReplaceAllString(b.String(), "${1}"+mask+"@")
}

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
		end := strings.IndexAny(rest, "]\n")
		if end < 0 {
			return rest
		}
		return rest[:end+len("]")-strings.Count(rest[end:end+1], "\n")]
	}
	value, _, _ := strings.Cut(rest, "\n")
	if strings.Count(line, "{")+strings.Count(line, "[") > strings.Count(line, "}")+strings.Count(line, "]") {
		if end := strings.IndexAny(value, ",}]"); end >= 0 {
			value = value[:end]
		}
	}
	return strings.TrimRight(value, ",}] \t\r")
}

// blockValue is the lines below a key that are further in: a text after | or >, a list,
// or a scalar that begins on a line of its own.
func blockValue(line, rest string) string {
	deep := indent(line)
	head, below, _ := strings.Cut(rest, "\n")
	literal := strings.TrimSpace(head) != ""
	n := 0
	for next := range strings.Lines(below) {
		bare := strings.TrimSpace(next)
		item := bare == "-" || strings.HasPrefix(bare, "- ")
		if bare != "" && indent(next) <= deep && !(item && indent(next) == deep) {
			break
		}
		if bare != "" && !literal && !item && (n == 0 && strings.Contains(bare, ":") || reference.MatchString(bare)) {
			return "" // a mapping, or a variable
		}
		n += len(next)
	}
	if n == 0 {
		return ""
	}
	return strings.TrimRight(rest[:len(head)+1+n], " \n")
}

// hidden is what stands for a value, with as many lines.
func hidden(value string) string {
	head, below, more := strings.Cut(value, "\n")
	if !more {
		return mask
	}
	var b strings.Builder
	if quote := strings.HasPrefix(head, `"`) || strings.HasPrefix(head, "'"); quote {
		return mask + strings.Repeat("\n", 1+strings.Count(below, "\n"))
	}
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
