package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	_ "time/tzdata" // names of zones must not depend on what the machine knows

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
)

// This file has the entries of the program, a call of it, and how that ends.

// Main is the whole program: it takes the arguments and streams of the process
// and ends it with the code of the call.
func Main(packs ...[]nodes.Decl) {
	heard := hear()
	watchCrashes(os.Stderr)
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	c := &call{name: name, command: command(os.Args[0]), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, heard: heard}
	os.Exit(c.run(os.Args[1:], packs))
}

// Run is Main for tests and for programs that embed the command: it gives the
// code that the process would end with. While the verb run is at work, signals
// of the process go to it.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer, packs ...[]nodes.Decl) (exit int) {
	c := &call{name: "flowrun", command: "flowrun", stdin: stdin, stdout: stdout, stderr: stderr}
	return c.run(args, packs)
}

func (c *call) run(args []string, packs [][]nodes.Decl) int {
	c.color = "auto"
	stdout, stderr := &cleanWriter{w: c.stdout}, &cleanWriter{w: c.stderr}
	stdout.painted = func() bool { return bool(c.ink(stdout)) }
	stderr.painted = func() bool { return bool(c.ink(stderr)) }
	c.stdout, c.stderr = stdout, stderr
	registry, err := nodes.NewRegistry(packs...)
	if err != nil {
		fmt.Fprintf(c.stderr, "%s: the kinds of this program are declared wrongly:\n%v\n", c.name, err)
		return codeFailed
	}
	c.registry = registry
	c.tree = c.root()
	c.tree.SetArgs(append([]string{}, args...)) // never nil, which means os.Args to cobra
	return c.finish(c.execute())
}

// named is a call of the same kinds, of a program that was called by a name.
func (c *call) named(name string) *call {
	return &call{name: name, command: name, registry: c.registry, color: c.color}
}

// execute runs the verb.
func (c *call) execute() (err error) {
	defer caught(&err)
	return c.tree.Execute()
}

// signals gives those of the process to a verb that acts on them, until it calls mute.
func (c *call) signals() *signals {
	if c.heard == nil { // the program is embedded in another one
		c.heard = hear()
	}
	return c.heard
}

// A call is one run of the program.
type call struct {
	name     string // of the program, for messages
	command  string // how the program was called, for hints
	registry *nodes.Registry
	stdin    io.Reader
	stdout   io.Writer
	stderr   io.Writer
	color    string // auto, always or never
	tree     *cobra.Command
	secrets  secrets  // of the flows that were loaded
	heard    *signals // nil: nobody listens yet
}

// The codes that a call ends with; see the package documentation.
const (
	codeFailed      = 1
	codeMisuse      = 2
	codeUnreachable = 3
	codeSignal      = 128 // and the number of the signal
)

// An ending is the error of a call that does not end with 0.
type ending struct {
	code int
	err  error // nil: everything was said already
	hint diag.Hint

	excerpt string    // of the flow, for the place that err begins with
	cause   diag.Hint // what the error itself knows of a remedy; hint is about what to do with such errors
}

func (e *ending) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *ending) Unwrap() error { return e.err }

// said ends a call whose problems have been printed.
func said(code int) error { return &ending{code: code} }

// misuse ends a call that cannot be understood.
func misuse(format string, args ...any) *ending {
	return &ending{code: codeMisuse, err: fmt.Errorf(format, args...)}
}

// or adds what to do instead.
func (e *ending) or(format string, args ...any) *ending {
	return e.orCall(diag.Hint{Text: fmt.Sprintf(format, args...)})
}

// orCall adds which verb to call instead.
func (e *ending) orCall(hint diag.Hint) *ending {
	e.hint = hint
	return e
}

// didYouMean adds the nearest of the words that are possible, or all of them if
// they are few and none is near.
func (e *ending) didYouMean(word string, known []string) *ending {
	var d diag.Diagnostic
	d.DidYouMean(word, known)
	if !d.Hint.IsZero() {
		e.hint = d.Hint
	}
	return e
}

// finish says why the call ended, unless that was said, and gives its code.
func (c *call) finish(err error) int {
	if err == nil {
		return 0
	}
	if brokenPipe(err) {
		return codeBrokenPipe
	}
	end, ok := errors.AsType[*ending](err)
	if !ok {
		end = fromCobra(err, c.tree, c.command)
	}
	if end.err == nil {
		return end.code
	}
	ink := c.ink(c.stderr)
	message, rest, more := strings.Cut(end.err.Error(), "\n")
	fmt.Fprintf(c.stderr, "%s: %s\n%s", ink.bold(c.name), message, end.excerpt)
	if more {
		fmt.Fprintln(c.stderr, rest)
	}
	for _, hint := range []diag.Hint{end.cause, end.hint} {
		if !hint.IsZero() {
			fmt.Fprintf(c.stderr, "  %s %s\n", ink.blue("hint:"), hint.For(c.command))
		}
	}
	return end.code
}

// ink says whether a stream gets colour: --color, then NO_COLOR (no-color.org),
// then whether it is a terminal.
func (c *call) ink(w io.Writer) ink {
	switch {
	case c.color == "always":
		return true
	case c.color == "never" || os.Getenv("NO_COLOR") != "":
		return false
	}
	_, ok := terminal(w)
	return ink(ok)
}

// loader reads the flows of the call.
func (c *call) loader() flowLoader {
	return flowLoader{registry: c.registry, stdin: c.stdin, secrets: &c.secrets}
}

// asking is loader where kinds may ask their peers, such as a database for the types of
// its columns.
func (c *call) asking() flowLoader {
	l := c.loader()
	l.peers = true
	return l
}

// wondering is loader where kinds may ask their peers if the flow cannot be understood
// without: for verbs that look at a flow and do not run it, also where no peer is.
func (c *call) wondering() flowLoader {
	l := c.loader()
	l.needy = true
	return l
}

// drawer decides how to draw what the user wants; example is the name of a file.
func (c *call) drawer(format, output, example string) (drawer, error) {
	format, err := formatOf(format, output)
	if err != nil {
		return drawer{}, err
	}
	if _, tty := terminal(c.stdout); tty && output == "-" && format == "png" {
		return drawer{}, misuse("a picture does not fit on a terminal").or("-o %s writes it to a file", example)
	}
	return drawer{format, output, c.data()}, nil
}

// print writes diagnostics with excerpts to standard error.
func (c *call) print(list diag.List) {
	diag.Print(c.stderr, list, diag.Style{Color: bool(c.ink(c.stderr)), Command: c.command})
}

// need loads a flow that must be right: it prints every problem and ends the call
// if there is an error.
func (c *call) need(path string, set map[string]string) (*graph.Flow, error) {
	flow, list := c.wondering().load(path, set)
	c.print(list)
	if list.HasErrors() {
		fmt.Fprintf(c.stderr, "%s\n", tally(path, list))
		return nil, said(codeOfProblems(list))
	}
	return flow, nil
}

// root is the tree of verbs.
func (c *call) root() *cobra.Command {
	root := &cobra.Command{
		Use:           c.name,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: c.command},
		Short:         "flowrun checks, draws and runs dataflow graphs.",
		Long:          "flowrun checks, draws and runs dataflow graphs that are written in YAML:\ntyped ports, one bounded queue per edge, workers per node.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       thisBuild().Version,
	}
	root.SetIn(c.stdin)
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	root.SetVersionTemplate("{{.Use}} {{.Version}}\n")
	root.SetUsageTemplate(usageTemplate)
	root.DisableSuggestions = true
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentFlags().StringVar(&c.color, "color", "auto", "colour on terminals: auto, always or never")
	root.PersistentFlags().BoolP("help", "h", false, "say what a verb does")
	root.Flags().BoolP("version", "v", false, "print the version")
	root.SetFlagErrorFunc(wrongFlag)
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		switch c.color {
		case "auto", "always", "never":
			return nil
		}
		return misuse("--color %s: want auto, always or never", c.color)
	}
	root.AddGroup(&cobra.Group{ID: groupFlow, Title: "Flows:"}, &cobra.Group{ID: groupLook, Title: "To look things up:"})
	root.AddCommand(
		runVerb(c), checkVerb(c), typesVerb(c), renderVerb(c), newVerb(c), fmtVerb(c),
		nodesVerb(c), evalVerb(c), schemaVerb(c), versionVerb(c), completionVerb(c), docsVerb(c), buildVerb(c),
		planVerb(c), adviseVerb(c), doctorVerb(c), serveVerb(c), topVerb(c), tapVerb(c), diffVerb(c), runsVerb(c), testVerb(c), layoutWorkerVerb(c), trialWorkerVerb(c),
	)
	called := strings.NewReplacer(" flowrun ", " "+c.command+" ", "(flowrun ", "("+c.command+" ") // not the end of my-flowrun
	for _, verb := range root.Commands() {
		verb.RunE = withEnding(c.endedBySignals(verb.Name(), verb.RunE))
		verb.Example = called.Replace(verb.Example)
	}
	root.SetHelpCommand(helpVerb(c))
	root.SetHelpCommandGroupID(groupLook)
	return root
}

// heedful are the verbs that act on signals themselves, by calling signals.
var heedful = []string{"run", "advise", "serve", "top", "tap", "build"}

// endedBySignals lets signals end the process while any other verb is at work. What came
// before is kept until the verb is known.
func (c *call) endedBySignals(name string, run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(verb *cobra.Command, args []string) error {
		if c.heard != nil && !slices.Contains(heedful, name) {
			go func() { os.Exit(codeOf(<-c.heard.c)) }()
		}
		return run(verb, args)
	}
}

// withEnding makes every error of a verb an ending, so that those of cobra can be told
// apart: what a verb does not say otherwise, such as a full disk, is a failure.
func withEnding(run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(verb *cobra.Command, args []string) error {
		err := run(verb, args)
		if _, ok := errors.AsType[*ending](err); err == nil || ok {
			return err
		}
		return &ending{code: codeFailed, err: err}
	}
}

// The groups of verbs in the help.
const (
	groupFlow = "flow"
	groupLook = "look"
)
