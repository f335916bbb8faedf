package render_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/diff"
	"github.com/flowrun/flowrun/graph/render"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

const versionOne = `
flow: versions
nodes:
  n: {use: generate, with: {count: 10}}
  row: {use: map, in: n, with: {set: {a: n}}}
  some: {use: filter, in: row, with: {where: a > 1}}
  gone: {use: drop, in: {from: some, capacity: 7}}
  out: {use: drop, in: some}
  still: {use: drop, in: n}
`

const versionTwo = `
flow: versions
nodes:
  n: {use: generate, with: {count: 10}}
  row: {use: map, in: n, with: {set: {a: n / 2}}}
  some: {use: filter, in: row, with: {where: a > 1}}
  fresh: {use: limit, in: {from: some, capacity: 100}, with: {count: 3}}
  end: {use: drop, in: fresh}
  still: {use: drop, in: {from: n, capacity: 64}}
`

// versions is the scene of two versions.
func versions(t *testing.T) *render.Scene {
	t.Helper()
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	load := func(name, text string) *graph.Flow {
		flow, list := graph.Load(diag.NewSource(name, []byte(text)), registry, graph.Options{})
		if list.HasErrors() {
			t.Fatal(list)
		}
		return flow
	}
	return render.FromDiff(diff.Compare(load("one", versionOne), load("two", versionTwo)))
}

func TestFromDiff(t *testing.T) {
	s := versions(t)
	marks := map[string]diff.Mark{}
	for _, c := range s.Cards {
		marks[c.ID] = c.Diff
	}
	for id, want := range map[string]diff.Mark{"n": diff.Same, "row": diff.Changed, "some": diff.Affected, "gone": diff.Removed, "out": diff.Removed, "fresh": diff.Added, "end": diff.Added, "still": diff.Same} {
		if got, ok := marks[id]; !ok || got != want {
			t.Errorf("%s is %q, want %q", id, got, want)
		}
	}
	if len(s.Cards) != 8 || len(s.Wires) != 7 {
		t.Errorf("%d cards, %d wires", len(s.Cards), len(s.Wires))
	}
	pills := map[string]bool{}
	for _, w := range s.Wires {
		pills[w.Capacity] = true
	}
	for _, want := range []string{"8192", "8192 → 64", "+ 100", "− 7"} {
		if !pills[want] {
			t.Errorf("no pill says %q: %v", want, pills)
		}
	}
}

// The drawing is valid XML in which every mark has its class, its sign and its
// word, and every format can be written.
func TestDrawDiff(t *testing.T) {
	s := versions(t)
	if err := render.Layout(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	for _, inline := range []bool{true, false} {
		var b bytes.Buffer
		if err := render.SVG(&b, s, render.SVGOptions{Inline: inline}); err != nil {
			t.Fatal(err)
		}
		for d := xml.NewDecoder(bytes.NewReader(b.Bytes())); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []string{"marked d-added", "marked d-removed", "marked d-changed", "marked d-affected", "d-same", "&#43; added", "− removed", "~ changed", "≈ types follow", "a: n → n / 2", "a: int → float", "8192 → 64"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("inline %v: no %q in the drawing", inline, want)
			}
		}
		if strings.Contains(b.String(), "ZgotmplZ") {
			t.Error("the template refused a value")
		}
	}
	for _, dark := range []bool{false, true} {
		if err := render.PNG(io.Discard, s, render.PNGOptions{Dark: dark}); err != nil {
			t.Error(err)
		}
	}
	for name, draw := range map[string]func(io.Writer, *render.Scene) error{"dot": render.DOT, "mermaid": render.Mermaid} {
		var b bytes.Buffer
		if err := draw(&b, s); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"added", "removed", "changed", "types follow"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: no %q in\n%s", name, want, b.String())
			}
		}
	}
	for _, c := range s.Cards { // tags and legend stay on the page
		if c.Y-9 < 16 || c.Y+c.H > s.Height {
			t.Errorf("%s stands at %v of %v", c.ID, c.Y, s.Height)
		}
	}
}
