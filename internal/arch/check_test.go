package arch_test

import (
	"slices"
	"testing"

	"github.com/flowrun/flowrun/internal/arch"
)

// What no rule allows is found, in code and in tests, and so is a rule that is of no use.
func TestCheck(t *testing.T) {
	rules := []arch.Rule{
		{Rooms: []string{"ground"}, Tests: []string{"top"}},
		{Rooms: []string{"left", "right"}, May: []string{"ground"}},
		{Rooms: []string{"top"}, May: []string{"left", "right"}},
	}
	house := func(change func(p map[string]*arch.Package)) []arch.Package {
		all := []arch.Package{
			{Path: "ground", Tests: []string{"ground", "top"}}, {Path: "left", Imports: []string{"ground"}},
			{Path: "right", Imports: []string{"ground"}}, {Path: "top", Imports: []string{"left", "right"}, Tests: []string{"left"}},
		}
		by := map[string]*arch.Package{}
		for i := range all {
			by[all[i].Path] = &all[i]
		}
		change(by)
		return all
	}
	for name, c := range map[string]struct {
		change func(p map[string]*arch.Package)
		rules  []arch.Rule
		want   []string
	}{
		"as it is":          {change: func(map[string]*arch.Package) {}},
		"up, in code":       {change: func(p map[string]*arch.Package) { p["ground"].Imports = []string{"top"} }, want: []string{"ground must not import top"}},
		"up, in tests":      {change: func(p map[string]*arch.Package) { p["left"].Tests = []string{"top"} }, want: []string{"tests of left must not import top"}},
		"beside":            {change: func(p map[string]*arch.Package) { p["left"].Imports = append(p["left"].Imports, "right") }, want: []string{"left must not import right"}},
		"past a floor":      {change: func(p map[string]*arch.Package) { p["top"].Imports = append(p["top"].Imports, "ground") }, want: []string{"top must not import ground"}},
		"new":               {change: func(p map[string]*arch.Package) { p["left"].Path = "other" }, want: []string{"other has no rule", "left has a rule and does not exist"}},
		"stale":             {change: func(p map[string]*arch.Package) { p["top"].Imports = []string{"left"} }, want: []string{"the rule of top allows right, which nobody imports there any more"}},
		"stale, for tests":  {change: func(p map[string]*arch.Package) { p["ground"].Tests = nil }, want: []string{"the rule of ground allows top, which nobody imports there any more"}},
		"a rule that is up": {rules: []arch.Rule{{Rooms: []string{"ground"}, May: []string{"top"}}}, change: func(map[string]*arch.Package) {}, want: []string{"the rule of ground allows top, which does not stand below it"}},
	} {
		r := rules
		if c.rules != nil {
			r = append(slices.Clone(c.rules), rules[1:]...)
		}
		got := arch.Check(r, house(c.change))
		for _, want := range c.want {
			if !slices.Contains(got, want) {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		if len(c.want) == 0 && len(got) > 0 {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

// A library has one package that knows it.
func TestCheckLibraries(t *testing.T) {
	sole := map[string]string{"example.org/lib": "owner"}
	got := arch.CheckLibraries(sole, []arch.Package{
		{Path: "owner", Libraries: []string{"example.org/lib/sub", "fmt"}}, {Path: "other", Libraries: []string{"example.org/lib"}},
	})
	if want := []string{"other imports example.org/lib, which only owner may"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
