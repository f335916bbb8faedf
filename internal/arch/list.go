package arch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
)

// This file asks the go command which packages there are.

// List asks the go command for the packages of the module in a folder, with what they
// import of it.
func List(dir string) ([]Package, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,Imports,TestImports,XTestImports,Module", "./...")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var all []Package
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath, Doc                    string
			Imports, TestImports, XTestImports []string
			Module                             struct{ Path string }
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		within := func(paths ...[]string) []string {
			var in []string
			for _, path := range slices.Concat(paths...) {
				if below, ok := below(p.Module.Path, path); ok {
					in = append(in, below)
				}
			}
			slices.Sort(in)
			return slices.Compact(in)
		}
		path, _ := below(p.Module.Path, p.ImportPath)
		libraries := slices.DeleteFunc(slices.Clone(p.Imports), func(path string) bool { _, ours := below(p.Module.Path, path); return ours })
		all = append(all, Package{path, p.Doc, within(p.Imports), within(p.TestImports, p.XTestImports), libraries})
	}
}

// below gives a path below a module, "." for the module itself.
func below(module, path string) (string, bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}
