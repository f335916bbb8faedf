package flow

import (
	"cmp"
	"slices"
)

// This file sorts rows by the prefixes of their keys.

// A rank is a row with its prefix beside it.
type rank struct {
	prefix uint64
	row    int32
}

// fewRows are sorted faster by comparing them.
const fewRows = 256

// sortByPrefix sorts entries, which come in the order of their rows, by their
// prefixes and keeps the order of equal ones. It is a radix sort, byte by byte from
// the lowest, that leaves out bytes which are equal everywhere. It may use the
// memory of entries for something else.
func sortByPrefix(entries []rank) []rank {
	if len(entries) < fewRows {
		slices.SortStableFunc(entries, func(a, b rank) int { return cmp.Compare(a.prefix, b.prefix) })
		return entries
	}
	var counts [8][256]int32
	for _, e := range entries {
		for b := range counts {
			counts[b][byte(e.prefix>>(8*b))]++
		}
	}
	spare := make([]rank, len(entries))
	for b := range counts {
		shift := 8 * b
		if counts[b][byte(entries[0].prefix>>shift)] == int32(len(entries)) {
			continue
		}
		at := int32(0)
		for v, n := range counts[b] {
			counts[b][v] = at
			at += n
		}
		next := &counts[b]
		for _, e := range entries {
			v := byte(e.prefix >> shift)
			spare[next[v]] = e
			next[v]++
		}
		entries, spare = spare, entries
	}
	return entries
}
