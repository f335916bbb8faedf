package http

import (
	"fmt"
	nethttp "net/http"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes/columns"
)

// This file makes the headers of the requests of http.call.

// inferHeaders divides the headers into those of all requests and those of each.
func (k *call) inferHeaders(c *graph.Inference, in *types.Type) {
	k.headers, k.computed = k.Headers.texts, nil
	for _, h := range k.Headers.others {
		if text, same := sameForAll(h.Value.Value, in); same {
			k.headers = append(k.headers, config.Pair[config.Secret]{Key: h.Key, At: h.At, Value: config.NewSecret(text)})
			continue
		}
		k.checkHeader(c, h.Key, "", h.At)
		before := len(*c.List())
		e := c.Expr(h.Value, in)
		if e.Want(types.String.Opt(), "a header", c.List()) && k.Per == perBatch && len(e.Fields()) > 0 {
			c.List().Add(diag.Conflict, h.Value.YAML.Span, "with `per: batch` a request is for many items, so its headers cannot have fields of one")
		}
		for i := before; i < len(*c.List()); i++ {
			quotedHint(&(*c.List())[i], h.Key, h.Value.Value)
		}
		k.computed = append(k.computed, computedHeader{nethttp.CanonicalHeaderKey(h.Key), e})
		k.own = append(k.own, h.Key)
	}
}

// headerColumns adds the columns of the headers.
func (k *call) headerColumns(cols *columns.Columns, in *types.Type) (at []int) {
	for i, h := range k.computed {
		at = append(at, len(cols.Type.Fields))
		cols.Compute(types.Field{Name: fmt.Sprint("header ", i), Type: h.value.Type()}, h.value, in)
	}
	return at
}

// addHeaders adds those of a row.
func (w *caller) addHeaders(r *request, row int) error {
	for i, h := range w.k.computed {
		col := w.parts.Cols[w.headers[i]]
		if col.IsNull(row) {
			continue
		}
		value := col.Str[row]
		if !validHeader(h.name, value) {
			return &requestError{r.method, w.client.shownText(r.url), fmt.Errorf("the header %s cannot have a line end or a null byte in it: %q", h.name, value)}
		}
		r.header.Set(h.name, strings.Clone(value))
	}
	return nil
}
