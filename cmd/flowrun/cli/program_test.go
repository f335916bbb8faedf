package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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

	c := &call{name: "flowrun", command: "go run ./cmd/flowrun"}
	c.tree = c.root()
	for text, want := range map[string]string{
		"flowrun nodes lists the kinds": "go run ./cmd/flowrun nodes lists the kinds",
		"see .flowrun/runs":             "see .flowrun/runs",
		"what flowrun does":             "what flowrun does",
	} {
		if got := c.typed(text); got != want {
			t.Errorf("typed(%q) = %q, want %q", text, got, want)
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
