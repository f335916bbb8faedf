package flowtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/quantity"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/graph/types"
)

// A writer turns values of a file into JSON of a type and reports what does not fit.
type writer struct {
	list *diag.List
	// partial lets fields be left out, as expected items may.
	partial bool
	// needed says which fields of a record must be there; nil: all.
	needed []bool
}

func (w *writer) wrong(v *config.Value, t *types.Type) *diag.Diagnostic {
	return w.list.Add(diag.WrongType, v.Span, "want %s, got %s", t, v.Describe())
}

// append adds a value as JSON.
func (w *writer) append(dst []byte, t *types.Type, v *config.Value) []byte {
	switch {
	case v.IsNull() && t.Kind != types.KindNull && !t.Nullable:
		w.list.Add(diag.WrongType, v.Span, "%s is never null", t)
		return append(dst, "null"...)
	case v.IsNull():
		return append(dst, "null"...)
	}
	switch t.Kind {
	case types.KindRecord:
		return w.appendRecord(dst, t, v)
	case types.KindList:
		if v.Kind != config.Sequence {
			w.wrong(v, t)
			return append(dst, "[]"...)
		}
		return appendAll(dst, v.Items, func(dst []byte, item *config.Value) []byte { return w.append(dst, t.Elem, item) })
	case types.KindAny:
		return w.appendAny(dst, v)
	}
	if v.Kind != config.Scalar {
		w.wrong(v, t)
		return append(dst, "null"...)
	}
	scalar, hint, ok := scalarJSON(t, v)
	if !ok {
		w.wrong(v, t).WithHint("%s", hint)
		return append(dst, "null"...)
	}
	return append(dst, scalar...)
}

func appendAll(dst []byte, items []*config.Value, one func([]byte, *config.Value) []byte) []byte {
	dst = append(dst, '[')
	for i, item := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = one(dst, item)
	}
	return append(dst, ']')
}

func (w *writer) appendRecord(dst []byte, t *types.Type, v *config.Value) []byte {
	if v.Kind != config.Mapping {
		w.wrong(v, t)
		return append(dst, "null"...)
	}
	needed := w.needed
	w.needed = nil
	defer func() { w.needed = needed }()
	dst = append(dst, '{')
	first := true
	for _, e := range v.Entries {
		f, ok := t.Field(e.Key)
		if !ok {
			w.list.Add(diag.UnknownField, e.KeySpan, "unknown field %q", e.Key).DidYouMean(e.Key, t.FieldNames())
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(jsonl.AppendString(dst, e.Key), ':')
		dst = w.append(dst, f.Type, e.Value)
	}
	for i, f := range t.Fields {
		if !w.partial && !f.Type.Nullable && !f.Type.IsReply() && !v.Has(f.Name) && (needed == nil || needed[i]) {
			w.list.Add(diag.MissingKey, v.Span, "the field %q is missing; it is %s and never null", f.Name, f.Type)
		}
	}
	return append(dst, '}')
}

// appendAny adds a value of whatever kind.
func (w *writer) appendAny(dst []byte, v *config.Value) []byte {
	switch v.Kind {
	case config.Null:
		return append(dst, "null"...)
	case config.Sequence:
		return appendAll(dst, v.Items, w.appendAny)
	case config.Mapping:
		dst = append(dst, '{')
		for i, e := range v.Entries {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = w.appendAny(append(jsonl.AppendString(dst, e.Key), ':'), e.Value)
		}
		return append(dst, '}')
	}
	as := map[config.Type]*types.Type{config.Bool: types.Bool, config.Int: types.Int, config.Float: types.Float, config.String: types.String}[v.Type]
	scalar, _, ok := scalarJSON(as, v)
	if !ok {
		w.list.Add(diag.WrongValue, v.Span, "JSON has no %s", v.Describe())
		return append(dst, "null"...)
	}
	return append(dst, scalar...)
}

// scalarJSON gives a scalar as JSON of a type, in the forms that package jsonl
// reads. What is not ok comes with a hint, which may be empty.
func scalarJSON(t *types.Type, v *config.Value) (json, hint string, ok bool) {
	quoted := string(jsonl.AppendString(nil, v.Text))
	word := v.Type == config.String
	switch t.Kind {
	case types.KindBool:
		return strings.ToLower(v.Text), "", v.Type == config.Bool
	case types.KindInt:
		x, err := strconv.ParseInt(strings.ReplaceAll(v.Text, "_", ""), 0, 64)
		return strconv.FormatInt(x, 10), "", v.Type == config.Int && err == nil
	case types.KindFloat:
		x, err := strconv.ParseFloat(strings.ReplaceAll(v.Text, "_", ""), 64)
		number := v.Type == config.Int || v.Type == config.Float
		return strconv.FormatFloat(x, 'g', -1, 64), "", number && err == nil && !math.IsInf(x, 0) && !math.IsNaN(x)
	case types.KindString:
		if !word {
			return "", `as a text it stands in quotes: "` + v.Text + `"`, false
		}
		return quoted, "", true
	case types.KindEnum:
		return quoted, "one of " + strings.Join(t.Words, ", "), slices.Contains(t.Words, v.Text)
	case types.KindTime:
		if _, ok := text.Time([]byte(v.Text)); ok {
			return quoted, "", true
		}
		if day := v.Text + "T00:00:00Z"; len(v.Text) == len("2006-01-02") {
			_, ok = text.Time([]byte(day))
			return `"` + day + `"`, "", ok
		}
		return "", "write 2006-01-02T15:04:05Z, or 2006-01-02 for the beginning of a day", false
	case types.KindDate:
		_, ok := text.Date([]byte(v.Text))
		return quoted, "write 2006-01-02", ok
	case types.KindDuration:
		_, err := quantity.Duration(v.Text)
		return quoted, "write 500ms, 5s or 1h30m", err == nil
	case types.KindBytes:
		_, err := base64.StdEncoding.DecodeString(v.Text)
		return quoted, "bytes are written in base64", word && err == nil
	case types.KindDecimal:
		_, end := text.Decimal([]byte(v.Text), 0, t.Precision, t.Scale)
		return `"` + v.Text + `"`, "", end == len(v.Text)
	}
	return "", "", false
}

// plain gives a type without the ways in which readers find its fields, and with
// relax also with every field of a record nullable. A reply is never written, and read as
// null: nobody asks in a test.
func plain(t *types.Type, relax bool) *types.Type {
	if t.Kind == types.KindReply {
		return types.Int.Opt()
	}
	c := *t
	if t.Elem != nil {
		c.Elem = plain(t.Elem, relax)
	}
	c.Fields = nil
	for _, f := range t.Fields {
		f.Reading, f.Type = nil, plain(f.Type, relax)
		if relax {
			f.Type = f.Type.Opt()
		}
		c.Fields = append(c.Fields, f)
	}
	return &c
}

// rowsOf reads lines of JSON, which a writer has made or a file has brought, into a
// batch of type t; needed says which fields it has, nil for all. bad is what the
// first wrong line says.
func rowsOf(t *types.Type, needed []bool, lines []byte) (b *record.Batch, bad *text.RowError) {
	scanner, err := jsonl.New(plain(t, false), jsonl.Options{Extra: text.ExtraError})
	if err != nil {
		return nil, &text.RowError{Reason: err.Error()}
	}
	b = record.NewNeeded(t, needed)
	next, bad := scanner.Scan(lines, 0, b, min(maxItems, 1+bytes.Count(lines, []byte("\n"))))
	if bad == nil && next < len(lines) {
		bad = &text.RowError{Reason: "there are more than " + strconv.Itoa(maxItems) + " items"}
	}
	if bad != nil {
		b.Release()
		return nil, bad
	}
	return b, nil
}

// maxItems bounds the items of one feed and of one expectation: those of a batch.
const maxItems = 65_535

// rowText gives a row for a message: as JSON without its secrets, at most a line or two.
func rowText(b *record.Batch, row int) string {
	return shorten(redact.JSON(string(jsonl.AppendItem(nil, b, row))), 300)
}

func shorten(s string, limit int) string {
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return s
}

// decodeAny reads JSON without losing the digits of numbers.
func decodeAny(s string) any {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}
