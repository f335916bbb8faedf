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

// A lineEdit replaces a line of a file, or adds one behind it.
type lineEdit struct {
	line  int // from 0
	text  string
	after bool
}

// An editor makes changes in the text of a flow: it touches the lines that it must,
// so that comments and layout stay.
type editor struct {
	src   *diag.Source
	nodes *config.Node
	lines []string // with their ends
	edits []lineEdit
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
func capacityOf(in *config.Node, from string) *config.Node {
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
func (d *editor) replace(v *config.Node, c advise.Change) error {
	if v == nil || v.Kind != config.Scalar {
		return fmt.Errorf("%s of %s is not written out in the file", c.Setting, c.Node)
	}
	line, at := []rune(d.line(v.Span.Line-1)), v.Span.Col-1
	was := []rune(strconv.Itoa(c.From))
	if at < 0 || at+len(was) > len(line) || string(line[at:at+len(was)]) != string(was) {
		return fmt.Errorf("%s of %s is not written as %d in line %d", c.Setting, c.Node, c.From, v.Span.Line)
	}
	text := string(line[:at]) + strconv.Itoa(c.To) + string(line[at+len(was):])
	d.edits = append(d.edits, lineEdit{line: v.Span.Line - 1, text: text})
	return nil
}

// add writes the workers of a node that has none so far: behind the line with its
// kind, or inside its braces.
func (d *editor) add(n *config.Node, c advise.Change) error {
	setting := fmt.Sprintf("workers: %d", c.To)
	if n.Flow {
		line, at := []rune(d.line(n.Span.Line-1)), n.Span.Col-1
		if at < 0 || at >= len(line) || line[at] != '{' {
			return fmt.Errorf("%s is not written out in the file", c.Node)
		}
		text := string(line[:at+1]) + setting + ", " + string(line[at+1:])
		d.edits = append(d.edits, lineEdit{line: n.Span.Line - 1, text: text})
		return nil
	}
	use := n.Entry("use")
	if use == nil || use.Value.Span.Line != use.KeySpan.Line {
		return fmt.Errorf("%s has no line with its kind alone", c.Node)
	}
	line := d.line(use.KeySpan.Line - 1)
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
	d.edits = append(d.edits, lineEdit{line: use.KeySpan.Line - 1, text: line[:len(line)-len(body)] + setting + end, after: true})
	return nil
}

// line is a line with what was changed in it already.
func (d *editor) line(i int) string {
	for _, e := range slices.Backward(d.edits) {
		if e.line == i && !e.after {
			return e.text
		}
	}
	if i < 0 || i >= len(d.lines) {
		return ""
	}
	return d.lines[i]
}

// settle leaves one replacement for a line, in the order of the lines.
func (d *editor) settle() {
	var edits []lineEdit
	for i, e := range d.edits {
		later := slices.ContainsFunc(d.edits[i+1:], func(o lineEdit) bool { return o.line == e.line && !o.after })
		if e.after || !later {
			edits = append(edits, e)
		}
	}
	slices.SortStableFunc(edits, func(a, b lineEdit) int {
		if a.line == b.line && a.after != b.after { // the line itself goes first
			if b.after {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.line, b.line)
	})
	d.edits = edits
}

// text is the file with its edits.
func (d *editor) text() []byte {
	d.settle()
	var b strings.Builder
	edits := d.edits
	for i, line := range d.lines {
		if len(edits) > 0 && edits[0].line == i && !edits[0].after {
			line, edits = edits[0].text, edits[1:]
		}
		b.WriteString(line)
		for len(edits) > 0 && edits[0].line == i {
			b.WriteString(edits[0].text)
			edits = edits[1:]
		}
	}
	return []byte(b.String())
}

// around is how many lines a patch shows before and after a change.
const around = 3

// patch writes the edits as a unified diff.
func (d *editor) patch() string {
	d.settle()
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
		from = max(0, from)
		more := d.hunk(&b, d.edits[i:j], from, to, added)
		added += more
		i = j
	}
	return b.String()
}

// hunk writes the edits of some lines; it gives how many lines it adds.
func (d *editor) hunk(b *strings.Builder, edits []lineEdit, from, to, added int) int {
	more := 0
	for _, e := range edits {
		if e.after {
			more++
		}
	}
	fmt.Fprintf(b, "@@ -%d,%d +%d,%d @@\n", from+1, to-from, from+1+added, to-from+more)
	put := func(sign, line string) {
		b.WriteString(sign + line)
		if !strings.HasSuffix(line, "\n") {
			b.WriteString("\n\\ No newline at end of file\n")
		}
	}
	for i := from; i < to; i++ {
		line, sign := d.lines[i], " "
		if len(edits) > 0 && edits[0].line == i && !edits[0].after {
			put("-", line)
			line, sign = edits[0].text, "+"
			edits = edits[1:]
		}
		put(sign, line)
		for len(edits) > 0 && edits[0].line == i {
			put("+", edits[0].text)
			edits = edits[1:]
		}
	}
	return more
}
