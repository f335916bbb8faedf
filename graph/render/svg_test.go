package render

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func svgOf(t *testing.T, s *Scene) string {
	t.Helper()
	return svgWith(t, s, SVGOptions{})
}

func svgWith(t *testing.T, s *Scene, o SVGOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := SVG(&b, s, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// An element is what the tests look at of a parsed drawing.
type element struct {
	name  string
	attr  map[string]string
	text  string // of itself, without children
	title string // of its <title> child
}

// checkXML parses a drawing strictly and gives its elements.
func checkXML(t *testing.T, text string) []*element {
	t.Helper()
	var all, open []*element
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = true
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("not XML: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name.Local, attr: map[string]string{}}
			for _, a := range token.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			all, open = append(all, e), append(open, e)
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text += string(token)
			}
		case xml.EndElement:
			if e := open[len(open)-1]; e.name == "title" && len(open) > 1 {
				open[len(open)-2].title = e.text
			}
			open = open[:len(open)-1]
		}
	}
}

func byID(all []*element) map[string]*element {
	found := map[string]*element{}
	for _, e := range all {
		if id := e.attr["id"]; id != "" {
			found[id] = e
		}
	}
	return found
}

func TestSVGNamesEveryNodeAndEdge(t *testing.T) {
	s := laidOut(t, plant(), Graphviz)
	for _, inline := range []bool{false, true} {
		found := byID(checkXML(t, svgWith(t, s, SVGOptions{Inline: inline})))
		for _, c := range s.Cards {
			if e := found["n-"+c.ID]; e == nil || !strings.HasPrefix(e.title, c.ID+": "+c.Kind) {
				t.Errorf("card %s: %+v", c.ID, e)
			}
		}
		for i, w := range s.Wires {
			e, q := found["e"+strconv.Itoa(i)], found["q"+strconv.Itoa(i)]
			if e == nil || q == nil {
				t.Fatalf("wire %d has no group or no pill", i)
			}
			for _, part := range []string{s.wireName(w), "capacity: " + w.Capacity, s.source(w).Type} {
				if !strings.Contains(e.title, part) || !strings.Contains(q.title, part) {
					t.Errorf("wire %d: %q is in neither title: %q", i, part, e.title)
				}
			}
			if side := strings.Contains(e.attr["class"], " side"); side != w.Side {
				t.Errorf("wire %d: class %q", i, e.attr["class"])
			}
			for _, m := range w.Marks {
				if !strings.Contains(e.title, m.Text) {
					t.Errorf("wire %d: no %q in %q", i, m.Text, e.title)
				}
			}
		}
	}
}

func TestSVGStandsAlone(t *testing.T) {
	text := svgOf(t, laidOut(t, plant(), Builtin))
	if !strings.HasPrefix(text, `<?xml version="1.0" encoding="UTF-8"?>`) {
		t.Error("no XML declaration")
	}
	if !strings.Contains(text, "@media (prefers-color-scheme:dark)") {
		t.Error("no dark theme")
	}
	for _, bad := range []string{"ZgotmplZ", "var(", "light-dark", "href", "url(", "@import", "NaN", "Inf", "<no value>"} {
		if strings.Contains(text, bad) {
			t.Errorf("there is %q in it", bad)
		}
	}
}

// Inline drawings bring no style of their own, so that a page can forbid inline
// styles, and their groups can be reached by keyboard.
func TestSVGInline(t *testing.T) {
	s := plant()
	s.Live = true
	laidOut(t, s, Builtin)
	text := svgWith(t, s, SVGOptions{Inline: true})
	var feet, reachable int
	for _, e := range checkXML(t, text) {
		if e.name == "style" || e.attr["style"] != "" || e.name == "script" {
			t.Errorf("<%s> with style %q", e.name, e.attr["style"])
		}
		if e.attr["class"] == "foot" {
			feet++
		}
		if e.attr["tabindex"] == "0" {
			reachable++
			if e.attr["aria-label"]+e.title == "" || e.attr["role"] == "" {
				t.Errorf("%s takes focus and has no name or role", e.attr["id"])
			}
		}
	}
	if feet != len(s.Cards) || reachable != len(s.Cards)+len(s.Wires) {
		t.Errorf("%d feet, %d reachable", feet, reachable)
	}
	if strings.HasPrefix(text, "<?xml") {
		t.Error("an XML declaration in the middle of a page")
	}
	style := PageStyle()
	if !strings.HasPrefix(style, ".flow{") || !strings.Contains(style, "light-dark(#ffffff,#1b222c)") {
		t.Errorf("style of the page: %.80s", style)
	}
}

// Every class of the drawing is known to the style sheet, and the other way round.
func TestStyleCoversDrawing(t *testing.T) {
	s := plant()
	s.Live = true
	laidOut(t, s, Builtin)
	style := standaloneStyle()
	ignored := []string{"flow", "node", "edge", "in", "rate", "track", "busy", "depth"}
	for _, e := range checkXML(t, svgWith(t, s, SVGOptions{Inline: true})) {
		for class := range strings.FieldsSeq(e.attr["class"]) {
			if !strings.Contains(style, "."+class) && !slices.Contains(ignored, class) {
				t.Errorf("no rule for .%s", class)
			}
		}
	}
}

// Hostile text arrives as text: in full in the tooltips, and as no element.
func TestHostileTextInSVG(t *testing.T) {
	for _, engine := range []Engine{Builtin, Graphviz} {
		s := laidOut(t, hostile(), engine)
		for _, inline := range []bool{false, true} {
			text := svgWith(t, s, SVGOptions{Inline: inline})
			if strings.Contains(text, "<script") || strings.Contains(text, "\x00") || strings.Contains(text, "\u202e") {
				t.Error("unescaped text")
			}
			all := checkXML(t, text)
			found := byID(all)
			for _, c := range s.Cards {
				if e := found["n-"+c.ID]; e == nil || !strings.HasPrefix(e.title, c.ID) {
					t.Errorf("card %q: %+v", c.ID, e)
				}
			}
			for _, e := range all {
				if e.name == "text" && len([]rune(e.text)) > 60 {
					t.Errorf("a text of %d characters: %q", len([]rune(e.text)), e.text)
				}
			}
		}
	}
}

func TestDrawingNeedsLayout(t *testing.T) {
	s := plant()
	if err := SVG(io.Discard, s, SVGOptions{}); !errors.Is(err, errNotLaidOut) {
		t.Errorf("SVG: %v", err)
	}
	if err := PNG(io.Discard, s, PNGOptions{}); !errors.Is(err, errNotLaidOut) {
		t.Errorf("PNG: %v", err)
	}
	laidOut(t, s, Builtin)
	s.Wires = append(s.Wires, &Wire{From: s.Wires[0].From, To: s.Wires[0].To})
	if err := SVG(io.Discard, s, SVGOptions{}); !errors.Is(err, errNotLaidOut) {
		t.Errorf("after a change: %v", err)
	}
}

// Whatever the texts are, the drawing is XML with the same elements.
func FuzzSVG(f *testing.F) {
	f.Add("late", "filter", "delay > 15", "Flight")
	f.Add("<script>", "\"'&", "\x00\xff\u202e", "{a: [b]}")
	count := func(t *testing.T, id, kind, detail, typ string) int {
		s := &Scene{Title: detail, About: kind, Cards: []*Card{
			{ID: id, Kind: kind, Detail: detail, Workers: typ, About: typ, Cluster: detail, Out: []Port{{Name: kind, Type: typ, Full: id}}},
			{ID: typ, In: []Port{{Name: detail, Type: id}}},
		}, Wires: []*Wire{{Capacity: kind, To: End{1, 0}, Marks: []Mark{{Sign(id), typ}}, About: detail}}}
		if err := LayoutBuiltin(s); err != nil {
			t.Fatal(err)
		}
		all := checkXML(t, svgWith(t, s, SVGOptions{Inline: true}))
		for _, w := range []func(io.Writer, *Scene) error{DOT, Mermaid} {
			if err := w(io.Discard, s); err != nil {
				t.Fatal(err)
			}
		}
		n := 0
		for _, e := range all {
			if e.name == "g" {
				n++
			}
		}
		return n
	}
	f.Fuzz(func(t *testing.T, id, kind, detail, typ string) {
		n := count(t, id, kind, detail, typ)
		// Two cards, a wire, a port each; a cluster, a badge and a pill when they say something.
		if n < 5 || n > 8 {
			t.Errorf("%d groups", n)
		}
	})
}
