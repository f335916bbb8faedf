package types

import (
	"slices"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file has the type of replies: of handles by which a flow answers a request.
//
// A reply can be carried, from field to field, in lists and in records, and compared; it
// has no text and nothing is computed from it. Its type knows whose requests it answers, so
// that a check can follow them through a flow. No text of a flow names it: an item has one
// because of where it comes from.

// Reply gives the type of replies to requests that the nodes with these ids have taken.
func Reply(ids ...string) *Type { return &Type{Kind: KindReply, Words: ids} }

// HoldsReply reports whether there is a reply in values of the type.
func (t *Type) HoldsReply() bool {
	switch t.Kind {
	case KindReply:
		return true
	case KindList:
		return t.Elem.HoldsReply()
	case KindRecord:
		return slices.ContainsFunc(t.Fields, func(f Field) bool { return f.Type.HoldsReply() })
	}
	return false
}

// Replies counts the places in a value of the type where there is a reply to a request that
// a node has taken: a list of them is one.
func (t *Type) Replies(id string) (n int) {
	switch t.Kind {
	case KindReply:
		if slices.Contains(t.Words, id) {
			return 1
		}
	case KindList:
		return t.Elem.Replies(id)
	case KindRecord:
		for _, f := range t.Fields {
			n += f.Type.Replies(id)
		}
	}
	return n
}

// IsReply reports whether values are replies, or lists of them.
func (t *Type) IsReply() bool {
	for t.Kind == KindList {
		t = t.Elem
	}
	return t.Kind == KindReply
}

// boundReplies is Bound of two types of replies.
func boundReplies(a, b *Type) *Type {
	ids := slices.Clone(a.Words)
	for _, id := range b.Words {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return Reply(ids...).WithOpt(a.Nullable || b.Nullable)
}

// noReply is the error for who writes the type.
func noReply(start, end int) *SyntaxError {
	return &SyntaxError{Code: diag.UnknownType, Offset: start, Width: end - start, Message: "the type reply cannot be written",
		Hint: "items of http.listen with `respond: reply` have a field `reply` of that type, which is not part of `as`"}
}
