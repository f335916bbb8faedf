package assist

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/types"
)

// This file says what can stand at the cursor.

// An Item is something that can stand at the cursor.
type Item struct {
	Label  string `json:"label"`
	Sort   string `json:"sort"`             // key, kind, node, field, function, type, value or port
	Detail string `json:"detail,omitempty"` // a few words beside it: a type, a default
	Doc    string `json:"doc,omitempty"`    // a sentence or two
	Apply  string `json:"apply,omitempty"`  // what to write, if not the label
}

// Completions are what can stand in place of the word that ends at the cursor.
type Completions struct {
	From  int    `json:"from"` // the column where that word begins, from 1, in characters
	Items []Item `json:"items"`
}

// maxItems bounds an answer.
const maxItems = 400

// Complete tells what can stand at a place. Items come as they should be shown; the
// editor leaves out those that do not fit what is written already.
func Complete(question Question) Completions {
	q := question.begin()
	items, extra := q.items()
	word := wordBefore(q.before(), extra)
	if len(items) > maxItems {
		items = items[:maxItems]
	}
	if items == nil {
		items = []Item{}
	}
	return Completions{From: max(q.Column, 1) - len([]rune(word)), Items: items}
}

// items are what can stand at the cursor; extra are the signs beside letters and
// digits that words have there.
func (q *question) items() (items []Item, extra string) {
	p := q.place
	switch {
	case len(p.path) == 0 && p.key:
		return formItems(graph.FlowKeys()), ""
	case p.at(0) == "types" && !p.key:
		return q.typeItems(), ""
	case p.at(0) != "nodes" || len(p.path) < 2:
		return nil, ""
	case len(p.path) == 2 && p.key:
		return nodeItems(), ""
	case p.at(2) == "use":
		return q.kindItems(), "."
	case p.at(2) == "in":
		return q.edgeItems()
	case p.at(2) == "with":
		if spec := q.kind(); spec != nil && spec.Config != nil {
			return q.settingItems(spec.Config, p.path[3:])
		}
		return nil, ""
	}
	return q.settingItems(graph.EngineSchema(), p.path[2:])
}

// formItems are the keys of a mapping of the file, which are no settings of a schema.
func formItems(keys []graph.Key) []Item {
	var items []Item
	for _, key := range keys {
		items = append(items, Item{Label: key.Name, Sort: "key", Doc: key.Doc, Apply: key.Name + ": "})
	}
	return items
}

func nodeItems() []Item {
	return append(formItems(graph.NodeKeys()), keyItems(graph.EngineSchema(), "")...)
}

func edgeKeyItems() []Item {
	return append(formItems(graph.EdgeKeys()), keyItems(graph.ContractSchema(), "")...)
}

// keyItems are the settings of a schema right below a prefix.
func keyItems(s *config.Schema, prefix string) []Item {
	var items []Item
	for _, f := range s.Fields() {
		name, ok := strings.CutPrefix(plainName(f.Name), prefix)
		if !ok || strings.Contains(name, ".") || name == "" {
			continue
		}
		detail := f.Type
		switch {
		case f.Required:
			detail += ", required"
		case f.Default != "":
			detail += ", default " + f.Default
		}
		items = append(items, Item{Label: name, Sort: "key", Detail: detail, Doc: f.Doc, Apply: name + ": "})
	}
	return items
}

// plainName is the name of a setting as a path of keys: "outer[].inner" and
// "outer.*.inner" give "outer.inner".
func plainName(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "[]", ""), ".*", "")
}

func (q *question) kindItems() []Item {
	var items []Item
	for _, name := range q.Catalog.Kinds() {
		if spec, ok := q.Catalog.Spec(name); ok {
			items = append(items, Item{Label: name, Sort: "kind", Doc: spec.Summary})
		}
	}
	return items
}

// edgeItems are sources, ports and what an edge promises.
func (q *question) edgeItems() ([]Item, string) {
	p := q.place
	last := p.path[len(p.path)-1]
	schema := graph.ContractSchema()
	if p.key {
		items := edgeKeyItems()
		if spec := q.kind(); spec != nil && len(p.path) == 3 && len(spec.In) > 1 {
			var ports []Item
			for _, in := range spec.In {
				ports = append(ports, Item{Label: in.Name, Sort: "port", Doc: in.Doc, Apply: in.Name + ": "})
			}
			items = append(ports, items...)
		}
		return items, ""
	}
	if last != "from" && len(p.path) > 3 && schema.Has(last) {
		return q.settingItems(schema, []string{last})
	}
	return q.sources(), "."
}

// sources are the outputs of all other nodes.
func (q *question) sources() []Item {
	var items, errors []Item
	for _, n := range q.compiled().Nodes {
		if n.ID == q.place.at(1) {
			continue
		}
		for _, out := range n.Out {
			label := n.ID + "." + out.Name
			if out.Name == graph.ErrorPort {
				errors = append(errors, Item{Label: label, Sort: "port", Detail: "Error", Doc: "Items that failed on " + n.ID + "."})
				continue
			}
			if out.Name == "out" {
				label = n.ID
			}
			items = append(items, Item{Label: label, Sort: "node", Detail: short(out.Carries), Doc: n.Kind})
		}
	}
	return append(items, errors...)
}

// settingItems are what can stand in a setting: below a path of keys, where it is
// a key, else as the value of it.
func (q *question) settingItems(s *config.Schema, path []string) ([]Item, string) {
	name := strings.Join(path, ".")
	if q.place.key {
		prefix := name
		if prefix != "" {
			prefix += "."
		}
		if items := keyItems(s, prefix); items != nil {
			return items, ""
		}
		return q.fieldItems("", ": "), "" // the keys of a mapping that the flow names are fields mostly
	}
	info, found := config.FieldInfo{}, false
	for _, f := range s.Fields() {
		// The longest that leads here: below a mapping its keys are anything.
		if plain := plainName(f.Name); (plain == name || strings.HasPrefix(name, plain+".")) && (!found || len(f.Name) > len(info.Name)) {
			info, found = f, true
		}
	}
	switch {
	case !found:
		return nil, ""
	case info.Type == "type":
		return q.typeItems(), ""
	case info.Type == "true or false":
		return values("true", "false"), ""
	}
	if words := enumOf(s, info.Name); words != nil {
		return values(words...), ""
	}
	if info.Name == "path" || !strings.Contains(info.Type, "expression") && !strings.Contains(info.Type, "field") && !strings.Contains(info.Type, "name") {
		return nil, ""
	}
	written := q.place.value
	head := strings.TrimSuffix(written, wordBefore(written, ""))
	if inner, ok := strings.CutSuffix(head, "."); ok {
		return q.fieldItems(wordBefore(inner, "."), ""), ""
	}
	items := q.fieldItems("", "")
	if strings.Contains(info.Type, "expression") {
		items = append(items, functionItems()...)
	}
	return items, ""
}

func values(words ...string) []Item {
	var items []Item
	for _, w := range words {
		items = append(items, Item{Label: w, Sort: "value"})
	}
	return items
}

// enumOf gives the words that a setting takes, nil if it takes others too.
func enumOf(s *config.Schema, name string) []string {
	form := s.JSONSchema()
	for _, key := range strings.Split(plainName(name), ".") {
		properties, _ := inside(form)["properties"].(map[string]any)
		form, _ = properties[key].(map[string]any)
	}
	var words []string
	switch list := inside(form)["enum"].(type) {
	case []string:
		words = list
	case []any:
		for _, w := range list {
			if text, ok := w.(string); ok {
				words = append(words, text)
			}
		}
	}
	return words
}

// inside is what a schema says of an item, where it is one of a list or a mapping.
func inside(form map[string]any) map[string]any {
	for _, key := range []string{"items", "additionalProperties"} {
		if inner, ok := form[key].(map[string]any); ok && form["properties"] == nil {
			return inside(inner)
		}
	}
	if all, ok := form["anyOf"].([]any); ok && len(all) > 0 {
		if first, ok := all[0].(map[string]any); ok {
			return inside(first)
		}
	}
	return form
}

// fieldItems are the fields that expressions of the node see, or those of the
// record that a path of fields leads to.
func (q *question) fieldItems(path, after string) []Item {
	fields := q.fields()
	if path != "" {
		for name := range strings.SplitSeq(path, ".") {
			f, ok := fieldNamed(fields, name)
			if !ok {
				return nil
			}
			fields = f.Type.Fields
		}
	}
	var items []Item
	for _, f := range fields {
		item := Item{Label: f.Name, Sort: "field", Detail: short(f.Type), Doc: originText(f.Origin)}
		if !types.IsWord(f.Name) {
			item.Apply = "`" + f.Name + "`"
		}
		if after != "" {
			item.Apply = f.Name + after
		}
		items = append(items, item)
	}
	return items
}

func fieldNamed(fields []types.Field, name string) (types.Field, bool) {
	for _, f := range fields {
		if f.Name == name {
			return f, true
		}
	}
	return types.Field{}, false
}

func functionItems() []Item {
	var items []Item
	for _, f := range expr.Functions() {
		items = append(items, Item{Label: f.Name, Sort: "function", Detail: f.Signature, Doc: f.Summary, Apply: f.Name + "("})
	}
	return items
}

var baseTypes = []string{"bool", "int", "float", "string", "time", "date", "duration", "bytes", "any"}

func (q *question) typeItems() []Item {
	var items []Item
	flow := q.compiled()
	for name, t := range flow.Types {
		items = append(items, Item{Label: name, Sort: "type", Detail: bounded(t.Expanded())})
	}
	slices.SortFunc(items, func(a, b Item) int { return strings.Compare(a.Label, b.Label) })
	for _, name := range baseTypes {
		items = append(items, Item{Label: name, Sort: "type"})
	}
	return items
}
