package expr

import (
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file sees to it that no reply gets lost in an expression: it may be carried and
// compared, and what would pick one of several, or make something else of it, is reported.
// So whoever follows the type of a reply through a flow follows the reply.

// keepReplies reports the first part of an expression that does with a reply what cannot be
// done.
func (c *checker) keepReplies(root *node) {
	if root.bad() || c.wrong > 0 {
		return
	}
	for _, a := range root.args {
		c.keepReplies(a)
	}
	if c.wrong > 0 {
		return
	}
	held := (*node)(nil)
	for _, a := range root.args {
		if a.typ.HoldsReply() {
			held = a
		}
	}
	if held == nil {
		return
	}
	switch root.kind {
	case kMember, kRecord, kList, kLet, kCompare, kIsNull, kIn:
		return
	case kConvert:
		if root.typ.HoldsReply() {
			return
		}
	case kLoop:
		// What is made of each of several items is seen by its type.
		if !root.typ.HoldsReply() || root.op == "map" && projects(root.args[1], root.slot) {
			return
		}
	case kCall:
		if root.fn.name == "len" {
			return
		}
	}
	d := c.report(diag.WrongType, root.from, max(root.to, root.from+1), "a reply can only be carried along and compared, and here it is %s", held.typ)
	d.WithHint("compute with the other fields, and leave the reply as it is")
	c.noteOrigin(d, held)
}

// projects reports whether what a loop makes of an item is the item, or a part of it: then the
// loop gives the replies of all items.
func projects(n *node, slot int) bool {
	for n.kind == kMember {
		n = n.args[0]
	}
	return n.kind == kSlot && n.slot == slot
}

// choosesReply reports whether an aggregate would keep some of the replies of its rows and
// forget the others.
func choosesReply(def *aggregate, arg *types.Type) bool {
	return arg.HoldsReply() && (def.name == "first" || def.name == "last")
}
