package jsonl

import "strings"

// This file counts the fields that were left out.

// Others is the name under which Dropped counts keys beyond the first of them that an
// object had.
const Others = "…"

// Dropped gives, for each field that the type does not list, how many values of it were
// left out since the last call, and forgets them. The name of a field is its path, such
// as refund, address.zip or items[].note. Rows that were bad do not count.
func (s *Scanner) Dropped(add func(field string, values int64)) { s.root.dropped("", add) }

func (n *node) dropped(path string, add func(string, int64)) {
	switch {
	case n.elem != nil:
		n.elem.dropped(path+"[]", add)
	case n.object != nil:
		if path != "" {
			path += "."
		}
		o := n.object
		for i := range o.order {
			if k := &o.order[i]; k.dropped != 0 {
				name := k.text[1 : len(k.text)-2]
				if strings.Contains(name, `\`) {
					name = string(unescape(nil, []byte(name)))
				}
				add(path+name, k.dropped)
				k.dropped = 0
			}
		}
		if o.others != 0 {
			add(path+Others, o.others)
			o.others = 0
		}
		for _, f := range o.fields {
			if f.elem != nil || f.object != nil {
				f.dropped(path+f.name, add)
			}
		}
	}
}
