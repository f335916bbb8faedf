package expr

import (
	"slices"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has the typed nodes that a checker makes and that kernels and closures are
// made of.

// kind says what a node computes.
type kind uint8

const (
	kConst    kind = iota // value
	kField                // column index of the batch
	kSlot                 // what kLet or kLoop has put in slot
	kMember               // field index of the record args[0]
	kPath                 // member name of the JSON value args[0]
	kIndex                // args[0][args[1]]: list, text or JSON value
	kSlice                // args[0][args[1]:args[2]], either bound may be the constant null
	kNeg                  // -args[0]
	kNot                  // !args[0]
	kArith                // args[0] op args[1], both of one form, which is that of the result
	kScale                // a duration times or over a float
	kConcat               // text + text
	kCompare              // args[0] op args[1], both of one form
	kAnd                  // three-valued
	kOr                   // three-valued
	kIsNull               // args[0] == null; op != turns it round
	kCoalesce             // args[0] ?? args[1]
	kCond                 // args[0] ? args[1] : args[2]; not true means args[2]
	kIn                   // args[0] in args[1], a list
	kText                 // args[0] op args[1]: contains, startsWith, endsWith
	kMatch                // args[0] matches args[1]
	kRange                // args[0]..args[1]
	kList                 // [args...]
	kRecord               // {args...} by the fields of typ
	kConvert              // args[0] in the form of typ
	kCall                 // fn(args...)
	kLoop                 // name(args[0], args[1]): args[1] for every item in slot, its number in slot+1
	kLet                  // args[1] with args[0] in slot
	kTry                  // args[0], null where that fails
)

// A node is a checked part of an expression. Nodes are immutable once Check has
// returned and may be shared by programs.
type node struct {
	kind     kind
	op       string // the operator, or the name of a kLoop
	typ      *types.Type
	args     []*node
	val      value
	index    int
	slot     int
	name     string
	fn       *function
	from, to int          // the part of the text, in characters
	field    *types.Field // for messages: the field that kField or kMember reads
	fails    bool         // whether computing it can fail on a row
	null     bool         // whether it is the literal null
	exact    bool         // of a kConvert: an int that is no float becomes NaN, which equals nothing
}

func (n *node) form() record.Form { return record.FormOf(n.typ) }

func (n *node) isConst() bool { return n.kind == kConst && n.typ.Kind != types.KindError }

// bad reports whether the node already has a diagnostic.
func (n *node) bad() bool { return n.typ.Kind == types.KindError }

// anyFails reports whether one of the nodes can fail.
func anyFails(args []*node) bool {
	return slices.ContainsFunc(args, func(a *node) bool { return a.fails })
}
