package graph

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file is the pass that reads the types that a file declares.

// declareTypes reads the types of the file. They may refer to each other in any
// order, but not to themselves.
func (c *compiler) declareTypes() {
	c.flow.Types = map[string]*types.Type{}
	c.typeSpans = map[string]diag.Span{}
	d := &typeDeclarations{c: c, entries: map[string]*config.Entry{}, state: map[string]int{}}
	section := c.root.Get("types")
	if section == nil {
		return
	}
	for i := range section.Entries {
		e := &section.Entries[i]
		if !types.IsWord(e.Key) {
			c.list.Add(diag.BadName, e.KeySpan, "type name %q: want letters, digits and _", e.Key)
			continue
		}
		d.entries[e.Key], c.typeSpans[e.Key] = e, e.KeySpan
	}
	for i := range section.Entries {
		if d.entries[section.Entries[i].Key] != nil {
			d.declare(section.Entries[i].Key)
		}
	}
}

// typeDeclarations resolves declared types that may refer to each other.
type typeDeclarations struct {
	c       *compiler
	entries map[string]*config.Entry
	state   map[string]int // 1: being resolved, 2: done
}

func (d *typeDeclarations) declare(name string) {
	if d.state[name] != 0 {
		return
	}
	d.state[name] = 1
	e := d.entries[name]
	for _, other := range mentioned(e.Value) {
		if next := d.entries[other]; next != nil {
			if d.state[other] == 1 {
				d.c.list.Add(diag.BadType, e.KeySpan, "type %s refers to itself", name).
					WithHint("types are finite; a field of type any holds nested data of any depth")
				d.c.flow.Types[other] = types.Error
				continue
			}
			d.declare(other)
		}
	}
	t := typeOf(e.Value, d.c.flow.Types, &d.c.list)
	if t.Kind != types.KindError {
		t = declared(t, name, e.Value)
	}
	if d.c.flow.Types[name] == nil {
		d.c.flow.Types[name] = t
	}
	d.state[name] = 2
}

// declared marks the fields of a declared type with their origin, so that
// messages can say where a type came from.
func declared(t *types.Type, name string, v *config.Value) *types.Type {
	named := t.Named(name)
	if t.Kind != types.KindRecord {
		return named
	}
	named.Fields = append([]types.Field(nil), t.Fields...)
	for i, f := range named.Fields {
		at := v.Span
		if e := v.Entry(f.Name); e != nil {
			at = e.KeySpan
		}
		named.Fields[i].Origin = types.Origin{How: "declared in " + name, At: at}
	}
	return named
}

// noNames are the parts of the text of a type that hold no names of types: the words of an
// enum, and names of fields.
var noNames = regexp.MustCompile(`enum\([^)]*\)|("[^"]*"|'[^']*'|[\pL_][\pL\pN_]*)\s*:`)

// mentioned lists the words in a type that may be names of types.
func mentioned(v *config.Value) []string {
	if longForm(v) { // its other texts are about the data
		return mentioned(v.Get("type"))
	}
	var words []string
	for _, item := range v.Items {
		words = append(words, mentioned(item)...)
	}
	for _, e := range v.Entries {
		words = append(words, mentioned(e.Value)...)
	}
	if v.Kind == config.Scalar {
		words = append(words, strings.FieldsFunc(noNames.ReplaceAllString(v.Text, " "), func(r rune) bool {
			return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r <= 127
		})...)
	}
	return words
}

// typeOf reads a type written as text (`int?`, `{a: int}`), as a YAML mapping (a
// record) or as a YAML list of one (a list). What is wrong gives the Error type
// and a message at its place.
func typeOf(v *config.Value, names map[string]*types.Type, list *diag.List) *types.Type {
	switch v.Kind {
	case config.Mapping:
		return recordOf(v, names, list)
	case config.Sequence:
		if len(v.Items) != 1 {
			list.Add(diag.BadType, v.Span, "a list type has one type in its brackets, such as [int]")
			return types.Error
		}
		return types.List(typeOf(v.Items[0], names, list))
	case config.Null:
		list.Add(diag.BadType, v.Span, "a type is missing")
		return types.Error
	}
	t, err := types.Parse(v.Text, names)
	if wrong, ok := errors.AsType[*types.SyntaxError](err); ok {
		list.Add(wrong.Code, v.At(wrong.Offset, wrong.Width), "%s", wrong.Message).WithHint("%s", wrong.Hint)
		return types.Error
	}
	return t
}

func recordOf(v *config.Value, names map[string]*types.Type, list *diag.List) *types.Type {
	t := &types.Type{Kind: types.KindRecord}
	for i, e := range v.Entries {
		if e.Key == "..." && e.Value.IsNull() {
			t.Open = true
			if i < len(v.Entries)-1 {
				list.Add(diag.BadType, e.KeySpan, "... must be the last in a record")
			}
			continue
		}
		f := types.Field{Name: e.Key, Origin: types.Origin{How: "declared", At: e.KeySpan}}
		if longForm(e.Value) {
			f.Type, f.Reading = fieldOf(e.Value, names, list)
		} else {
			f.Type = typeOf(e.Value, names, list)
		}
		t.Fields = append(t.Fields, f)
	}
	if len(t.Fields) == 0 && !t.Open {
		list.Add(diag.BadType, v.Span, "a record needs a field").WithHint("{...} is a record of any fields")
	}
	return t
}

// longForm reports whether a field is written as {type: ..., from: ...} and not
// as a nested record: it has `type` and one of the other keys, and nothing else.
func longForm(v *config.Value) bool {
	if v.Kind != config.Mapping || !v.Has("type") || len(v.Entries) < 2 {
		return false
	}
	return !slices.ContainsFunc(v.Entries, func(e config.Entry) bool { return !fieldKeys.has(e.Key) })
}

func fieldOf(v *config.Value, names map[string]*types.Type, list *diag.List) (*types.Type, *types.Reading) {
	t, r := typeOf(v.Get("type"), names, list), &types.Reading{}
	for _, e := range v.Entries {
		if e.Key == "type" {
			continue
		}
		if e.Value.Kind != config.Scalar {
			list.Add(diag.WrongValue, e.Value.Span, "want a text for %s, got %s", e.Key, e.Value.Describe())
			continue
		}
		switch e.Key {
		case "from":
			r.From = e.Value.Text
		case "format":
			r.Format = e.Value.Text
			if k := innermost(t).Kind; k != types.KindTime && k != types.KindDate && k != types.KindError {
				list.Add(diag.Conflict, e.KeySpan, "format is for fields of type time or date, this one is %s", t)
			}
		case "zone":
			r.Zone = e.Value.Text
			switch k := innermost(t).Kind; k {
			case types.KindTime, types.KindError:
			case types.KindDate:
				list.Add(diag.Conflict, e.KeySpan, "zone is for fields of type time, a date has none")
			default:
				list.Add(diag.Conflict, e.KeySpan, "zone is for fields of type time, this one is %s", t)
			}
		case "default":
			r.Default, r.Has, r.At = e.Value.Text, true, e.Value.Span
		}
	}
	checkReading(v, t, r, list)
	return t, r
}

// checkReading reports a format and a zone that are none, and forgets them, so that no
// reader reports them again.
func checkReading(v *config.Value, t *types.Type, r *types.Reading, list *diag.List) {
	of := types.Field{Type: innermost(t), Reading: r}
	if k := of.Type.Kind; k != types.KindTime && k != types.KindDate {
		r.Format, r.Zone = "", ""
		return
	}
	// One after the other, to see which of them is wrong.
	wrong := func(key string, r types.Reading) bool {
		of.Reading = &r
		_, err := text.FormatOf(of)
		if err != nil {
			list.Add(diag.WrongValue, v.Get(key).Span, "%s", err)
		}
		return err != nil
	}
	if r.Zone != "" && wrong("zone", types.Reading{Zone: r.Zone}) {
		r.Zone = ""
	}
	if r.Format != "" && wrong("format", types.Reading{Format: r.Format}) {
		r.Format = ""
	}
	if r.Zone != "" && r.Format != "" && wrong("zone", *r) {
		r.Zone = ""
	}
}

// innermost gives what a list is of at last, for its items have its format.
func innermost(t *types.Type) *types.Type {
	for t.Kind == types.KindList {
		t = t.Elem
	}
	return t
}
