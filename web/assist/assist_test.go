package assist_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/web/assist"
)

// ask is a question about the place of the mark ¦ in a text.
func ask(t *testing.T, text string) assist.Question {
	t.Helper()
	before, after, ok := strings.Cut(text, "¦")
	if !ok {
		t.Fatal("no mark in", text)
	}
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	last := before[strings.LastIndex(before, "\n")+1:]
	return assist.Question{
		Text: before + after, Line: strings.Count(before, "\n") + 1, Column: len([]rune(last)) + 1, Catalog: registry,
		Load: func(text string) *graph.Flow {
			flow, _ := graph.Load(diag.NewSource("f.yaml", []byte(text)), registry, graph.Options{})
			return flow
		},
	}
}

// begin is a flow that the tests add to.
const begin = `flow: f
types:
  Flight: {id: int, delay: int, route: {from: string, to: string}}
nodes:
  flights:
    use: generate
    with: {set: {id: n, delay: n * 2, "the day": n, route: '{from: "a", to: "b"}'}}
  two: {use: route, in: flights, with: {cases: {late: delay > 15}}}
`

func TestComplete(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		from string   // the word that is replaced
		want []string // among the items
		not  []string
	}{
		"top":                   {"fl¦", "fl", []string{"flow", "limits", "nodes", "types"}, []string{"use"}},
		"keys of a node":        {begin + "  x:\n    ¦", "", []string{"use", "in", "with", "workers", "on_error"}, []string{"flow"}},
		"keys in braces":        {begin + "  x: {use: filter, w¦", "w", []string{"with", "workers"}, nil},
		"kinds":                 {begin + "  x:\n    use: file.r¦", "file.r", []string{"file.read", "filter", "group"}, []string{"in"}},
		"kinds in braces":       {begin + "  x: {use: fi¦}", "fi", []string{"filter"}, nil},
		"sources":               {begin + "  x:\n    use: filter\n    in: ¦", "", []string{"flights", "two.late", "two.else", "flights.errors"}, []string{"x"}},
		"ports as sources":      {begin + "  x:\n    use: filter\n    in: two.l¦", "two.l", []string{"two.late"}, nil},
		"sources in a list":     {begin + "  x:\n    use: merge\n    in: [flights, ¦]", "", []string{"two.late"}, nil},
		"sources line by line":  {begin + "  x:\n    use: merge\n    in:\n      - flights\n      - t¦", "t", []string{"two.late"}, nil},
		"ports of a join":       {begin + "  x:\n    use: join\n    in: {¦", "", []string{"left", "right", "from"}, nil},
		"a contract":            {begin + "  x:\n    use: drop\n    in: {from: flights, on_full: ¦}", "", []string{"spill", "block"}, []string{"flights"}},
		"a priority":            {begin + "  x:\n    use: drop\n    in: {from: flights, priority: del¦}", "del", []string{"delay", "abs"}, nil},
		"settings":              {begin + "  x:\n    use: filter\n    in: flights\n    with:\n      ¦", "", []string{"where"}, []string{"use"}},
		"settings in braces":    {begin + "  x:\n    use: map\n    in: flights\n    with: {¦", "", []string{"set", "select", "drop"}, nil},
		"fields":                {begin + "  x:\n    use: filter\n    in: flights\n    with: {where: del¦", "del", []string{"delay", "id", "route", "upper"}, nil},
		"fields all on a line":  {begin + "  x: {use: filter, in: flights, with: {where: id > 1 && d¦}}", "d", []string{"delay"}, nil},
		"fields of a block":     {begin + "  x:\n    use: filter\n    in: flights\n    with:\n      where: |\n        id > 1\n          && d¦", "d", []string{"delay"}, nil},
		"fields of a field":     {begin + "  x:\n    use: filter\n    in: flights\n    with: {where: route.f¦}", "f", []string{"from", "to"}, []string{"delay", "upper"}},
		"fields in a call":      {begin + "  x:\n    use: filter\n    in: flights\n    with: {where: max(id, d¦}", "d", []string{"delay"}, nil},
		"fields in a map":       {begin + "  x:\n    use: map\n    in: flights\n    with:\n      set:\n        a: id\n        b: de¦", "de", []string{"delay"}, nil},
		"fields in quotes":      {begin + "  x:\n    use: map\n    in: flights\n    with: {set: {b: \"de¦\"}}", "de", []string{"delay"}, nil},
		"fields by name":        {begin + "  x:\n    use: map\n    in: flights\n    with: {select: [id, ¦]}", "", []string{"delay"}, []string{"upper"}},
		"an open bracket above": {begin + "  x:\n    use: map\n    in: flights\n    with: {\n      select: [\n        id,\n        d¦", "d", []string{"delay"}, nil},
		"enums of the engine":   {begin + "  x:\n    use: drop\n    in: flights\n    on_error: ¦", "", []string{"skip", "dead", "fail"}, nil},
		"nested engine keys":    {begin + "  x:\n    use: drop\n    in: flights\n    retry: {at¦", "at", []string{"attempts", "multiplier"}, nil},
		"enums of a kind":       {begin + "  x:\n    use: file.write\n    in: flights\n    with: {format: ¦}", "", []string{"csv", "jsonl"}, nil},
		"types":                 {"types:\n  A: {x: int}\nnodes:\n  r:\n    use: file.read\n    with: {path: a.csv, as: ¦}", "", []string{"A", "string"}, nil},
		"a path":                {begin + "  x:\n    use: file.write\n    in: flights\n    with: {path: ¦}", "", nil, []string{"delay"}},
		"a comment":             {begin + "  # ¦", "", nil, nil},
	} {
		q := ask(t, c.text)
		got := assist.Complete(q)
		var labels []string
		for _, item := range got.Items {
			labels = append(labels, item.Label)
		}
		if from := q.Column - len(c.from); got.From != from {
			t.Errorf("%s: from column %d, want %d", name, got.From, from)
		}
		for _, want := range c.want {
			if !slices.Contains(labels, want) {
				t.Errorf("%s: no %q among %q", name, want, labels)
			}
		}
		for _, not := range c.not {
			if slices.Contains(labels, not) {
				t.Errorf("%s: %q must not be among %q", name, not, labels)
			}
		}
	}
}

func TestExplain(t *testing.T) {
	end := "  x:\n    use: filter\n    in: flights\n    with: {where: delay > 1 && max(id, 2) > 1 && route.from == \"a\"}\n"
	for name, c := range map[string]struct{ text, word, want string }{
		"a node":             {strings.Replace(begin, "  flights", "  fli¦ghts", 1), "flights", "flights · generate"},
		"a kind":             {begin + strings.Replace(end, "filter", "fil¦ter", 1), "filter", "filter"},
		"a kind with a dot":  {"nodes:\n  a:\n    use: fi¦le.read\n", "file", "file.read"},
		"a key":              {begin + strings.Replace(end, "with", "wi¦th", 1), "with", "with"},
		"a setting":          {begin + strings.Replace(end, "where", "wh¦ere", 1), "where", "where · expression, required"},
		"a source":           {begin + strings.Replace(end, "in: flights", "in: fl¦ights", 1), "flights", "flights · generate"},
		"a field":            {begin + strings.Replace(end, "delay", "de¦lay", 1), "delay", "delay: int"},
		"a field of a field": {begin + strings.Replace(end, "route.from", "route.fr¦om", 1), "from", "from: string"},
		"a function":         {begin + strings.Replace(end, "max(", "ma¦x(", 1), "max", "max("},
		"a type":             {strings.Replace(begin, "Flight", "Fli¦ght", 1), "Flight", "Flight · type"},
		"nothing":            {begin + "¦ ", "", ""},
	} {
		q := ask(t, c.text)
		got, ok := assist.Explain(q)
		if ok != (c.want != "") || !strings.HasPrefix(got.Title, c.want) || ok && got.To-got.From != len(c.word) {
			t.Errorf("%s: %+v, want %q of %q", name, got, c.want, c.word)
		}
	}
	node, _ := assist.Explain(ask(t, begin+strings.Replace(end, "x:", "¦x:", 1)))
	if len(node.Types) != 2 || node.Types[0].From != "flights.out" || !strings.Contains(node.Types[1].Type, "delay: int") {
		t.Errorf("the ports of a node: %+v", node.Types)
	}
}

// TestAnywhere asks at every place of a flow, cut off there too: nothing panics, and
// what is to be replaced lies before the cursor.
func TestAnywhere(t *testing.T) {
	text := begin + "  x: {use: map, in: [flights, two.late], with: {set: {a: \"upper('ä')\", b: [1, {c: 'd'}]}}} # end\n  - - y: |\n   {[}]:\n"
	runes := []rune(text)
	for i := range runes {
		for _, rest := range []string{"", string(runes[i:])} {
			q := ask(t, string(runes[:i])+"¦"+rest)
			flow := q.Load(q.Text) // one is enough here
			q.Load = func(string) *graph.Flow { return flow }
			if got := assist.Complete(q); got.From < 1 || got.From > q.Column {
				t.Fatalf("at %d: from %d of %d", i, got.From, q.Column)
			}
			assist.Explain(q)
		}
	}
}
