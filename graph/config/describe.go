package config

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// This file describes settings to readers of the docs, and as JSON Schema.

// A FieldInfo is what a reader of the docs wants to know about a setting.
type FieldInfo struct {
	Name     string // as written; the settings of a nested struct are "outer.inner"
	Type     string // in a few words: "integer", "list of string", "a, b or c"
	Doc      string
	Required bool
	Default  string // as YAML; "" when there is none
}

// Fields lists the settings in the order of the struct, those of nested structs
// after the struct's own.
func (s *Schema) Fields() []FieldInfo {
	var all []FieldInfo
	for _, f := range s.fields {
		info := FieldInfo{Name: f.name, Type: f.codec.words(), Doc: f.doc, Required: f.required}
		if shown := f.codec.show(f.preset); shown != nil && !f.required {
			info.Default = yamlText(shown)
		}
		all = append(all, info)
		inner, under := nested(f.codec)
		if inner == nil {
			continue
		}
		for _, i := range inner.Fields() {
			i.Name = f.name + under + "." + i.Name
			all = append(all, i)
		}
	}
	return all
}

// nested finds the schema of the structs within a setting, and how a path to them
// is written: "" for a struct, "[]" for items, ".*" for the values of a Map.
func nested(c codec) (s *Schema, under string) {
	switch c := c.(type) {
	case structCodec:
		return c.s, ""
	case pointerCodec:
		return nested(c.elem)
	case listCodec:
		s, under = nested(c.elem)
		return s, "[]" + under
	case mapCodec:
		s, under = nested(c.elem)
		return s, ".*" + under
	}
	return nil, ""
}

// yamlText writes a value as YAML on one line.
func yamlText(x any) string {
	switch x := x.(type) {
	case nil:
		return "null"
	case string:
		return quoteText(x)
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	case []any:
		parts := make([]string, len(x))
		for i, item := range x {
			parts[i] = yamlText(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case Map[any]:
		parts := make([]string, len(x))
		for i, p := range x {
			parts[i] = quoteText(p.Key) + ": " + yamlText(p.Value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(x)
}

// jsonValue makes a shown value one that encoding/json writes as meant. JSON
// objects have no order.
func jsonValue(x any) any {
	switch x := x.(type) {
	case []any:
		items := make([]any, len(x))
		for i, item := range x {
			items[i] = jsonValue(item)
		}
		return items
	case Map[any]:
		m := make(map[string]any, len(x))
		for _, p := range x {
			m[p.Key] = jsonValue(p.Value)
		}
		return m
	}
	return x
}

// JSONSchema describes the settings to editors, as an object of JSON Schema draft
// 2020-12 without "$schema", so that it can be part of a larger one. Where a value
// is not text, a variable is allowed in its place.
func (s *Schema) JSONSchema() map[string]any {
	properties := map[string]any{}
	var required []string
	for _, f := range s.fields {
		form := maps.Clone(f.codec.schema())
		form["description"] = f.doc
		if shown := f.codec.show(f.preset); shown != nil && !f.required {
			form["default"] = jsonValue(shown)
		}
		properties[f.name] = form
		if f.required {
			required = append(required, f.name)
		}
	}
	schema := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if required != nil {
		schema["required"] = required
	}
	return schema
}

// Markdown gives a table of the settings, "" if there are none.
func (s *Schema) Markdown() string {
	if len(s.fields) == 0 {
		return ""
	}
	cell := strings.NewReplacer("|", `\|`, "\n", " ").Replace
	var b strings.Builder
	b.WriteString("| setting | type | default | meaning |\n| --- | --- | --- | --- |\n")
	for _, f := range s.Fields() {
		preset := ""
		switch {
		case f.Required:
			preset = "required"
		case f.Default != "":
			preset = "`" + cell(f.Default) + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, cell(f.Type), preset, cell(f.Doc))
	}
	return b.String()
}
