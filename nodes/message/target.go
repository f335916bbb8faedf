package message

import (
	"regexp"
	"sync"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/types"
)

// This file is about settings that say where a message goes, such as a topic: a text, or an
// expression over the items.

// plain is a text such as orders, sensors/kitchen, orders.eu or device-1, and its first word.
// As an expression it would be a field, or a quotient or difference of some, which is no text.
var plain = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^/?([\pL\pN_]+)[\pL\pN_/.:-]*$`)
})

// Target reads a setting that is a text as it is, or an expression of type string over items
// of a type: the first if it is made of words, and the first word is no field of the items.
// The result is the text, and nil, or the expression.
func Target(c *graph.Inference, in *types.Type, text config.Text, what string) (string, *expr.Expr) {
	m := plain().FindStringSubmatch(text.Value)
	if m != nil && (in == nil || !in.IsRecord() || in.Index(m[1]) < 0) {
		return text.Value, nil
	}
	meant := m != nil && m[1] != text.Value // a text, whose first word happens to be a field
	before := len(*c.List())
	e := c.Expr(text, in)
	e.Want(types.String, what, c.List())
	for i := before; i < len(*c.List()); i++ {
		if d := &(*c.List())[i]; d.Hint.IsZero() || meant {
			d.WithHint("a text that is the same for all items has quotes of its own: '\"%s\"'", text.Value)
		}
	}
	return "", e
}

// HeaderParts are the expressions of the setting headers, one for each header, whose values are
// texts; null leaves one out.
func HeaderParts(c *graph.Inference, in *types.Type, headers config.Map[config.Text]) (parts []Part) {
	for _, h := range headers {
		e := c.Expr(h.Value, in)
		e.Want(types.String.Opt(), "the header "+h.Key, c.List())
		parts = append(parts, Part{Name: "the header " + h.Key, Expr: e})
	}
	return parts
}
