package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// The table stands between these lines of the page.
const (
	begin = "<!-- figures: make connectors -->\n"
	end   = "<!-- end of figures -->\n"
)

// inner are the packs that every program here has.
var inner = []string{"nodes/flow", "nodes/join", "nodes/timing", "nodes/window"}

// A program is one that is measured: the packs that it has besides inner.
type program struct {
	name  string
	packs []string
	path  string
	bytes int64
	took  []time.Duration
	most  []int64 // bytes of memory
}

func main() {
	dir := flag.String("dir", ".", "the folder of the module")
	runs := flag.Int("runs", 101, "how often each program is started")
	flag.Parse()
	if err := run(*dir, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

func run(dir string, runs int) error {
	page := filepath.Join(dir, "docs", "connectors.md")
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, also := strings.Cut(rest, end)
	if !ok || !also {
		return fmt.Errorf("%s has no lines %q and %q", page, begin, end)
	}
	temp, err := os.MkdirTemp("", "flowrun-figures-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	programs, err := programsOf(dir)
	if err != nil {
		return err
	}
	for i, p := range programs {
		fmt.Fprintf(os.Stderr, "building %s\n", p.name)
		p.path = filepath.Join(temp, fmt.Sprint("flowrun", i))
		if err := p.build(dir, temp); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "starting each %d times\n", runs)
	for range runs {
		for _, p := range programs {
			if err := p.start(); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(page, []byte(before+begin+table(programs, runs)+end+after), 0o644)
}

// programsOf gives one without a connector, one for each pack, and one with all.
func programsOf(dir string) ([]*program, error) {
	list := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}} {{.Dir}}", "./nodes/connect/all")
	list.Dir = dir
	out, err := list.Output()
	if err != nil {
		return nil, err
	}
	const nodes = "github.com/flowrun/flowrun/nodes/"
	var packs []string
	for line := range strings.Lines(string(out)) {
		path, folder, _ := strings.Cut(strings.TrimSpace(line), " ")
		name := strings.TrimPrefix(path, "github.com/flowrun/flowrun/")
		if !strings.HasPrefix(path, nodes) || slices.Contains(inner, name) || name == "nodes/std" || name == "nodes/connect/all" {
			continue
		}
		if isPack(folder) {
			packs = append(packs, name)
		}
	}
	slices.Sort(packs)
	all := []*program{{name: "none"}}
	for _, p := range packs {
		all = append(all, &program{name: "`" + p + "`", packs: []string{p}})
	}
	std := slices.DeleteFunc(slices.Clone(packs), func(p string) bool { return strings.HasPrefix(p, "nodes/connect/") })
	return append(all, &program{name: "the standard library, `nodes/std`", packs: std}, &program{name: "all, `nodes/connect/all`", packs: packs}), nil
}

// isPack reports whether a package has the variable Nodes.
func isPack(folder string) bool {
	files, _ := filepath.Glob(filepath.Join(folder, "*.go"))
	return slices.ContainsFunc(files, func(path string) bool {
		text, _ := os.ReadFile(path)
		return bytes.Contains(text, []byte("\nvar Nodes = nodes.Pack("))
	})
}

// build compiles the command with another main.go in its place.
func (p *program) build(dir, temp string) error {
	var imports, list strings.Builder
	for i, pack := range append(slices.Clone(inner), p.packs...) {
		fmt.Fprintf(&imports, "\tpack%d \"github.com/flowrun/flowrun/%s\"\n", i, pack)
		fmt.Fprintf(&list, "pack%d.Nodes, ", i)
	}
	main := "package main\n\nimport (\n\t\"github.com/flowrun/flowrun/cmd/flowrun/cli\"\n\t\"github.com/flowrun/flowrun/cmd/flowrun/early\"\n" + imports.String() +
		")\n\nfunc main() {\n\tcli.Signals = early.Signals\n\tcli.Main(" + list.String() + ")\n}\n"
	stand := p.path + ".go"
	if err := os.WriteFile(stand, []byte(main), 0o644); err != nil {
		return err
	}
	root, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, "cmd/flowrun/main.go"): stand}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.path+".json", overlay, 0o644); err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-overlay", p.path+".json", "-o", p.path, "./cmd/flowrun")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", p.name, err, text)
	}
	info, err := os.Stat(p.path)
	if err != nil {
		return err
	}
	p.bytes = info.Size()
	return nil
}

// start runs it once.
func (p *program) start() error {
	cmd := exec.Command(p.path, "version")
	begun := time.Now()
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", p.name, err, text)
	}
	p.took = append(p.took, time.Since(begun))
	p.most = append(p.most, memoryOf(cmd.ProcessState))
	return nil
}

// table is what goes into the page.
func table(programs []*program, runs int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s with %s for %s/%s, %d starts of each.\n\n", time.Now().UTC().Format(time.DateOnly), runtime.Version(), runtime.GOOS, runtime.GOARCH, runs)
	b.WriteString("| connectors | binary | start | memory |\n| --- | --- | --- | --- |\n")
	base := programs[0]
	for _, p := range programs {
		took, most := median(p.took), median(p.most)
		if p == base {
			low, high := quartiles(p.took)
			fmt.Fprintf(&b, "| %s | %.1f MB | %s ms (half of the runs from %s to %s) | %s |\n", p.name, megabytes(p.bytes), millis(took), millis(low), millis(high), memory("%.1f MB", most))
			continue
		}
		fmt.Fprintf(&b, "| %s | %+.1f MB | %+.1f ms | %s |\n", p.name, megabytes(p.bytes-base.bytes), float64(took-median(base.took))/1e6, memory("%+.1f MB", most-median(base.most)))
	}
	return b.String()
}

// memory is empty where the system does not tell it.
func memory(format string, bytes int64) string {
	if runtime.GOOS != "linux" {
		return ""
	}
	return fmt.Sprintf(format, megabytes(bytes))
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }

func millis(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/1e6) }

func median[T int64 | time.Duration](all []T) T {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

func quartiles[T int64 | time.Duration](all []T) (low, high T) {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/4], sorted[len(sorted)*3/4]
}
