package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/render"
)

// This file is the verb render, and draws for diff too.

// drawings are the formats of the verb render.
var drawings = map[string]struct {
	placed bool // needs a layout
	draw   func(io.Writer, *render.Scene) error
}{
	"svg":     {true, func(w io.Writer, s *render.Scene) error { return render.SVG(w, s, render.SVGOptions{}) }},
	"png":     {true, func(w io.Writer, s *render.Scene) error { return render.PNG(w, s, render.PNGOptions{}) }},
	"dot":     {false, render.DOT},
	"mermaid": {false, render.Mermaid},
}

// extensions tell the format by the name of the file.
var extensions = map[string]string{".svg": "svg", ".png": "png", ".dot": "dot", ".gv": "dot", ".mmd": "mermaid", ".mermaid": "mermaid"}

func renderVerb(c *call) *cobra.Command {
	var output, format string
	verb := &cobra.Command{
		Use:     "render FLOW...",
		Aliases: []string{"graph"},
		GroupID: groupFlow,
		Short:   "Draw a flow as SVG, PNG, DOT or Mermaid",
		Long: `Draws a flow: nodes with their ports and types, edges with the bounds of their
queues. The format follows from the name of the output; without one, SVG goes to
standard output. An SVG follows the light or dark theme of its reader. Several
flows are one drawing: where one writes what another reads, such as a stream, or
topics that a pattern covers, they are joined.`,
		Example: `  flowrun render flow.yaml -o flow.svg
  flowrun render flow.yaml -o flow.png
  flowrun render validate.yaml enrich.yaml store.yaml -o all.svg
  flowrun render flow.yaml --format dot | dot -Tpdf > flow.pdf`,
		Args:              wantFlow(true),
		ValidArgsFunction: completeFlows,
	}
	set := settable(verb)
	verb.Flags().StringVarP(&output, "output", "o", "-", "the `FILE` to write; - is standard output")
	verb.Flags().StringVar(&format, "format", "", "svg, png, dot or mermaid (default: by the name of the output)")
	verb.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"svg", "png", "dot", "mermaid"}, cobra.ShellCompDirectiveNoFileComp))
	verb.RunE = func(_ *cobra.Command, args []string) error {
		for _, path := range args {
			if extensions[strings.ToLower(filepath.Ext(path))] != "" {
				return misuse("render draws flows, and %s is the name of a drawing", path).or("the file to write is given by -o %s", path)
			}
		}
		d, err := c.drawer(format, output, "flow.png")
		if err != nil {
			return err
		}
		var flows []*graph.Flow
		for _, path := range args {
			flow, err := c.need(path, *set)
			if err != nil {
				return err
			}
			flows = append(flows, flow)
		}
		if len(flows) == 1 {
			return d.draw(render.FromFlow(flows[0]))
		}
		scene, joined := render.Join(flows)
		if !joined {
			fmt.Fprintln(c.stderr, "render: no flow reads what another one writes, as far as their settings tell: they are drawn side by side")
		}
		return d.draw(scene)
	}
	return verb
}

// A drawer draws a scene in a format, into a file or to standard output.
type drawer struct {
	format string
	output string // "-" is stdout
	stdout io.Writer
}

// draw lays a scene out, if the format needs that, and writes it.
func (d drawer) draw(scene *render.Scene) error {
	drawing := drawings[d.format]
	if drawing.placed {
		if err := render.Layout(context.Background(), scene); err != nil {
			return &ending{code: codeFailed, err: err}
		}
	}
	write := func(w io.Writer) error { return drawing.draw(w, scene) }
	if d.output == "-" {
		return write(d.stdout)
	}
	return writeWhole(d.output, write)
}

// formatOf decides what to draw.
func formatOf(format, output string) (string, error) {
	if format != "" {
		return format, oneOf("format", format, slices.Sorted(maps.Keys(drawings))...)
	}
	if output == "-" {
		return "svg", nil
	}
	ext := strings.ToLower(filepath.Ext(output))
	if format := extensions[ext]; format != "" {
		return format, nil
	}
	known := slices.Sorted(maps.Keys(extensions))
	if ext == "" {
		return "", misuse("-o %s: the name does not say which format", output).or("end it with one of %s, or give --format", strings.Join(known, " "))
	}
	return "", misuse("-o %s: there is no format %s", output, ext).didYouMean(ext, known)
}
