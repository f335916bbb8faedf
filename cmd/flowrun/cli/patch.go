package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/scheduler/advise"
)

// A textEdit puts a text in the place of some characters of a line, or adds a line
// behind it. Places are those of the file as it is, from 0.
type textEdit struct {
	line, col, width int
	text             string
	after            bool
}

// An editor makes changes in the text of a flow: it touches the lines that it must,
// so that comments and layout stay.
type editor struct {
	src   *diag.Source
	nodes *config.Value
	lines []string   // with their ends
	edits []textEdit // in the order of the lines, in one from its end, what is added last
}

func newEditor(src *diag.Source) *editor {
	var list diag.List
	return &editor{src: src, nodes: config.Parse(src, &list).Get("nodes"), lines: strings.SplitAfter(string(src.Text), "\n")}
}

// change edits the text for one change. The error says why it cannot.
func (d *editor) change(f *graph.Flow, c advise.Change) error {
	n := d.nodes.Get(c.Node)
	if n == nil || n.Kind != config.Mapping {
		return fmt.Errorf("%s is not written out in the file", c.Node)
	}
	switch c.Setting {
	case "workers":
		v := n.Get("workers")
		if v == nil {
			return d.add(n, c)
		}
		if v.Kind == config.Mapping {
			v = v.Get("max")
		}
		return d.replace(v, c)
	case "batch":
		return d.replace(n.Get("batch").Get("count"), c)
	case "capacity":
		return d.replace(capacityOf(n.Get("in"), c.Edge), c)
	}
	return fmt.Errorf("%s cannot be edited", c.Setting)
}

// capacityOf finds the capacity of the edge that comes from a port, in the `in` of a
// node.
func capacityOf(in *config.Value, from string) *config.Value {
	if in == nil {
		return nil
	}
	if text := in.Get("from"); text != nil && (text.Text == from || text.Text == strings.TrimSuffix(from, ".out")) {
		return in.Get("capacity")
	}
	for _, e := range in.Entries {
		if v := capacityOf(e.Value, from); v != nil {
			return v
		}
	}
	for _, item := range in.Items {
		if v := capacityOf(item, from); v != nil {
			return v
		}
	}
	return nil
}

// replace puts another number in the place of one.
func (d *editor) replace(v *config.Value, c advise.Change) error {
	if v == nil || v.Kind != config.Scalar {
		return fmt.Errorf("%s of %s is not written out in the file", c.Setting, c.Node)
	}
	line, at := d.line(v.Span.Line), v.Span.Col-1
	was := []rune(strconv.Itoa(c.From))
	if at < 0 || at+len(was) > len(line) || string(line[at:at+len(was)]) != string(was) {
		return fmt.Errorf("%s of %s is not written as %d in line %d", c.Setting, c.Node, c.From, v.Span.Line)
	}
	d.put(textEdit{line: v.Span.Line - 1, col: at, width: len(was), text: strconv.Itoa(c.To)})
	return nil
}

// add writes the workers of a node that has none so far: behind the line with its
// kind, or inside its braces.
func (d *editor) add(v *config.Value, c advise.Change) error {
	setting := fmt.Sprintf("workers: %d", c.To)
	if v.Flow {
		line, at := d.line(v.Span.Line), v.Span.Col-1
		if at < 0 || at >= len(line) || line[at] != '{' {
			return fmt.Errorf("%s is not written out in the file", c.Node)
		}
		d.put(textEdit{line: v.Span.Line - 1, col: at + 1, text: setting + ", "})
		return nil
	}
	use := v.Entry("use")
	if use == nil || use.Value.Span.Line != use.KeySpan.Line {
		return fmt.Errorf("%s has no line with its kind alone", c.Node)
	}
	line := string(d.line(use.KeySpan.Line))
	if !strings.HasSuffix(line, "\n") {
		return fmt.Errorf("the line with the kind of %s has no end", c.Node)
	}
	body := strings.TrimLeft(line, " ")
	if !strings.HasPrefix(body, "use:") {
		return fmt.Errorf("%s has no line with its kind alone", c.Node)
	}
	end := "\n"
	if strings.HasSuffix(line, "\r\n") {
		end = "\r\n"
	}
	d.put(textEdit{line: use.KeySpan.Line - 1, text: line[:len(line)-len(body)] + setting + end, after: true})
	return nil
}

// put keeps the edits in their order.
func (d *editor) put(e textEdit) {
	d.edits = append(d.edits, e)
	slices.SortStableFunc(d.edits, func(a, b textEdit) int {
		switch {
		case a.line != b.line:
			return cmp.Compare(a.line, b.line)
		case a.after != b.after && b.after:
			return -1
		case a.after != b.after:
			return 1
		}
		return cmp.Compare(b.col, a.col)
	})
}

// line is a line of the file, by its number from 1.
func (d *editor) line(number int) []rune {
	if number < 1 || number > len(d.lines) {
		return nil
	}
	return []rune(d.lines[number-1])
}

// edited gives what stands in the place of a line, and what is added behind it.
func (d *editor) edited(i int) (line string, added []string) {
	text := []rune(d.lines[i])
	for _, e := range d.edits {
		switch {
		case e.line != i:
		case e.after:
			added = append(added, e.text)
		default:
			text = slices.Concat(text[:e.col], []rune(e.text), text[e.col+e.width:])
		}
	}
	return string(text), added
}

// text is the file with its edits.
func (d *editor) text() []byte {
	var b strings.Builder
	for i := range d.lines {
		line, added := d.edited(i)
		b.WriteString(line)
		for _, more := range added {
			b.WriteString(more)
		}
	}
	return []byte(b.String())
}

// around is how many lines a patch shows before and after a change.
const around = 3

// patch writes the edits as a unified diff.
func (d *editor) patch() string {
	if len(d.edits) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", d.src.Name, d.src.Name)
	last := len(d.lines)
	if d.lines[last-1] == "" {
		last-- // what follows the last line end is no line
	}
	added := 0
	for i := 0; i < len(d.edits); {
		j := i + 1
		for j < len(d.edits) && d.edits[j].line <= d.edits[j-1].line+2*around {
			j++
		}
		from, to := d.edits[i].line-around, min(last, d.edits[j-1].line+around+1)
		if d.edits[i].after { // the line before counts as one around it
			from++
		}
		added += d.hunk(&b, max(0, from), to, added)
		i = j
	}
	return b.String()
}

// hunk writes the lines of a part of the file as they were and as they are; it gives
// how many there are more.
func (d *editor) hunk(b *strings.Builder, from, to, before int) (more int) {
	var body strings.Builder
	put := func(sign, line string) {
		body.WriteString(sign + line)
		if !strings.HasSuffix(line, "\n") {
			body.WriteString("\n\\ No newline at end of file\n")
		}
	}
	for i := from; i < to; i++ {
		line, added := d.edited(i)
		if line == d.lines[i] {
			put(" ", line)
		} else {
			put("-", d.lines[i])
			put("+", line)
		}
		for _, text := range added {
			put("+", text)
		}
		more += len(added)
	}
	fmt.Fprintf(b, "@@ -%d,%d +%d,%d @@\n%s", from+1, to-from, from+1+before, to-from+more, &body)
	return more
}
