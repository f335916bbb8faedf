package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph"
)

// This file is the verb nodes, and prints all about a kind.

func nodesVerb(c *call) *cobra.Command {
	var json bool
	known := catalogue{c.registry}
	verb := &cobra.Command{
		Use:     "nodes [KIND...]",
		Aliases: []string{"list"},
		GroupID: groupLook,
		Short:   "List the kinds of nodes, or describe some of them",
		Long:    "Lists the kinds that this program knows. With KIND it gives its ports, settings,\nwhat it emits and when, and a flow to start from.",
		Example: `  flowrun nodes
  flowrun nodes join
  flowrun nodes --json | jq -r '.[].kind'`,
		ValidArgsFunction: known.complete,
	}
	verb.Flags().BoolVar(&json, "json", false, "print JSON: an array of kinds")
	verb.RunE = func(_ *cobra.Command, args []string) error {
		for _, name := range args {
			if _, ok := c.registry.Spec(name); !ok {
				wrong := misuse("unknown kind %q", name).or("%s nodes lists the kinds", c.command)
				if hint := graph.KindHint(name, c.registry); !hint.IsZero() {
					wrong.or("%s", hint.For(c.command))
				}
				return wrong
			}
		}
		chosen := []kindInfo{}
		for _, name := range args {
			chosen = append(chosen, known.kind(name))
		}
		switch {
		case json && len(args) == 0:
			for _, p := range known.packs() {
				chosen = append(chosen, p.kinds...)
			}
			return writeJSON(c.stdout, chosen)
		case json:
			return writeJSON(c.stdout, chosen)
		case len(args) == 0:
			return known.write(c.stdout, c.ink(c.stdout), c.command)
		}
		on := c.ink(c.stdout)
		for i := range chosen {
			if i > 0 {
				fmt.Fprintln(c.stdout)
			}
			if err := chosen[i].writeText(c.stdout, on); err != nil {
				return err
			}
		}
		return nil
	}
	return verb
}

// whens are the four lines that every kind states.
var whens = []string{"emits", "waits", "ends", "fails"}

// writeText writes all about a kind.
func (k *kindInfo) writeText(w io.Writer, on ink) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", on.bold(k.Kind), k.Summary)
	if k.Doc != "" {
		b.WriteString("\n" + indent(wrap(k.Doc, proseWidth), ""))
	}
	k.writePorts(&b, on)
	k.writeSettings(&b, on)
	b.WriteString("\n" + on.bold("When") + "\n")
	for _, when := range whens {
		if text := k.Lines[when]; text != "" {
			fmt.Fprintf(&b, "  %s  %s", on.dim(fmt.Sprintf("%-7s", when)), beside(11, text))
		}
	}
	fmt.Fprintf(&b, "  %s  %s\n", on.dim("workers"), k.workersWords())
	if k.Interleaves {
		fmt.Fprintf(&b, "  %s  %s\n", on.dim("order  "), "that of its output depends on timing")
	}
	if keeps := k.keepsWords(); keeps != "" {
		fmt.Fprintf(&b, "  %s  %s", on.dim("keeps  "), beside(11, keeps))
	}
	for _, e := range k.Examples {
		e.writeText(&b, on)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (k *kindInfo) workersWords() string {
	switch k.Workers {
	case "one":
		return "always one"
	case "one a core":
		return "one a core, unless the flow gives a number"
	}
	return "one, unless the flow gives a number"
}

// keepsWords says what becomes of what a kind keeps.
func (k *kindInfo) keepsWords() string {
	switch {
	case k.Keeps == "":
		return ""
	case k.Returns:
		return k.Keeps + ", until they leave; a source that acknowledges waits for that"
	}
	return k.Keeps + ", in memory only; so it is refused behind a source that acknowledges, unless that says `ack: early`"
}

func (k *kindInfo) writePorts(b *strings.Builder, on ink) {
	type line struct{ side, name, typ, doc string }
	var lines []line
	for _, p := range k.In {
		lines = append(lines, line{"in ", p.Name, p.typeWords(), p.inWords()})
	}
	for _, p := range k.Out {
		lines = append(lines, line{"out", p.Name, p.typeWords(), p.outWords()})
	}
	if k.Branches {
		lines = append(lines, line{"out", "...", "", branchWords})
	}
	name, typ := 0, 0
	for _, l := range lines {
		name, typ = max(name, cellsOf(l.name)), max(typ, cellsOf(l.typ))
	}
	b.WriteString("\n" + on.bold("Ports") + "\n")
	pad := func(s string, room int) string { return s + strings.Repeat(" ", room-cellsOf(s)+gap) }
	for _, l := range lines {
		fmt.Fprintf(b, "  %s  %s%s%s", on.dim(l.side), on.blue(pad(l.name, name)), pad(l.typ, typ), beside(2+3+gap+name+gap+typ+gap, l.doc))
	}
}

// branchWords speaks of the outputs that settings make.
const branchWords = "One for each that the settings name."

// outWords says of an output what leaves by it.
func (p *portInfo) outWords() string {
	if p.Side {
		return strings.TrimSpace(p.Doc + " Need not be read.")
	}
	return p.Doc
}

func (p *portInfo) typeWords() string {
	if p.Type == "" {
		return "inferred"
	}
	return p.Type
}

// inWords says of an input what it takes and how many edges.
func (p *portInfo) inWords() string {
	switch p.Arity {
	case "optional":
		return strings.TrimSpace(p.Doc + " Need not be wired.")
	case "many":
		return strings.TrimSpace(p.Doc + " Takes any number of edges.")
	}
	return p.Doc
}

func (k *kindInfo) writeSettings(b *strings.Builder, on ink) {
	b.WriteString("\n" + on.bold("Settings") + on.dim(" under `with:`") + "\n")
	if len(k.Settings) == 0 {
		b.WriteString("  none\n")
	}
	for _, s := range k.Settings {
		fmt.Fprintf(b, "  %s  %s\n", on.blue(s.Name), on.dim(s.words()))
		b.WriteString(indent(wrap(s.Doc, proseWidth-6), "      "))
	}
}

// words says what a setting takes.
func (s *settingInfo) words() string {
	switch {
	case s.Required:
		return s.Type + ", required"
	case s.Default != "":
		return s.Type + ", default " + s.Default
	}
	return s.Type
}

func (e *exampleInfo) writeText(b *strings.Builder, on ink) {
	fmt.Fprintf(b, "\n%s %s\n", on.bold("Example:"), e.Title)
	b.WriteString(indent(strings.Split(strings.TrimRight(e.Flow, "\n"), "\n"), "  "))
	for _, f := range e.parts() {
		fmt.Fprintf(b, "  %s\n", on.dim(f.title()+":"))
		b.WriteString(indent(firstLines(f.text), "    "))
	}
}

// An exampleFile is what an example reads or should write.
type exampleFile struct {
	wanted     bool
	answer     bool // of a server
	name, text string
}

// parts gives the files of an example in an order that stays.
func (e *exampleInfo) parts() []exampleFile {
	var all []exampleFile
	for _, name := range slices.Sorted(maps.Keys(e.Files)) {
		all = append(all, exampleFile{name: name, text: e.Files[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(e.Answers)) {
		all = append(all, exampleFile{answer: true, name: name, text: e.Answers[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(e.Want)) {
		all = append(all, exampleFile{wanted: true, name: name, text: e.Want[name]})
	}
	return all
}

func (f *exampleFile) title() string {
	switch {
	case f.answer:
		return f.name + " is answered with"
	case f.wanted && isRequest(f.name):
		return f.name + " is sent"
	case f.name == "-" && f.wanted:
		return "writes to standard output"
	case f.name == "-":
		return "reads from standard input"
	case f.wanted:
		return "writes " + f.name
	}
	return "reads " + f.name
}

// isRequest reports whether a name is that of a request, such as
// "POST http://shop.example/rows".
func isRequest(name string) bool {
	_, address, ok := strings.Cut(name, " ")
	return ok && strings.Contains(address, "://")
}

// firstLines gives the first lines of a file.
func firstLines(text string) []string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > 8 {
		lines = append(lines[:7:7], fmt.Sprintf("... and %d lines more", len(lines)-7))
	}
	return lines
}
