package cli

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler/advise"
)

const editedFlow = `# On top.
flow: edited
nodes:
  n: {use: generate, with: {count: 5}} # a source
  block:
    # what it is
    use: filter   # its kind
    in: n

    with: {where: n > 0}
  given:
    use: filter
    in: {from: block, capacity: 16}   # small
    with:
      where: n > 1
    workers:  2   # two
  elastic: {use: map, in: given, workers: {min: 1, max: 4}, with: {set: {x: n}}, batch: {count: 7}}
  two:
    use: concat
    in:
      - {from: elastic, capacity: 3}
      - given
  out: {use: drop, in: two}
`

func TestEditor(t *testing.T) {
	text := editedFlow
	workers := func(node string, from, to int) advise.Change {
		return advise.Change{Node: node, Setting: "workers", From: from, To: to}
	}
	for name, c := range map[string]struct {
		changes []advise.Change
		want    []string // pairs: what is replaced, by what
		patch   string
	}{
		"a line is added": {[]advise.Change{workers("block", 1, 3)},
			[]string{"    use: filter   # its kind\n", "    use: filter   # its kind\n    workers: 3\n"},
			"@@ -5,6 +5,7 @@\n   block:\n     # what it is\n     use: filter   # its kind\n+    workers: 3\n     in: n\n \n     with: {where: n > 0}\n"},
		"a number is replaced": {[]advise.Change{workers("given", 2, 12)}, []string{"workers:  2   # two", "workers:  12   # two"}, "-    workers:  2   # two\n+    workers:  12   # two\n"},
		"in braces":            {[]advise.Change{workers("n", 1, 2)}, []string{"  n: {use", "  n: {workers: 2, use"}, "+  n: {workers: 2, use: generate, with: {count: 5}} # a source\n"},
		"the most of a range":  {[]advise.Change{workers("elastic", 4, 9)}, []string{"max: 4", "max: 9"}, "max: 9"},
		"two in one line": {[]advise.Change{workers("elastic", 4, 10), {Node: "elastic", Setting: "batch", From: 7, To: 56}},
			[]string{"max: 4", "max: 10", "count: 7", "count: 56"}, "{min: 1, max: 10}, with: {set: {x: n}}, batch: {count: 56}}\n"},
		"a capacity":           {[]advise.Change{{Node: "given", Setting: "capacity", Edge: "block.out", From: 16, To: 8192}}, []string{"capacity: 16", "capacity: 8192"}, "8192"},
		"a capacity in a list": {[]advise.Change{{Node: "two", Setting: "capacity", Edge: "elastic.out", From: 3, To: 8192}}, []string{"capacity: 3", "capacity: 8192"}, "8192"},
		"two hunks": {[]advise.Change{workers("n", 1, 2), workers("out", 1, 2)}, []string{"  n: {use", "  n: {workers: 2, use", "  out: {use", "  out: {workers: 2, use"},
			"@@ -1,7 +1,7 @@\n # On top.\n flow: edited\n nodes:\n-  n: "},
	} {
		d := newEditor(diag.NewSource("edited.yaml", []byte(text)))
		for _, change := range c.changes {
			if err := d.change(change); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		want := strings.NewReplacer(c.want...).Replace(text)
		got, patch, err := d.apply()
		if err != nil || string(got) != want {
			t.Errorf("%s: %v, got\n%s", name, err, got)
		}
		if !strings.Contains(patch, c.patch) || !strings.HasPrefix(patch, "--- edited.yaml\n+++ edited.yaml\n") {
			t.Errorf("%s: patch\n%s\nlacks\n%s", name, patch, c.patch)
		}
	}
}

// What cannot be edited soundly is refused.
func TestEditorRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"nodes:\n  a:\n    workers: ${W}\n    use: drop\n":  "not written as 1",
		"nodes:\n  a:\n    use:\n      drop\n":              "no line with its kind",
		"x: &x {use: drop}\nnodes:\n  a: *x\n":              "a",
		"nodes:\n  b: {use: drop}\n":                        "a is not written out",
		"nodes:\n  a:\n    in: b\n    use: drop":            "has no end",
		"nodes:\n  a:\n    workers: \"1\"\n    use: drop\n": "not written as 1",
	} {
		d := newEditor(diag.NewSource("edited.yaml", []byte(text)))
		err := d.change(advise.Change{Node: "a", Setting: "workers", From: 1, To: 2})
		if err == nil && strings.Contains(text, "*x") {
			continue // the check of the meaning finds it
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngives %v, want %s", text, err, want)
		}
	}
}

// A text with CR LF keeps it.
func TestEditorKeepsLineEnds(t *testing.T) {
	d := newEditor(diag.NewSource("e.yaml", []byte("nodes:\r\n  a:\r\n    use: drop\r\n    in: b\r\n")))
	if err := d.change(advise.Change{Node: "a", Setting: "workers", From: 1, To: 2}); err != nil {
		t.Fatal(err)
	}
	if got, _, err := d.apply(); err != nil || string(got) != "nodes:\r\n  a:\r\n    use: drop\r\n    workers: 2\r\n    in: b\r\n" {
		t.Errorf("%q", got)
	}
}

// Two nodes that share a mapping have one place for their workers: a second change of it
// is no patch.
func TestEditorChangesAPlaceOnce(t *testing.T) {
	d := newEditor(diag.NewSource("e.yaml", []byte("nodes:\n  a: &a {use: drop, workers: 1}\n  b: *a\n")))
	for _, node := range []string{"a", "b"} {
		if err := d.change(advise.Change{Node: node, Setting: "workers", From: 1, To: 2}); err != nil {
			t.Fatal(err)
		}
	}
	if text, patch, err := d.apply(); err == nil || patch != "" {
		t.Errorf("it gives %q and %q", text, patch)
	}
}

// An edit that changes more than it should, as that of an anchor that two nodes use,
// is no patch.
func TestEditMeansWhatItSays(t *testing.T) {
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	text := "nodes:\n  n: {use: generate, with: {count: 5}}\n  a: &a {use: map, in: n, with: {set: {x: n}}}\n  b: *a\n  out: {use: drop, in: a}\n  more: {use: drop, in: b}\n"
	src := diag.NewSource("flow.yaml", []byte(text))
	a := &adviseCall{runCall: &runCall{call: &call{registry: registry}, set: &assignments{}}, src: src}
	change := advise.Change{Node: "a", Setting: "workers", From: 1, To: 2}
	_, list := graph.Load(src, registry, graph.Options{})
	if list.HasErrors() {
		t.Fatal(list.Err())
	}
	d := newEditor(src)
	if err := d.change(change); err != nil {
		t.Fatal(err)
	}
	edited, _, err := d.apply()
	if err != nil {
		t.Fatal(err)
	}
	if a.means(edited, []advise.Change{change}) {
		t.Errorf("the edit changes b too:\n%s", edited)
	}
	if a.means([]byte(strings.Replace(text, "&a {", "{", 1)), nil) {
		t.Error("a flow that is broken passes")
	}
	if !a.means(src.Text, nil) {
		t.Error("the text does not mean itself")
	}
}
