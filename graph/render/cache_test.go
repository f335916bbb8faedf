package render

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/render/internal/vizstart"
)

// asked tells the test binary to start Graphviz, to say where its temp folder is, and to
// stop.
const asked = "FLOWRUN_TEST_TEMP_FOLDER"

func TestMain(m *testing.M) {
	if os.Getenv(asked) != "" {
		vizstart.Start()
		fmt.Print(os.TempDir())
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A new process compiles Graphviz into the private folder, or into none, but
// never into the temp folder, and has its temp folder back afterwards. The process
// is these tests without the race detector, under which it takes ten times as long.
func TestCompiledCodeIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the temp folder is the user's own there")
	}
	program := testProgram(t, "")
	tests := map[string]struct {
		mode fs.FileMode // of the cache folder
		want bool        // whether it is used
	}{
		"usable":             {0o700, true},
		"writable by others": {0o777, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if !test.want && testing.Short() {
				t.Skip("it takes a second to compile Graphviz")
			}
			t.Parallel()
			home, temp := t.TempDir(), t.TempDir()
			cache := filepath.Join(home, ".cache")
			if runtime.GOOS == "darwin" {
				cache = filepath.Join(home, "Library", "Caches")
			}
			private := filepath.Join(cache, "flowrun")
			if err := os.MkdirAll(private, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(private, test.mode); err != nil {
				t.Fatal(err)
			}
			child := exec.Command(program)
			child.Env = append(os.Environ(), asked+"=1", "HOME="+home, "XDG_CACHE_HOME=", "TMPDIR="+temp)
			out, err := child.Output()
			if err != nil {
				t.Fatal(err)
			}
			if got := string(out); got != temp {
				t.Errorf("the temp folder is %s afterwards, want %s", got, temp)
			}
			if found := files(t, temp); len(found) > 0 {
				t.Errorf("in the temp folder: %v", found)
			}
			if found := files(t, private); (len(found) > 0) != test.want {
				t.Errorf("in the cache folder: %v", found)
			} else if test.want && !strings.HasPrefix(found[0], "go-graphviz") {
				t.Errorf("not what go-graphviz writes: %v", found)
			}
		})
	}
}

// testProgram builds these tests with some tags, without the race detector.
func testProgram(t *testing.T, tags string) string {
	program := filepath.Join(t.TempDir(), "render.test")
	build := exec.Command("go", "test", "-c", "-tags", tags, "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// Graphviz starts when something is drawn, and not with the process, with a Go that
// package vizstart knows; with any other it starts with the process, and draws alike.
func TestGraphvizStartsWhenDrawn(t *testing.T) {
	const wasm = "init github.com/goccy/go-graphviz/internal/wasm "
	for name, test := range map[string]struct {
		tags  string
		early bool // it starts with the process
	}{
		"this Go":    {"", !strings.HasPrefix(runtime.Version(), "go1.26")},
		"another Go": {"vizstart_eager", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := testProgram(t, test.tags)
			child := exec.Command(program, "-test.run", "^TestSameSceneSamePicture$")
			child.Env = append(os.Environ(), "GODEBUG=inittrace=1")
			out, err := child.CombinedOutput()
			if err != nil || strings.Contains(string(out), "no tests to run") {
				t.Fatalf("%v: %.100s", err, out[max(0, len(out)-100):])
			}
			if early := strings.Contains(string(out), wasm); early != test.early {
				t.Errorf("Graphviz starts with the process: %v, want %v", early, test.early)
			}
		})
	}
}

// files lists what lies below a folder.
func files(t *testing.T, dir string) (found []string) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			path, err = filepath.Rel(dir, path)
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
