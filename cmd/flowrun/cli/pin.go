package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file writes types that were asked for into the text of a flow.

// pin writes the types as the setting `as` of their nodes.
func (c *call) pin(path string, flow *graph.Flow) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	d := newEditor(diag.NewSource(path, text))
	var names []string
	for _, n := range flow.Nodes {
		p, ok := n.Config.(graph.Pinner)
		if !ok || p.Pinned() == nil {
			continue
		}
		if err := d.pin(n.ID, p.Pinned()); err != nil {
			return fmt.Errorf("%s: %w; write `as: %s`", n.ID, err, quotedType(p.Pinned()))
		}
		names = append(names, n.ID)
	}
	if len(names) == 0 {
		fmt.Fprintf(c.stdout, "%s: no database was asked for a type, so there is nothing to pin\n", path)
		return nil
	}
	changed, patch, err := d.apply()
	if err != nil {
		return err
	}
	if err := writeText(path, changed); err != nil {
		return err
	}
	fmt.Fprint(c.stdout, patch)
	return nil
}

// quotedType writes a type as a text of YAML.
func quotedType(t *types.Type) string {
	return "'" + strings.ReplaceAll(t.Expanded(), "'", "''") + "'"
}

var errNotWritten = errors.New("its settings are not written out in the file")

// pin adds `as` to the settings of a node: in front of the first one, and of a comment that
// belongs to that.
func (d *editor) pin(id string, t *types.Type) error {
	entry := d.nodes.Get(id).Entry("with")
	if entry == nil {
		return errNotWritten
	}
	with := entry.Value
	if with.Kind != config.Mapping || len(with.Entries) == 0 {
		return errNotWritten
	}
	setting := "as: " + quotedType(t)
	if with.FlowStyle {
		line, at := d.line(with.Span.Line), with.Span.Col-1
		if at < 0 || at >= len(line) || line[at] != '{' {
			return errNotWritten
		}
		inside := d.begin[with.Span.Line-1] + len(string(line[:at+1]))
		d.edits = append(d.edits, udiff.Edit{Start: inside, End: inside, New: setting + ", "})
		return nil
	}
	first := with.Entries[0].KeySpan
	line := d.line(first.Line)
	if first.Line <= entry.KeySpan.Line || first.Col < 1 || first.Col > len(line) || strings.TrimLeft(string(line[:first.Col-1]), " ") != "" {
		return errNotWritten
	}
	end := "\n"
	if strings.HasSuffix(string(line), "\r\n") {
		end = "\r\n"
	}
	at := d.begin[entry.KeySpan.Line]
	d.edits = append(d.edits, udiff.Edit{Start: at, End: at, New: string(line[:first.Col-1]) + setting + end})
	return nil
}
