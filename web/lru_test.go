package web

import (
	"slices"
	"testing"
)

func TestWeightedLRU(t *testing.T) {
	var gone []string
	c := newWeightedLRU(3, 10, func(v string) int { return len(v) }, func(key, _ string) { gone = append(gone, key) })
	add := func(key, value string, kept, evicted []string) {
		t.Helper()
		gone = nil
		c.Add(key, value)
		weight := 0
		for _, v := range c.Values() {
			weight += len(v)
		}
		if !slices.Equal(c.Keys(), kept) || !slices.Equal(gone, evicted) || c.weight != weight {
			t.Errorf("after %s: %v with weight %d, gone %v; want %v with weight %d, gone %v", key, c.Keys(), c.weight, gone, kept, weight, evicted)
		}
	}
	add("a", "1234", []string{"a"}, nil)
	add("b", "1234", []string{"a", "b"}, nil)
	c.Get("a")
	add("c", "1234", []string{"a", "c"}, []string{"b"})
	add("d", "1", []string{"a", "c", "d"}, nil)
	add("e", "1", []string{"c", "d", "e"}, []string{"a"}) // there are too many
	add("d", "12345", []string{"c", "e", "d"}, []string{"d"})
	add("f", "far more than there is room for", []string{"f"}, []string{"c", "e", "d"})
	add("g", "1", []string{"g"}, []string{"f"})
}
