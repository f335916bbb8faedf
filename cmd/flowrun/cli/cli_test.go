package cli_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/flowrun/flowrun/cmd/flowrun/cli"
	"github.com/flowrun/flowrun/nodes/std"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

// A result is how a call ended.
type result struct {
	out, err string
	code     int
}

// A paper is a stream that several goroutines write on, as standard error is one.
type paper struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *paper) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(text)
}

// progress is the line that a run shows after some seconds.
var progress = regexp.MustCompile(`(?m)^\S+ \d+:\d\d; .*\n`)

// call runs the command in this process. What it says of its progress is left out: how
// long it takes is up to the machine.
func call(stdin string, args ...string) result {
	var out, err paper
	code := cli.Run(args, strings.NewReader(stdin), &out, &err, std.Nodes)
	return result{out.text.String(), progress.ReplaceAllString(err.text.String(), ""), code}
}

// want checks how a call ended: the code, and whole texts or, with "..." at their
// end, beginnings.
func (r result) want(t *testing.T, code int, out, err string) {
	t.Helper()
	if r.code != code || !matches(r.out, out) || !matches(r.err, err) {
		t.Errorf("exit %d, want %d\nstdout: %s\nwant:   %s\nstderr: %s\nwant:   %s", r.code, code, r.out, out, r.err, err)
	}
}

func matches(got, want string) bool {
	if start, ok := strings.CutSuffix(want, "..."); ok {
		return strings.HasPrefix(got, start)
	}
	return got == want
}

// golden compares a text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update writes it anew); got\n%s\nwant\n%s", name, got, want)
	}
}

// folder makes a folder with files and makes it the one the user is in.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	return dir
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parse[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, text)
	}
	return v
}

const ordersFlow = `flow: orders
nodes:
  orders: {use: file.read, with: {path: orders.csv}}
  large:
    use: filter
    in: orders
    with: {where: amount >= 20}
    workers: 2
  out: {use: file.write, in: large, with: {path: large.jsonl}}
`

const ordersData = "id,customer,amount,\"zip code\"\n1,ada,24.5,00501\n2,grace,8,10001\n3,ada,61.2,00501\n"

func ordersFiles() map[string]string {
	return map[string]string{"orders.yaml": ordersFlow, "orders.csv": ordersData}
}

func TestMisuse(t *testing.T) {
	folder(t, nil)
	for _, test := range []struct{ args, err string }{
		{"rnu", "flowrun: unknown verb \"rnu\"\n  hint: did you mean \"run\"?\n"},
		{"init", "flowrun: unknown verb \"init\"\n  hint: did you mean \"new\"?\n"},
		{"xyzzy", "flowrun: unknown verb \"xyzzy\"\n  hint: flowrun help lists the verbs\n"},
		{"flow.yaml", "flowrun: unknown verb \"flow.yaml\"\n  hint: to run a flow: flowrun run flow.yaml\n"},
		{"run", "flowrun: run needs a flow\n  hint: flowrun run flow.yaml; - reads it from standard input\n"},
		{"run a.yaml b.yaml", "flowrun: run takes one flow, got 2\n  hint: one call for each\n"},
		{"run a.yaml --ui 9000", "flowrun: run takes one flow, got 2\n  hint: the value of --ui stands behind a =: --ui=9000\n"},
		{"render a.yaml a.svg", "flowrun: render draws flows, and a.svg is the name of a drawing\n  hint: the file to write is given by -o a.svg\n"},
		{"run -c a.yaml", "flowrun: unknown flag -c of run\n  hint: a flow is named without a flag: flowrun run FLOW [flags]\n"},
		{"run a.yaml --drain 5", "flowrun: --drain: want a duration such as 30s or 5m, got \"5\"\n  hint: flowrun run --help lists the flags\n"},
		{"run a.yaml YEAR=2026", "flowrun: run takes one flow, got 2\n  hint: a variable is set by -s YEAR=2026\n"},
		{"run --wrokers 2 a.yaml", "flowrun: unknown flag --wrokers of run\n  hint: did you mean --workers?\n"},
		{"run -z a.yaml", "flowrun: unknown flag -z of run\n  hint: flowrun run --help lists the flags\n"},
		{"run a.yaml --workers", "flowrun: --workers needs a value\n  hint: flowrun run --help lists the flags\n"},
		{"run a.yaml --workers many", "flowrun: --workers: want a whole number, got \"many\"\n  hint: flowrun run --help lists the flags\n"},
		{"run a.yaml --workers 0", "flowrun: --workers 0: want 1 or more\n"},
		{"run a.yaml --serial --workers 2", "flowrun: --serial runs on one goroutine: --workers cannot be used with it\n"},
		{"run a.yaml --report jsn", "flowrun: --report jsn: want text, json, none\n  hint: did you mean \"json\"?\n"},
		{"run a.yaml --json --report text", "flowrun: --json and --report text cannot be used together\n"},
		{"run a.yaml -s YEAR", "flowrun: -s, --set: want NAME=value, got \"YEAR\"\n  hint: flowrun run --help lists the flags\n"},
		{"run a.yaml --color blue", "flowrun: --color blue: want auto, always or never\n"},
		{"render a.yaml -o a.pdf", "flowrun: -o a.pdf: there is no format .pdf\n  hint: there is .dot, .gv, .mermaid, .mmd, .png, .svg\n"},
		{"render a.yaml -o picture", "flowrun: -o picture: the name does not say which format..."},
		{"render a.yaml --format svgg", "flowrun: --format svgg: want dot, mermaid, png, svg\n  hint: did you mean \"svg\"?\n"},
		{"nodes fliter", "flowrun: unknown kind \"fliter\"\n  hint: did you mean \"filter\"?\n"},
		{"nodes split", "flowrun: unknown kind \"split\"\n  hint: split is no kind but a setting of file.write\n"},
		{"nodes Retry", "flowrun: unknown kind \"Retry\"\n  hint: retry is no kind but a setting of nodes: it stands beside `use`\n"},
		{"nodes dedupe", "flowrun: unknown kind \"dedupe\"\n  hint: did you mean \"unique\"?\n"},
		{"nodes totals", "flowrun: unknown kind \"totals\"\n  hint: did you mean scan?\n"},
		{"nodes frobnicate", "flowrun: unknown kind \"frobnicate\"\n  hint: flowrun nodes lists the kinds\n"},
		{"new retry/filter", "flowrun: unknown kind \"retry\"\n  hint: retry is no kind but a setting of nodes: it stands beside `use`\n"},
		{"completion csh", "flowrun: there is no completion for \"csh\"\n  hint: did you mean \"zsh\"?..."},
		{"completion", "flowrun: completion takes one shell\n  hint: one of bash, zsh, fish, powershell\n"},
		{"help rnu", "flowrun: there is no verb \"rnu\"\n  hint: did you mean \"run\"?\n"},
		{"fmt -w -", "flowrun: standard input cannot be written: -w needs files\n"},
		{"new a b", "flowrun: new takes one name, got \"a\" and \"b\"\n..."},
		{"new file.read/fliter", "flowrun: unknown kind \"fliter\"\n  hint: did you mean \"filter\"?\n"},
		{"new 2fast", "flowrun: \"2fast\" is not a valid flow name: want letters, digits, - and _\n"},
		{"version now", "flowrun: version: \"now\" is one argument too many\n  hint: flowrun version --help says what it takes\n"},
		{"eval", "flowrun: eval needs an expression\n  hint: flowrun eval '1 + 2'\n"},
	} {
		t.Run(test.args, func(t *testing.T) {
			call("", strings.Fields(test.args)...).want(t, 2, "", test.err)
		})
	}
}

func TestHelpNamesEveryVerb(t *testing.T) {
	for _, args := range [][]string{{}, {"help"}, {"--help"}, {"-h"}} {
		r := call("", args...)
		if r.code != 0 || r.err != "" {
			t.Errorf("%q ends with %d and says %q", args, r.code, r.err)
		}
		for _, verb := range []string{"run", "check", "types", "render", "nodes", "schema", "eval", "new", "fmt", "version", "completion"} {
			if !strings.Contains(r.out, "\n  "+verb+" ") {
				t.Errorf("%q does not name %s:\n%s", args, verb, r.out)
			}
		}
	}
	if run, help := call("", "run", "--help"), call("", "help", "run"); run != help || !strings.Contains(run.out, "--serial") {
		t.Errorf("run --help and help run differ:\n%s\n%s", run.out, help.out)
	}
	if r := call("", "help", "lint"); !strings.Contains(r.out, "flowrun check FLOW...") {
		t.Errorf("an alias has no help: %s", r.out)
	}
}

func TestVersion(t *testing.T) {
	v := parse[map[string]any](t, call("", "version", "--json").out)
	for _, key := range []string{"program", "version", "go", "os", "arch"} {
		if v[key] == "" || v[key] == nil {
			t.Errorf("no %s in %v", key, v)
		}
	}
	if r := call("", "version"); !strings.HasPrefix(r.out, "flowrun ") || r.code != 0 {
		t.Errorf("got %+v", r)
	}
	if r := call("", "--version"); !strings.HasPrefix(r.out, "flowrun ") || r.code != 0 {
		t.Errorf("got %+v", r)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if r := call("", "completion", shell); r.code != 0 || !strings.Contains(r.out, "flowrun") || r.err != "" {
			t.Errorf("%s: exit %d, %d bytes, %s", shell, r.code, len(r.out), r.err)
		}
	}
	if r := call("", "__complete", "nodes", "fi"); !strings.Contains(r.out, "filter\tKeeps the items") {
		t.Errorf("kinds are not offered: %s", r.out)
	}
	if r := call("", "__complete", "run", ""); !strings.Contains(r.out, "yaml\nyml\n:8") {
		t.Errorf("flow files are not offered: %s", r.out)
	}
	if r := call("", "__complete", "re"); !strings.Contains(r.out, "render\t") {
		t.Errorf("verbs are not offered: %s", r.out)
	}
}

// A fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "stdout", Err: syscall.ENOSPC}
}

// A lostReader is a writer that has nobody who reads.
type lostReader struct{}

func (lostReader) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "stdout", Err: syscall.EPIPE}
}

func TestOutputThatCannotBeWritten(t *testing.T) {
	folder(t, ordersFiles())
	for _, line := range []string{"nodes", "nodes filter", "nodes --json", "schema", "types orders.yaml", "types orders.yaml --json", "version", "version --json",
		"check orders.yaml", "check orders.yaml --json", "render orders.yaml", "render orders.yaml --format dot", "fmt orders.yaml", "eval 1+1", "completion bash"} {
		var err bytes.Buffer
		if code := cli.Run(strings.Fields(line), strings.NewReader(""), fullDisk{}, &err, std.Nodes); code != 1 || !strings.Contains(err.String(), "no space left") || strings.Contains(err.String(), "hint") {
			t.Errorf("%s on a full disk: exit %d, %s", line, code, err.String())
		}
		err.Reset()
		if code := cli.Run(strings.Fields(line), strings.NewReader(""), lostReader{}, &err, std.Nodes); code != 141 || err.Len() > 0 {
			t.Errorf("%s with nobody who reads: exit %d, %s", line, code, err.String())
		}
	}
}

func TestColor(t *testing.T) {
	folder(t, map[string]string{"bad.yaml": "nodes: {a: {use: fliter}}\n"})
	if r := call("", "check", "bad.yaml"); strings.Contains(r.err, "\x1b") {
		t.Errorf("a pipe got colour: %q", r.err)
	}
	if r := call("", "check", "bad.yaml", "--color", "always"); !strings.Contains(r.err, "\x1b[31m") {
		t.Errorf("--color always gives none: %q", r.err)
	}
	t.Setenv("NO_COLOR", "1")
	if r := call("", "check", "bad.yaml", "--color", "always"); !strings.Contains(r.err, "\x1b[31m") {
		t.Errorf("a flag is stronger than the environment: %q", r.err)
	}
}
