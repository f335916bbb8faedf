package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
)

// This file finds, reads and compiles the flows that a call names.

// stdinName is what diagnostics call a flow that comes from standard input.
const stdinName = "stdin"

// A flowLoader reads and compiles flows.
type flowLoader struct {
	registry *nodes.Registry
	stdin    io.Reader
	secrets  *secrets // takes what flows are told
	peers    bool     // kinds may ask their peers
	needy    bool     // they may where a type cannot be told without
}

// peersPatience is how long a flow may ask its peers while it is compiled.
const peersPatience = 20 * time.Second

// source reads a flow, "-" from standard input. A file that cannot be read is a
// diagnostic like any other, so that machines find it in the same list.
func (l flowLoader) source(path string) (*diag.Source, diag.List) {
	if path == "-" {
		text, err := io.ReadAll(io.LimitReader(l.stdin, config.MaxBytes+1))
		src := diag.NewSource(stdinName, text)
		if err != nil {
			return nil, noFlow(src, err)
		}
		return src, nil
	}
	text, err := os.ReadFile(path)
	src := diag.NewSource(path, text)
	if err != nil {
		return nil, noFlow(src, err)
	}
	return src, nil
}

// noFlow says why a file cannot be read.
func noFlow(src *diag.Source, err error) diag.List {
	var list diag.List
	d := list.Add(diag.NoFile, diag.Span{Source: src}, "%s", reason(err))
	switch info, statErr := os.Stat(src.Name); {
	case statErr == nil && info.IsDir():
		d.Message = "this is a folder, not a flow"
		if flows, _ := flowsIn(src.Name); len(flows) > 0 {
			d.WithHint("it has %s", strings.Join(flows[:min(3, len(flows))], ", "))
		}
	case errors.Is(err, fs.ErrNotExist):
		d.Message = "there is no such file"
		var beside []string
		for _, pattern := range []string{"*.yaml", "*.yml"} {
			found, _ := filepath.Glob(filepath.Join(filepath.Dir(src.Name), pattern))
			beside = append(beside, found...)
		}
		d.DidYouMean(src.Name, beside)
	}
	return list
}

// reason gives an error of the file system without the path, which the message
// begins with.
func reason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// load reads and compiles a flow.
func (l flowLoader) load(path string, set map[string]string) (*graph.Flow, diag.List) {
	return l.loadWith(path, set, nil)
}

// loadWith is load where sources may look ahead into standard input, because the
// flow is about to run.
func (l flowLoader) loadWith(path string, set map[string]string, stdin *bufio.Reader) (*graph.Flow, diag.List) {
	src, list := l.source(path)
	if src == nil {
		return nil, list
	}
	return l.compile(src, set, stdin)
}

// compile is loadWith of a flow that was read.
func (l flowLoader) compile(src *diag.Source, set map[string]string, stdin *bufio.Reader) (*graph.Flow, diag.List) {
	opts := graph.Options{Set: set, LookupEnv: l.secrets.lookup, Stdin: stdin}
	if !l.peers {
		flow, list := graph.Load(src, l.registry, opts)
		if !l.needy || !slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return d.Code == diag.NoSchema }) {
			return flow, list
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), peersPatience)
	defer cancel()
	opts.Peers = ctx
	return graph.Load(src, l.registry, opts)
}

// lookupVariable finds a variable that the flow does not declare in the
// environment, and secrets where they are said to be.
func lookupVariable(name string) (string, bool) {
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		text, err := os.ReadFile(path)
		return strings.TrimRight(string(text), "\r\n"), err == nil
	}
	return os.LookupEnv(strings.TrimPrefix(name, "env:"))
}

// noFolder ends a call that was given something else than a folder.
func noFolder(verb, path string, isFile bool) error {
	if isFile {
		return misuse("%s is a file, not a folder", path).orCall(diag.Hint{Verb: verb, Args: []string{shellWord(filepath.Dir(path))}})
	}
	return misuse("%s: there is no such folder", path)
}

// tally sums up a list in a line.
func tally(path string, list diag.List) string {
	errs, warnings := 0, 0
	for _, d := range list {
		if d.Severity == diag.Error {
			errs++
		} else {
			warnings++
		}
	}
	var parts []string
	if errs > 0 {
		parts = append(parts, plural(errs, "error"))
	}
	if warnings > 0 {
		parts = append(parts, plural(warnings, "warning"))
	}
	if path == "-" {
		path = stdinName
	}
	return path + ": " + strings.Join(parts, ", ")
}

// settable adds the flag -s and gives the map that it fills.
func settable(verb *cobra.Command) *assignments {
	set := &assignments{}
	verb.Flags().VarP(set, "set", "s", "set a variable of the flow: `NAME=value`; may be repeated")
	return set
}

// assignments is a flag NAME=value that may be repeated.
type assignments map[string]string

func (a *assignments) String() string { return "" }
func (a *assignments) Type() string   { return "NAME=value" }

func (a *assignments) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return errors.New("want NAME=value")
	}
	if *a == nil {
		*a = assignments{}
	}
	(*a)[name] = value
	return nil
}

func isYAML(path string) bool {
	ext := filepath.Ext(path)
	return ext == ".yaml" || ext == ".yml"
}

// expand replaces folders by the flows below them: `dir` and Go's `dir/...` mean
// the same. Files and "-" stay as they are, whether they exist or not.
func expand(args []string) ([]string, error) {
	var paths []string
	for _, arg := range args {
		arg = withoutDots(arg)
		info, err := os.Stat(arg)
		if arg == "-" || err != nil || !info.IsDir() {
			paths = append(paths, arg)
			continue
		}
		found, err := flowsIn(arg)
		if err != nil {
			return nil, misuse("%w", err)
		}
		if len(found) == 0 {
			return nil, misuse("%s: there is no flow in here", arg).or("a flow is a file *.yaml or *.yml with the key nodes")
		}
		paths = append(paths, found...)
	}
	return paths, nil
}

// withoutDots gives the folder of `dir/...`; anything else stays as it is.
func withoutDots(arg string) string {
	if dir, dots := strings.CutSuffix(filepath.ToSlash(arg), "..."); dots {
		return filepath.Clean(filepath.FromSlash(dir + "."))
	}
	return arg
}

// flowsIn finds the flows below a folder: YAML files with the key nodes.
func flowsIn(root string) ([]string, error) {
	return filesIn(root, func(path string) bool { return isYAML(path) && isFlow(path) })
}

// filesIn finds the files below a folder that are wanted. As Go's tools do, it leaves out
// what begins with a dot or an underscore, and testdata.
func filesIn(root string, wanted func(path string) bool) (found []string, err error) {
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		hidden := path != root && (name[0] == '.' || name[0] == '_' || e.IsDir() && (name == "testdata" || name == "node_modules"))
		switch {
		case hidden && e.IsDir():
			return filepath.SkipDir
		case !hidden && !e.IsDir() && wanted(path):
			found = append(found, path)
		}
		return nil
	})
	slices.Sort(found)
	return found, err
}

// isFlow reports whether a YAML file means to be a flow. One that cannot be read
// as YAML may: its problems are worth a message if it has the words.
func isFlow(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > config.MaxBytes { // to open a pipe would wait for ever
		return false
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "nodes:") {
			return true
		}
	}
	return false
}

// completeFlows offers flow files to a shell.
func completeFlows(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return []cobra.Completion{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}
