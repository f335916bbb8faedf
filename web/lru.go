package web

import "github.com/hashicorp/golang-lru/v2/simplelru"

// A weightedLRU keeps the values used last, up to a number and up to a weight of all
// together; simplelru, which does the rest, knows numbers alone. The value added last is
// kept whatever it weighs. Whoever owns it sees to it that one goroutine at a time calls.
type weightedLRU[K comparable, V any] struct {
	*simplelru.LRU[K, V]
	weigh        func(V) int
	weight, most int
}

// newWeightedLRU makes an empty one; evicted, if it is not nil, takes what is removed.
func newWeightedLRU[K comparable, V any](number, weight int, weigh func(V) int, evicted func(K, V)) *weightedLRU[K, V] {
	c := &weightedLRU[K, V]{weigh: weigh, most: weight}
	c.LRU, _ = simplelru.NewLRU(number, func(key K, value V) { // it fails for numbers below 1 alone
		c.weight -= weigh(value)
		if evicted != nil {
			evicted(key, value)
		}
	})
	return c
}

// Add puts a value in the place of the one with its key, if there is one.
func (c *weightedLRU[K, V]) Add(key K, value V) {
	c.Remove(key)
	c.weight += c.weigh(value)
	c.LRU.Add(key, value)
	for c.weight > c.most && c.Len() > 1 {
		c.RemoveOldest()
	}
}
