package cli

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
)

//go:embed starter.yaml
var starterFlow string

//go:embed starter.csv
var starterData string

// flowName is what a flow may be called.
var flowName = regexp.MustCompile(`^[A-Za-z-][A-Za-z0-9_-]*$`)

func (c *call) newVerb() *cobra.Command {
	var dir string
	verb := &cobra.Command{
		Use:     "new [NAME] [KIND/KIND...]",
		GroupID: groupFlow,
		Short:   "Write a flow to begin with",
		Long: `Writes NAME.yaml, a flow with comments that runs as it is, and NAME.csv, the data
it reads. With kinds joined by slashes the flow is that chain, with the settings of
each kind. A file that exists is never overwritten.`,
		Example: `  flowrun new
  flowrun new sales -o flows
  flowrun new clean file.read/filter/unique/file.write`,
		Args:              atMost(2),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	verb.Flags().StringVarP(&dir, "output", "o", ".", "the `FOLDER` to write into")
	verb.RunE = func(_ *cobra.Command, args []string) error {
		name, kinds, err := c.wanted(args)
		if err != nil {
			return err
		}
		text := starterFlow
		if kinds != nil {
			text = c.chain(name, kinds)
		}
		text = strings.NewReplacer("NAME", name, "PROGRAM", c.command).Replace(text)
		return c.plant(dir, name, text)
	}
	return verb
}

// wanted tells the name of a new flow from its kinds.
func (c *call) wanted(args []string) (name string, kinds []string, err error) {
	for _, arg := range args {
		if !strings.Contains(arg, "/") {
			if name != "" {
				return "", nil, misuse("new takes one name, got %q and %q", name, arg).or("kinds are joined by slashes: file.read/filter/file.write")
			}
			name = strings.TrimSuffix(strings.TrimSuffix(arg, ".yaml"), ".yml")
			if !flowName.MatchString(name) || strings.HasPrefix(name, "-") {
				end := misuse("%q is no name of a flow: want letters, digits, - and _", name)
				if better := strings.Join(strings.Fields(name), "-"); better != name && flowName.MatchString(better) && !strings.HasPrefix(better, "-") {
					end.or("%s new %s", c.command, better)
				}
				return "", nil, end
			}
			continue
		}
		kinds = strings.Split(arg, "/")
		for _, kind := range kinds {
			if _, ok := c.registry.Spec(kind); !ok {
				end := misuse("unknown kind %q", kind).or("%s nodes lists the kinds; a folder is given by -o", c.command)
				if near := diag.Nearest(kind, c.registry.Kinds()); near != "" {
					end.or("did you mean %q?", near)
				}
				return "", nil, end
			}
		}
	}
	if name == "" {
		name = "flow"
	}
	return name, kinds, nil
}

// plant writes the flow and its data, both or none, and says what to do next.
func (c *call) plant(dir, name, text string) error {
	flowPath, dataPath := filepath.Join(dir, name+".yaml"), filepath.Join(dir, name+".csv")
	for _, path := range []string{flowPath, dataPath} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return misuse("%s is there already", path).or("give another name: %s new NAME", c.command)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return misuse("%w", err)
	}
	for _, f := range []struct{ path, text string }{{dataPath, starterData}, {flowPath, text}} {
		err := writeWhole(f.path, func(w io.Writer) error { _, err := io.WriteString(w, f.text); return err })
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(c.stdout, "wrote %s and %s\n", flowPath, dataPath)
	_, list := c.load(flowPath, nil)
	if list.HasErrors() {
		fmt.Fprintf(c.stdout, "there is something to fill in yet; to see what:\n  %s check %s\n", c.command, shellWord(flowPath))
		return nil
	}
	_, err := fmt.Fprintf(c.stdout, "run it:\n  %s run %s\n", c.command, shellWord(flowPath))
	return err
}

// starters are settings of kinds that fit the starter data.
var starters = map[string]string{
	"file.read":  "path: NAME.csv",
	"file.write": "path: NAME-result.jsonl",
	"filter":     "where: amount >= 20",
	"map":        "set: {total: amount * quantity}",
	"group":      "by: [customer]\nset: {orders: count(), spent: sum(amount)}",
	"sort":       "by: [-amount]",
	"unique":     "by: [customer]",
	"route":      "cases: {large: amount >= 20}",
}

// chain writes a flow of kinds that read each other.
func (c *call) chain(name string, kinds []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# PROGRAM nodes KIND explains the settings of a kind.\n\nflow: %s\n\nnodes:\n", name)
	ids := map[string]int{}
	source := ""
	for i, kind := range kinds {
		spec, _ := c.registry.Spec(kind)
		id := nodeID(kind)
		if ids[id]++; ids[id] > 1 {
			id = fmt.Sprintf("%s_%d", id, ids[id])
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "  # %s\n  %s:\n    use: %s\n", spec.Summary, id, kind)
		writeIn(&b, spec, source)
		c.writeWith(&b, spec)
		source = c.outputOf(b.String(), id)
	}
	return b.String()
}

// nodeID makes an id from a kind: file.read gives read.
func nodeID(kind string) string {
	id := kind[strings.LastIndexByte(kind, '.')+1:]
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, strings.ToLower(id))
}

// writeIn wires the first input of a kind and leaves the others to be filled in.
func writeIn(b *strings.Builder, spec *graph.Spec, source string) {
	if source == "" {
		source = "SOURCE"
	}
	switch len(spec.In) {
	case 0:
	case 1:
		fmt.Fprintf(b, "    in: %s\n", source)
	default:
		b.WriteString("    in:\n")
		for i, p := range spec.In {
			if i > 0 {
				source = "SOURCE"
			}
			fmt.Fprintf(b, "      %s: %s\n", p.Name, source)
		}
	}
}

// writeWith writes the settings of a kind: those that are known to fit, or those
// of its example, or what is required; the others as comments.
func (c *call) writeWith(b *strings.Builder, spec *graph.Spec) {
	fields := spec.Config.Fields()
	if len(fields) == 0 {
		return
	}
	b.WriteString("    with:\n")
	known := starters[spec.Kind]
	for line := range strings.Lines(known) {
		fmt.Fprintf(b, "      %s\n", strings.TrimRight(line, "\n"))
	}
	for _, f := range fields {
		if strings.Contains(f.Name, ".") || strings.HasPrefix(known, f.Name+":") || strings.Contains(known, "\n"+f.Name+":") {
			continue
		}
		if f.Required {
			fmt.Fprintf(b, "      %s: FILL_IN # %s: %s\n", f.Name, f.Type, f.Doc)
			continue
		}
		preset := f.Default
		if preset != "" {
			preset = " " + preset
		}
		fmt.Fprintf(b, "      # %s:%s # %s: %s\n", f.Name, preset, f.Type, f.Doc)
	}
}

// outputOf names the output of a node that the next one reads: its out, or the
// first of those that its settings make.
func (c *call) outputOf(text, id string) string {
	flow, _ := graph.Load(diag.NewSource("new", []byte(text)), c.registry, graph.Options{})
	if flow == nil {
		return id
	}
	n := flow.Node(id)
	if n == nil || n.Output("out") != nil || len(n.Out) < 2 {
		return id
	}
	return id + "." + n.Out[0].Name
}
