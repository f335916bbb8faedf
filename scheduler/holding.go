package scheduler

// A holding is what is known of what a Holder was given, at each cut since what it still
// holds came.
type holding struct {
	given int64 // items
	cuts  []holdingCut
}

type holdingCut struct {
	given int64
	low   uint64
}

// low is the Low of a node at a cut, of which it holds something among the last held items.
func (h *holding) low(low uint64, held int) uint64 {
	if last := len(h.cuts) - 1; last >= 0 && h.cuts[last].given == h.given {
		h.cuts[last].low = low
	} else {
		h.cuts = append(h.cuts, holdingCut{h.given, low})
	}
	gone := h.given - int64(held)
	first := 0
	for first+1 < len(h.cuts) && h.cuts[first+1].given <= gone {
		first++
	}
	h.cuts = append(h.cuts[:0], h.cuts[first:]...)
	if h.cuts[0].given > gone {
		return 0
	}
	return min(low, h.cuts[0].low)
}
