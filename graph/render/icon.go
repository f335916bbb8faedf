package render

// An Icon is the sign of a family of kinds, drawn at the head of a card.
type Icon string

// The families. An unknown icon is drawn as IconMap.
const (
	IconSource Icon = "source" // reads from outside
	IconSink   Icon = "sink"   // writes to outside
	IconMap    Icon = "map"    // changes items one by one
	IconFilter Icon = "filter" // lets some items pass
	IconTime   Icon = "time"   // windows, delays, rates
	IconJoin   Icon = "join"   // several inputs, one output
	IconSplit  Icon = "split"  // one input, several outputs
	IconGroup  Icon = "group"  // aggregates
	IconSort   Icon = "sort"   // changes the order
	IconState  Icon = "state"  // keeps state of its own: machines, actors
	IconCall   Icon = "call"   // runs code from elsewhere
	IconQueue  Icon = "queue"  // a place between flows, such as a stream
)

// A glyph is a line drawing: SVG path data in a box of 16×16 px with absolute
// M, L, C and Z only, so that the rasteriser reads it too.
type glyph struct {
	path  string
	shade shade
}

const (
	circle5 = "M13 8C13 10.76 10.76 13 8 13C5.24 13 3 10.76 3 8C3 5.24 5.24 3 8 3C10.76 3 13 5.24 13 8Z"
	circle2 = "M9.9 8C9.9 9.05 9.05 9.9 8 9.9C6.95 9.9 6.1 9.05 6.1 8C6.1 6.95 6.95 6.1 8 6.1C9.05 6.1 9.9 6.95 9.9 8Z"
)

var glyphs = map[Icon]glyph{
	IconSource: {"M5 3.4L12.2 8L5 12.6Z", shade{"#0f9f86", "#35c8ac"}},
	IconSink:   {"M4 4L12 4L12 12L4 12Z", shade{"#64748b", "#a3b1c2"}},
	IconMap:    {"M3 8L12.4 8M9 4L13 8L9 12", shade{"#2f74e0", "#6aa5ff"}},
	IconFilter: {"M3 3.8L13 3.8L9.4 8.6L9.4 13L6.6 11.4L6.6 8.6Z", shade{"#8b5cf6", "#b497ff"}},
	IconTime:   {circle5 + "M8 5.2L8 8L10 9.4", shade{"#b7730b", "#e2a548"}},
	IconJoin:   {"M3 4L8 8L3 12M8 8L13 8", shade{"#d03a7c", "#f37fb0"}},
	IconSplit:  {"M13 4L8 8L13 12M8 8L3 8", shade{"#8b5cf6", "#b497ff"}},
	IconGroup:  {"M4 13L4 9M8 13L8 3.4M12 13L12 6.4", shade{"#2f74e0", "#6aa5ff"}},
	IconSort:   {"M3 4L13 4M3 8L10 8M3 12L7 12", shade{"#2f74e0", "#6aa5ff"}},
	IconState:  {circle5 + circle2, shade{"#b7730b", "#e2a548"}},
	IconQueue:  {"M3 5L13 5L13 11L3 11ZM6.3 5L6.3 11M9.6 5L9.6 11", shade{"#64748b", "#a3b1c2"}},
	IconCall:   {"M5.8 4.2L2.4 8L5.8 11.8M10.2 4.2L13.6 8L10.2 11.8", shade{"#2f74e0", "#6aa5ff"}},
}

// known is the icon itself when it can be drawn, else IconMap.
func (i Icon) known() Icon {
	if _, ok := glyphs[i]; ok {
		return i
	}
	return IconMap
}

// A Sign is a small mark inside a pill or a badge.
type Sign string

// The signs. An unknown sign is not drawn; its text still stands in the tooltip.
const (
	SignDrop     Sign = "drop"     // a full queue drops items
	SignFail     Sign = "fail"     // a full queue fails the flow
	SignSpill    Sign = "spill"    // a full queue goes to disk
	SignIsolate  Sign = "isolate"  // a full queue does not hold up its sender
	SignPriority Sign = "priority" // items overtake
	SignDelay    Sign = "delay"    // items wait
	SignBroker   Sign = "broker"   // the queue lies on a broker
	SignRate     Sign = "rate"     // a node takes so many items in a time
	SignBreaker  Sign = "breaker"  // a node that keeps failing takes nothing for a while
	SignBatch    Sign = "batch"    // a node is given so many items at once
	SignAck      Sign = "ack"      // a source acknowledges items as soon as it has given them
)

// signs are line drawings as in glyphs, in a box of 8×8 px.
var signs = map[Sign]string{
	SignDrop:     "M4 0.8L4 5.2M1.6 3.4L4 5.8L6.4 3.4M1.6 7.4L6.4 7.4",
	SignFail:     "M4 0.8L4 4.8M4 7L4 7.3",
	SignSpill:    "M1 1.2L7 1.2L7 6.8L1 6.8ZM1 4L7 4",
	SignIsolate:  "M1 4L3 4M5 4L7 4M3.4 1L3.4 7M4.6 1L4.6 7",
	SignPriority: "M1.4 4L4 1.4L6.6 4M1.4 7.2L4 4.6L6.6 7.2",
	SignDelay:    "M7.4 4C7.4 5.88 5.88 7.4 4 7.4C2.12 7.4 0.6 5.88 0.6 4C0.6 2.12 2.12 0.6 4 0.6C5.88 0.6 7.4 2.12 7.4 4ZM4 2.2L4 4.2L5.4 4.9",
	SignBroker:   "M0.8 2.6L5.2 2.6M4 0.9L5.8 2.6L4 4.3M7.2 5.6L2.4 5.6",
	SignRate:     "M6.6 1L1.6 3.2L6.6 5.4M1.6 7.2L6.6 7.2",
	SignBreaker:  "M0.4 5.6L2.2 5.6L5.6 2.2M5.6 5.6L7.6 5.6",
	SignBatch:    "M1 1.4L7 1.4M1 4L7 4M1 6.6L7 6.6",
	SignAck:      "M0.6 4.6L2.4 6.4L5.4 2.2M7.4 1L7.4 7",
}
