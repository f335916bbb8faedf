package flowtest

import (
	"fmt"
	"testing"
	"testing/synctest"
)

// virtual runs f in a bubble of package testing/synctest: its time starts at the
// beginning of the year 2000 and moves only while all goroutines wait for it. The
// error says that goroutines were left behind, all of which wait for each other.
//
// synctest.Test asks for a *testing.T, which a program that is no test has not got.
// A zero T serves: synctest makes a T of its own beside it, uses the one it is
// given for its name and for reporting, and f gets to see neither, so that nothing
// can be reported, skipped or ended through it. testing.Init is not needed, which
// would add flags to the program. TestVirtualInAProgram builds a program and holds
// this, should package testing change; f must not panic.
func virtual(f func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the run left something behind: %v", p)
		}
	}()
	synctest.Test(new(testing.T), func(*testing.T) { f() })
	return nil
}
