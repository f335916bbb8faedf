package flowrun_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/flowrun/flowrun/"

// May import is who may import whom, by the first part of the path that is listed.
// Arrows go one way; ARCHITECTURE.md draws them.
var mayImport = map[string][]string{
	"graph/diag":         {},
	"internal/durable":   {},
	"graph/types":        {"graph/diag"},
	"graph/record":       {"graph/types", "graph/diag", "graph/record"},
	"graph/redact":       {"graph/types", "graph/record"},
	"graph/config":       {"graph/diag"},
	"graph/expr":         {"graph/diag", "graph/types", "graph/record"},
	"graph":              {"graph/diag", "graph/types", "graph/record", "graph/config", "graph/expr"},
	"graph/diff":         {"graph", "graph/types", "graph/diag", "graph/config", "graph/redact"},
	"graph/render":       {"graph", "graph/types", "graph/diag", "graph/diff", "graph/redact", "graph/render"},
	"nodes":              {"graph", "graph/diag", "graph/types", "graph/record", "graph/config", "graph/expr"},
	"scheduler":          {"nodes", "graph", "graph/types", "graph/record", "graph/redact", "graph/expr", "scheduler", "internal/durable"},
	"scheduler/flowtest": {"scheduler", "nodes", "graph", "graph/diag", "graph/types", "graph/record", "graph/redact", "graph/config", "graph/expr"},
	"scheduler/trial":    {"scheduler", "nodes", "graph", "graph/diag", "graph/types", "graph/record", "graph/redact"},
	"scheduler/advise":   {"graph", "scheduler/metrics"},
	"web":                {"scheduler", "scheduler/trial", "nodes", "graph", "graph/types", "graph/diag", "graph/config", "graph/expr", "graph/diff", "graph/redact", "graph/render", "web"},
}

// shared are packages that packs are built on; they hold no kinds.
var shared = []string{"nodes/columns", "nodes/aggregate"}

// soleImporters are libraries that one package alone may know.
var soleImporters = map[string]string{
	"gopkg.in/yaml.v3":              "graph/config",
	"gonum.org/v1/gonum":            "graph",
	"github.com/goccy/go-graphviz":  "graph/render",
	"github.com/expr-lang/expr":     "graph/expr",
	"github.com/spf13/cobra":        "cmd/flowrun/cli",
	"github.com/klauspost/compress": "nodes/file",
	"github.com/bmatcuk/doublestar": "nodes/file",
	"go.opentelemetry.io":           "otlp",
	"google.golang.org/protobuf":    "otlp",
}

// room is the entry of mayImport that rules a package.
func room(path string) string {
	for p := path; p != ""; p = p[:max(0, strings.LastIndexByte(p, '/'))] {
		if _, ok := mayImport[p]; ok {
			return p
		}
	}
	return ""
}

// firstTwo gives the first two parts of a path: a pack, with its inner packages.
func firstTwo(path string) string {
	parts := strings.SplitN(path, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

func TestArrowsGoOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		path := strings.TrimPrefix(pkg.ImportPath, module)
		for _, imp := range pkg.Imports {
			for lib, sole := range soleImporters {
				if strings.HasPrefix(imp, lib) && path != sole {
					t.Errorf("%s imports %s, which only %s may", path, imp, sole)
				}
			}
			ours, ok := strings.CutPrefix(imp, module)
			if !ok {
				continue
			}
			pack := strings.HasPrefix(path, "nodes/") && path != "nodes/std" && path != "nodes/nodetest"
			if pack && strings.HasPrefix(ours, "nodes/") && firstTwo(ours) != firstTwo(path) && !slices.Contains(shared, ours) || strings.HasPrefix(path, "scheduler") && strings.HasPrefix(ours, "nodes/") {
				t.Errorf("%s imports the pack %s", path, ours)
			}
			if r := room(path); r != "" && !strings.HasPrefix(path, "nodes/") && !slices.Contains(mayImport[r], room(ours)) && !slices.Contains(mayImport[r], ours) {
				t.Errorf("%s must not import %s", path, ours)
			}
		}
	}
}

// go-graphviz starts a WebAssembly module when a program starts: 26 ms, 18 MB of
// memory and 7 MB of binary that users of the library must not pay, by no detour.
func TestLibraryDoesNotDraw(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".", "./graph", "./nodes/...", "./scheduler/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(path, "github.com/goccy/go-graphviz") || path == module+"graph/render" || path == module+"web" {
			t.Errorf("the library imports %s", path)
		}
	}
}
