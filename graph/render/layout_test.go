package render

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
)

// laidOut is the scene after a layout by an engine.
func laidOut(t *testing.T, s *Scene, by Engine) *Scene {
	t.Helper()
	var err error
	if by == Builtin {
		err = LayoutBuiltin(s)
	} else {
		err = Layout(t.Context(), s)
	}
	if err != nil {
		t.Fatal(err)
	}
	if s.Engine != by {
		t.Fatalf("laid out by %s, want %s", s.Engine, by)
	}
	return s
}

// everyLayout runs a test on the samples with both engines, in both directions.
func everyLayout(t *testing.T, test func(t *testing.T, s *Scene)) {
	samples := map[string]func() *Scene{
		"plant": plant, "late": lateFlights, "hostile": hostile, "wide": wide,
		"random": func() *Scene { return random(300) },
		"live":   func() *Scene { s := plant(); s.Live = true; return s },
	}
	for name, sample := range samples {
		for _, engine := range []Engine{Builtin, Graphviz} {
			t.Run(name+"/"+string(engine), func(t *testing.T) { test(t, laidOut(t, sample(), engine)) })
			t.Run(name+"/down/"+string(engine), func(t *testing.T) {
				s := sample()
				s.Down = true
				test(t, laidOut(t, s, engine))
			})
		}
	}
}

// wide is a node that feeds and is fed by many, narrow cards next to wide ones.
func wide() *Scene {
	s := &Scene{Title: "wide", Cards: []*Card{{ID: "all", Kind: "merge", In: ports("in:T"), Out: ports("out:T")}}}
	for i := range 24 {
		s.Cards = append(s.Cards, &Card{ID: "n" + strconv.Itoa(i), Kind: strings.Repeat("wide", i/2%4*3), In: ports("in:T"), Out: ports("out:T")})
		from, to := End{0, 0}, End{i + 1, 0}
		if i%2 == 0 {
			from, to = to, from
		}
		s.Wires = append(s.Wires, &Wire{From: from, To: to, Capacity: "8192"})
	}
	return s
}

func TestWiresMeetTheirPorts(t *testing.T) {
	everyLayout(t, func(t *testing.T, s *Scene) {
		for _, w := range s.Wires {
			from, to := s.Cards[w.From.Card], s.Cards[w.To.Card]
			a := Point{from.X + from.W, from.Y + 46 + 18*float64(w.From.Port) + 9}
			b := Point{to.X, to.Y + 46 + 18*float64(w.To.Port) + 9}
			neck := w.Path[len(w.Path)-4]
			level := neck.Y == b.Y && neck.X < b.X
			if s.Down {
				a = Point{from.X + math.Round(from.W*(float64(w.From.Port)+.5)/float64(len(from.Out))), from.Y + from.H}
				b = Point{to.X + math.Round(to.W*(float64(w.To.Port)+.5)/float64(len(to.In))), to.Y}
				level = neck.X == b.X && neck.Y < b.Y
			}
			if first, last := w.Path[0], w.Path[len(w.Path)-1]; first != a || last != b {
				t.Errorf("%s runs %v to %v, want %v to %v", s.wireName(w), first, last, a, b)
			}
			if !level {
				t.Errorf("%s does not arrive straight: %v", s.wireName(w), w.Path[len(w.Path)-4:])
			}
		}
	})
}

func TestCardsKeepApart(t *testing.T) {
	everyLayout(t, func(t *testing.T, s *Scene) {
		page := Box{0, 0, s.Width, s.Height}
		for i, c := range s.Cards {
			if c.X < 8 || c.Y < 8+s.headRoom() || c.X+c.W > page.W-8 || c.Y+c.H > page.H-8 {
				t.Errorf("%s at %v lies outside the page %v", c.ID, c.Box, page)
			}
			for _, o := range s.Cards[:i] {
				if c.grown(4).overlaps(o.Box) {
					t.Errorf("%s %v meets %s %v", c.ID, c.Box, o.ID, o.Box)
				}
			}
		}
	})
}

func TestClustersHoldTheirCardsAlone(t *testing.T) {
	everyLayout(t, func(t *testing.T, s *Scene) {
		for i, p := range s.Clusters {
			for _, c := range s.Cards {
				inside := c.X >= p.X && c.Y >= p.Y+clusterHead && c.X+c.W <= p.X+p.W && c.Y+c.H <= p.Y+p.H
				if c.Cluster == p.Name && !inside {
					t.Errorf("%s is not in %s", c.ID, p.Name)
				}
				if c.Cluster != p.Name && c.overlaps(p.Box) {
					t.Errorf("%s is in %s", c.ID, p.Name)
				}
			}
			for _, o := range s.Clusters[:i] {
				if o.overlaps(p.Box) {
					t.Errorf("%s and %s meet", o.Name, p.Name)
				}
			}
		}
	})
}

// A wire that runs through a card that it has nothing to do with would be read
// as ending there. The built-in layout never does that.
func TestWiresKeepClearOfCards(t *testing.T) {
	everyLayout(t, func(t *testing.T, s *Scene) {
		crossed := 0
		for _, w := range s.Wires {
			for i, c := range s.Cards {
				inner := c.grown(-3)
				for p := range flattened(w.Path, 4) {
					if around(p, 0.1, 0.1).overlaps(inner) {
						crossed++
						if s.Engine == Builtin {
							t.Errorf("%s crosses %s", s.wireName(w), s.Cards[i].ID)
						}
						break
					}
				}
			}
		}
		if crossed > len(s.Wires)/50 {
			t.Errorf("%d of %d wires cross cards", crossed, len(s.Wires))
		}
	})
}

func TestPillsCoverNothing(t *testing.T) {
	everyLayout(t, func(t *testing.T, s *Scene) {
		if len(s.Cards) > 100 {
			return // some have no room
		}
		for i, w := range s.Wires {
			pill := around(w.Pill, w.pillWidth(s.Live), pillHeight)
			for _, c := range s.Cards {
				if c.overlaps(pill) {
					t.Errorf("the pill of %s covers %s", s.wireName(w), c.ID)
				}
			}
			for k, o := range s.Wires {
				end := o.Path[len(o.Path)-1]
				head := Box{end.X - arrowGap - arrowLong, end.Y - arrowWide, arrowLong, 2 * arrowWide}
				if s.Down {
					head = Box{end.X - arrowWide, end.Y - arrowGap - arrowLong, 2 * arrowWide, arrowLong}
				}
				if head.overlaps(pill) {
					t.Errorf("the pill of %s covers the arrowhead of %s", s.wireName(w), s.wireName(o))
				}
				if k < i && around(o.Pill, o.pillWidth(s.Live), pillHeight).overlaps(pill) {
					t.Errorf("the pills of %s and %s meet", s.wireName(w), s.wireName(o))
				}
			}
		}
	})
}

func TestSameSceneSamePicture(t *testing.T) {
	for _, engine := range []Engine{Builtin, Graphviz} {
		a, b := svgOf(t, laidOut(t, plant(), engine)), svgOf(t, laidOut(t, plant(), engine))
		if a != b {
			t.Errorf("two layouts by %s differ", engine)
		}
	}
	s := laidOut(t, plant(), Graphviz)
	before := svgOf(t, s)
	if again := svgOf(t, laidOut(t, s, Graphviz)); again != before {
		t.Error("a second layout of the same scene differs")
	}
}

// A page gets its scene as JSON, laid out by another process.
func TestSceneSurvivesJSON(t *testing.T) {
	s := laidOut(t, plant(), Builtin)
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var read Scene
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if svgOf(t, &read) != svgOf(t, s) {
		t.Error("the picture is another one")
	}
}

func TestGraphvizGetsNoTextOfTheUser(t *testing.T) {
	s := hostile()
	s.colour()
	s.resize()
	dot := string(s.boxes())
	for _, text := range []string{"script", "long", "订", "k\"", "🚚", "tick"} {
		if strings.Contains(dot, text) {
			t.Errorf("%q is in what Graphviz gets", text)
		}
	}
}

func TestLayoutWithoutGraphviz(t *testing.T) {
	defer func(f func([]byte) ([]byte, error)) { layOut = f }(layOut)
	answers := map[string]func([]byte) ([]byte, error){
		"an error":       func([]byte) ([]byte, error) { return nil, errors.New("wasm error: out of bounds memory access") },
		"no JSON":        func([]byte) ([]byte, error) { return []byte("digraph"), nil },
		"nothing":        func([]byte) ([]byte, error) { return []byte(`{}`), nil },
		"a bad position": func([]byte) ([]byte, error) { return []byte(`{"objects":[{"name":"n0","pos":"a,b"}]}`), nil },
		"a bad spline": func([]byte) ([]byte, error) {
			return []byte(`{"objects":[{"name":"n0","pos":"1,2"}],"edges":[{"id":"0","pos":"1,1 2,2"}]}`), nil
		},
		"an edge too many": func([]byte) ([]byte, error) { return []byte(`{"edges":[{"id":"99","pos":"1,1 2,2 3,3 4,4"}]}`), nil },
		"infinity": func([]byte) ([]byte, error) {
			return []byte(`{"objects":[{"name":"n0","pos":"inf,2"}]}`), nil
		},
	}
	want := svgOf(t, laidOut(t, plant(), Builtin))
	for name, answer := range answers {
		layOut = answer
		s := plant()
		if err := Layout(t.Context(), s); err != nil || s.Engine != Builtin {
			t.Errorf("%s: engine %q, err %v", name, s.Engine, err)
		} else if svgOf(t, s) != want {
			t.Errorf("%s: not the picture of the built-in layout", name)
		}
	}
}

func TestTooManyCardsForGraphviz(t *testing.T) {
	defer func(f func([]byte) ([]byte, error)) { layOut = f }(layOut)
	layOut = func([]byte) ([]byte, error) { t.Error("Graphviz was called"); return nil, errors.New("no") }
	s := laidOut(t, &Scene{Cards: random(maxGraphviz + 1).Cards}, "builtin")
	if math.IsInf(s.Width, 0) || s.Width < 100 {
		t.Errorf("width %v", s.Width)
	}
}

func TestLayoutStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Layout(ctx, plant()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
	oneLayout <- struct{}{} // another layout runs
	defer func() { <-oneLayout }()
	if err := Layout(ctx, plant()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while waiting: %v", err)
	}
}

func TestWiresThatLeadNowhere(t *testing.T) {
	for want, w := range map[string]*Wire{
		"wire 0: no card 7":                    {From: End{7, 0}},
		"wire 0: no card -1":                   {To: End{-1, 0}},
		"wire 0: card a has no output port 1":  {From: End{0, 1}},
		"wire 0: card b has no input port -1":  {To: End{1, -1}},
		"wire 0: card a has no input port 0":   {To: End{0, 0}},
		"wire 0: card a has no output port -3": {From: End{0, -3}, To: End{1, 0}},
	} {
		s := &Scene{Cards: []*Card{{ID: "a", Out: ports("out:T")}, {ID: "b", In: ports("in:T")}}, Wires: []*Wire{w}}
		for name, err := range map[string]error{
			"Layout": Layout(t.Context(), s), "LayoutBuiltin": LayoutBuiltin(s),
			"SVG": SVG(nil, s, SVGOptions{}), "PNG": PNG(nil, s, PNGOptions{}), "DOT": DOT(nil, s), "Mermaid": Mermaid(nil, s),
		} {
			if err == nil || err.Error() != want {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
	}
}

// Cycles are refused long before a flow is drawn as right, but a flow that has
// one is drawn too.
func TestBuiltinLayoutOfCycles(t *testing.T) {
	s := &Scene{}
	for _, id := range []string{"a", "b", "c", "d"} {
		s.Cards = append(s.Cards, &Card{ID: id, In: ports("in:T"), Out: ports("out:T")})
	}
	s.wires(edge{"a.out", "b.in", 1, nil}, edge{"b.out", "c.in", 1, nil}, edge{"c.out", "b.in", 1, nil}, edge{"d.out", "d.in", 1, nil}, edge{"c.out", "a.in", 1, nil})
	for _, engine := range []Engine{Builtin, Graphviz} {
		laidOut(t, s, engine)
		svgOf(t, s)
	}
}

func TestBuiltinKeepsSourcesNearTheirReaders(t *testing.T) {
	s := lateFlights()
	laidOut(t, s, Builtin)
	late, airports := s.Cards[2], s.Cards[1]
	if airports.X+airports.W/2 != late.X+late.W/2 {
		t.Errorf("airports at %v is not in the column of late at %v", airports.Box, late.Box)
	}
}

// Sibling cards in a chain are level, whatever their heights.
func TestBuiltinDrawsChainsLevel(t *testing.T) {
	s := &Scene{Cards: []*Card{
		{ID: "a", Out: ports("out:T")},
		{ID: "b", In: ports("x:T", "in:T"), Out: ports("out:T", "errors:Error")},
		{ID: "c", In: ports("in:T")},
	}}
	s.wires(edge{"a.out", "b.in", 1, nil}, edge{"b.out", "c.in", 1, nil})
	laidOut(t, s, Builtin)
	for _, w := range s.Wires {
		if math.Abs(s.start(w).Y-s.end(w).Y) > 1 {
			t.Errorf("%s is not level: %v to %v", s.wireName(w), s.start(w), s.end(w))
		}
	}
}

func TestEmptyScene(t *testing.T) {
	for _, title := range []string{"", "nothing yet"} {
		s := laidOut(t, &Scene{Title: title}, Builtin)
		if s.Width <= 0 || s.Height <= 0 {
			t.Errorf("page of %v×%v", s.Width, s.Height)
		}
		checkXML(t, svgOf(t, s))
	}
	if err := Layout(t.Context(), &Scene{}); err != nil {
		t.Error(err)
	}
}
