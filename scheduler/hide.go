package scheduler

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/nodes"
)

// hidden stands where a secret stood.
const hidden = "•••"

// A hiding makes items into texts that may be shown. It hides the values of fields
// whose names sound like secrets, whatever they hold; texts that are known to be
// secret; and, inside of texts, what follows such a name or a scheme of
// authorization, and passwords in addresses. It goes by names: a secret in a field
// with a harmless name is shown unless somebody names that field.
type hiding struct {
	names   []string // as folded gives them, to be hidden too
	secrets []string
}

// shortestSecret is how long a text must be to be hidden wherever it appears: the
// parts of shorter ones are everywhere.
const shortestSecret = 4

func newHiding(names, secrets []string) *hiding {
	h := &hiding{}
	for _, name := range names {
		h.names = append(h.names, folded(name))
	}
	for _, s := range secrets {
		if len(s) >= shortestSecret {
			h.secrets = append(h.secrets, s)
		}
	}
	// A secret may be part of another one.
	slices.SortFunc(h.secrets, func(a, b string) int { return len(b) - len(a) })
	return h
}

// item gives the one item in data as JSON, and whether that was cut.
func (h *hiding) item(d record.Data) (text string, cut bool) {
	bad := nodes.BadItem{Data: d}
	if b, ok := d.(*record.Batch); ok {
		bad.Row = b.Row(0)
	}
	whole := itemJSON(bad)
	if len(whole) > tapReadBytes {
		whole, cut = whole[:tapReadBytes], true
	}
	text = string(h.appendJSON(nil, whole))
	if len(text) > tapTextBytes {
		text, cut = text[:tapTextBytes], true
		for text != "" && !utf8.ValidString(text[max(0, len(text)-utf8.UTFMax):]) {
			text = text[:len(text)-1]
		}
	}
	if cut {
		text += "…"
	}
	return text, cut
}

// appendJSON writes a JSON text without its secrets. The text may break off
// anywhere; a string that does is left out.
func (h *hiding) appendJSON(dst []byte, text string) []byte {
	for i := 0; i < len(text); {
		if text[i] != '"' {
			dst = append(dst, text[i])
			i++
			continue
		}
		end := stringEnd(text, i)
		if end < 0 {
			return dst
		}
		literal := text[i:end]
		if i = end; i >= len(text) || text[i] != ':' {
			dst = h.appendText(dst, literal)
			continue
		}
		dst = append(append(dst, literal...), ':')
		i++
		if h.isSecret(unquoted(literal)) {
			i = valueEnd(text, i)
			dst = append(append(append(dst, '"'), hidden...), '"')
		}
	}
	return dst
}

// stringEnd gives where a string that begins at i ends; -1 if it does not.
func stringEnd(text string, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// valueEnd gives where the value that begins at i ends.
func valueEnd(text string, i int) int {
	deep := 0
	for i < len(text) {
		switch text[i] {
		case '"':
			if i = stringEnd(text, i); i < 0 {
				return len(text)
			}
			i--
		case '{', '[':
			deep++
		case '}', ']':
			if deep--; deep < 0 {
				return i
			}
		case ',':
			if deep == 0 {
				return i
			}
		}
		i++
	}
	return i
}

// unquoted reads a JSON string.
func unquoted(literal string) string {
	if !strings.Contains(literal, `\`) {
		return literal[1 : len(literal)-1]
	}
	var s string
	if json.Unmarshal([]byte(literal), &s) != nil {
		return literal
	}
	return s
}

// Names that make a field a secret: when they are part of its name, and when they
// are all of it.
var (
	secretParts = []string{
		"password", "passwd", "passphrase", "secret", "token", "apikey", "accesskey", "privatekey", "credential", "authorization", "cookie", "sessionid",
	}
	secretNames = []string{"pass", "pwd", "auth", "pin", "otp", "jwt", "bearer", "cvv", "cvc"}
)

// folded makes names that differ only in how they are written the same.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

func (h *hiding) isSecret(name string) bool {
	name = folded(name)
	return slices.ContainsFunc(secretParts, func(part string) bool { return strings.Contains(name, part) }) ||
		slices.Contains(secretNames, name) || slices.Contains(h.names, name)
}

var (
	secretInText = regexp.MustCompile(`(?i)((?:pass(?:word|wd|phrase)?|secret|token|api[_-]?key|private[_-]?key|credentials?)["']?\s*[:=]\s*["']?)[^\s"',;&}]+`)
	schemeInText = regexp.MustCompile(`(?i)\b((?:bearer|basic)\s+)[a-z0-9._~+/=-]{6,}`)
	secretInURL  = regexp.MustCompile(`(://[^/\s:@]*:)[^/\s@]+@`)
)

// appendText writes a JSON string without the secrets in it.
func (h *hiding) appendText(dst []byte, literal string) []byte {
	text := unquoted(literal)
	shown := h.text(text)
	if shown == text {
		return append(dst, literal...)
	}
	return jsonl.AppendString(dst, shown)
}

// text gives a text without the secrets in it.
func (h *hiding) text(text string) string {
	for _, s := range h.secrets {
		text = strings.ReplaceAll(text, s, hidden)
	}
	text = secretInText.ReplaceAllString(text, "${1}"+hidden)
	text = schemeInText.ReplaceAllString(text, "${1}"+hidden)
	return secretInURL.ReplaceAllString(text, "${1}"+hidden+"@")
}
