// Package cachedir makes go-graphviz keep its compiled code in a folder that
// nobody else can write to.
//
// go-graphviz compiles its WebAssembly module in a package init and keeps the
// resulting native code in os.TempDir()/go-graphviz. On a shared host anybody
// can create that folder first and so own machine code that this process maps
// and runs. There is no option for the place, so this package moves TMPDIR
// while go-graphviz initialises:
//
//   - its init points TMPDIR at the user's cache folder (flowrun inside
//     os.UserCacheDir, mode 0700, owned by the user who runs the program);
//   - [Restore], called by the importing package's own init, puts TMPDIR back.
//
// The order is that of the language, not luck. Go sorts packages by import path
// and always initialises the first one whose imports are all initialised. This
// package imports nothing that go-graphviz does not import too, and its path
// ("github.com/flowrun/...") sorts before "github.com/goccy/go-graphviz", so
// whenever go-graphviz is ready this one is ready and goes first. Adding an
// import here can break that; the test of graph/render would show it.
//
// Without a usable folder (no home, another owner, writable by others) TMPDIR
// points at the null device: the module is then compiled in memory, which costs
// about a second at every start and trusts nobody.
package cachedir

import (
	"os"
	"path/filepath"
)

// previous is the TMPDIR to put back; known tells an empty value from none.
var previous, known = os.LookupEnv("TMPDIR")

func init() {
	os.Setenv("TMPDIR", folder(os.UserCacheDir()))
}

// folder is what TMPDIR becomes: the private folder below the user's cache
// folder, or the null device when there is none to be trusted.
func folder(cache string, err error) string {
	if err != nil {
		return os.DevNull
	}
	dir := filepath.Join(cache, "flowrun")
	if err := private(dir); err != nil {
		return os.DevNull
	}
	return dir
}

// Restore puts back the TMPDIR that the program was started with.
func Restore() {
	if known {
		os.Setenv("TMPDIR", previous)
	} else {
		os.Unsetenv("TMPDIR")
	}
}
