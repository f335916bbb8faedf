package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the source of flowrun.
var root = filepath.Join(packageDir, "../../..")

// packSource is a pack with one kind, which doubles numbers.
const packSource = `package PACKAGE

import (
	"context"

	"github.com/flowrun/flowrun/nodes"
)

var NODES = []nodes.Decl{nodes.Map("KIND", "Doubles a number.", &twice{})}

type twice struct{}

type number struct {
	N int64 ` + "`flow:\"n\"`" + `
}

func (*twice) Map(_ context.Context, x number) (number, error) { x.N *= 2; return x, nil }
`

// packFiles are those of a module with a pack.
func packFiles(dir, kind, variable string) map[string]string {
	return map[string]string{
		dir + "/go.mod": "module example.com/" + dir + "\n\ngo 1.26.0\n\nrequire github.com/flowrun/flowrun v0.0.0\n",
		dir + "/" + dir + ".go": strings.NewReplacer("PACKAGE", dir, "KIND", kind, "NODES", variable).
			Replace(packSource),
	}
}

// offline lets the go command ask nobody, and take what was compiled for other tests.
func offline(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command: building programs is not tested")
	}
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOFLAGS", "-trimpath=false")
}

// A program with a pack of this machine has its kind, and is flowrun otherwise.
func TestBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: building a program takes a minute")
	}
	offline(t)
	files := map[string]string{
		"f.yaml":       "flow: f\nnodes:\n  n: {use: generate, with: {count: 3, set: {n: n}}}\n  it: {use: geo.twice, in: n}\n  out: {use: file.write, in: it, with: {path: '-', format: jsonl}}\n",
		"prog/go.mod":  "module example.com/prog\n\ngo 1.26.0\n",
		"prog/prog.go": "package main\n\nfunc main() {}\n",
		"loose/x.go":   "package loose\n",
		"notes.txt":    "mine\n",
	}
	for _, more := range []map[string]string{packFiles("geo", "geo.twice", "Nodes"), packFiles("other", "geo.twice", "Nodes"), packFiles("shy", "shy.twice", "kinds"), packFiles("odd", "odd.twice", "Kinds")} {
		for name, text := range more {
			files[name] = text
		}
	}
	files["odd/nodes.go"] = "package odd\n\nvar Nodes = []string{\"odd.twice\"}\n"
	dir := folder(t, files)
	build := func(args ...string) result {
		return call("", append([]string{"build", "--core", "-q", "--flowrun", root, "-o"}, args...)...)
	}

	build("mine", "./geo").want(t, 0, "wrote mine, ...", "")
	mine := func(args ...string) string {
		t.Helper()
		text, err := exec.Command(filepath.Join(dir, "mine"), args...).CombinedOutput()
		if err != nil {
			t.Fatalf("mine %v: %v\n%s", args, err, text)
		}
		return string(text)
	}
	if got := mine("nodes"); !strings.Contains(got, "geo.twice  ") || !strings.Contains(got, "file.read") || strings.Contains(got, "sql.read") {
		t.Errorf("its kinds are\n%s", got)
	}
	if got := mine("check", "f.yaml"); !strings.Contains(got, "f.yaml: ok, 3 nodes") {
		t.Error(got)
	}
	if got, want := mine("run", "-q", "f.yaml"), "{\"n\":0}\n{\"n\":2}\n{\"n\":4}\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := mine("version"); !regexp.MustCompile(`^mine devel `).MatchString(got) {
		t.Error(got)
	}

	// Once more, over the program that is there, with the sources kept.
	build("mine", "--source", "src", "./geo").want(t, 0, "wrote mine, ...", "")
	if text, err := os.ReadFile("src/main.go"); err != nil || !strings.Contains(string(text), "\tpack1 \"example.com/geo\"\n") {
		t.Errorf("%v\n%s", err, text)
	} else if gofmt, err := exec.Command("gofmt", "-l", "src").CombinedOutput(); err != nil || len(gofmt) > 0 {
		t.Errorf("%v, not formatted: %s", err, gofmt)
	}

	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"no", "./geo", "./other"}, 2, "these packs do not go together: kind geo.twice is declared twice, in packages example.com/geo and example.com/other"},
		{[]string{"no", "./shy"}, 2, "./shy has no exported variable Nodes"},
		{[]string{"no", "./odd"}, 2, "./odd: its Nodes is a variable of type []string, want a variable of type []nodes.Decl"},
		{[]string{"no", "./prog"}, 2, "./prog is a program, which nothing can import"},
		{[]string{"no", "./loose"}, 2, "./loose belongs to no Go module"},
		{[]string{"no", "./nowhere"}, 2, "there is no folder ./nowhere"},
		{[]string{"no", "./geo", "../" + filepath.Base(dir) + "/geo"}, 2, "./geo and ../" + filepath.Base(dir) + "/geo are one package"},
		{[]string{"no", "geo"}, 2, "hint: if you mean the folder: ./geo"},
		{[]string{"no", "example.com/far"}, 2, "example.com/far has no version\n  hint: example.com/far@latest"},
		{[]string{"no", "https://example.com/far.git"}, 2, "hint: write it as Go does: example.com/far@latest"},
		{[]string{"no", "example.com/far@v1.0.0"}, 3, "modules cannot be fetched:\n"},
		{[]string{"no", "--replace", "example.com/far=./nowhere", "example.com/far"}, 2, "there is no module in ./nowhere"},
		{[]string{"geo", "./geo"}, 2, "geo is a folder\n"},
		{[]string{"notes.txt", "./geo"}, 2, "notes.txt exists and is no program, so it is left alone"},
		{[]string{"far/away", "./geo"}, 2, "there is no folder far\n  hint: mkdir -p far"},
		{[]string{"no", "--source", "src", "./geo"}, 2, "the folder src is not empty"},
	} {
		if r := build(test.args...); r.code != test.code || !strings.Contains(r.err, test.want) || r.out != "" {
			t.Errorf("build -o %v: exit %d, want %d with %q:\n%s%s", test.args, r.code, test.code, test.want, r.out, r.err)
		}
	}
	if _, err := os.Stat("no"); err == nil {
		t.Error("a program was written that should not be")
	}
	left, _ := filepath.Glob(".*")
	if len(left) > 0 {
		t.Errorf("%v was left behind", left)
	}
	call("", "build", "./geo").want(t, 2, "", "flowrun: build has nowhere to write to\n  hint: flowrun build -o my-flowrun ./geo\n")
	call("", "build", "-o", "no", "--flowrun", "./geo", "./geo").want(t, 2, "", "flowrun: --flowrun ./geo: this is not the source of flowrun: ...")

	t.Setenv("PATH", "")
	build("no", "./geo").want(t, 3, "", "flowrun: build needs the go command, and there is none in PATH\n  hint: install Go from https://go.dev/dl and try again\n")
}

// A signal ends it, and nothing is left.
func TestBuildIsStopped(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: building a program takes a minute")
	}
	offline(t)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	folder(t, packFiles("geo", "geo.twice", "Nodes"))
	p := start(t, "build", "-o", "mine", "--core", "--flowrun", root, "./geo")
	for {
		line, err := p.err.ReadString('\n')
		if strings.HasPrefix(line, "compiling with go") {
			break
		}
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, _ := p.err.ReadString(0)
	p.cmd.Wait()
	if code := p.cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(rest, "stopped: nothing was built") {
		t.Errorf("exit %d: %s", code, rest)
	}
	left, _ := filepath.Glob("*")
	hidden, _ := filepath.Glob(".*")
	kept, _ := filepath.Glob(filepath.Join(temp, "flowrun-build-*"))
	if len(left) != 1 || len(hidden)+len(kept) > 0 {
		t.Errorf("%v, %v and %v were left behind", left, hidden, kept)
	}
}
