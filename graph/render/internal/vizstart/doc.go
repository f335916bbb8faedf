// Package vizstart starts go-graphviz when something is drawn for the first time, and makes
// it keep its compiled code in a folder that nobody else can write to.
//
// go-graphviz starts a WebAssembly module when a program starts, in the inits of three of
// its packages: 0.1 s and 4 MB for every process, also for those that draw nothing. And it
// keeps the native code that it compiles from the module in os.TempDir()/go-graphviz. On a
// shared host anybody can create that folder first and so own machine code that this process
// maps and runs. It has no option for either.
//
// So this package is initialised before those three. With a Go whose runtime it knows it
// marks their inits as done, and [Start] runs them (lazy.go). With another Go they run as
// ever (eager.go; the tag vizstart_eager
// is for its test). While they run, TMPDIR is the user's cache folder (flowrun inside
// os.UserCacheDir, mode 0700, owned by the user who runs the program). Without a usable
// folder (no home, another owner, writable by others) it is the null device: the module is
// then compiled in memory, which costs about a second at every start and trusts nobody.
//
// TMPDIR belongs to the whole process: another goroutine that asks for the temp folder while
// Start runs gets the private one, which is as good.
//
// The order is that of the language, not luck. Go sorts packages by import path and always
// initialises the first one whose imports are all initialised. This package imports nothing
// that go-graphviz does not import too, and its path ("github.com/flowrun/...") sorts before
// "github.com/goccy/go-graphviz", so whenever go-graphviz is ready this one is ready and goes
// first. Adding an import here can break that; the tests here and of graph/render would show
// it.
package vizstart
