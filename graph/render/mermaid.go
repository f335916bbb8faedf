package render

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/flowrun/flowrun/graph/diff"
)

// This file writes a scene for Mermaid.

// Mermaid writes the scene as a Mermaid flowchart, for Markdown that draws it.
// Cards are boxes with id, kind line and workers, wires carry the type and the
// capacity, side outputs are dotted, clusters are subgraphs. The scene needs no layout.
func Mermaid(w io.Writer, s *Scene) error {
	if err := s.check(); err != nil {
		return err
	}
	var b bytes.Buffer
	if s.Title != "" {
		fmt.Fprintf(&b, "---\ntitle: %s\n---\n", quoted(s.Title))
	}
	b.WriteString("flowchart LR\n")
	members := s.byCluster()
	for k, name := range s.clusterNames() {
		fmt.Fprintf(&b, "  subgraph p%d[\"%s\"]\n", k, mermaidText(styleCluster.fit(name, nameLimit)))
		for _, i := range members[name] {
			b.WriteString("  ")
			s.Cards[i].mermaid(&b, i)
		}
		b.WriteString("  end\n")
	}
	for _, i := range members[""] {
		s.Cards[i].mermaid(&b, i)
	}
	for _, wire := range s.Wires {
		arrow := "-->"
		if wire.Side || wire.Diff == diff.Removed {
			arrow = "-.->"
		}
		label := ""
		if text := s.mermaidLabel(wire); text != "" {
			label = `|"` + text + `"|`
		}
		fmt.Fprintf(&b, "  n%d %s%s n%d\n", wire.From.Card, arrow, label, wire.To.Card)
	}
	s.mermaidFates(&b)
	_, err := w.Write(b.Bytes())
	return err
}

// mermaid writes a card as n<i>: an id of the user may be a word of the language.
func (c *Card) mermaid(b *bytes.Buffer, i int) {
	lines := []string{"<b>" + markdownText(styleName.fit(c.ID, nameLimit)) + "</b>"}
	if line := c.kindLine(); line != "" {
		lines = append(lines, markdownText(styleKind.fit(line, kindLimit)))
	}
	if c.Diff != diff.Same {
		lines = append([]string{markdownText(c.Diff.Sign() + " " + fateWords[c.Diff])}, lines...)
	}
	for _, note := range c.Notes {
		lines = append(lines, markdownText(styleNote.fit(note, noteLimit)))
	}
	if c.Workers != "" {
		lines = append(lines, markdownText(clean(c.Workers)))
	}
	left, right := "[", "]"
	switch {
	case len(c.In) == 0:
		left, right = "([", "])"
	case len(c.Out) == 0:
		left, right = "[/", "/]"
	}
	fmt.Fprintf(b, "  n%d%s\"%s\"%s\n", i, left, strings.Join(lines, "<br>"), right)
}

// mermaidLabel names a port where a side has several, then type and capacity.
func (s *Scene) mermaidLabel(w *Wire) string {
	var ports, parts []string
	if len(s.Cards[w.From.Card].Out) > 1 {
		ports = append(ports, stylePort.fit(s.source(w).Name, portLimit))
	}
	if len(s.Cards[w.To.Card].In) > 1 {
		ports = append(ports, "→ "+stylePort.fit(s.target(w).Name, portLimit))
	}
	if len(ports) > 0 {
		parts = append(parts, strings.Join(ports, " "))
	}
	if _, typ := s.source(w).text(); typ != "" {
		parts = append(parts, typ)
	}
	if w.Capacity != "" {
		parts = append(parts, w.pillText())
	}
	return mermaidText(strings.Join(parts, " · "))
}

// mermaidText escapes everything that Mermaid or HTML may take for its own, as
// Mermaid's #code; entities. Letters, digits and what is harmless stay readable;
// a sign before a space may begin a list.
func mermaidText(text string) string {
	var b strings.Builder
	for i, r := range text {
		safe := r >= 0x80 || isWord(r) || strings.ContainsRune(" ,:=/('!?@", r) ||
			strings.ContainsRune(".-+)", r) && !strings.HasPrefix(text[i+1:], " ")
		if safe {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}

// markdownText is mermaidText for the label of a node, the only place where
// Mermaid reads Markdown, after it has replaced the entities.
func markdownText(text string) string {
	var b strings.Builder
	for i, r := range text {
		inWord := r == '_' && i > 0 && i+1 < len(text) && isWord(rune(text[i-1])) && isWord(rune(text[i+1]))
		if strings.ContainsRune("\\`*_~[]", r) && !inWord {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return mermaidText(b.String())
}

// isWord tells ASCII letters, digits and the underscore.
func isWord(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
}
