// Package render draws flows.
//
// A [Scene] is the drawing as data: cards (one per node), wires (one per edge)
// and clusters (named groups of nodes). Renderers see nothing but the scene, so
// whatever can say its nodes and edges can be drawn; [FromFlow] makes the scene
// of a flow.
//
//	scene := render.FromFlow(flow)
//	if err := render.Layout(ctx, scene); err != nil { ... }
//	err := render.SVG(os.Stdout, scene, render.SVGOptions{})
//
// [Layout] gives cards and wires their positions: Graphviz places empty boxes of
// the size of the cards and routes splines between the rows of their ports, and
// everything that a reader sees is drawn here. No text of the user reaches
// Graphviz. [SVG] and [PNG] need a scene that has been laid out; [DOT] and
// [Mermaid] leave the layout to the program that reads them.
//
// [FromDiff] makes one scene of two versions of a flow: each card and wire bears a mark
// for what became of it, cards have lines that say what changed, and what has no mark is
// drawn faint. A legend explains the marks.
//
// # Terms
//
// A card has a head (icon, id, kind line, workers badge), one row per pair of
// ports and, in a live scene, a foot for numbers. A wire ends in an arrowhead at
// an input port and carries a pill with the capacity of its queue. A slot is a
// place in the table of type colours; types that are written alike have the same
// slot in one scene.
//
// # Laws
//
// Lengths are CSS pixels at scale 1, y grows downwards. The same scene gives the
// same bytes. Text of the user is cut to a width that can be read, its full form
// stands in the tooltip, and it is escaped in every format.
//
// # The cost of importing this package
//
// go-graphviz starts a WebAssembly module when the program starts: about 50 ms,
// and a second when its cache of compiled code is cold. That is why only this
// package imports it, and only commands import this package.
package render
