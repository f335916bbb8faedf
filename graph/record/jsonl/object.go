package jsonl

import (
	"math"

	"github.com/flowrun/flowrun/graph/record"
)

// This file reads objects and lists into columns.

// object reads the object at p, which begins with a brace, into row of the
// columns of its fields.
func (s *Scanner) object(o *object, p, row int) int {
	b := s.src
	s.depth++
	o.number++
	o.rest = o.rest[:0]
	seen, at := 0, 0
	if p = s.blank(p + 1); b[p] == '}' {
		p++
	} else {
		for {
			slot, begin := unknown, p
			if at < len(o.order) && hasKey(b, p, o.order[at].text) {
				slot = o.order[at].slot
				p += len(o.order[at].text)
				at++
			} else if slot, at, p = s.lookUp(o, at, p); p < 0 {
				return -1
			}
			p = s.blank(p)
			if slot >= 0 && o.fields[slot].col != nil {
				if p = s.value(o.fields[slot], p, row); p < 0 {
					s.path = append(s.path, o.fields[slot].name)
					return -1
				}
				if o.seen[slot] != o.number {
					o.seen[slot] = o.number
					seen++
				}
			} else if slot >= 0 && o.fields[slot].closed {
				if p = s.look(o.fields[slot], p); p < 0 {
					s.path = append(s.path, o.fields[slot].name)
					return -1
				}
			} else if p = s.skip(p); p < 0 {
				return -1
			} else if slot < 0 {
				s.unknown(o, slot, at, b[begin:p])
			}
			p = s.blank(p)
			if b[p] == ',' {
				p = s.blank(p + 1)
				continue
			}
			if b[p] != '}' {
				return s.syntax(p, "want , or } after a value")
			}
			p++
			break
		}
	}
	s.depth--
	if o.extra != nil && s.keep(o, row) {
		seen++
	}
	if seen < o.needed && !s.missing(o, row) {
		return -1
	}
	return p
}

// unknown takes a key, which lookUp has found to be no field, with its value: it is kept
// or counted.
func (s *Scanner) unknown(o *object, slot, at int, text []byte) {
	switch {
	case o.extra != nil && o.extra.col == nil: // nobody reads it
	case o.extra != nil:
		o.rest = append(append(o.rest, ','), text...)
	case slot == stranger:
		o.others += s.count
	default:
		o.order[at-1].dropped += s.count
	}
}

// keep writes what is left of an object into the row of its field, if there is anything.
func (s *Scanner) keep(o *object, row int) bool {
	if len(o.rest) == 0 {
		return false
	}
	o.rest[0] = '{'
	value := append(append(s.memory(len(o.rest) + 1)[:0], o.rest...), '}')
	o.extra.col.Str[row] = record.View(value)
	o.extra.col.Clear(row)
	o.seen[len(o.fields)-1] = o.number
	return true
}

func hasKey(b []byte, p int, text string) bool {
	end := p + len(text)
	return end <= len(b) && string(b[p:end]) == text
}

// lookUp reads the key at p. It returns its slot, the place in the order of keys
// where the next key is expected, and where the value begins or the space before it.
func (s *Scanner) lookUp(o *object, at, p int) (slot, next, end int) {
	b := s.src
	if at+1 < len(o.order) && hasKey(b, p, o.order[at+1].text) { // a field that may be missing is
		return o.order[at+1].slot, at + 2, p + len(o.order[at+1].text)
	}
	if b[p] != '"' {
		return 0, 0, s.syntax(p, "want a key in double quotes")
	}
	closing, escaped := s.stringEnd(p + 1)
	if closing < 0 {
		return 0, 0, -1
	}
	name := b[p+1 : closing]
	if escaped {
		name = unescape(nil, name)
	}
	colon := s.blank(closing + 1)
	if b[colon] != ':' {
		return 0, 0, s.syntax(colon, "want : after a key")
	}
	if i, ok := o.known[string(name)]; ok {
		return o.order[i].slot, i + 1, colon + 1
	}
	slot, ok := o.slots[string(name)]
	if !ok {
		if slot = unknown; !o.open {
			s.extra = string(name)
			return 0, 0, s.fail("unknown field %q", name)
		}
	}
	if len(o.order) < maxKeys {
		o.known[string(name)] = len(o.order)
		o.order = append(o.order, key{text: string(b[p:closing+1]) + ":", slot: slot})
		return slot, len(o.order), colon + 1
	}
	if !ok {
		slot = stranger
	}
	return slot, at, colon + 1
}

// missing makes the fields null that the object does not have, or gives them
// their default.
func (s *Scanner) missing(o *object, row int) bool {
	for i, f := range o.fields {
		switch {
		case f.col == nil || o.seen[i] == o.number:
		case f.instead != nil:
			if s.useDefault(f, row) < 0 {
				return false
			}
		case f.typ.Nullable:
			f.col.SetNull(row)
		default:
			s.fail("is missing")
			s.path = append(s.path, f.name)
			return false
		}
	}
	return true
}

// useDefault reads the default of n into row. It was checked before, so that it
// fails only for want of memory.
func (s *Scanner) useDefault(n *node, row int) int {
	src := s.src
	s.src = n.instead
	end := s.value(n, 0, row)
	s.src = src
	return end
}

// list reads the array at p, which begins with a bracket, as the list of a row.
func (s *Scanner) list(n *node, p, row int) int {
	b := s.src
	s.depth++
	at, _ := n.col.Range(row)
	first := at
	if p = s.blank(p + 1); b[p] == ']' {
		p++
	} else {
		for {
			if at >= n.room {
				if at > math.MaxInt32/2 {
					return s.fail("the lists of a batch have more than %d items", at)
				}
				n.room = max(64, 2*at)
				n.col.Elem.Resize(n.room)
			}
			if p = s.value(n.elem, p, at); p < 0 {
				s.path = append(s.path, index(at-first))
				return -1
			}
			at++
			p = s.blank(p)
			if b[p] == ',' {
				p = s.blank(p + 1)
				continue
			}
			if b[p] != ']' {
				return s.syntax(p, "want , or ] after an item")
			}
			p++
			break
		}
	}
	s.depth--
	n.col.Ends[row] = int32(at)
	return p
}
