package flowrun_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

// printed gives diagnostics as a person sees them, without the numbers of lines,
// which change with this file.
func printed(t *testing.T, l diag.List) string {
	t.Helper()
	var b strings.Builder
	if err := diag.Print(&b, l, diag.Style{}); err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`\.go:\d+`).ReplaceAllString(b.String(), ".go:#")
	text = regexp.MustCompile(`(?m)^ *\d+ \| \t*`).ReplaceAllString(text, "    # | ")
	return regexp.MustCompile(`(?m)^      \| \t*`).ReplaceAllString(text, "      | ")
}

// What is wrong is shown in the program, at the option, the id or the settings that
// are wrong.
func TestDiagnostics(t *testing.T) {
	type row struct {
		Origin string
		Delay  int
	}
	rows := func(g *flowrun.Graph) flowrun.Stream[row] { return flowrun.Slice(g, "rows", []row{{"LAS", 3}}) }
	for name, test := range map[string]struct {
		build func(g *flowrun.Graph)
		want  string
	}{
		"field in settings": {func(g *flowrun.Graph) {
			flowrun.Drop(flowrun.As[row](g.Use("late", "filter", "where: delya > 15", rows(g)), "as"), "drop")
		}, `
check_test.go:#:65: unknown field "delya" [E301]
    # | flowrun.Drop(flowrun.As[row](g.Use("late", "filter", "where: delya > 15", rows(g)), "as"), "drop")
      |                                                              ^^^^^
  hint: did you mean "delay"?
`},
		"settings in several lines": {func(g *flowrun.Graph) {
			flowrun.Drop(flowrun.As[row](g.Use("more", "map", `
				set:
				  twice: delay * 2
				  thrice: dealy * 3
			`, rows(g)), "as"), "drop")
		}, `
check_test.go:#:15: unknown field "dealy" [E301]
    # |   thrice: dealy * 3
      |           ^^^^^
  hint: did you mean "delay"?
`},
		"escaped settings": {func(g *flowrun.Graph) {
			some := g.Use("some", "filter", "where: origin == \"LAS\" && dealy > 1", rows(g))
			flowrun.Drop(flowrun.As[row](some, "as"), "drop")
		}, `
check_test.go:#:65: unknown field "dealy" [E301]
    # | some := g.Use("some", "filter", "where: origin == \"LAS\" && dealy > 1", rows(g))
      |                                                              ^^^^^
  hint: did you mean "delay"?
`},
		"settings that are made": {func(g *flowrun.Graph) {
			flowrun.Drop(flowrun.As[row](g.Use("late", "filter", fmt.Sprintf("where: %s > 15", "dealy"), rows(g)), "as"), "drop")
		}, `
settings of late:1:8: unknown field "dealy" [E301]
    # | where: dealy > 15
      |        ^^^^^
  they are the settings of late (check_test.go:#:40)
    # | flowrun.Drop(flowrun.As[row](g.Use("late", "filter", fmt.Sprintf("where: %s > 15", "dealy"), rows(g)), "as"), "drop")
      |                                     ^^^^
  hint: did you mean "delay"?
`},
		"settings as a map": {func(g *flowrun.Graph) {
			with := map[string]any{"where": "delay > 15", "else": 3}
			flowrun.Drop(flowrun.As[row](g.Use("late", "filter", with, rows(g)), "as"), "drop")
		}, `
check_test.go:#:40: unknown key "else" [E101]
    # | flowrun.Drop(flowrun.As[row](g.Use("late", "filter", with, rows(g)), "as"), "drop")
      |                                     ^^^^
  hint: there is where
`},
		"a struct that does not fit": {func(g *flowrun.Graph) {
			type other struct {
				Origin string
				Delay  string
			}
			flowrun.Drop(flowrun.As[other](g.Use("late", "filter", "where: delay > 15", rows(g)), "others"), "drop")
		}, `
check_test.go:#:91: others.in takes other, but late.out gives row: field "delay": int is not string [E300]
    # | flowrun.Drop(flowrun.As[other](g.Use("late", "filter", "where: delay > 15", rows(g)), "others"), "drop")
      |                                                                                        ^^^^^^
  delay is int: Go type flowrun_test.row
  hint: fields are paired by name: that of the tag ` + "`flow` or `json`" + `, else the Go name in snake case
`},
		"limits that are none": {func(g *flowrun.Graph) {
			g.Limit(flowrun.Limits{Workers: -1})
			flowrun.Drop(rows(g), "drop")
		}, `
check_test.go:#:22: the limit of workers is -1, want 1 to 10000, or 0 for none [E103]
    # | g := flowrun.New("wrong", std.Nodes)
      |                   ^^^^^
`},
		"options and ids": {func(g *flowrun.Graph) {
			flowrun.Drop(flowrun.Limit(rows(g), "rows", -1, flowrun.Workers(0)), "Drop", flowrun.Capacity(0))
		}, `
check_test.go:#:41: rows: a limit is at least 0, not -1 [E103]
    # | flowrun.Drop(flowrun.Limit(rows(g), "rows", -1, flowrun.Workers(0)), "Drop", flowrun.Capacity(0))
      |                                      ^^^^
check_test.go:#:41: there are two nodes "rows" [E003]
    # | flowrun.Drop(flowrun.Limit(rows(g), "rows", -1, flowrun.Workers(0)), "Drop", flowrun.Capacity(0))
      |                                      ^^^^
  the first one (check_test.go:#:80)
    # | rows := func(g *flowrun.Graph) flowrun.Stream[row] { return flowrun.Slice(g, "rows", []row{{"LAS", 3}}) }
      |                                                                               ^^^^
check_test.go:#:60: want 1 to 10000, got 0 [E103]
    # | flowrun.Drop(flowrun.Limit(rows(g), "rows", -1, flowrun.Workers(0)), "Drop", flowrun.Capacity(0))
      |                                                         ^^^^^^^
check_test.go:#:74: node id "Drop": want a lower-case letter, then letters, digits and _ [E105]
    # | flowrun.Drop(flowrun.Limit(rows(g), "rows", -1, flowrun.Workers(0)), "Drop", flowrun.Capacity(0))
      |                                                                       ^^^^
check_test.go:#:89: want 1 to 100000000, got 0 [E103]
    # | flowrun.Drop(flowrun.Limit(rows(g), "rows", -1, flowrun.Workers(0)), "Drop", flowrun.Capacity(0))
      |                                                                                      ^^^^^^^^
`},
		"ports": {func(g *flowrun.Graph) {
			both := g.Use("both", "join", "on: origin", rows(g))
			flowrun.Drop(flowrun.As[row](both.Port("lift"), "as"), "drop")
			g.Use("nothing", "filter", "where: true")
		}, `
check_test.go:#:19: join has 2 inputs, say which [E202]
    # | both := g.Use("both", "join", "on: origin", rows(g))
      |                ^^^^
  hint: there is left, right; ports are named by flowrun.In("port", stream) and records.Port("port")
check_test.go:#:53: both (join) has no output "lift" [E202]
    # | flowrun.Drop(flowrun.As[row](both.Port("lift"), "as"), "drop")
      |                                                  ^^
  hint: there is out, unmatched, errors; ports are named by flowrun.In("port", stream) and records.Port("port")
check_test.go:#:11: nothing has no source for its input "in" [E204]
    # | g.Use("nothing", "filter", "where: true")
      |        ^^^^^^^
  hint: give Use a stream, or several, each as flowrun.In("port", stream)
`},
		"two edges": {func(g *flowrun.Graph) {
			r := rows(g)
			g.Use("two", "drop", nil, r, r)
		}, `
check_test.go:#:11: two.in takes one edge [E203]
    # | g.Use("two", "drop", nil, r, r)
      |        ^^^
  hint: put a merge, concat or zip before it
`},
		"a deadlock": {func(g *flowrun.Graph) {
			all := flowrun.Slice(g, "all", []int{1})
			some := flowrun.Filter(all, "some", func(x int) bool { return x > 0 })
			key := func(x int) int { return x }
			pairs := flowrun.Join(all, some, "pairs", key, key, func(a, b int) int { return a }, flowrun.OnFull(flowrun.Block))
			flowrun.Drop(pairs, "drop")
		}, `
check_test.go:#:38: pairs can block for good: it reads some.out -> pairs.right while all.out -> pairs.left fills up, and all feeds both [E206]
    # | pairs := flowrun.Join(all, some, "pairs", key, key, func(a, b int) int { return a }, flowrun.OnFull(flowrun.Block))
      |                                   ^^^^^
  one path: all -> some -> pairs.right (check_test.go:#:38)
    # | pairs := flowrun.Join(all, some, "pairs", key, key, func(a, b int) int { return a }, flowrun.OnFull(flowrun.Block))
      |                                   ^^^^^
  the other: all -> pairs.left (check_test.go:#:38)
    # | pairs := flowrun.Join(all, some, "pairs", key, key, func(a, b int) int { return a }, flowrun.OnFull(flowrun.Block))
      |                                   ^^^^^
  hint: leave out OnFull(Block) there: the edge then holds more than its capacity
`},
		"another graph": {func(g *flowrun.Graph) {
			other := flowrun.Slice(flowrun.New("other"), "strangers", []int{1})
			flowrun.Drop(flowrun.Merge([]flowrun.Stream[int]{flowrun.Slice(g, "ours", []int{2}), other}, "merge"), "drop")
		}, `
check_test.go:#:98: merge reads strangers, which belongs to another graph [E201]
    # | flowrun.Drop(flowrun.Merge([]flowrun.Stream[int]{flowrun.Slice(g, "ours", []int{2}), other}, "merge"), "drop")
      |                                                                                               ^^^^^
  strangers was made here (check_test.go:#:50)
    # | other := flowrun.Slice(flowrun.New("other"), "strangers", []int{1})
      |                                               ^^^^^^^^^
`},
		"kinds": {func(g *flowrun.Graph) {
			g.Use("late", "fliter", nil, rows(g))
		}, `
check_test.go:#:19: unknown kind "fliter" [E104]
    # | g.Use("late", "fliter", nil, rows(g))
      |                ^^^^^^
  hint: did you mean "filter"?
`},
		"warnings": {func(g *flowrun.Graph) {
			flowrun.Filter(rows(g), "late", func(r row) bool { return r.Delay > 15 })
			flowrun.Drop(flowrun.Slice(g, "more", []int{}, flowrun.Capacity(3)), "drop")
		}, `
check_test.go:#:29: warning: nobody reads late.out: its items are lost [W501]
    # | flowrun.Filter(rows(g), "late", func(r row) bool { return r.Delay > 15 })
      |                          ^^^^
  hint: read it, or end it with flowrun.Drop
check_test.go:#:59: warning: more reads nothing, so Capacity has no effect [W505]
    # | flowrun.Drop(flowrun.Slice(g, "more", []int{}, flowrun.Capacity(3)), "drop")
      |                                                        ^^^^^^^^
`},
	} {
		t.Run(name, func(t *testing.T) {
			g := flowrun.New("wrong", std.Nodes)
			test.build(g)
			if got := printed(t, g.Check()); "\n"+got != test.want {
				t.Errorf("got\n%s\nwant%s", got, test.want)
			}
			_, err := g.Run(t.Context())
			if wrong := g.Check().Err(); fmt.Sprint(err) != fmt.Sprint(wrong) {
				t.Errorf("Run says %v, Check %v", err, wrong)
			}
		})
	}
}

func TestPacksAreChecked(t *testing.T) {
	twice := nodes.Write("sink", "Takes.", &sinking{})
	g := flowrun.New("packs", []nodes.Decl{twice, twice})
	if got := g.Check().Error(); !strings.Contains(got, "kind sink is declared twice") {
		t.Error(got)
	}
	g = flowrun.New("packs")
	g.Use("late", "filter", nil)
	if got := g.Check().Error(); !strings.Contains(got, "flowrun.New(name, std.Nodes)") {
		t.Error(got)
	}
	if got := flowrun.New("no blanks").Check().Error(); !strings.Contains(got, "flow name") {
		t.Error(got)
	}
}
