package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// This file is the verb build: a program of flowrun with further packs. What is built
// stands in build_module.go, and what the go command says of it in build_words.go.

// A buildCall is a call of the verb build.
type buildCall struct {
	*call
	output  string
	source  string // the folder that keeps the module; "": it is removed
	flowrun string // a version or a folder, as it was given
	replace []string
	core    bool
	quiet   bool

	packs  []pack
	from   provenance
	locals []localModule
	stop   chan os.Signal
}

func buildVerb(c *call) *cobra.Command {
	b := &buildCall{call: c}
	verb := &cobra.Command{
		Use:     "build -o FILE [PACKAGE@VERSION...]",
		GroupID: groupLook,
		Short:   "Build a flowrun that has further packs of kinds",
		Long: `Builds a program that is flowrun with the kinds of further packs: Go packages with a
variable Nodes of type []nodes.Decl. A package is named by its import path and a
version (v1.2.3, a branch, a commit, or latest), or, if it is on this machine, by its
folder (./mypack). It has all kinds of flowrun, with --core those of the standard
library alone, without the clients of databases; packs of flowrun such as
nodes/connect/sql can be named beside it, without a version.

It needs the go command, and a network unless Go has everything already. The go
command is asked as anywhere: GOOS and GOARCH build for another machine, GOPROXY and
GOPRIVATE say where modules come from, GOFLAGS is heeded. There is no C compiler:
CGO_ENABLED is 0. FILE appears when all is well, and a program of that name that is
running goes on.`,
		Example: `  flowrun build -o my-flowrun github.com/acme/geo@v1.2.0
  flowrun build -o my-flowrun --core ./mypack
  flowrun build -o my-flowrun --flowrun ../flowrun ./mypack ./other
  flowrun build --source my-flowrun github.com/acme/geo@latest`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(_ *cobra.Command, args []string) error {
			heard := b.signals()
			defer heard.mute()
			b.stop = heard.c
			return b.run(args)
		},
	}
	f := verb.Flags()
	f.StringVarP(&b.output, "output", "o", "", "the `FILE` to write the program to")
	f.BoolVar(&b.core, "core", false, "leave out what brings the client of a database or a service with it")
	f.StringVar(&b.flowrun, "flowrun", "", "`VERSION` of flowrun to build, or the folder of its source (default: that of this program)")
	f.StringArrayVar(&b.replace, "replace", nil, "`MODULE=FOLDER` takes a module from a folder, or MODULE=OTHER@VERSION from another module, as replace in go.mod does")
	f.StringVar(&b.source, "source", "", "write the program's module into this `FOLDER` and keep it; without -o nothing is built")
	f.BoolVarP(&b.quiet, "quiet", "q", false, "do not say what is being done")
	verb.MarkFlagDirname("source")
	return verb
}

// A built is what there is to say of a program.
type built struct {
	path  string
	bytes int64
	kinds []string // nil: it is for another machine, or was not asked
}

func (b *buildCall) run(args []string) error {
	if b.output == "" && b.source == "" {
		return misuse("build has nowhere to write to").or("%s", strings.Join(append([]string{b.command, "build -o my-flowrun"}, args...), " "))
	}
	if err := b.aims(); err != nil {
		return err
	}
	if _, err := exec.LookPath("go"); err != nil {
		return (&ending{code: codeUnreachable, err: errors.New("build needs the go command, and there is none in PATH")}).or("install Go from https://go.dev/dl and try again")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var ended os.Signal
	watch := make(chan struct{})
	go func() {
		defer close(watch)
		select {
		case ended = <-b.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := b.build(ctx, args)
	cancel()
	<-watch
	if ended != nil && err != nil {
		return &ending{code: codeOf(ended), err: errors.New("stopped: nothing was built")}
	}
	return err
}

// aims looks whether the program can be written where it is wanted, which is better told
// before it is compiled than after.
func (b *buildCall) aims() error {
	if b.source != "" {
		if entries, err := os.ReadDir(b.source); err == nil && len(entries) > 0 {
			return misuse("the folder %s is not empty", b.source).or("--source wants a new one")
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return misuse("%w", err)
		}
	}
	if b.output == "" {
		return nil
	}
	folder := filepath.Dir(b.output)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return misuse("there is no folder %s", folder).or("mkdir -p %s", shellWord(folder))
	}
	info, err := os.Stat(b.output)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return misuse("%w", err)
	case info.IsDir():
		return misuse("%s is a folder", b.output).or("-o %s names a file in it", filepath.Join(b.output, "flowrun"))
	case !info.Mode().IsRegular() || !isProgram(b.output):
		return misuse("%s exists and is no program, so it is left alone", b.output).or("give another name by -o")
	}
	return nil
}

// isProgram reports whether a file may be replaced by a program: it is one, or empty.
func isProgram(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 4)
	n, _ := f.Read(head)
	begins := func(magic string) bool { return bytes.HasPrefix(head[:n], []byte(magic)) }
	return n == 0 || begins("\x7fELF") || begins("MZ") || begins("\xcf\xfa\xed\xfe") || begins("\xca\xfe\xba\xbe") || begins("\x00asm")
}

// build writes the module, fetches what it needs and compiles it.
func (b *buildCall) build(ctx context.Context, args []string) error {
	if err := b.wanted(ctx, args); err != nil {
		return err
	}
	dir := b.source
	if dir == "" {
		temp, err := os.MkdirTemp("", "flowrun-build-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temp)
		dir = temp
	} else if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	tool := goTool{dir: dir}
	env, err := tool.environment(ctx)
	if err != nil {
		return err
	}
	if err := b.plant(dir, env); err != nil {
		return err
	}
	if err := b.fetch(ctx, tool); err != nil {
		return err
	}
	if b.output == "" {
		fmt.Fprintf(b.stdout, "wrote %s\nbuild it:\n  cd %s && CGO_ENABLED=0 go build -o flowrun .\n", b.source, shellWord(b.source))
		return nil
	}
	program, err := b.compile(ctx, tool, env)
	if err != nil {
		return err
	}
	return b.tell(program)
}

// compile builds the program beside the place where it is wanted, looks whether it works
// and gives it its name.
func (b *buildCall) compile(ctx context.Context, tool goTool, env goEnv) (*built, error) {
	b.say("compiling with %s for %s/%s", env.GOVERSION, env.GOOS, env.GOARCH)
	target, err := filepath.Abs(b.output)
	if err != nil {
		return nil, err
	}
	if linked, err := filepath.EvalSymlinks(target); err == nil {
		target = linked
	}
	aside, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+"-*")
	if err != nil {
		return nil, &ending{code: codeFailed, err: fmt.Errorf("%s: %s", b.output, reason(err))}
	}
	aside.Close()
	defer os.Remove(aside.Name())
	if _, err := tool.run(ctx, "build", "-buildvcs=false", "-o", aside.Name(), "."); err != nil {
		return nil, b.compileWords(err)
	}
	program := &built{path: b.output}
	if env.GOOS == runtime.GOOS && env.GOARCH == runtime.GOARCH {
		if program.kinds, err = kindsOf(ctx, aside.Name()); err != nil {
			return nil, err
		}
	}
	info, err := os.Stat(aside.Name())
	if err != nil {
		return nil, err
	}
	program.bytes = info.Size()
	if err := os.Rename(aside.Name(), target); err != nil {
		return nil, (&ending{code: codeFailed, err: fmt.Errorf("%s: %s", b.output, reason(err))}).or("if it is running, end it, or give another name by -o")
	}
	return program, nil
}

// kindsOf asks a program for its kinds: one whose packs do not go together says so.
func kindsOf(ctx context.Context, program string) ([]string, error) {
	cmd := exec.CommandContext(ctx, program, "nodes", "--json")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if _, wrong, ok := strings.Cut(said.String(), "the kinds of this program are declared wrongly:\n"); err != nil && ok {
		end := misuse("these packs do not go together: %s", strings.TrimSpace(wrong))
		if strings.Contains(wrong, "declared twice") {
			end.or("leave one of the packs out; a kind is best named after its pack, such as geo.distance")
		}
		return nil, end
	}
	if err != nil {
		return nil, &ending{code: codeFailed, err: fmt.Errorf("the program was built and does not start: %w\n%s", err, strings.TrimSpace(said.String()))}
	}
	var known []struct{ Kind string }
	if err := json.Unmarshal(out.Bytes(), &known); err != nil {
		return nil, fmt.Errorf("the program was built and does not list its kinds: %w", err)
	}
	var names []string
	for _, k := range known {
		names = append(names, k.Kind)
	}
	return names, nil
}

// tell says what was built.
func (b *buildCall) tell(p *built) error {
	var text strings.Builder
	fmt.Fprintf(&text, "wrote %s, %.1f MB: flowrun %s", p.path, float64(p.bytes)/1e6, b.from)
	if b.core {
		text.WriteString(", the core")
	}
	for i, pack := range b.packs {
		text.WriteString([]string{" with ", ", "}[min(i, 1)] + pack.String())
	}
	text.WriteByte('\n')
	if p.kinds != nil {
		fmt.Fprintf(&text, "%d kinds", len(p.kinds))
		added := slices.DeleteFunc(p.kinds, func(kind string) bool { _, ok := b.registry.Spec(kind); return ok })
		if len(added) > 0 {
			fmt.Fprintf(&text, ", of which this program does not have %s", strings.Join(added, ", "))
		}
		text.WriteByte('\n')
	}
	_, err := fmt.Fprint(b.stdout, text.String())
	return err
}

// say tells what is being done, which may take a minute.
func (b *buildCall) say(format string, args ...any) {
	if !b.quiet {
		fmt.Fprintf(b.stderr, format+"\n", args...)
	}
}
