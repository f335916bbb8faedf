package control

import (
	"slices"
	"testing"
	"testing/synctest"
)

// Lines are served in turn, however many wait in one, and each in the order in which they
// came.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(2)
		var crowd, lone Line
		var order []string
		for range 2 {
			if g.Enter(&crowd) != nil {
				t.Fatal("two may be inside, and have to wait")
			}
		}
		ask := func(name string, l *Line) {
			turn := g.Enter(l)
			if turn == nil {
				t.Fatalf("%s is the third inside", name)
			}
			go func() { <-turn; order = append(order, name) }()
		}
		ask("crowd 1", &crowd)
		ask("crowd 2", &crowd)
		ask("lone", &lone)
		ask("crowd 3", &crowd)
		for range 4 {
			g.Exit()
			synctest.Wait()
		}
		if want := []string{"crowd 1", "lone", "crowd 2", "crowd 3"}; !slices.Equal(order, want) {
			t.Errorf("let in %q, want %q", order, want)
		}
		g.Exit()
		g.Exit()
		for i := range 3 {
			if waits := g.Enter(&lone) != nil; waits != (i == 2) {
				t.Errorf("when all have left there is room for two again, and no more: number %d waits: %v", i+1, waits)
			}
		}
	})
}

// Without a limit everybody may enter.
func TestNoGate(t *testing.T) {
	g := NewGate(0)
	for range 100 {
		if g.Enter(&Line{}) != nil {
			t.Fatal("somebody has to wait")
		}
	}
	g.Exit()
}
