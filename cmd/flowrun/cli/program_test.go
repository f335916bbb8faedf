package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

func TestHintsCallTheProgramAsTheUserDid(t *testing.T) {
	hex := strings.Repeat("0123456789abcdef", 4)
	for program, want := range map[string]bool{
		"/tmp/go-build1536615885/b001/exe/flowrun":           true,
		"/home/ada/.cache/go-build/4a/" + hex + "-d/flowrun": true,
		"./flowrun":             false,
		"flowrun":               false,
		"/opt/go-build/flowrun": false,
	} {
		if got := ofGoRun(program); got != want {
			t.Errorf("ofGoRun(%q) = %v", program, got)
		}
	}
	for _, name := range []string{"flowrun", "./flowrun", "../bin/fr", "/opt/flowrun"} {
		if got := command(name); got != name {
			t.Errorf("called %q, hints say %q", name, got)
		}
	}
	if got := command("./my tools/flowrun"); got != "'./my tools/flowrun'" {
		t.Errorf("a path with a space: %s", got)
	}
}

func TestEveryWayToShowAHintCallsTheProgramAsTheUserDid(t *testing.T) {
	flow := filepath.Join(t.TempDir(), "flow.yaml")
	if err := os.WriteFile(flow, []byte("nodes: {late: {in: flights}}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	const typed, no = "./flowrun", "././flowrun"
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"check", flow}, "hint: add `use: KIND`; ./flowrun nodes lists the kinds"},
		{[]string{"run", flow, "--log", "json"}, "add `use: KIND`; ./flowrun nodes lists the kinds"},
		{[]string{"test", "nowhere"}, "hint: ./flowrun test takes test files and folders"},
		{[]string{"test", t.TempDir()}, "hint: ./flowrun test --help shows one"},
		{[]string{"runs", flow}, "hint: ./flowrun runs " + shellWord(filepath.Dir(flow))},
		{[]string{"plan", "../../../flows/quickstart.yaml", "--report", "my run.json"}, "hint: ./flowrun run FLOW --report 'my run.json' writes it"},
		{[]string{"tap"}, "hint: ./flowrun run FLOW --ui --ui-tap opens one at "},
		{[]string{"flow.yaml"}, "hint: to run a flow: ./flowrun run flow.yaml"},
		{[]string{"runs", "--help"}, "stay. ./flowrun serve shows them"},
		{[]string{"run", "--help"}, "the page and ./flowrun tap may show items"},
	} {
		var said strings.Builder
		call := &call{name: "flowrun", command: typed, stdin: strings.NewReader(""), stdout: &said, stderr: &said}
		call.run(c.args, [][]nodes.Decl{std.Nodes})
		if !strings.Contains(said.String(), c.want) || strings.Contains(said.String(), no) {
			t.Errorf("flowrun %s does not say %q:\n%s", strings.Join(c.args, " "), c.want, said.String())
		}
	}
}

func TestAPackageIsNamedFromTheFolderOfTheUser(t *testing.T) {
	const module, pkg = "example.org/m", "example.org/m/cmd/tool"
	root := t.TempDir()
	inside, main := filepath.Join(root, "flows"), filepath.Join(root, "cmd", "tool")
	for _, dir := range []string{inside, main} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte("module example.org/m\n\ngo 1.26\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		root: "./cmd/tool", inside: "../cmd/tool", main: ".", t.TempDir(): pkg,
	} {
		if got := packageFrom(dir, pkg, module); got != want {
			t.Errorf("from %s: %q, want %q", dir, got, want)
		}
	}
	if got := packageFrom(root, "other.org/x", "other.org/x"); got != "other.org/x" {
		t.Errorf("a package of another module: %q", got)
	}
}
