package nodetest_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Tests of kinds reach the engine by this package alone, as those of strangers do.
func TestTestsOfKindsNeedNoEngine(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,TestImports,XTestImports", "github.com/flowrun/flowrun/nodes/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var pkg struct {
			ImportPath                string
			TestImports, XTestImports []string
		}
		if err := dec.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(pkg.ImportPath, "/nodetest") {
			continue
		}
		imports := slices.Concat(pkg.TestImports, pkg.XTestImports)
		if slices.Contains(imports, "github.com/flowrun/flowrun/nodes/nodetest") {
			found++
		}
		for _, imp := range imports {
			if strings.HasPrefix(imp, "github.com/flowrun/flowrun/scheduler") {
				t.Errorf("a test of %s imports %s", pkg.ImportPath, imp)
			}
		}
	}
	if found == 0 {
		t.Error("no test uses the kit")
	}
}
