package assist

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/types"
)

// This file says what the word at the cursor is.

// An Explanation says what a word is.
type Explanation struct {
	From  int      `json:"from"`            // columns of the word, from 1, in characters
	To    int      `json:"to"`              // the column behind it
	Title string   `json:"title"`           // what it is, in a few words
	Lines []string `json:"lines,omitempty"` // more about it
	Types []Typed  `json:"types,omitempty"` // the ports of a node, the fields of a record
}

// A Typed is something that has a type.
type Typed struct {
	Name string `json:"name"`
	Way  string `json:"way,omitempty"` // of a port: in or out
	Type string `json:"type"`
	From string `json:"from,omitempty"` // where it comes from
}

// Explain tells what the word at a place is; ok is false if there is nothing to
// tell.
func Explain(question Question) (e Explanation, ok bool) {
	if question.Line < 1 || question.Column < 1 {
		return e, false
	}
	// The place is that of the end of the word.
	q := question.begin()
	if question.Line > len(q.lines) {
		return e, false
	}
	line := []rune(q.lines[question.Line-1])
	from := min(question.Column-1, len(line))
	to := from
	for from > 0 && isWord(line[from-1]) {
		from--
	}
	for to < len(line) && isWord(line[to]) {
		to++
	}
	if from == to {
		return e, false
	}
	word := string(line[from:to])
	question.Column = to + 1
	q = question.begin()
	e = q.explain(word, string(line[:from]), string(line[to:]))
	e.From, e.To = from+1, to+1
	return e, e.Title != ""
}

// explain tells what a word is, with what stands before and behind it.
func (q *question) explain(word, before, after string) Explanation {
	p := q.place
	isKey := p.key && (strings.HasPrefix(after, ":") || strings.HasPrefix(after, `":`) || strings.HasPrefix(after, `':`))
	switch {
	case isKey && len(p.path) == 0:
		return ofItem(formItems(graph.FlowKeys()), word)
	case isKey && p.at(0) == "nodes" && len(p.path) == 1:
		return q.ofNode(q.compiled().Node(word))
	case p.at(0) == "types" && len(p.path) <= 1 && isKey:
		return q.ofType(word)
	case p.at(0) == "types":
		return q.ofType(word)
	case p.at(0) != "nodes" || len(p.path) < 2:
		return Explanation{}
	case isKey && len(p.path) == 2:
		return ofItem(nodeItems(), word)
	case p.at(2) == "use":
		kind := wordBefore(before, ".") + word + strings.TrimSuffix(after, strings.TrimLeft(after, "._abcdefghijklmnopqrstuvwxyz0123456789"))
		return q.ofKind(kind)
	case p.at(2) == "in" && isKey:
		return ofItem(edgeKeyItems(), word)
	case p.at(2) == "in":
		id := wordBefore(before, ".") + word
		return q.ofSource(id)
	case p.at(2) == "with" && isKey:
		return q.ofSetting(p.path[3:], word)
	}
	return q.ofWord(word, before, after)
}

func ofItem(items []Item, label string) Explanation {
	if i := slices.IndexFunc(items, func(item Item) bool { return item.Label == label }); i >= 0 {
		return Explanation{Title: label + detail(items[i].Detail), Lines: lines(items[i].Doc)}
	}
	return Explanation{}
}

func detail(s string) string {
	if s == "" {
		return ""
	}
	return " · " + s
}

func lines(texts ...string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}

func (q *question) ofNode(n *graph.Node) Explanation {
	if n == nil {
		return Explanation{}
	}
	e := Explanation{Title: n.ID + detail(n.Kind), Lines: lines(n.Engine.About)}
	if n.Spec != nil && n.Engine.About == "" {
		e.Lines = lines(n.Spec.Summary)
	}
	for _, in := range n.In {
		for _, edge := range in.Edges {
			e.Types = append(e.Types, Typed{in.Name, "in", full(edge.Type), edge.From.ID + "." + edge.FromPort.Name})
		}
	}
	for _, out := range n.Out {
		if out.Name != graph.ErrorPort || len(out.Edges) > 0 {
			e.Types = append(e.Types, Typed{out.Name, "out", full(out.Carries), ""})
		}
	}
	return e
}

func (q *question) ofKind(kind string) Explanation {
	spec, ok := q.Catalog.Spec(kind)
	if !ok {
		return Explanation{}
	}
	return Explanation{Title: kind, Lines: lines(spec.Summary, "emits when "+spec.Lines.Emits, "ends when "+spec.Lines.Ends)}
}

// ofSource explains the source of an edge: a node, or one of its outputs.
func (q *question) ofSource(source string) Explanation {
	id, port, named := strings.Cut(source, ".")
	n := q.compiled().Node(id)
	if n == nil || !named {
		return q.ofNode(n)
	}
	out := n.Output(port)
	if out == nil {
		return Explanation{}
	}
	return Explanation{Title: source, Lines: lines(out.Doc), Types: []Typed{{out.Name, "out", full(out.Carries), ""}}}
}

// ofSetting explains a key below `with`.
func (q *question) ofSetting(path []string, word string) Explanation {
	if spec := q.kind(); spec != nil && spec.Config != nil {
		prefix := ""
		if len(path) > 0 {
			prefix = strings.Join(path, ".") + "."
		}
		if e := ofItem(keyItems(spec.Config, prefix), word); e.Title != "" {
			return e
		}
	}
	// A key that the flow names is a field that comes in, or one that goes out.
	return q.ofWord(word, "", "")
}

// ofWord explains a word of a value: a field, a function, a type.
func (q *question) ofWord(word, before, after string) Explanation {
	if strings.HasPrefix(after, "(") {
		functions := expr.Functions()
		if i := slices.IndexFunc(functions, func(f expr.FuncInfo) bool { return f.Name == word }); i >= 0 {
			f := functions[i]
			return Explanation{Title: f.Signature, Lines: lines(f.Summary, f.Example)}
		}
	}
	fields := q.fields()
	if inner, ok := strings.CutSuffix(before, "."); ok {
		for name := range strings.SplitSeq(wordBefore(inner, "."), ".") {
			f, known := fieldNamed(fields, name)
			if !known {
				return Explanation{}
			}
			fields = f.Type.Fields
		}
	}
	if f, ok := fieldNamed(fields, word); ok {
		return ofField(f, "")
	}
	if n := q.node(); n != nil {
		for _, out := range n.Out {
			if out.Carries == nil || out.Name == graph.ErrorPort {
				continue
			}
			if f, ok := out.Carries.Field(word); ok {
				return ofField(f, "in the output "+out.Name)
			}
		}
	}
	return q.ofType(word)
}

func ofField(f types.Field, where string) Explanation {
	return Explanation{Title: f.Name + ": " + short(f.Type), Lines: lines(where, originText(f.Origin))}
}

// ofType explains a declared type.
func (q *question) ofType(word string) Explanation {
	t, ok := q.compiled().Types[word]
	if !ok {
		return Explanation{}
	}
	e := Explanation{Title: word + detail("type")}
	for _, f := range t.Fields {
		e.Types = append(e.Types, Typed{Name: f.Name, Type: short(f.Type)})
	}
	if len(t.Fields) == 0 {
		e.Lines = lines(bounded(t.Expanded()))
	}
	return e
}

func originText(o types.Origin) string {
	switch {
	case o.How == "":
		return ""
	case o.Node == "":
		return o.How
	}
	return o.How + " by " + o.Node
}

// short gives a type by its name, full with what is behind it.
func short(t *types.Type) string {
	if t == nil || t.Kind == types.KindError {
		return "unknown"
	}
	return bounded(t.String())
}

func full(t *types.Type) string {
	if t == nil || t.Kind == types.KindError {
		return "unknown"
	}
	if expanded := t.Expanded(); expanded != t.String() {
		return bounded(t.String() + " = " + expanded)
	}
	return bounded(t.String())
}

// maxType bounds the text of a type, in characters.
const maxType = 600

func bounded(s string) string {
	if runes := []rune(s); len(runes) > maxType {
		return string(runes[:maxType]) + "…"
	}
	return s
}
