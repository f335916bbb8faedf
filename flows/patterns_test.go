package flows_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/flowtest"
)

// runPattern runs a flow of patterns/ in a folder of its own, beside which lies
// data/.
func runPattern(t *testing.T, name string, options scheduler.Options) map[string]string {
	t.Helper()
	top := t.TempDir()
	dir := filepath.Join(top, "patterns")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	link(t, "data", filepath.Join(top, "data"))
	link(t, filepath.Join("patterns", "data"), filepath.Join(dir, "data"))
	return runIn(t, dir, filepath.Join("patterns", name+".yaml"), "", options)
}

// The flows of patterns/ give what patterns/expected/ says, however they are run. Time is
// virtual, so that a busy machine does not have one job overtake another.
func TestPatterns(t *testing.T) {
	paths, err := filepath.Glob("patterns/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal("flows are missing", err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, flowtest.Suffix) {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		t.Run(name, func(t *testing.T) {
			expected := filepath.Join("..", "patterns", "expected", name) // as seen from expected/
			want := readExpected(t, expected)
			for _, options := range []scheduler.Options{{Workers: 1}, {Workers: 2}, {Workers: 7}, {Serial: true}, {Workers: 3, Batch: 5}} {
				var got map[string]string
				synctest.Test(t, func(t *testing.T) { got = runPattern(t, name, options) })
				if *update && options.Workers == 1 {
					writeExpected(t, expected, got)
					want = got
				}
				compare(t, fmt.Sprintf("workers %d, serial %v, batch %d", options.Workers, options.Serial, options.Batch), got, want)
			}
		})
	}
}
