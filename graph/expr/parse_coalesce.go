package expr

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr/parser/lexer"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file gives ?? its place among the operators.

// expr-lang's parser has ?? bind tighter than everything else, so that a + 1 ?? 0
// would be a + (1 ?? 0). Its table of operators belongs to the whole process and is
// left alone; instead parentheses are put around the operands of every ?? before it
// reads them. An operand reaches as far as there is no comma, semicolon, ?, :, pipe,
// = of a let, bracket around it, block of an if, or another ??.

// A loose ?? stands beside another operator without parentheses.
type loose struct {
	at      int    // offset of the ??
	other   string // the operator beside it
	means   string // the part with the parentheses it is read with
	instead string // the part with those that give ?? the other meaning
}

// A segment is a row of tokens at one depth of brackets, between two that bind
// weaker than pipes and ??: runs with a pipe or a ?? between them.
type segment struct {
	runs [][2]int // the first token of each and the one behind its last
	ops  []int    // the token between a run and the next
}

// wrapCoalesce says where parentheses must stand so that ?? binds weaker than || and
// tighter than ?:, and remembers which ?? a reader may take for something else.
func (t *tree) wrapCoalesce(w *wraps) {
	for _, s := range t.segments() {
		for i, op := range s.ops {
			if t.tokens[op].Value != "??" {
				continue
			}
			t.wrapRun(w, s, i, i > 0 && t.tokens[s.ops[i-1]].Value == "??")
			t.wrapRun(w, s, i+1, false)
			t.noteLoose(s, i)
		}
	}
}

// wrapRun puts parentheses around a run of a segment. What stands behind a pipe is
// no value of its own: it takes in all of the segment before it.
func (t *tree) wrapRun(w *wraps, s segment, i int, done bool) {
	run := s.runs[i]
	if done || run[0] == run[1] || !t.endsOperand(run[1]-1) { // what is no operand is the parser's to refuse
		return
	}
	first := run[0]
	if i > 0 && t.tokens[s.ops[i-1]].Value == "|" {
		first = s.runs[0][0]
	}
	if run[1]-first > 1 {
		w.around(t.tokens[first].From, t.tokens[run[1]-1].To)
	}
}

// segments cuts the text into its segments, those of inner brackets too.
func (t *tree) segments() []segment {
	var done, open []segment
	cur := segment{}
	start := 0
	cut := func(i int) { cur.runs = append(cur.runs, [2]int{start, i}) }
	flush := func(i int) {
		if cut(i); len(cur.ops) > 0 {
			done = append(done, cur)
		}
		cur, start = segment{}, i+1
	}
	var starts []int
	var blocks []bool
	for i, tok := range t.tokens {
		switch {
		case tok.Kind == lexer.EOF:
			flush(i)
		case tok.Kind == lexer.Bracket && strings.Contains("([{", tok.Value):
			block := tok.Value == "{" && i > 0 && (t.tokens[i-1].Is(lexer.Operator, "else") || t.endsOperand(i-1))
			if block {
				flush(i)
			}
			open, starts, blocks = append(open, cur), append(starts, start), append(blocks, block)
			cur, start = segment{}, i+1
		case tok.Kind == lexer.Bracket:
			flush(i)
			last := len(open) - 1
			cur, start = open[last], starts[last]
			if blocks[last] {
				cur, start = segment{}, i+1
			}
			open, starts, blocks = open[:last], starts[:last], blocks[:last]
		case tok.Is(lexer.Operator, ",", ";", "?", ":", "=", "if", "else"):
			flush(i)
		case tok.Is(lexer.Operator, "??", "|"):
			cut(i)
			cur.ops, start = append(cur.ops, i), i+1
		}
	}
	return done
}

// endsOperand reports whether an operand may end with a token.
func (t *tree) endsOperand(i int) bool {
	switch tok := t.tokens[i]; tok.Kind {
	case lexer.Identifier, lexer.Number, lexer.String, lexer.Bytes:
		return true
	case lexer.Bracket:
		return strings.Contains(")]}", tok.Value)
	case lexer.Operator:
		return tok.Value == "#"
	}
	return false
}

// noteLoose remembers the ?? behind a run if another operator stands beside it.
func (t *tree) noteLoose(s segment, i int) {
	left, right := s.runs[i], s.runs[i+1]
	if left[0] == left[1] || right[0] == right[1] {
		return
	}
	before, after := t.outerOperator(left, true), t.outerOperator(right, false)
	l := loose{at: t.tokens[s.ops[i]].From}
	a, b := t.between(left[0], left[1]), t.between(right[0], right[1])
	first, last := a, b // the operands with ?? binding tighter
	around := [2]string{}
	if after[1] > 0 {
		l.other, b = t.between(after[0], after[1]), "("+b+")"
		last, around[1] = t.between(right[0], after[0]), " "+t.between(after[0], right[1])
	}
	if before[1] > 0 {
		l.other, a = t.between(before[0], before[1]), "("+a+")"
		first, around[0] = t.between(before[1], left[1]), t.between(left[0], before[1])
		if l.other != "!" && (l.other != "-" || before[0] > left[0]) {
			around[0] += " "
		}
	}
	if l.other == "" {
		return
	}
	if i == 0 || t.tokens[s.ops[i-1]].Value != "|" { // a call behind a pipe is no operand
		l.means = a + " ?? " + b
		l.instead = around[0] + "(" + first + " ?? " + last + ")" + around[1]
	}
	t.loose = append(t.loose, l)
}

// outerOperator finds an operator of a run outside brackets, the last or the first:
// its first token and the one behind it, 0 if there is none. A sign or a not before
// the operand behind ?? can be read in one way only; so can the sign of a number.
func (t *tree) outerOperator(run [2]int, last bool) (found [2]int) {
	for i := run[0]; i < run[1]; i++ {
		tok := t.tokens[i]
		if tok.Kind == lexer.Bracket {
			i = t.match[i]
			continue
		}
		if tok.Kind != lexer.Operator || tok.Is(lexer.Operator, ".", "?.", "#", "::") {
			continue
		}
		if i == run[0] || !t.endsOperand(i-1) {
			if i == run[0] && last && tok.Value != "+" && t.tokens[i+1].Kind != lexer.Number {
				found = [2]int{i, i + 1}
			}
			continue
		}
		found = [2]int{i, i + 1}
		if tok.Value == "not" {
			i++
			found[1]++
		}
		if !last {
			break
		}
	}
	return found
}

// between is the text from a token to the one before another.
func (t *tree) between(first, behind int) string {
	if first >= behind {
		return ""
	}
	return string(t.text[t.tokens[first].From:t.tokens[behind-1].To])
}

// warnLoose reports every ?? that stands beside another operator.
func (t *tree) warnLoose(src Text, list *diag.List) {
	for _, l := range t.loose {
		d := list.Warn(diag.LooseCoalesce, src.At(l.at, 2), "%s", l.message())
		if l.means != "" {
			d.WithHint("write %s, or %s", oneLine(l.means), oneLine(l.instead))
		} else {
			d.WithHint("put parentheses around what ?? belongs to")
		}
	}
}

func (l loose) message() string {
	if l.means == "" {
		return fmt.Sprintf("?? binds weaker than %q, which stands beside it without parentheses", l.other)
	}
	return fmt.Sprintf("?? binds weaker than %q: this is %s", l.other, oneLine(l.means))
}

// looseIn gives the ?? with another operator beside it in a part of the text.
func (t *tree) looseIn(from, to int) *loose {
	for i := range t.loose {
		if l := &t.loose[i]; from <= l.at && l.at < to && l.instead != "" {
			return l
		}
	}
	return nil
}

// oneLine is a part of a text for a message.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if limit := 80; length(s) > limit {
		return cut(s, 0, int64(limit)) + "…"
	}
	return s
}
