package flowrun_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes/std"
)

// printed gives diagnostics as a person sees them, with every line number
// replaced by #.
func printed(t *testing.T, l diag.List) string {
	t.Helper()
	var b strings.Builder
	if err := diag.Print(&b, l, diag.Style{}); err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`\.go:\d+`).ReplaceAllString(b.String(), ".go:#")
	return regexp.MustCompile(`(?m)^ *\d+ \| `).ReplaceAllString(text, "| ")
}

// Everything that is wrong is said at once, with the line of the program.
func TestCheckSaysEverything(t *testing.T) {
	type row struct {
		Origin string
		Delay  int
	}
	g := flowrun.New("wrong", std.Nodes)
	rows := flowrun.Slice(g, "rows", []row{{"LAS", 3}})
	late := g.Use("late", "filter", "where: delya > 15", rows)
	flowrun.Drop(flowrun.As[string](late, "texts"), "Drop")
	g.Use("both", "join", "on: {origin: code}", rows)
	g.Use("none", "fliter", nil, rows, flowrun.Workers(0))
	flowrun.Slice(g, "rows", []int{1})

	want := `
flowrun_check_test.go:#:42: unknown field "delya" [E301]
| 	late := g.Use("late", "filter", "where: delya > 15", rows)
      | 	                                        ^^^^^
  hint: did you mean "delay"?
flowrun_check_test.go:#:46: texts.in takes string, but late.out gives {origin: string, delay: int}: {origin: string, delay: int} is not string [E300]
| 	flowrun.Drop(flowrun.As[string](late, "texts"), "Drop")
      | 	                                       ^^^^^
`
	got := printed(t, g.Check())
	fmt.Println(got)
	if !strings.HasPrefix("\n"+got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := g.Run(context.Background()); err == nil || err.Error() != g.Check().Error() {
		t.Error("Run says something else")
	}
	_ = time.Second
}
