package render

import (
	"fmt"
	"math"
	"testing"
)

func TestTypesHaveColoursOfTheirOwn(t *testing.T) {
	for n := 1; n <= typeSlots; n++ {
		c := &Card{ID: "a", In: ports("e:Error", "x:any", "y:")}
		for i := range n {
			c.In = append(c.In, ports(fmt.Sprintf("in%d:Type%d", i, i*7))...)
			c.Out = append(c.Out, ports(fmt.Sprintf("out%d:Type%d", i, i*7))...)
		}
		s := &Scene{Cards: []*Card{c}}
		s.colour()
		if c.In[0].Slot != SlotError || c.In[1].Slot != SlotAny || c.In[2].Slot != SlotAny {
			t.Errorf("fixed slots: %v", c.In[:3])
		}
		seen := map[Slot]bool{}
		for i := range n {
			if c.In[3+i].Slot != c.Out[i].Slot {
				t.Errorf("%s has two colours", c.Out[i].Type)
			}
			seen[c.Out[i].Slot] = true
		}
		if len(seen) != n || seen[SlotAny] || seen[SlotError] {
			t.Errorf("%d types have the slots %v", n, seen)
		}
	}
}

func TestMoreTypesThanColours(t *testing.T) {
	c := &Card{ID: "a"}
	for i := range 50 {
		c.Out = append(c.Out, ports(fmt.Sprintf("o:T%d", i))...)
	}
	s := &Scene{Cards: []*Card{c}}
	s.colour()
	for _, p := range c.Out {
		if p.Slot < 0 || p.Slot >= typeSlots {
			t.Errorf("%s has slot %d", p.Type, p.Slot)
		}
	}
}

func TestKeyDecidesTheColour(t *testing.T) {
	c := &Card{ID: "a", Out: []Port{{Name: "a", Type: "{x, y}", Key: "{x: int, y: int}"}, {Name: "b", Type: "{x, y}", Key: "{x: string, y: int}"}, {Name: "c", Type: "T", Key: "{x: int, y: int}"}}}
	s := &Scene{Cards: []*Card{c}}
	s.colour()
	if c.Out[0].Slot == c.Out[1].Slot || c.Out[0].Slot != c.Out[2].Slot {
		t.Errorf("slots %v", c.Out)
	}
}

// A type keeps its colour when the flow grows behind it.
func TestColoursAreStable(t *testing.T) {
	s := plant()
	s.colour()
	before := s.Cards[0].Out[0].Slot
	s.Cards = append(s.Cards, &Card{ID: "new", Out: ports("out:Novelty")})
	s.colour()
	if s.Cards[0].Out[0].Slot != before {
		t.Error("Reading changed its colour")
	}
	if w := s.Wires[3]; w.Slot != SlotError {
		t.Errorf("the error wire has slot %d", w.Slot)
	}
}

// linear is a colour as light, per channel, after sRGB.
func linear(hex string) (r, g, b float64) {
	c := rgb(hex)
	channel := func(x uint8) float64 {
		v := float64(x) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return channel(c.R), channel(c.G), channel(c.B)
}

// contrast is that of WCAG 2.
func contrast(a, b string) float64 {
	luminance := func(hex string) float64 {
		r, g, b := linear(hex)
		return 0.2126*r + 0.7152*g + 0.0722*b
	}
	x, y := luminance(a)+0.05, luminance(b)+0.05
	return max(x, y) / min(x, y)
}

// apart is the distance of two colours in OKLab (Ottosson 2020), times 100.
func apart(a, b string) float64 {
	lab := func(hex string) [3]float64 {
		r, g, b := linear(hex)
		l := math.Cbrt(0.4122214708*r + 0.5363325363*g + 0.0514459929*b)
		m := math.Cbrt(0.2119034982*r + 0.6806995451*g + 0.1073969566*b)
		s := math.Cbrt(0.0883024619*r + 0.2817188376*g + 0.6299787005*b)
		return [3]float64{0.2104542553*l + 0.7936177850*m - 0.0040720468*s, 1.9779984951*l - 2.4285922050*m + 0.4505937099*s, 0.0259040371*l + 0.7827717662*m - 0.8086757660*s}
	}
	x, y := lab(a), lab(b)
	return 100 * math.Sqrt((x[0]-y[0])*(x[0]-y[0])+(x[1]-y[1])*(x[1]-y[1])+(x[2]-y[2])*(x[2]-y[2]))
}

// What the comment at slotShades promises.
func TestPalette(t *testing.T) {
	for _, dark := range []bool{false, true} {
		card := shadeCard.in(dark)
		for _, text := range []shade{shadeInk, shadeMuted} {
			if c := contrast(text.in(dark), card); c < 4.5 {
				t.Errorf("text %s on a card: contrast %.2f", text.in(dark), c)
			}
		}
		for i := range typeSlots {
			colour := slotShades[i].in(dark)
			if c := contrast(colour, card); c < 4.5 {
				t.Errorf("%s on a card: contrast %.2f", colour, c)
			}
			if d := apart(colour, slotShades[SlotError].in(dark)); d < 12 {
				t.Errorf("%s is %.1f from the colour of errors", colour, d)
			}
			for k := range i {
				if d := apart(colour, slotShades[k].in(dark)); d < 9.5 {
					t.Errorf("%s and %s are %.1f apart", colour, slotShades[k].in(dark), d)
				}
			}
		}
	}
}
