package http

import (
	"fmt"
	nethttp "net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes/columns"
)

// This file has the setting `headers` of http.call and http.reply: an expression for each
// header, or a text as it is where none could be meant.

// A headerSetting is the setting `headers`.
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

// MayBeSecret implements config.SecretTaker. A text that is the same in all requests may be,
// and so may what looks like a token that was written without quotes.
func (headerSetting) MayBeSecret(text string) bool {
	word := !strings.ContainsAny(text, " \t\r\n\"'()[]{}?:+*")
	return quoted().MatchString(text) || word && len(text) >= 8 && strings.ContainsAny(text, "0123456789") ||
		strings.HasPrefix(text, "Bearer ") || strings.HasPrefix(text, "Basic ")
}

// ConfigType implements config.Describer.
func (headerSetting) ConfigType() (string, map[string]any) {
	return "headers, with an expression each", map[string]any{"type": "object", "additionalProperties": map[string]any{"type": []string{"string", "number", "boolean"}}}
}

// product is a text such as application/json, text/csv; charset=utf-8, my-app/1.0, */*: the
// quotient that it would be as an expression is no text, so it never is a header.
var product = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_-]*|\*)/(\*|[A-Za-z0-9][A-Za-z0-9.+_-]*)(\s*[;,].*)?$`)
})

// quoted is an expression that is nothing but a text.
var quoted = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:"([^"\\]*)"|'([^'\\]*)')$`)
})

// sameForAll gives the value of a header that is not made of the items of a type: so it is
// sent by doctor, too, and hidden in what a server says.
func sameForAll(text string, in *types.Type) (string, bool) {
	if m := quoted().FindStringSubmatch(text); m != nil {
		return m[1] + m[2], true
	}
	m := product().FindStringSubmatch(text)
	return text, m != nil && !(in != nil && in.IsRecord() && in.Index(m[1]) >= 0)
}

// A computedHeader is a header that an expression makes.
type computedHeader struct {
	key   string // as the flow has it
	at    diag.Span
	value *expr.Expr
}

// plan divides the headers into those that are the same for all items of a type and those that
// each makes.
func (h *headerSetting) plan(c *graph.Inference, in *types.Type) (fixed config.Map[config.Secret], own []computedHeader) {
	fixed = slices.Clone(h.texts)
	for _, x := range h.others {
		if text, same := sameForAll(x.Value.Value, in); same {
			fixed = append(fixed, config.Pair[config.Secret]{Key: x.Key, At: x.At, Value: config.NewSecret(text)})
			continue
		}
		before := len(*c.List())
		e := c.Expr(x.Value, in)
		e.Want(types.String.Opt(), "a header", c.List())
		for i := before; i < len(*c.List()); i++ {
			quotedHint(&(*c.List())[i], x.Key, x.Value.Value)
		}
		own = append(own, computedHeader{x.Key, x.At, e})
	}
	return fixed, own
}

// headerColumns adds a column for each header, and gives where it stands.
func headerColumns(own []computedHeader, cols *columns.Columns, in *types.Type) (at []int) {
	for _, h := range own {
		at = append(at, len(cols.Type.Fields))
		if h.value.Type().Kind != types.KindError {
			cols.Compute(types.Field{Name: "header " + h.key, Type: h.value.Type()}, h.value, in)
		}
	}
	return at
}

// set sets the header that a row of its column has. One that is null is left out.
func (h computedHeader) set(head nethttp.Header, col *record.Column, row int) error {
	if col.IsNull(row) {
		return nil
	}
	value := strings.Clone(col.Str[row])
	if !validHeader(h.key, value) {
		return fmt.Errorf("the header %s cannot have a line end or a null byte in it: %q", nethttp.CanonicalHeaderKey(h.key), value)
	}
	head.Set(h.key, value)
	return nil
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
