package render

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph/diff"
)

// Scenes as DOT.

// maxLabels is the number of wires up to which DOT labels them: with labels
// Graphviz takes many times longer, and thousands cannot be read.
const maxLabels = 1000

// DOT writes the scene for Graphviz's own programs: cards as HTML tables with a
// row per port, clusters, wires in the colour of their type, labelled
// with their capacity. The scene needs no layout; light theme.
func DOT(w io.Writer, s *Scene) error {
	if err := s.check(); err != nil {
		return err
	}
	d := &dotWriter{scene: s, slots: s.slots()}
	d.line(`digraph %s {`, quoted(s.Title))
	d.line(`graph [rankdir=LR newrank=true nodesep=0.28 ranksep=0.65 pad=0.25 outputorder=edgesfirst bgcolor="transparent" fontname="Verdana" fontsize=11%s];`, d.heading())
	d.line(`node [shape=plain fontname="Verdana" fontsize=11];`)
	d.line(`edge [fontname="Verdana" fontsize=8 fontcolor="%s" penwidth=1.4 arrowsize=0.6];`, shadeMuted.light)
	members := s.byCluster()
	for k, name := range s.clusterNames() {
		d.line(`subgraph cluster_%d {`, k)
		d.line(`label=<<b>%s</b>> labeljust=l style="rounded,filled" color="%s" fillcolor="%s" fontcolor="%s" margin=14;`,
			dotText(styleCluster, name), shadeClusterLine.light, shadeCluster.light, shadeMuted.light)
		for _, i := range members[name] {
			d.card(s.Cards[i])
		}
		d.line(`}`)
	}
	for _, i := range members[""] {
		d.card(s.Cards[i])
	}
	for i, wire := range s.Wires {
		d.wire(i, wire)
	}
	d.line(`}`)
	_, err := w.Write(d.b.Bytes())
	return err
}

// A dotWriter collects the text of one scene.
type dotWriter struct {
	scene *Scene
	slots map[string]Slot
	b     bytes.Buffer
}

func (d *dotWriter) line(format string, args ...any) {
	fmt.Fprintf(&d.b, format+"\n", args...)
}

// heading is the title and subtitle as attributes of the graph.
func (d *dotWriter) heading() string {
	s := d.scene
	if s.Title == "" && s.About == "" {
		return ""
	}
	label := fmt.Sprintf(`<font point-size="15" color="%s"><b>%s</b></font>`, shadeInk.light, html.EscapeString(styleTitle.fit(s.Title, 560)))
	if s.About != "" {
		label += fmt.Sprintf(`<br align="left"/><font point-size="10" color="%s">%s</font><br align="left"/>`, shadeMuted.light, html.EscapeString(styleSubtitle.fit(s.About, 560)))
	}
	return " labelloc=t labeljust=l label=<" + label + ">"
}

func (d *dotWriter) card(c *Card) {
	icon := glyphs[c.Icon.known()]
	id := "n-" + clean(c.ID)
	border := fate{c.Diff, d.scene.Diff}.or(shadeCardLine).light
	fmt.Fprintf(&d.b, `%s [id=%s class=%s tooltip=%s label=<<table style="rounded" border="1" cellborder="0" cellspacing="0" cellpadding="3" color="%s" bgcolor="%s">`,
		quoted(c.ID), quoted(id), quoted("node k-"+string(c.Icon.known())), dotTooltip(c.label()), border, shadeCard.light)
	workers := c.dotFate()
	if c.Workers != "" {
		workers += fmt.Sprintf(` <font point-size="9" color="%s">%s</font>`, shadeMuted.light, html.EscapeString(clean(c.Workers)))
	}
	fmt.Fprintf(&d.b, `<tr><td align="left" colspan="2"><font color="%s">●</font> <font point-size="12" color="%s"><b>%s</b></font>%s</td></tr>`,
		icon.shade.light, shadeInk.light, dotText(styleName, c.ID), workers)
	if line := c.kindLine(); line != "" {
		fmt.Fprintf(&d.b, `<tr><td align="left" colspan="2"><font point-size="8.5" color="%s">%s</font></td></tr>`, shadeMuted.light, dotText(styleKind, line))
	}
	for _, note := range c.Notes {
		fmt.Fprintf(&d.b, `<tr><td align="left" colspan="2"><font point-size="8.5" color="%s">%s</font></td></tr>`, shadeMuted.light, html.EscapeString(styleNote.fit(note, noteLimit)))
	}
	for r := range c.rows() {
		d.b.WriteString("<tr>")
		d.port(c.In, r, "i", "left")
		d.port(c.Out, r, "o", "right")
		d.b.WriteString("</tr>")
	}
	d.line(`</table>>];`)
}

// port writes one cell; it is empty where the side has no more ports.
func (d *dotWriter) port(ports []Port, r int, prefix, align string) {
	if r >= len(ports) {
		d.b.WriteString("<td></td>")
		return
	}
	p := &ports[r]
	name, typ := p.text()
	colour := slotShades[d.slots[p.key()]].light
	parts := []string{
		fmt.Sprintf(`<font color="%s" point-size="11">●</font>`, colour),
		fmt.Sprintf(`<font point-size="9" color="%s">%s</font>`, shadeInk.light, html.EscapeString(name)),
	}
	if typ != "" {
		parts = append(parts, fmt.Sprintf(`<font point-size="8" color="%s">%s</font>`, colour, html.EscapeString(typ)))
	}
	if align == "right" {
		slices.Reverse(parts)
	}
	fmt.Fprintf(&d.b, `<td port="%s%d" align="%s">%s</td>`, prefix, r, align, strings.Join(parts, " "))
}

func (d *dotWriter) wire(i int, w *Wire) {
	s := d.scene
	label := ""
	if len(s.Wires) <= maxLabels && w.Capacity != "" {
		label = fmt.Sprintf(` label=< <font point-size="8">%s</font> >`, html.EscapeString(w.pillText()))
	}
	dashed := ""
	if w.Side || w.Diff == diff.Removed {
		dashed = " style=dashed"
	}
	colour := fate{w.Diff, s.Diff}.or(slotShades[d.slots[s.source(w).key()]]).light
	d.line(`%s:o%d:e -> %s:i%d:w [id="e%d" tooltip=%s color="%s"%s%s];`,
		quoted(s.Cards[w.From.Card].ID), w.From.Port, quoted(s.Cards[w.To.Card].ID), w.To.Port,
		i, dotTooltip(s.wireLabel(w)), colour, dashed, label)
}

// dotText cuts a text and escapes it for an HTML label. Graphviz refuses an
// empty element, so nothing becomes a space.
func dotText(st style, text string) string {
	if text = st.fit(text, nameLimit); text == "" {
		return " "
	}
	return html.EscapeString(text)
}

// dotTooltip writes a tooltip of several lines. Graphviz reads entities and
// escapes in it.
func dotTooltip(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		quote := quoted(html.EscapeString(line))
		lines[i] = quote[1 : len(quote)-1]
	}
	return `"` + strings.Join(lines, `\n`) + `"`
}

// quoted writes a string of DOT or YAML. A lone backslash would change what follows.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(clean(text)) + `"`
}
