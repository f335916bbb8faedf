package metrics

import (
	"cmp"
	"slices"
)

// This file says which items nobody got, on which edges and why.

// A Drop is what one edge did not hand on for one reason.
type Drop struct {
	From, To string // node.port
	Items    int64
	Of       int64  // that were sent
	Why      string // the clause behind a colon: it was full (on_full: drop_oldest)
}

// Drops lists what full edges have dropped, the most first.
func (r *Report) Drops() []Drop {
	return r.drops(func(e *EdgeReport) (int64, string) {
		why := "it was full"
		if e.OnFull != "" {
			why += " (on_full: " + e.OnFull + ")"
		}
		return e.Dropped, why
	})
}

// Unwanted lists what came over edges after their readers had taken all that they wanted,
// the most first: behind a limit, say. Nothing is lost by it that the flow asks for.
func (r *Report) Unwanted() []Drop {
	return r.drops(func(e *EdgeReport) (int64, string) { return e.Unwanted, "its reader wanted no more" })
}

func (r *Report) drops(of func(*EdgeReport) (items int64, why string)) []Drop {
	var all []Drop
	for i := range r.Edges {
		e := &r.Edges[i]
		if items, why := of(e); items > 0 {
			all = append(all, Drop{e.From, e.To, items, e.Sent, why})
		}
	}
	slices.SortStableFunc(all, func(a, b Drop) int { return cmp.Compare(b.Items, a.Items) })
	return all
}
