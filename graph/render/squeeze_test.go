package render

import (
	"math"
	"testing"
)

// Every gap is as wide as what lies in it needs, and no wider.
func TestGapsAreAsWideAsTheyMustBe(t *testing.T) {
	for _, engine := range []Engine{Builtin, Graphviz} {
		s := &Scene{Live: true}
		for _, id := range []string{"a", "b", "c", "d"} {
			s.Cards = append(s.Cards, &Card{ID: id, In: ports("in:T"), Out: ports("out:T")})
		}
		for i, capacity := range []string{"8192", "", "64"} {
			s.Wires = append(s.Wires, &Wire{From: End{i, 0}, To: End{i + 1, 0}, Capacity: capacity})
		}
		laidOut(t, s, engine)
		for i, w := range s.Wires {
			want := max(leastColumns, s.pillRoom(w))
			gap := s.Cards[i+1].X - s.Cards[i].X - s.Cards[i].W
			if math.Abs(gap-want) > 1 {
				t.Errorf("%s: %v px between %s and %s, want %v", engine, gap, s.Cards[i].ID, s.Cards[i+1].ID, want)
			}
		}
	}
}
