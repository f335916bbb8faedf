//go:build gc && go1.26 && !go1.27 && !vizstart_eager

package vizstart

import (
	"sync"
	"unsafe"
)

// This file has the inits of go-graphviz wait. It leans on how Go 1.26 writes down what
// there is to initialise: for each package a variable NAME..inittask, see initTask in
// runtime/proc.go. The linker refuses names that there are none of. Look at proc.go before
// you let a newer Go have it.

// An initTask is the runtime's: what of a package is to be initialised. Behind it stand, as
// many as it says, the addresses of functions.
type initTask struct {
	state     uint32 // 0: not yet, 1: under way, 2: done
	functions uint32
}

const done = 2

// The packages of go-graphviz that do something when they are initialised, those first
// that others import.
var (
	//go:linkname wasmTask github.com/goccy/go-graphviz/internal/wasm..inittask
	wasmTask initTask
	//go:linkname cgraphTask github.com/goccy/go-graphviz/cgraph..inittask
	cgraphTask initTask
	//go:linkname gvcTask github.com/goccy/go-graphviz/gvc..inittask
	gvcTask initTask
)

// waiting are the tasks that Start is to run. It is empty if they were not left to it.
var waiting []*initTask

func init() {
	for _, t := range []*initTask{&wasmTask, &cgraphTask, &gvcTask} {
		if t.state != 0 { // another order than the language has: leave it all alone
			return
		}
	}
	waiting = []*initTask{&wasmTask, &cgraphTask, &gvcTask}
	for _, t := range waiting {
		t.state = done
	}
}

var once sync.Once

// Start starts go-graphviz. It must be called before anything of it is used, and returns
// when that is possible; after the first time at once. It panics as the inits do.
func Start() {
	once.Do(func() {
		defer withFolder()()
		for _, t := range waiting {
			t.run()
		}
	})
}

// run does what the runtime's doInit1 does.
func (t *initTask) run() {
	first := unsafe.Add(unsafe.Pointer(t), unsafe.Sizeof(*t))
	for i := range t.functions {
		f := unsafe.Add(first, uintptr(i)*unsafe.Sizeof(first))
		(*(*func())(unsafe.Pointer(&f)))()
	}
}

// Ready is for other versions of Go.
func Ready() {}
