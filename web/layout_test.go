package web_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/render"
	"github.com/flowrun/flowrun/web"
	"github.com/flowrun/flowrun/web/webtest"
)

// TestMain is also the child of a layouter: a good one, or one that goes wrong in
// the way its argument says.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || !strings.HasPrefix(os.Args[1], "child-") {
		os.Exit(m.Run())
	}
	reportForDuty()
	switch os.Args[1] {
	case "child-good":
		if err := web.LayoutWorker(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "child-hangs":
		io.Copy(io.Discard, os.Stdin)
		select {}
	case "child-babbles":
		fmt.Print("\x00\x00\x00\x05hello and more")
		io.Copy(io.Discard, os.Stdin)
	case "child-shouts": // a frame of four gigabytes
		fmt.Print("\xff\xff\xff\xff")
		io.Copy(io.Discard, os.Stdin)
	case "child-serves":
		if err := serveEndless(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "child-dies":
		os.Exit(3)
	}
}

func sensors(name string) *render.Scene {
	s := render.FromFlow(webtest.Sensors())
	s.Title = name
	return s
}

func TestChildLaysOut(t *testing.T) {
	l := web.NewLayouter(os.Args[0], "child-good")
	defer l.Close()
	l.SetLimits(context.WithCancel, 3) // the child is replaced on the way
	want := sensors("x")
	if err := render.Layout(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		s := sensors(fmt.Sprint("flow ", i/2)) // every other one is kept already
		if err := l.Layout(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if s.Engine != render.Graphviz {
			t.Fatalf("layout %d was made by %q", i, s.Engine)
		}
		if s.Cards[8].Box != want.Cards[8].Box || len(s.Wires[3].Path) != len(want.Wires[3].Path) {
			t.Errorf("layout %d: enrich at %v, want %v as in this process", i, s.Cards[8].Box, want.Cards[8].Box)
		}
		if err := render.SVG(io.Discard, s, render.SVGOptions{Inline: true}); err != nil {
			t.Error(err)
		}
	}
}

// Whatever the child does, there is a drawing, and nothing is waited for but a child
// that hangs.
func TestBadChildren(t *testing.T) {
	for _, child := range []string{"child-hangs", "child-babbles", "child-shouts", "child-dies", "no-such-child"} {
		t.Run(child, func(t *testing.T) {
			bound := context.WithCancel
			if child == "child-hangs" {
				bound = newRoll(t).until()
			}
			l := web.NewLayouter(os.Args[0], child)
			if child == "no-such-child" {
				l = web.NewLayouter("/no/such/program")
			}
			defer l.Close()
			l.SetLimits(bound, 100)
			for range 2 { // the second has to start another child
				s := sensors("x")
				if err := l.Layout(t.Context(), s); err != nil {
					t.Fatal(err)
				}
				if s.Engine != render.Builtin {
					t.Errorf("the layout is by %q, but there was nothing that could make it", s.Engine)
				}
			}
		})
	}
}

// A child has some seconds, unless a test says otherwise.
func TestChildHasADeadline(t *testing.T) {
	l := web.NewLayouter(os.Args[0], "child-good")
	defer l.Close()
	ctx, cancel := l.Bound()(t.Context())
	defer cancel()
	if end, ok := ctx.Deadline(); !ok || time.Until(end) > 10*time.Second {
		t.Errorf("a layout may take until %v", end)
	}
}

func TestLayoutOfACancelledCaller(t *testing.T) {
	l := web.NewLayouter(os.Args[0], "child-hangs")
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := sensors("x")
	if err := l.Layout(ctx, s); err != nil || s.Engine != render.Builtin {
		t.Errorf("engine %q, error %v", s.Engine, err)
	}
}

func TestLayoutRefusesWiresToNowhere(t *testing.T) {
	l := web.NewLayouter(os.Args[0], "child-good")
	defer l.Close()
	s := sensors("x")
	s.Wires[0].To.Card = 99
	if err := l.Layout(t.Context(), s); err == nil {
		t.Error("a wire to card 99 of 15 was laid out")
	}
}
