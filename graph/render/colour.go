package render

import (
	"fmt"
	"hash/fnv"
	"image/color"
	"strconv"
)

// This file gives the types of a scene their colours.

// A Slot is an index into the table of type colours.
type Slot int

// typeSlots is the number of colours that types are given; two more slots have
// a fixed meaning.
const (
	typeSlots      = 8
	SlotAny   Slot = typeSlots     // types that say nothing: any, or not known
	SlotError Slot = typeSlots + 1 // the type Error and every wire that carries it
)

// class is the CSS class of the slot: t0 to t7, tany, terr.
func (s Slot) class() string {
	switch s {
	case SlotAny:
		return "tany"
	case SlotError:
		return "terr"
	}
	return "t" + strconv.Itoa(int(s))
}

// A shade is one colour in the light and in the dark theme, as "#rrggbb".
type shade struct{ light, dark string }

// in is the colour in one theme.
func (c shade) in(dark bool) string {
	if dark {
		return c.dark
	}
	return c.light
}

// The colours of everything but types and icons.
var (
	shadeBackground  = shade{"#f6f7f9", "#0e1116"}
	shadeCluster     = shade{"#fbfcfd", "#13181f"}
	shadeClusterLine = shade{"#cbd3dd", "#2d3744"}
	shadeCard        = shade{"#ffffff", "#1b222c"}
	shadeCardLine    = shade{"#d0d7e1", "#313c4a"}
	shadeShadow      = shade{"#e9ecf1", "#0a0d11"}
	shadeBadge       = shade{"#edf0f4", "#2a3340"}
	shadeInk         = shade{"#16202c", "#e6ebf2"}
	shadeMuted       = shade{"#5b6775", "#93a0b0"}
)

// slotShades is the table of type colours. Any two are at least 9.5 apart in
// OKLab (×100), each has a contrast of 4.5 or more on its card, and all keep
// away from the orange of errors and from the amber and red that the live page
// uses for trouble.
var slotShades = [...]shade{
	{"#0077c2", "#4aa8f0"}, // blue
	{"#08805a", "#2fc795"}, // green
	{"#c0408a", "#ffb3d4"}, // pink
	{"#6d4fd6", "#9d8bff"}, // violet
	{"#6b7a00", "#c3cc4a"}, // olive
	{"#7c4a22", "#b08968"}, // brown
	{"#0d4f63", "#5ad8e6"}, // petrol
	{"#7a1f6e", "#cf5fdb"}, // plum

	SlotAny:   shadeMuted,
	SlotError: {"#d55e00", "#ff8a3d"},
}

// rgb reads "#rrggbb", the only form in the tables of this package.
func rgb(hex string) color.RGBA {
	c := color.RGBA{A: 255}
	if _, err := fmt.Sscanf(hex, "#%02x%02x%02x", &c.R, &c.G, &c.B); err != nil {
		panic("colour " + hex + ": " + err.Error())
	}
	return c
}

// colour gives every port and wire its slot.
func (s *Scene) colour() {
	slots := s.slots()
	for _, c := range s.Cards {
		for _, ports := range [][]Port{c.In, c.Out} {
			for i := range ports {
				ports[i].Slot = slots[ports[i].key()]
			}
		}
	}
	for _, w := range s.Wires {
		w.Slot = s.source(w).Slot
	}
}

// slots finds the slot of every type of the scene. A type asks for the slot of
// its hash, so that it keeps its colour from flow to flow, and takes the next
// free one in order of appearance: eight bare hashes would collide in nearly
// every flow. From the ninth type on colours repeat; the type's name stands at
// the port, the colour is never the only sign.
func (s *Scene) slots() map[string]Slot {
	slots := map[string]Slot{"Error": SlotError, "any": SlotAny, "": SlotAny}
	var taken [typeSlots]bool
	free := typeSlots
	for _, c := range s.Cards {
		for _, ports := range [][]Port{c.In, c.Out} {
			for i := range ports {
				key := ports[i].key()
				if _, ok := slots[key]; ok {
					continue
				}
				h := fnv.New32a()
				h.Write([]byte(key))
				slot := int(h.Sum32() % typeSlots)
				if free > 0 {
					for taken[slot] {
						slot = (slot + 1) % typeSlots
					}
					taken[slot] = true
					free--
				}
				slots[key] = Slot(slot)
			}
		}
	}
	return slots
}

// key is what decides the colour of a port.
func (p *Port) key() string {
	if p.Key != "" {
		return p.Key
	}
	return p.Type
}
