package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/scheduler/advise"
)

// This file changes settings in the text of a flow.

// An editor makes changes in the text of a flow: it touches the lines that it must,
// so that comments and layout stay.
type editor struct {
	src   *diag.Source
	nodes *config.Value
	lines []string // with their ends
	begin []int    // where each of them begins, in bytes, and the end of the text
	edits []udiff.Edit
}

func newEditor(src *diag.Source) *editor {
	var list diag.List
	d := &editor{src: src, nodes: config.Parse(src, &list).Get("nodes"), lines: strings.SplitAfter(string(src.Text), "\n"), begin: []int{0}}
	for i, line := range d.lines {
		d.begin = append(d.begin, d.begin[i]+len(line))
	}
	return d
}

// change edits the text for one change. The error says why it cannot.
func (d *editor) change(c advise.Change) error {
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
	start := d.begin[v.Span.Line-1] + len(string(line[:at]))
	d.edits = append(d.edits, udiff.Edit{Start: start, End: start + len(string(was)), New: strconv.Itoa(c.To)})
	return nil
}

// add writes the workers of a node that has none so far: behind the line with its
// kind, or inside its braces.
func (d *editor) add(v *config.Value, c advise.Change) error {
	setting := fmt.Sprintf("workers: %d", c.To)
	if v.FlowStyle {
		line, at := d.line(v.Span.Line), v.Span.Col-1
		if at < 0 || at >= len(line) || line[at] != '{' {
			return fmt.Errorf("%s is not written out in the file", c.Node)
		}
		inside := d.begin[v.Span.Line-1] + len(string(line[:at+1]))
		d.edits = append(d.edits, udiff.Edit{Start: inside, End: inside, New: setting + ", "})
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
	next := d.begin[use.KeySpan.Line]
	d.edits = append(d.edits, udiff.Edit{Start: next, End: next, New: line[:len(line)-len(body)] + setting + end})
	return nil
}

// line is a line of the file, by its number from 1.
func (d *editor) line(number int) []rune {
	if number < 1 || number > len(d.lines) {
		return nil
	}
	return []rune(d.lines[number-1])
}

// contextLines is how many lines a patch shows before and after a change.
const contextLines = 3

// apply gives the text with its edits, and the edits as a unified diff. The error says
// that two of them change the same place.
func (d *editor) apply() (text []byte, patch string, err error) {
	if text, err = udiff.ApplyBytes(d.src.Text, d.edits); err != nil {
		return nil, "", err
	}
	patch, err = udiff.ToUnified(d.src.Name, d.src.Name, string(d.src.Text), d.edits, contextLines)
	return text, patch, err
}
