package assist

import (
	"slices"
	"strings"
	"unicode"
)

// A place is where a cursor stands in a flow file, as far as can be told from the
// text before it, which may be no YAML yet.
type place struct {
	path    []string // the keys that lead here; sequences do not count
	key     bool     // a key is written here, not a value
	item    bool     // an item of a sequence, which may turn out to be a mapping
	value   string   // of the value, what stands before the cursor
	closers string   // what would close the brackets that are open on the line
	quote   rune     // the quotes that are open, or 0
}

// at gives the key at a depth of the path, "" beyond it.
func (p place) at(depth int) string {
	if depth < len(p.path) {
		return p.path[depth]
	}
	return ""
}

// Bounds of what is looked at, for texts that want to keep a server busy: lines
// above the cursor among which a bracket may have been opened, and characters of a
// line.
const (
	maxAbove = 60
	maxLine  = 4000
)

// find tells where a cursor stands: line from 0, column in characters from 0.
func find(lines []string, line, col int) place {
	if line >= len(lines) || col > maxLine {
		return place{}
	}
	current := []rune(lines[line])
	before := string(current[:min(col, len(current))])
	outer, start := ancestors(lines, line, before)
	if start.block { // the text of a block scalar
		return place{path: outer, value: strings.TrimLeft(before, " ")}
	}
	text := before
	if start.line < line { // brackets opened on a line above
		text = strings.Join(append(slices.Clone(lines[start.line:line]), before), " ")
	}
	s := scanner{place: place{path: outer, key: true}}
	s.scan(strings.TrimLeft(text, " "))
	return s.done()
}

// A beginning is where to scan from to understand a line.
type beginning struct {
	line  int
	block bool // the line is part of a block scalar
}

// ancestors gives the keys above a line, by their indentation.
func ancestors(lines []string, line int, before string) (path []string, from beginning) {
	from.line = line
	indent := indentOf(before)
	if strings.TrimSpace(before) == "" {
		indent = len(before) // the cursor says how deep a line will be that is empty yet
	}
	for i := line - 1; i >= 0; i-- {
		text := lines[i]
		if trimmed := strings.TrimSpace(text); trimmed == "" || trimmed[0] == '#' || indentOf(text) >= indent {
			continue
		}
		key, deep, rest, ok := keyOf(text)
		if len(path) == 0 && !from.block && line-i <= maxAbove && brackets(lines[i:line]) > brackets(lines[i+1:line]) {
			from.line, indent = i, indentOf(text)
			continue
		}
		if !ok || deep >= indent {
			continue
		}
		if rest = strings.TrimSpace(rest); len(path) == 0 && from.line == line && rest != "" && (rest[0] == '|' || rest[0] == '>') {
			from.block = true
		}
		path = append(path, key)
		indent = deep
	}
	slices.Reverse(path)
	return path, from
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// keyOf splits a line `- key: rest`. deep is where the key stands.
func keyOf(line string) (key string, deep int, rest string, ok bool) {
	text := strings.TrimLeft(line, " ")
	for strings.HasPrefix(text, "- ") {
		text = strings.TrimLeft(text[2:], " ")
	}
	deep = len(line) - len(text)
	key, rest, ok = strings.Cut(text, ":")
	if key = strings.TrimSpace(key); !ok || key == "" || rest != "" && rest[0] != ' ' || strings.ContainsAny(key, "{[,") {
		return "", deep, "", false
	}
	return strings.Trim(key, `"'`), deep, rest, true
}

// brackets is how many more brackets are opened than closed.
func brackets(lines []string) int {
	s := scanner{place: place{key: true}}
	for _, line := range lines {
		if len(line) > maxLine {
			return 0
		}
		s.key = s.key || len(s.open) == 0
		s.scan(strings.TrimLeft(line, " "))
	}
	return len(s.open)
}

// A scanner reads the text of one line, or of one flow collection, up to the
// cursor.
type scanner struct {
	place
	word []rune        // since the last sign that means something
	open []openBracket // brackets
}

// An openBracket waits for what closes it.
type openBracket struct {
	close rune
	depth int // of the path outside
}

func (s *scanner) scan(text string) {
	for strings.HasPrefix(text, "- ") {
		text = strings.TrimLeft(text[2:], " ")
		s.key, s.item = false, true
	}
	runes := []rune(text)
	for i, r := range runes {
		if s.quote != 0 {
			if r == s.quote {
				s.quote = 0
			}
			s.word = append(s.word, r)
			continue
		}
		next := rune(' ')
		if i+1 < len(runes) {
			next = runes[i+1]
		}
		inFlow, fresh := len(s.open) > 0, strings.TrimSpace(string(s.word)) == ""
		switch {
		case r == '#' && (i == 0 || runes[i-1] == ' '):
			s.word = nil
			return
		case (r == '"' || r == '\'') && fresh:
			s.quote = r
			s.word = append(s.word, r)
		case r == ':' && next == ' ' && (s.key || s.item && !inFlow):
			s.path = append(slices.Clip(s.path), strings.Trim(strings.TrimSpace(string(s.word)), `"'`))
			s.key, s.item, s.word = false, false, nil
		case (r == '{' || r == '[') && (fresh || inFlow):
			s.push(r)
		case inFlow && (r == '}' || r == ']') && s.open[len(s.open)-1].close == r:
			s.pop()
		case inFlow && r == ',' && !s.inCall():
			s.next()
		default:
			s.word = append(s.word, r)
		}
	}
}

// inCall reports whether a comma would stand between the arguments of a function.
func (s *scanner) inCall() bool {
	return strings.Count(string(s.word), "(") > strings.Count(string(s.word), ")")
}

func (s *scanner) push(r rune) {
	closer := '}'
	if r == '[' {
		closer = ']'
	}
	s.open = append(s.open, openBracket{closer, len(s.path)})
	s.key, s.word = r == '{', nil
}

func (s *scanner) pop() {
	last := s.open[len(s.open)-1]
	s.open = s.open[:len(s.open)-1]
	s.path, s.word, s.key = s.path[:last.depth], nil, false
}

// next begins another entry of a flow collection.
func (s *scanner) next() {
	last := s.open[len(s.open)-1]
	s.path, s.word, s.key = s.path[:last.depth], nil, last.close == '}'
}

func (s *scanner) done() place {
	p := s.place
	p.value = strings.TrimLeft(string(s.word), " ")
	if s.quote != 0 {
		p.closers = string(s.quote)
	}
	for _, o := range slices.Backward(s.open) {
		p.closers += string(o.close)
	}
	return p
}

// wordBefore gives the end of a text that is one word of letters, digits, _ and
// the signs of extra.
func wordBefore(text, extra string) string {
	runes := []rune(text)
	i := len(runes)
	for i > 0 && (isWord(runes[i-1]) || strings.ContainsRune(extra, runes[i-1])) {
		i--
	}
	return string(runes[i:])
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
