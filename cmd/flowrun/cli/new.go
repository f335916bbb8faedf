package cli

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph"
)

// This file is the verb new.

//go:embed starter.yaml
var starterFlow string

//go:embed starter.csv
var starterData string

// flowName is what a flow may be called.
var flowName = regexp.MustCompile(`^[A-Za-z-][A-Za-z0-9_-]*$`)

// A newCall is a call of the verb new.
type newCall struct {
	*call
	dir string
}

func newVerb(c *call) *cobra.Command {
	n := &newCall{call: c}
	verb := &cobra.Command{
		Use:     "new [NAME] [KIND/KIND...]",
		GroupID: groupFlow,
		Short:   "Write a new flow to start from",
		Long: `Writes NAME.yaml, a flow with comments that runs as it is, and NAME.csv, the data
it reads. With kinds joined by slashes the flow is that chain, with the settings of
each kind. A file that exists is never overwritten.`,
		Example: `  flowrun new
  flowrun new sales -o flows
  flowrun new clean file.read/filter/unique/file.write`,
		Args:              atMost(2),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	verb.Flags().StringVarP(&n.dir, "output", "o", ".", "the `FOLDER` to write into")
	verb.RunE = func(_ *cobra.Command, args []string) error {
		name, kinds, err := n.wanted(args)
		if err != nil {
			return err
		}
		text := starterFlow
		if kinds != nil {
			text = chain{c.registry}.write(name, kinds)
		}
		text = strings.NewReplacer("NAME", name, "PROGRAM", c.command).Replace(text)
		return n.plant(name, text)
	}
	return verb
}

// wanted tells the name of a new flow from its kinds.
func (n *newCall) wanted(args []string) (name string, kinds []string, err error) {
	for _, arg := range args {
		if !strings.Contains(arg, "/") {
			if name != "" {
				return "", nil, misuse("new takes one name, got %q and %q", name, arg).or("kinds are joined by slashes: file.read/filter/file.write")
			}
			name = strings.TrimSuffix(strings.TrimSuffix(arg, ".yaml"), ".yml")
			if !flowName.MatchString(name) || strings.HasPrefix(name, "-") {
				end := misuse("%q is not a valid flow name: want letters, digits, - and _", name)
				if better := strings.Join(strings.Fields(name), "-"); better != name && flowName.MatchString(better) && !strings.HasPrefix(better, "-") {
					end.or("%s new %s", n.command, better)
				}
				return "", nil, end
			}
			continue
		}
		kinds = strings.Split(arg, "/")
		for _, kind := range kinds {
			if _, ok := n.registry.Spec(kind); !ok {
				end := misuse("unknown kind %q", kind).or("%s nodes lists the kinds; a folder is given by -o", n.command)
				if hint := graph.KindHint(kind, n.registry); !hint.IsZero() {
					end.or("%s", hint.For(n.command))
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
func (n *newCall) plant(name, text string) error {
	flowPath, dataPath := filepath.Join(n.dir, name+".yaml"), filepath.Join(n.dir, name+".csv")
	for _, path := range []string{flowPath, dataPath} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return misuse("%s already exists", path).or("give another name: %s new NAME", n.command)
		}
	}
	if err := os.MkdirAll(n.dir, 0o755); err != nil {
		return misuse("%w", err)
	}
	for _, f := range []struct{ path, text string }{{dataPath, starterData}, {flowPath, text}} {
		if err := writeText(f.path, []byte(f.text)); err != nil {
			return err
		}
	}
	fmt.Fprintf(n.stdout, "wrote %s and %s\n", flowPath, dataPath)
	_, list := n.loader().load(flowPath, nil)
	if list.HasErrors() {
		fmt.Fprintf(n.stdout, "there is something to fill in yet; to see what:\n  %s check %s\n", n.command, shellWord(flowPath))
		return nil
	}
	_, err := fmt.Fprintf(n.stdout, "run it:\n  %s run %s\n", n.command, shellWord(flowPath))
	return err
}
