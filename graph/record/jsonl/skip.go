package jsonl

import "github.com/flowrun/flowrun/graph/record/text"

// This file checks values that nobody needs, and skips them.

// skip checks the value at p and gives its end.
func (s *Scanner) skip(p int) int {
	switch s.src[p] {
	case '{', '[':
		return s.skipNested(p)
	}
	return s.skipScalar(p)
}

// look is skip for values with records that may have no further fields: these are found
// although nobody needs the value. Of what type its parts are does not matter. The fields
// of n have no columns.
func (s *Scanner) look(n *node, p int) int {
	switch b := s.src; {
	case b[p] == '{' && n.object != nil:
		return s.object(n.object, p, 0)
	case b[p] == '[' && n.elem != nil:
		return s.lookIntoItems(n.elem, p)
	}
	return s.skip(p)
}

// lookIntoItems looks into the array at p.
func (s *Scanner) lookIntoItems(n *node, p int) int {
	b := s.src
	s.depth++
	defer func() { s.depth-- }()
	if p = s.blank(p + 1); b[p] == ']' {
		return p + 1
	}
	for i := 0; ; i++ {
		if p = s.look(n, p); p < 0 {
			s.path = append(s.path, index(i))
			return -1
		}
		switch p = s.blank(p); b[p] {
		case ',':
			p = s.blank(p + 1)
		case ']':
			return p + 1
		default:
			return s.syntax(p, "want , or ] after an item")
		}
	}
}

func (s *Scanner) skipScalar(p int) int {
	switch c := s.src[p]; {
	case c == '"':
		closing, _ := s.stringEnd(p + 1)
		if closing < 0 {
			return -1
		}
		return closing + 1
	case c == '-' || c-'0' <= 9:
		end := text.NumberEnd(s.src, p)
		if end < 0 {
			return s.syntax(p, "this is no number")
		}
		return end
	case c == 't' && s.hasWord(p, "true"), c == 'n' && s.hasWord(p, "null"):
		return p + 4
	case c == 'f' && s.hasWord(p, "false"):
		return p + 5
	}
	return s.syntax(p, "want a value")
}

// skipNested is skip for objects and arrays. It keeps its own stack, one bit per
// level, so that no text can exhaust that of the goroutine.
func (s *Scanner) skipNested(p int) int {
	b := s.src
	depth := 0
	for {
		switch b[p] {
		case '{', '[':
			if s.depth+depth >= maxDepth {
				return s.fail("objects and arrays stand more than %d deep in each other", maxDepth)
			}
			inObject := b[p] == '{'
			s.setOpen(depth, inObject)
			depth++
			p = s.blank(p + 1)
			if inObject && b[p] == '}' || !inObject && b[p] == ']' {
				p++
				depth--
				break
			}
			if inObject {
				if p = s.skipKey(p); p < 0 {
					return -1
				}
			}
			continue
		default:
			if p = s.skipScalar(p); p < 0 {
				return -1
			}
		}
		if p, depth = s.afterValue(p, depth); p < 0 || depth == 0 {
			return p
		}
	}
}

// afterValue goes on behind a value at the given depth: over the ends of what it
// closes to the next value, or to the end of the outermost.
func (s *Scanner) afterValue(p, depth int) (next, rest int) {
	b := s.src
	for depth > 0 {
		p = s.blank(p)
		inObject := s.open[(depth-1)>>6]&(1<<((depth-1)&63)) != 0
		switch {
		case b[p] == ',' && inObject:
			return s.skipKey(s.blank(p + 1)), depth
		case b[p] == ',':
			return s.blank(p + 1), depth
		case inObject && b[p] == '}' || !inObject && b[p] == ']':
			p++
			depth--
		case inObject:
			return s.syntax(p, "want , or } after a value"), 0
		default:
			return s.syntax(p, "want , or ] after an item"), 0
		}
	}
	return p, 0
}

func (s *Scanner) setOpen(level int, object bool) {
	if object {
		s.open[level>>6] |= 1 << (level & 63)
	} else {
		s.open[level>>6] &^= 1 << (level & 63)
	}
}

// skipKey checks the key at p and its colon and gives the place of its value.
func (s *Scanner) skipKey(p int) int {
	if s.src[p] != '"' {
		return s.syntax(p, "want a key in double quotes")
	}
	closing, _ := s.stringEnd(p + 1)
	if closing < 0 {
		return -1
	}
	if p = s.blank(closing + 1); s.src[p] != ':' {
		return s.syntax(p, "want : after a key")
	}
	return s.blank(p + 1)
}
