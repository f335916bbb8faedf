package http

import (
	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file makes the headers of the requests of http.call.

// inferHeaders divides the headers into those of all requests and those of each.
func (k *call) inferHeaders(c *graph.Inference, in *types.Type) {
	k.headers, k.computed = k.Headers.plan(c, in)
	for _, h := range k.computed {
		k.checkHeader(c, h.key, "", h.at)
		if k.Per == perBatch && len(h.value.Fields()) > 0 {
			c.List().Add(diag.Conflict, h.at, "with `per: batch` a request is for many items, so its headers cannot have fields of one")
		}
		k.own = append(k.own, h.key)
	}
}

// addHeaders adds those of a row.
func (w *caller) addHeaders(r *request, row int) error {
	for i, h := range w.k.computed {
		if err := h.set(r.header, w.parts.Cols[w.headers[i]], row); err != nil {
			return &requestError{r.method, w.client.shownText(r.url), err}
		}
	}
	return nil
}
