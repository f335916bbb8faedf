package render

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/graph/diff"
)

// A Scene is a flow as a picture. The caller fills in what it shows; [Layout]
// adds the colour slots and the positions. A scene belongs to one goroutine
// while it is laid out and may be drawn by many afterwards.
type Scene struct {
	Title string  `json:"title,omitempty"` // name of the flow, drawn above it
	About string  `json:"about,omitempty"` // one line under the title
	Cards []*Card `json:"cards"`
	Wires []*Wire `json:"wires"`
	// Live leaves room for running numbers: a foot under each card and pills wide
	// enough for "depth/capacity".
	Live bool `json:"live,omitempty"`
	// Down lets edges run from top to bottom instead of from left to right. DOT and
	// Mermaid leave that to the program that reads them.
	Down bool `json:"down,omitempty"`
	// Diff says that the scene shows two versions: what bears no mark is drawn faint,
	// and a legend explains the marks.
	Diff bool `json:"diff,omitempty"`

	// Set by Layout.
	Clusters []*Cluster `json:"clusters,omitempty"`
	Width    float64    `json:"width"`
	Height   float64    `json:"height"`
	Engine   Engine     `json:"engine,omitempty"`
}

// An Engine is what computed the positions of a scene.
type Engine string

// The two engines. Graphviz draws better; the built-in one always works.
const (
	Graphviz Engine = "graphviz"
	Builtin  Engine = "builtin"
)

// A Card shows one node.
type Card struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"`              // such as "filter"
	Detail  string `json:"detail,omitempty"`  // the one setting that tells, such as "delay > 15"
	Workers string `json:"workers,omitempty"` // badge, such as "×2" or "×1–8"; empty for one worker
	Marks   []Mark `json:"marks,omitempty"`   // what else the engine does for the node, drawn beside it
	About   string `json:"about,omitempty"`   // shown in the tooltip
	Icon    Icon   `json:"icon,omitempty"`
	Cluster string `json:"cluster,omitempty"` // name of the cluster it stands in, or empty
	In      []Port `json:"in,omitempty"`
	Out     []Port `json:"out,omitempty"`

	Diff  diff.Mark `json:"diff,omitempty"`  // what became of it, in a scene of two versions
	Notes []string  `json:"notes,omitempty"` // lines below the ports

	Box // set by Layout
}

// A Port is one row on a side of a card.
type Port struct {
	Name string `json:"name"`
	Type string `json:"type"`           // as drawn; cut when it is long
	Full string `json:"full,omitempty"` // the whole type for the tooltip, when Type is a short form
	Key  string `json:"key,omitempty"`  // ports with equal keys share a colour; Type when empty
	Slot Slot   `json:"slot"`           // set by Layout
}

// A Wire shows one edge.
type Wire struct {
	From     End    `json:"from"`
	To       End    `json:"to"`
	Capacity string `json:"capacity,omitempty"` // text of the pill; no pill when empty
	Side     bool   `json:"side,omitempty"`     // errors and other side outputs: dashed
	Marks    []Mark `json:"marks,omitempty"`    // what else the queue does, drawn in the pill
	About    string `json:"about,omitempty"`    // added to the tooltip

	Diff diff.Mark `json:"diff,omitempty"` // what became of it, in a scene of two versions

	// Set by Layout. Path holds the control points of cubic Bézier curves: a start
	// and three points per curve. Pill is the middle of the pill.
	Slot Slot    `json:"slot"`
	Path []Point `json:"path,omitempty"`
	Pill Point   `json:"pill"`
}

// An End names a port by its position: an output of the card where a wire
// starts, an input of the card where it ends.
type End struct {
	Card int `json:"card"` // index into Scene.Cards
	Port int `json:"port"` // index into Card.Out or Card.In
}

// A Mark is a property of a queue other than its capacity, or of a node.
type Mark struct {
	Sign Sign   `json:"sign"`
	Text string `json:"text"` // for the tooltip, such as "on_full: drop_oldest"
}

// A Cluster is the box around the cards of one cluster.
type Cluster struct {
	Name string `json:"name"`
	Box
}

// A Point is a position in CSS pixels from the top left corner.
type Point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

// A Box is a rectangle by its top left corner and its size.
type Box struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
	W float64 `json:"w"`
	H float64 `json:"h"`
}

// overlaps reports whether the boxes have an area in common.
func (b Box) overlaps(o Box) bool {
	return b.X < o.X+o.W && o.X < b.X+b.W && b.Y < o.Y+o.H && o.Y < b.Y+b.H
}

// grown is the box with d more on each side.
func (b Box) grown(d float64) Box { return Box{b.X - d, b.Y - d, b.W + 2*d, b.H + 2*d} }

// around is the box of a size around a middle.
func around(p Point, w, h float64) Box { return Box{p.X - w/2, p.Y - h/2, w, h} }

// check refuses wires that lead nowhere. Everything else can be drawn.
func (s *Scene) check() error {
	end := func(i int, e End, side string, ports func(*Card) []Port) error {
		if e.Card < 0 || e.Card >= len(s.Cards) {
			return fmt.Errorf("wire %d: no card %d", i, e.Card)
		}
		if c := s.Cards[e.Card]; e.Port < 0 || e.Port >= len(ports(c)) {
			return fmt.Errorf("wire %d: card %s has no %s port %d", i, c.ID, side, e.Port)
		}
		return nil
	}
	for i, w := range s.Wires {
		if err := end(i, w.From, "output", func(c *Card) []Port { return c.Out }); err != nil {
			return err
		}
		if err := end(i, w.To, "input", func(c *Card) []Port { return c.In }); err != nil {
			return err
		}
	}
	return nil
}

// source and target are the ports of a wire.
func (s *Scene) source(w *Wire) *Port { return &s.Cards[w.From.Card].Out[w.From.Port] }
func (s *Scene) target(w *Wire) *Port { return &s.Cards[w.To.Card].In[w.To.Port] }

// start and end are where a wire meets the borders of its cards, during a layout.
func (s *Scene) start(w *Wire) Point {
	c := s.Cards[w.From.Card]
	return Point{c.X + c.W, c.Y + s.offset(c, w.From.Port, c.Out)}
}

func (s *Scene) end(w *Wire) Point {
	c := s.Cards[w.To.Card]
	return Point{c.X, c.Y + s.offset(c, w.To.Port, c.In)}
}

// wireName is the edge as a person writes it.
func (s *Scene) wireName(w *Wire) string {
	return s.Cards[w.From.Card].ID + "." + s.source(w).Name + " → " + s.Cards[w.To.Card].ID + "." + s.target(w).Name
}

// clusterNames lists the clusters in the order in which cards name them.
func (s *Scene) clusterNames() []string {
	var names []string
	for _, c := range s.Cards {
		if c.Cluster != "" && !slices.Contains(names, c.Cluster) {
			names = append(names, c.Cluster)
		}
	}
	return names
}

// byCluster gives the indices of the cards of each cluster; those without one are
// under "".
func (s *Scene) byCluster() map[string][]int {
	members := map[string][]int{}
	for i, c := range s.Cards {
		members[c.Cluster] = append(members[c.Cluster], i)
	}
	return members
}
