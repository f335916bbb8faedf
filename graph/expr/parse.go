package expr

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/lexer"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file makes a syntax tree of a text, within limits, and says where a text is
// wrong.

// Limits on what is parsed. They bound work and stack, not what is sensible.
const (
	maxText  = 10_000 // characters of an expression
	maxDepth = 200    // expressions inside each other; chains such as a + b + c do not count
	maxNodes = 20_000 // parts; a < b < c counts b twice
)

// A tree is a parsed expression. expr-lang's parser knows neither names in
// backquotes nor count() nor the least int, so parse gives it a text of the same
// length in which harmless words stand in for them, and remembers by offset what
// they stand for; so do plain strings for raw ones. It takes a record that is the
// body of a loop for a block and has ?? bind tighter than all else, so both get
// parentheses, and every place that the parser tells is moved back.
type tree struct {
	root   ast.Node
	text   []rune         // as written
	names  map[int]string // names in backquotes, by the offset of the first backquote
	calls  map[int]string // calls without arguments that the parser refuses, by their offset
	least  map[int]bool   // 9223372036854775808, which is legal after a minus only
	raws   map[int]string // raw strings, by the offset of their r
	stand  []rune         // what is parsed instead, but for parentheses
	loose  []loose        // every ?? that a reader may take for something else
	tokens []lexer.Token
	token  map[int]int // index of the token at an offset
	match  map[int]int // index of the bracket that closes the one at an index, and back
}

// A syntaxError is what is wrong with a text and where, in characters.
type syntaxError struct {
	offset, width int
	message, hint string
	code          diag.Code
}

func wrongAt(offset, width int, format string, args ...any) *syntaxError {
	return &syntaxError{offset: offset, width: width, message: fmt.Sprintf(format, args...), code: diag.BadExpression}
}

func (e *syntaxError) withHint(format string, args ...any) *syntaxError {
	e.hint = fmt.Sprintf(format, args...)
	return e
}

// parse reads an expression. It stops at the first error: what follows a broken
// piece of syntax has no meaning that could be checked.
func parse(source string) (*tree, *syntaxError) {
	t := &tree{
		text: []rune(source), names: map[int]string{}, calls: map[int]string{}, least: map[int]bool{},
		raws: map[int]string{}, token: map[int]int{}, match: map[int]int{},
	}
	if len(t.text) > maxText {
		e := wrongAt(0, 1, "the expression has %d characters, the limit is %d", len(t.text), maxText)
		e.code = diag.TooLarge
		return nil, e
	}
	if strings.TrimSpace(source) == "" {
		return nil, wrongAt(0, len(t.text), "the expression is empty")
	}
	stand := append([]rune(nil), t.text...)
	t.stand = stand
	if e := t.replaceNames(stand); e != nil {
		return nil, e
	}
	tokens, err := lexer.Lex(file.NewSource(string(stand)))
	if err != nil {
		return nil, t.lexical(err)
	}
	t.tokens = tokens
	if e := t.pair(); e != nil {
		return nil, e
	}
	if e := t.replaceTokens(stand); e != nil {
		return nil, e
	}
	w := &wraps{opens: map[int]int{}, closes: map[int]int{}}
	t.wrapRecords(w)
	t.wrapCoalesce(w)
	stand, back := w.put(stand)
	if t.root, err = guarded(string(stand)); err != nil {
		return nil, t.syntactic(err, back)
	}
	if len(back) > len(t.text)+1 {
		ast.Walk(&t.root, &mover{back: back, done: map[ast.Node]bool{}})
	}
	return t, nil
}

// Wraps are parentheses that the parser needs and the author need not write: how
// many open before a place of the text, and how many close before one.
type wraps struct{ opens, closes map[int]int }

func (w *wraps) around(from, to int) {
	w.opens[from]++
	w.closes[to]++
}

// put puts them into the text. back gives for every place in the new text the one
// in the old.
func (w *wraps) put(stand []rune) (wrapped []rune, back []int) {
	for i := 0; i <= len(stand); i++ {
		for range w.closes[i] {
			wrapped, back = append(wrapped, ')'), append(back, i-1)
		}
		for range w.opens[i] {
			wrapped, back = append(wrapped, '('), append(back, i)
		}
		if i < len(stand) {
			wrapped, back = append(wrapped, stand[i]), append(back, i)
		}
	}
	return wrapped, append(back, len(stand))
}

// wrapRecords has parentheses around records that are arguments.
func (t *tree) wrapRecords(w *wraps) {
	for i, tok := range t.tokens {
		if i == 0 || i+2 >= len(t.tokens) || !tok.Is(lexer.Bracket, "{") || !t.tokens[i+2].Is(lexer.Operator, ":") {
			continue
		}
		if before := t.tokens[i-1]; before.Is(lexer.Operator, ",") || before.Is(lexer.Bracket, "(") {
			w.around(tok.From, t.tokens[t.match[i]].To)
		}
	}
}

// A mover moves the places of nodes back to the text as written. Nodes of chained
// comparisons are met twice.
type mover struct {
	back []int
	done map[ast.Node]bool
}

func (m *mover) Visit(n *ast.Node) {
	if !m.done[*n] {
		m.done[*n] = true
		at := (*n).Location()
		(*n).SetLocation(file.Location{From: place(m.back, at.From), To: place(m.back, at.To-1) + 1})
	}
}

func place(back []int, i int) int { return back[min(max(i, 0), len(back)-1)] }

// guarded calls the parser and turns a panic of it into an error.
func guarded(text string) (root ast.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("this cannot be parsed")
		}
	}()
	parsed, err := parser.Parse(text)
	if err != nil {
		return nil, err
	}
	if parsed.Node == nil {
		return nil, errors.New("this cannot be parsed")
	}
	return parsed.Node, nil
}

// replaceNames overwrites names in backquotes by words of the same width, and raw
// strings by strings. A backquote inside a name is written twice.
func (t *tree) replaceNames(stand []rune) *syntaxError {
	for i := 0; i < len(stand); i++ {
		switch r := stand[i]; {
		case (r == 'r' || r == 'R') && i+1 < len(stand) && (stand[i+1] == '"' || stand[i+1] == '\'') && (i == 0 || !isWordRune(stand[i-1])):
			end, e := t.raw(i)
			if e != nil {
				return e
			}
			stand[i] = stand[i+1]
			for j := i + 1; j < end-1; j++ {
				stand[j] = '_'
			}
			i = end - 1
		case r == '"' || r == '\'':
			for i++; i < len(stand) && stand[i] != r && stand[i] != '\n'; i++ {
				if stand[i] == '\\' {
					i++
				}
			}
		case r == '/' && i+1 < len(stand) && stand[i+1] == '/':
			return wrongAt(i, 2, "there is no operator //").
				withHint("a division that rounds down is int(floor(a / b)); a comment within an expression is /* written so */")
		case r == '/' && i+1 < len(stand) && stand[i+1] == '*':
			for i += 3; i < len(stand) && (stand[i-1] != '*' || stand[i] != '/'); i++ {
			}
		case r == '`':
			end, e := t.backquoted(i)
			if e != nil {
				return e
			}
			for j := i; j < end; j++ {
				stand[j] = '_'
			}
			i = end - 1
		}
	}
	return nil
}

// raw reads the raw string whose r stands at an offset, such as r"\d+", in which a
// backslash is a backslash, and gives the offset behind it.
func (t *tree) raw(start int) (int, *syntaxError) {
	quote := t.text[start+1]
	for i := start + 2; i < len(t.text); i++ {
		if t.text[i] == quote {
			t.raws[start] = string(t.text[start+2 : i])
			return i + 1, nil
		}
	}
	return 0, wrongAt(start+1, 1, "this quote is not closed")
}

// str is the text of a string in the tree.
func (t *tree) str(s *ast.StringNode) string {
	if raw, ok := t.raws[s.Location().From]; ok {
		return raw
	}
	return s.Value
}

// backquoted reads the name that begins at a backquote and gives the offset
// behind it.
func (t *tree) backquoted(start int) (int, *syntaxError) {
	var name []rune
	for i := start + 1; i < len(t.text); i++ {
		if t.text[i] != '`' {
			name = append(name, t.text[i])
			continue
		}
		if i+1 < len(t.text) && t.text[i+1] == '`' && len(name) > 0 {
			name = append(name, '`')
			i++
			continue
		}
		end := i + 1
		switch {
		case len(name) == 0:
			return 0, wrongAt(start, 2, "there is no name between the backquotes")
		case start > 0 && isWordRune(t.text[start-1]), end < len(t.text) && isWordRune(t.text[end]):
			return 0, wrongAt(start, end-start, "a name in backquotes must not touch another word")
		}
		t.names[start] = string(name)
		return end, nil
	}
	return 0, wrongAt(start, len(t.text)-start, "the backquote is not closed").withHint("names with spaces or signs stand between two backquotes, as in `US Gross`")
}

func isWordRune(r rune) bool {
	return r == '_' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// pair finds the partner of every bracket and bounds how deep they nest.
func (t *tree) pair() *syntaxError {
	var open []int
	for i, tok := range t.tokens {
		t.token[tok.From] = i
		if tok.Kind != lexer.Bracket {
			continue
		}
		if strings.Contains("([{", tok.Value) {
			if open = append(open, i); len(open) > maxDepth {
				return tooDeep(tok.From)
			}
			continue
		}
		if len(open) == 0 {
			return wrongAt(tok.From, 1, "there is no opening bracket for this %q", tok.Value)
		}
		first := open[len(open)-1]
		if want := closing(t.tokens[first].Value); want != tok.Value {
			return wrongAt(tok.From, 1, "want %q here, got %q", want, tok.Value)
		}
		open = open[:len(open)-1]
		t.match[first], t.match[i] = i, first
	}
	if len(open) > 0 {
		tok := t.tokens[open[len(open)-1]]
		return wrongAt(tok.From, 1, "this %q is not closed", tok.Value)
	}
	return nil
}

func tooDeep(offset int) *syntaxError {
	e := wrongAt(offset, 1, "expressions may be nested %d deep at most", maxDepth)
	e.code = diag.TooLarge
	return e
}

func closing(open string) string {
	switch open {
	case "(":
		return ")"
	case "[":
		return "]"
	}
	return "}"
}

// replaceTokens does what replaceNames does for count() and for the least int,
// and refuses integers that fit nowhere.
func (t *tree) replaceTokens(stand []rune) *syntaxError {
	for i, tok := range t.tokens {
		switch tok.Kind {
		case lexer.Identifier:
			piped := i > 0 && t.tokens[i-1].Is(lexer.Operator, "|", ".", "?.")
			if tok.Value == "count" && !piped && i+2 < len(t.tokens) && t.tokens[i+1].Is(lexer.Bracket, "(") && t.match[i+1] == i+2 {
				end := t.tokens[i+2].To
				for j := tok.From; j < end; j++ {
					stand[j] = '_'
				}
				t.calls[tok.From] = tok.Value
			}
		case lexer.Number:
			digits := strings.TrimLeft(strings.ReplaceAll(tok.Value, "_", ""), "0")
			if strings.ContainsAny(tok.Value, "xXoO.eE") || strings.HasPrefix(tok.Value, "0b") || strings.HasPrefix(tok.Value, "0B") {
				continue
			}
			switch least := "9223372036854775808"; {
			case digits == least && stand[tok.To-1] == '8':
				stand[tok.To-1] = '7'
				t.least[tok.From] = true
			case len(digits) > len(least) || len(digits) == len(least) && digits > least:
				return bigInt(tok.From, tok.To, tok.Value)
			}
		}
	}
	return nil
}

func bigInt(from, to int, text string) *syntaxError {
	e := wrongAt(from, to-from, "%s does not fit into int, which has 64 bits", text)
	e.code = diag.WrongValue
	return e.withHint("write %s.0 for a float", text)
}

// lexical puts an error of the lexer into the user's words.
func (t *tree) lexical(err error) *syntaxError {
	e, ok := errors.AsType[*file.Error](err)
	if !ok {
		return wrongAt(0, len(t.text), "%s", err)
	}
	from := min(e.From, max(0, len(t.text)-1))
	switch {
	case e.Message == "literal not terminated":
		if from = t.lastQuote(); t.stand[from] == '\'' || t.stand[from] == '"' {
			return wrongAt(from, 1, "this quote is not closed")
		}
		return wrongAt(from, 1, "a quote is not closed")
	case e.Message == "invalid char escape", strings.HasPrefix(e.Message, "unable to unescape"):
		return wrongAt(from, 1, "this escape is not known").withHint(`the escapes are \n \t \r \\ \" \' \xHH \uHHHH; write \\ for a backslash, or a raw string for a pattern: r"\d+"`)
	case e.Message == "unclosed comment":
		return wrongAt(from, 1, "the comment is not closed")
	case strings.HasPrefix(e.Message, "unrecognized character"):
		x := wrongAt(from, 1, "unexpected %q", string(t.text[from]))
		if t.text[from] == '~' { // =~ and ~ of other languages
			x.hint = `write a matches r"pattern"`
		}
		return x
	case strings.HasPrefix(e.Message, "bad number syntax"):
		return wrongAt(from, 1, "this is not a number").withHint("a name that begins with a digit stands between backquotes")
	}
	return wrongAt(from, 1, "%s", e.Message)
}

// lastQuote finds the quote that opens the text which is not closed.
func (t *tree) lastQuote() int {
	var open rune
	at := 0
	for i := 0; i < len(t.stand); i++ {
		switch r := t.stand[i]; {
		case open == 0 && (r == '"' || r == '\''):
			open, at = r, i
		case open != 0 && r == '\\':
			i++
		case open != 0 && r == '\n':
			return at
		case r == open:
			open = 0
		}
	}
	return at
}

// instead says what to write for operators of other languages.
var instead = map[string]string{
	"=": "write == to compare", "&": "write && for and", "AND": "write && or and", "OR": "write || or or", "NOT": "write ! or not",
	"IN": "write in", "is": "write == null or != null", "IS": "write == null or != null", "like": `write contains, startsWith or matches`,
	"LIKE": `write contains, startsWith or matches`, "mod": "write %", "div": "write / and int()", "between": "write a <= x && x <= b",
	"BETWEEN": "write a <= x && x <= b", "xor": "write != between the two", "===": "write ==", "!==": "write !=", "then": "write condition ? a : b",
	"contains": "write it between its operands: a contains b", "startsWith": "write it between its operands: a startsWith b",
	"endsWith": "write it between its operands: a endsWith b", "matches": "write it between its operands: a matches b",
	"&=": "write && for and", "if": "write condition ? a : b", "#": "# stands for an item inside functions over lists, as in filter(prices, # > 10)",
}

// syntactic puts an error of the parser into the user's words.
func (t *tree) syntactic(err error, back []int) *syntaxError {
	e, ok := errors.AsType[*file.Error](err)
	if !ok {
		return wrongAt(0, len(t.text), "%s", err)
	}
	e.From, e.To = place(back, e.From), place(back, e.To)
	at, known := t.token[e.From]
	end := !known || t.tokens[at].Kind == lexer.EOF
	switch {
	case strings.Contains(e.Message, "maximum allowed nodes"):
		x := wrongAt(0, len(t.text), "the expression has too many parts")
		x.code = diag.TooLarge
		return x
	case strings.HasPrefix(e.Message, "expected at least"):
		return wrongAt(e.From, e.To-e.From, "an argument is missing").withHint("functions over lists want a list and a condition, as in filter(prices, # > 10)")
	case strings.Contains(e.Message, "literal"):
		if tok := t.tokens[max(0, at-1)]; known && tok.Kind == lexer.Number {
			return wrongAt(tok.From, tok.To-tok.From, "this number is too large")
		}
		return wrongAt(max(0, e.From-1), 1, "this number is too large")
	case known && at > 1 && t.tokens[at-2].Is(lexer.Operator, "|") && t.tokens[at-1].Kind == lexer.Identifier:
		tok := t.tokens[at-1]
		return wrongAt(tok.From, tok.To-tok.From, "a pipe leads to a call").withHint("write %s()", tok.Value)
	case strings.HasPrefix(e.Message, "wrap predicate"):
		return wrongAt(e.From, e.To-e.From, "several statements here need braces").withHint("write {let x = ...; ...}")
	case strings.HasPrefix(e.Message, "a map key"):
		return wrongAt(e.From, max(1, e.To-e.From), "want the name of a field here").withHint("a record is written {name: value, other: value}")
	case e.Message == "expected name":
		return wrongAt(e.From, max(1, e.To-e.From), "want the name of a field after the dot")
	case end:
		return wrongAt(len(t.text), 1, "the expression ends too early")
	case strings.Contains(e.Message, "coalesce expressions"): // an operand is missing, see wrapRun: that behind this operator
		tok := t.tokens[min(at+1, len(t.tokens)-1)]
		return wrongAt(tok.From, max(1, tok.To-tok.From), "unexpected %s", string(t.text[tok.From:tok.To]))
	case strings.HasPrefix(e.Message, "unexpected token"):
		tok := t.tokens[at]
		x := wrongAt(tok.From, tok.To-tok.From, "unexpected %s", string(t.text[tok.From:tok.To]))
		x.hint = instead[tok.Value]
		if tok.Kind == lexer.Identifier && x.hint == "" && at > 0 && t.tokens[at-1].Kind == lexer.Identifier {
			x.hint = "names with spaces stand between backquotes: `" + string(t.text[t.tokens[at-1].From:tok.To]) + "`"
		}
		if strings.HasPrefix(tok.Value, "=") && at > 0 && t.tokens[at-1].Is(lexer.Operator, "==", "!=") {
			x.hint = "write == or !="
		}
		if tok.Value == ">" && at > 0 && t.tokens[at-1].Is(lexer.Operator, "<") {
			x.hint = "write !="
		}
		return x
	}
	return wrongAt(e.From, max(1, e.To-e.From), "%s", e.Message)
}

// end gives the offset behind the bracket that closes the one which is the token
// at offset, or the one after it; offset itself if there is none.
func (t *tree) end(offset int) int {
	i, ok := t.token[offset]
	if !ok {
		return offset
	}
	if _, ok := t.match[i]; !ok {
		i++
	}
	if j, ok := t.match[i]; ok && j > i {
		return t.tokens[j].To
	}
	return t.tokens[max(0, i-1)].To
}

// widen takes in the parentheses around a part of the text.
func (t *tree) widen(from, to int) (int, int) {
	for {
		i, ok := t.token[from]
		if !ok || i == 0 || !t.tokens[i-1].Is(lexer.Bracket, "(") {
			return from, to
		}
		if i > 1 && (t.tokens[i-2].Kind == lexer.Identifier || t.tokens[i-2].Is(lexer.Bracket, ")", "]")) {
			return from, to // the parenthesis of a call
		}
		j, ok := t.match[i-1]
		if !ok || j == 0 || t.tokens[j-1].To != to {
			return from, to
		}
		from, to = t.tokens[i-1].From, t.tokens[j].To
	}
}
