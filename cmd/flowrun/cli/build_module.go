package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// This file makes the module that the verb build compiles: a main that puts packs
// together, and a go.mod that says where they come from.

// ownModule is that of flowrun.
const ownModule = "github.com/flowrun/flowrun"

// A pack is a package that an argument names.
type pack struct {
	arg     string
	path    string // of import
	version string // "": it is on this machine, or a part of flowrun
}

func (p pack) String() string {
	if p.version == "" {
		return p.path
	}
	return p.path + " " + p.version
}

// A localModule is one that is on this machine.
type localModule struct {
	path string // "example.com/geo"
	dir  string
	from []replacement // what its go.mod takes from elsewhere, which Go heeds in a main module only
}

// A replacement is a module that is taken from elsewhere.
type replacement struct {
	module string
	by     string // "=> by" of a go.mod: a folder, absolute, or another module and a version
	whose  string // who wants it so
}

// A provenance is where flowrun itself comes from: a folder, or a version, maybe of another
// module that stands for it.
type provenance struct {
	version string
	dir     string
	fork    string // "example.com/fork v1.2.3"
}

func (o provenance) String() string { return cmp.Or(o.fork, o.dir, o.version) }

// wanted reads the arguments.
func (b *buildCall) wanted(ctx context.Context, args []string) error {
	for _, arg := range args {
		p, err := b.packOf(ctx, arg)
		if err != nil {
			return err
		}
		if twice := slices.IndexFunc(b.packs, func(q pack) bool { return q.path == p.path }); twice >= 0 {
			return misuse("%s and %s are one package", b.packs[twice].arg, arg).or("name it once")
		}
		b.packs = append(b.packs, p)
	}
	var err error
	if b.from, err = b.originOfThis(); err != nil {
		return err
	}
	for _, p := range b.packs {
		if within(p.path, ownModule) && p.version != "" && b.from.version != p.version {
			return misuse("%s is a part of flowrun, which is built from %s", p.arg, b.from).or("leave the version out: %s", p.path)
		}
	}
	return nil
}

// within reports whether a package belongs to a module.
func within(pkg, module string) bool {
	return pkg == module || strings.HasPrefix(pkg, module+"/")
}

// isFolder reports whether an argument names a folder, as the go command tells.
func isFolder(arg string) bool {
	arg = filepath.ToSlash(arg)
	return arg == "." || arg == ".." || strings.HasPrefix(arg, "./") || strings.HasPrefix(arg, "../") || filepath.IsAbs(filepath.FromSlash(arg))
}

// packOf reads one argument.
func (b *buildCall) packOf(ctx context.Context, arg string) (pack, error) {
	if isFolder(arg) {
		return b.localPack(ctx, arg)
	}
	p := pack{arg: arg}
	p.path, p.version, _ = strings.Cut(arg, "@")
	switch {
	case p.path == "" || strings.ContainsAny(p.path, " \t\"'`\\") || strings.Contains(p.path, "://"):
		end := misuse("%q is no import path", p.path)
		if _, bare, ok := strings.Cut(p.path, "://"); ok {
			end.or("write it as Go does: %s@latest", strings.TrimSuffix(bare, ".git"))
		}
		return p, end
	case p.version != "" || within(p.path, ownModule):
		return p, nil
	}
	for _, r := range b.replace { // where it comes from is said there
		if module, _, _ := strings.Cut(r, "="); within(p.path, module) {
			return p, nil
		}
	}
	if info, err := os.Stat(p.path); err == nil && info.IsDir() {
		return p, misuse("%s has no version", arg).or("if you mean the folder: ./%s", filepath.ToSlash(arg))
	}
	return p, misuse("%s has no version", arg).or("%s@latest is the newest there is; a version that is written down gives the same program again", arg)
}

// localPack finds the module of a folder.
func (b *buildCall) localPack(ctx context.Context, arg string) (pack, error) {
	if folder, version, ok := strings.Cut(arg, "@"); ok {
		if _, err := os.Stat(arg); err != nil {
			return pack{}, misuse("%s is a folder, which has no version %s", folder, version).or("write %s to build what is there, or its import path and the version", folder)
		}
	}
	dir, err := filepath.Abs(arg)
	if err != nil {
		return pack{}, misuse("%w", err)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return pack{}, misuse("there is no folder %s", arg)
	}
	root := dir
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if parent := filepath.Dir(root); parent != root {
			root = parent
			continue
		}
		return pack{}, misuse("%s belongs to no Go module: there is no go.mod in it or above it", arg).or("cd %s && go mod init example.com/%s", shellWord(arg), filepath.Base(dir))
	}
	module, err := b.local(ctx, root)
	if err != nil {
		return pack{}, err
	}
	below, err := filepath.Rel(root, dir)
	if err != nil {
		return pack{}, err
	}
	return pack{arg: arg, path: path.Join(module.path, filepath.ToSlash(below))}, nil
}

// local reads the go.mod of a module on this machine.
func (b *buildCall) local(ctx context.Context, root string) (localModule, error) {
	if at := slices.IndexFunc(b.locals, func(m localModule) bool { return m.dir == root }); at >= 0 {
		return b.locals[at], nil
	}
	text, err := goTool{dir: root}.run(ctx, "mod", "edit", "-json")
	if err != nil {
		return localModule{}, misuse("%s: %w", filepath.Join(root, "go.mod"), err)
	}
	var file struct {
		Module  struct{ Path string }
		Replace []struct {
			Old, New struct{ Path, Version string }
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return localModule{}, err
	}
	m := localModule{path: file.Module.Path, dir: root}
	if m.path == "" {
		return m, misuse("%s names no module", filepath.Join(root, "go.mod"))
	}
	for _, r := range file.Replace {
		by := strings.TrimSpace(r.New.Path + " " + r.New.Version)
		if r.New.Version == "" {
			by = inFolder(root, r.New.Path)
		}
		m.from = append(m.from, replacement{r.Old.Path, by, filepath.Join(root, "go.mod")})
	}
	b.locals = append(b.locals, m)
	return m, nil
}

// inFolder makes a path of a go.mod absolute.
func inFolder(root, path string) string {
	if path = filepath.FromSlash(path); filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(root, path)
}

// originOfThis tells which flowrun to build: what --flowrun says, or the source that a pack on this
// machine is developed with, or what this program was built from.
func (b *buildCall) originOfThis() (provenance, error) {
	switch {
	case b.flowrun != "":
		return originOf(b.flowrun)
	default:
		for _, m := range b.locals {
			if m.path == ownModule {
				return provenance{dir: m.dir}, nil
			}
			for _, r := range m.from {
				if r.module == ownModule && filepath.IsAbs(r.by) {
					return originOf(r.by)
				}
			}
		}
	}
	info, _ := debug.ReadBuildInfo()
	if from, ok := builtFrom(info); ok {
		return from, nil
	}
	return provenance{}, misuse("this program was built from a working tree of flowrun, so it has no version that could be fetched").
		or("say what to build: --flowrun FOLDER takes the source in a folder, --flowrun latest, or v1.2.3, a version of it")
}

// originOf reads --flowrun.
func originOf(given string) (provenance, error) {
	info, err := os.Stat(given)
	if !isFolder(given) && (err != nil || !info.IsDir()) {
		return provenance{version: strings.TrimPrefix(given, "@")}, nil
	}
	if err != nil {
		return provenance{}, misuse("--flowrun %s: there is no such folder", given)
	}
	text, err := os.ReadFile(filepath.Join(given, "go.mod"))
	if err != nil || !regexp.MustCompile(`(?m)^module\s+"?`+regexp.QuoteMeta(ownModule)+`"?\s*(//.*)?$`).Match(text) {
		return provenance{}, misuse("--flowrun %s: this is not the source of flowrun: it has no go.mod with the module %s", given, ownModule)
	}
	dir, err := filepath.Abs(given)
	return provenance{dir: dir}, err
}

// builtFrom is where the flowrun of a program comes from; not ok: from a working tree
// that nobody knows the place of.
func builtFrom(info *debug.BuildInfo) (from provenance, ok bool) {
	if info == nil {
		return provenance{}, false
	}
	own := moduleOf(info)
	if r := own.Replace; r != nil && !isFolder(r.Path) {
		return provenance{version: own.Version, fork: r.Path + " " + r.Version}, true
	} else if r != nil {
		from, err := originOf(r.Path) // its version is (devel)
		return from, err == nil && filepath.IsAbs(r.Path)
	}
	known := own.Version != "" && own.Version != "(devel)" && !strings.Contains(own.Version, "+dirty")
	return provenance{version: own.Version}, known
}

// moduleOf is the module of flowrun in a program, which may be the program's own.
func moduleOf(info *debug.BuildInfo) *debug.Module {
	if info.Main.Path != ownModule {
		for _, m := range info.Deps {
			if m.Path == ownModule {
				return m
			}
		}
	}
	return &info.Main
}

// plant writes main.go, go.mod and go.sum.
func (b *buildCall) plant(dir string, env goEnv) error {
	mod, err := b.goMod(env)
	if err != nil {
		return err
	}
	files := map[string]string{"main.go": b.mainGo(), "go.mod": mod, "go.sum": b.goSum()}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// mainGo is the program. Each pack has a line of its own, by which the compiler tells
// what is wrong with it.
func (b *buildCall) mainGo() string {
	var imports, nodes strings.Builder
	base := "all"
	if b.core {
		base = "std"
	}
	for i, p := range b.packs {
		fmt.Fprintf(&imports, "\n\tpack%d %q", i+1, p.path)
		fmt.Fprintf(&nodes, "\t\tpack%d.Nodes,\n", i+1)
	}
	if len(b.packs) > 0 {
		imports.WriteByte('\n')
	}
	return strings.NewReplacer("OWN", ownModule, "BASEPATH", map[string]string{"all": "connect/all", "std": "std"}[base], "BASE", base,
		"IMPORTS\n", imports.String(), "NODES\n", nodes.String()).Replace(`// Command flowrun has further packs of kinds. Written by flowrun build.
package main

import (
	"OWN/cmd/flowrun/cli"
	"OWN/cmd/flowrun/early"
	"OWN/nodes/BASEPATH"
IMPORTS
)

func main() {
	cli.Signals = early.Signals
	cli.Main(
		BASE.Nodes,
NODES
	)
}
`)
}

// goMod names the modules that are on this machine, and what stands for others. The
// others are fetched by their versions.
func (b *buildCall) goMod(env goEnv) (string, error) {
	all, err := b.replacements()
	if err != nil {
		return "", err
	}
	var text strings.Builder
	text.WriteString("module flowrun-build\n")
	if version := regexp.MustCompile(`^go(\d+\.\d+(\.\d+|rc\d+)?)`).FindStringSubmatch(env.GOVERSION); version != nil {
		fmt.Fprintf(&text, "\ngo %s\n", version[1])
	}
	for _, r := range all {
		if filepath.IsAbs(r.by) {
			fmt.Fprintf(&text, "\nreplace %s => %s\n", r.module, strconv.Quote(r.by))
			if r.whose == "" {
				fmt.Fprintf(&text, "\nrequire %s %s\n", r.module, someVersion(r.module))
			}
			continue
		}
		fmt.Fprintf(&text, "\nreplace %s => %s\n", r.module, r.by)
	}
	return text.String(), nil
}

// replacements are those of the flags, of flowrun and of the modules on this machine.
// The first who says something of a module is heeded; two modules must agree.
func (b *buildCall) replacements() ([]replacement, error) {
	var all []replacement
	for _, given := range b.replace {
		module, by, ok := strings.Cut(given, "=")
		if !ok || module == "" || by == "" {
			return nil, misuse("--replace %s: want MODULE=FOLDER or MODULE=OTHER@VERSION", given)
		}
		r := replacement{module: module, by: strings.Replace(by, "@", " ", 1)}
		if info, err := os.Stat(by); isFolder(by) || err == nil && info.IsDir() {
			if _, err := os.Stat(filepath.Join(by, "go.mod")); err != nil {
				return nil, misuse("--replace %s: there is no module in %s", given, by).or("it must have a go.mod")
			}
			r.by, _ = filepath.Abs(by)
		} else if !strings.Contains(by, "@") {
			return nil, misuse("--replace %s: there is no folder %s", given, by).or("another module needs a version: %s@latest", by)
		}
		all = append(all, r)
	}
	if by := cmp.Or(b.from.dir, b.from.fork); by != "" {
		all = append(all, replacement{module: ownModule, by: by})
	}
	for _, m := range b.locals {
		if m.path != ownModule {
			all = append(all, replacement{module: m.path, by: m.dir})
		}
	}
	given := len(all)
	for _, m := range b.locals {
		for _, r := range m.from {
			at := slices.IndexFunc(all, func(q replacement) bool { return q.module == r.module })
			switch {
			case at < 0 && r.module != ownModule:
				all = append(all, r)
			case at >= given && all[at].by != r.by:
				return nil, misuse("%s is taken from %s by %s, and from %s by %s", r.module, all[at].by, all[at].whose, r.by, r.whose).
					or("say which: --replace %s=%s", r.module, shellWord(r.by))
			}
		}
	}
	return all, nil
}

// someVersion is one that a module can have, for one that is taken from a folder.
func someVersion(module string) string {
	if major := regexp.MustCompile(`(?:/|\.)v(\d+)$`).FindStringSubmatch(module); major != nil {
		return "v" + major[1] + ".0.0"
	}
	return "v0.0.0"
}

// goSum has the sums that are known on this machine, so that nobody need be asked for
// them.
func (b *buildCall) goSum() string {
	dirs := []string{b.from.dir}
	for _, m := range b.locals {
		dirs = append(dirs, m.dir)
	}
	var lines []string
	for _, dir := range dirs {
		if text, err := os.ReadFile(filepath.Join(dir, "go.sum")); dir != "" && err == nil {
			lines = append(lines, strings.SplitAfter(string(text), "\n")...)
		}
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "")
}

// fetch gets what has a version, and looks at the packages.
func (b *buildCall) fetch(ctx context.Context, tool goTool) error {
	var get []string
	if b.from.dir == "" && b.from.version != "" {
		get = append(get, ownModule+"@"+b.from.version)
	}
	for _, p := range b.packs {
		if p.version != "" && !within(p.path, ownModule) {
			get = append(get, p.path+"@"+p.version)
		}
	}
	if len(get) > 0 {
		b.say("fetching %s", strings.Join(get, ", "))
		if _, err := tool.run(ctx, append([]string{"get"}, get...)...); err != nil {
			return b.fetchWords(err)
		}
	}
	if b.output == "" { // what is kept has to build as it stands
		if _, err := tool.run(ctx, "mod", "tidy"); err != nil {
			return b.fetchWords(err)
		}
	}
	return b.examine(ctx, tool)
}

// examine looks whether the packages can be imported, and notes the versions they have.
func (b *buildCall) examine(ctx context.Context, tool goTool) error {
	if len(b.packs) == 0 {
		return nil
	}
	args := []string{"list", "-e", "-find", "-json=ImportPath,Name,Error,Module"}
	for _, p := range b.packs {
		args = append(args, p.path)
	}
	text, err := tool.run(ctx, args...)
	if err != nil {
		return b.fetchWords(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	for i := range b.packs {
		var found struct {
			ImportPath, Name string
			Error            *struct{ Err string }
			Module           *struct{ Version string }
		}
		if err := decoder.Decode(&found); err != nil {
			return err
		}
		p := &b.packs[i]
		if found.Error != nil {
			return b.packageWords(p, found.Error.Err)
		}
		if found.Name == "main" {
			return misuse("%s is a program, which nothing can import", p.arg).or("move its kinds and Nodes into a package of their own, and name that")
		}
		if p.version != "" && found.Module != nil {
			p.version = found.Module.Version
		}
	}
	return nil
}
