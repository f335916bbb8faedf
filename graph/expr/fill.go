package expr

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/types"
)

// This file puts the values of variables into the text of an expression, so that they are
// values there and never syntax.

// A Part is a stretch of an expression: as its author wrote it, or what a variable in it
// stands for.
type Part struct {
	Text  string
	Value bool        // of a variable
	Type  *types.Type // of a variable: bool, duration, float, int or string; nil: as its text looks
}

// A Filled is an expression with the values of its variables.
type Filled struct {
	Source string
	Origin []Origin // of every character of Source
}

// An Origin says where a character of a filled expression comes from: which part, and
// which character of it.
type Origin struct{ Part, Char int }

// Fill puts an expression together. A variable between quotes is a piece of that text,
// one between backquotes a piece of that name, each with what must be escaped. Elsewhere
// it is a literal of its type; without one it is a number or a truth value if it is
// written as in JSON, else a text. touching is the index of a variable that would be a
// part of a word, or the name of a function or a member, which no value can be; -1 if
// there is none.
func Fill(parts []Part) (f Filled, touching int) {
	w := &filling{}
	for i, p := range parts {
		w.part = i
		if p.Value {
			if w.value(p) && touches(parts, i) {
				return Filled{}, i
			}
			continue
		}
		for j, r := range []rune(p.Text) {
			w.char = j
			w.written(r)
		}
	}
	return Filled{Source: string(w.out), Origin: w.origin}, -1
}

// touches reports whether what is written beside a variable would make a word, a member
// or a call of it.
func touches(parts []Part, i int) bool {
	before, after, member := ' ', ' ', false
	if i > 0 {
		text := parts[i-1].Text
		member = strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "..") // 1..${N} is a range
		before, _ = utf8.DecodeLastRuneInString(text)
	}
	if i+1 < len(parts) {
		after, _ = utf8.DecodeRuneInString(parts[i+1].Text)
	}
	if i > 0 && parts[i-1].Value || i+1 < len(parts) && parts[i+1].Value {
		return true // two values without an operator
	}
	return isWordRune(before) || isWordRune(after) || before == '`' || after == '`' || member || after == '('
}

// A filling is an expression while it is put together.
type filling struct {
	out    []rune
	origin []Origin

	part, char int  // where the next character comes from
	within     rune // the quote or backquote that is open, * in a comment, 0 outside
	raw        bool // the quote is that of a raw string
	escaped    bool // the next character follows a backslash in a string
	last       rune // what was written before, outside and in comments
}

func (w *filling) emit(text string) {
	for _, r := range text {
		w.out, w.origin = append(w.out, r), append(w.origin, Origin{w.part, w.char})
	}
}

// written takes a character of the author. Raw strings become others, because a variable
// in them might have the quote that ends them.
func (w *filling) written(r rune) {
	last := w.last
	w.last = r
	switch {
	case w.raw && r != w.within:
		w.emit(escape(string(r), w.within))
		return
	case w.escaped:
		w.escaped = false
	case w.within == '*':
		if r == '/' && last == '*' {
			w.within = 0
		}
	case w.within != 0:
		w.escaped = r == '\\' && w.within != '`'
		if r == w.within {
			w.within, w.raw = 0, false
		}
	case r == '"' || r == '\'' || r == '`':
		w.within = r
		if n := len(w.out); r != '`' && (last == 'r' || last == 'R') && (n < 2 || !isWordRune(w.out[n-2])) {
			w.raw, w.out, w.origin = true, w.out[:n-1], w.origin[:n-1]
		}
	case r == '*' && last == '/':
		w.within, w.last = '*', 0
	}
	w.emit(string(r))
}

// value puts in what a variable stands for, and reports whether it is a literal of its own.
func (w *filling) value(p Part) (literal bool) {
	w.char, w.last = 0, 0
	switch w.within {
	case '*':
	case '`':
		w.emit(strings.ReplaceAll(p.Text, "`", "``"))
	case '"', '\'':
		w.emit(escape(p.Text, w.within))
	default:
		w.emit(Literal(p.Text, p.Type))
		return true
	}
	return false
}

// escape gives a text as it stands within a quote.
func escape(text string, quote rune) string {
	return strings.NewReplacer(`\`, `\\`, string(quote), `\`+string(quote), "\n", `\n`, "\r", `\r`).Replace(text)
}

// jsonNumber is a number as JSON writes it: 01 is none.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// Literal writes a value as an expression: of type t, or, if t is nil, of the type that
// its text has as JSON, where what is no number and no truth value is a text.
func Literal(text string, t *types.Type) string {
	quoted := `"` + escape(text, '"') + `"`
	kind := types.KindString
	switch {
	case t != nil:
		kind = t.Kind
	case text == "true" || text == "false":
		kind = types.KindBool
	case jsonNumber.MatchString(text):
		kind = types.KindInt // or a float, by its text
	}
	switch kind {
	case types.KindBool:
		return strings.ToLower(text)
	case types.KindDuration:
		return "duration(" + quoted + ")"
	case types.KindFloat:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || notFinite(f) {
			return "float(" + quoted + ")" // which says what is wrong with it
		}
		if text = strconv.FormatFloat(f, 'g', -1, 64); !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
	case types.KindInt:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			text = strconv.FormatInt(n, 10)
		}
	default:
		return quoted
	}
	if strings.HasPrefix(text, "-") {
		return "(" + text + ")"
	}
	return text
}
