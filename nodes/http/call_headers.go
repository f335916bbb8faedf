package http

import (
	"fmt"
	nethttp "net/http"
	"regexp"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes/columns"
)

// This file makes headers of items: by the setting `headers` of http.call, which has an
// expression each, or a text as it is where none could be meant.

// A headerSetting is that setting.
type headerSetting struct {
	texts  config.Map[config.Secret] // with a secret in them: as they are
	others config.Map[config.Text]
}

// DecodeConfig implements config.Decoder.
func (h *headerSetting) DecodeConfig(v *config.Value, list *diag.List) {
	if v.Kind != config.Mapping {
		if !v.Bad {
			list.Add(diag.WrongType, v.Span, "want headers, with an expression each").WithHint("headers: {X-Id: id, Accept: text/csv}")
		}
		return
	}
	for _, e := range v.Entries {
		switch x := e.Value; {
		case x.Bad:
		case x.Kind == config.Mapping || x.Kind == config.Sequence || x.Text == "" && !x.Secret:
			list.Add(diag.WrongType, x.Span, "want an expression that gives a text").WithHint("a text has quotes of its own: %s: '\"text\"'", e.Key)
		case x.Secret && strings.ContainsAny(x.Text[:min(1, len(x.Text))], `"'`):
			list.Add(diag.WrongValue, x.Span, "a header with a secret in it is sent as it stands, with these quotes").WithHint("leave out the quotes inside of the text")
		case x.Secret:
			h.texts = append(h.texts, config.Pair[config.Secret]{Key: e.Key, At: e.KeySpan, Value: config.NewSecret(x.Text)})
		default:
			h.others = append(h.others, config.Pair[config.Text]{Key: e.Key, At: e.KeySpan, Value: config.Text{Value: x.Text, YAML: x}})
		}
	}
}

// ConfigType implements config.Describer.
func (headerSetting) ConfigType() (string, map[string]any) {
	return "headers, with an expression each", map[string]any{"type": "object", "additionalProperties": map[string]any{"type": []string{"string", "number", "boolean"}}}
}

// product is a text such as application/json, text/csv; charset=utf-8, my-app/1.0, */*: the
// quotient that it would be as an expression is no text, so it never is a header.
var product = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_-]*|\*)/(\*|[A-Za-z0-9][A-Za-z0-9.+_-]*)(\s*[;,].*)?$`)

// quoted is an expression that is nothing but a text.
var quoted = regexp.MustCompile(`^(?:"([^"\\]*)"|'([^'\\]*)')$`)

// sameForAll gives the value of a header that is not made of the items of a type: so it is
// sent by doctor, too, and hidden in what a server says.
func sameForAll(text string, in *types.Type) (string, bool) {
	if m := quoted.FindStringSubmatch(text); m != nil {
		return m[1] + m[2], true
	}
	m := product.FindStringSubmatch(text)
	return text, m != nil && !(in != nil && in.IsRecord() && in.Index(m[1]) >= 0)
}

// A callHeader is a header that an expression makes.
type callHeader struct {
	name  string // in canonical form
	value *expr.Expr
}

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
		k.computed = append(k.computed, callHeader{nethttp.CanonicalHeaderKey(h.Key), e})
		k.own = append(k.own, h.Key)
	}
}

// quotedHint says how a text is written, where an expression is wrong that may be meant as
// one.
func quotedHint(d *diag.Diagnostic, name, text string) {
	if strings.ContainsAny(text, `"'`) || d.Severity != diag.Error {
		return
	}
	hint := fmt.Sprintf("a text has quotes of its own: %s: '\"%s\"'", name, text)
	if d.Hint.Text != "" {
		hint = d.Hint.Text + "; " + hint
	}
	d.WithHint("%s", hint)
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
