package arch

import (
	"fmt"
	"slices"
	"strings"
)

// This file holds packages to the rules.

// A Package is what `go list` tells of one, with paths below the module.
type Package struct {
	Path    string
	Doc     string // the first sentence
	Imports []string
	Tests   []string // imports of its tests, those of package x_test too

	Libraries []string // what it imports of others
}

// Says is what lives in the package, in a few words: its first sentence without its name.
func (p *Package) Says() string {
	text := strings.TrimSuffix(p.Doc, ".")
	for _, word := range []string{"Package ", "Command "} {
		if rest, ok := strings.CutPrefix(text, word); ok {
			_, text, _ = strings.Cut(rest, " ")
		}
	}
	return text
}

// Check gives what is wrong with the imports of packages by rules, a sentence each.
func Check(rules []Rule, packages []Package) (wrong []string) {
	at, known := map[string]int{}, map[string]bool{}
	for i, r := range rules {
		for _, room := range r.Rooms {
			if known[room] {
				wrong = append(wrong, fmt.Sprintf("%s has two rules", room))
			}
			at[room], known[room] = i, true
		}
	}
	for i, r := range rules {
		for _, to := range r.May {
			if place, ok := at[to]; !ok || place >= i {
				wrong = append(wrong, fmt.Sprintf("the rule of %s allows %s, which does not stand below it", strings.Join(r.Rooms, ", "), to))
			}
		}
	}
	used := make([]map[string]bool, len(rules))
	for i := range used {
		used[i] = map[string]bool{}
	}
	for _, p := range packages {
		i, ok := at[p.Path]
		if !ok {
			wrong = append(wrong, fmt.Sprintf("%s has no rule", p.Path))
			continue
		}
		r := rules[i]
		for _, to := range p.Imports {
			if used[i][to] = true; !slices.Contains(r.May, to) {
				wrong = append(wrong, fmt.Sprintf("%s must not import %s", p.Path, to))
			}
		}
		for _, to := range p.Tests {
			if to == p.Path || slices.Contains(r.May, to) {
				continue
			}
			if used[i][to] = true; !slices.Contains(r.Tests, to) {
				wrong = append(wrong, fmt.Sprintf("tests of %s must not import %s", p.Path, to))
			}
		}
		delete(known, p.Path)
	}
	for i, r := range rules {
		for _, to := range slices.Concat(r.May, r.Tests) {
			if !used[i][to] {
				wrong = append(wrong, fmt.Sprintf("the rule of %s allows %s, which nobody imports there any more", strings.Join(r.Rooms, ", "), to))
			}
		}
		for _, room := range r.Rooms {
			if known[room] {
				wrong = append(wrong, fmt.Sprintf("%s has a rule and does not exist", room))
			}
		}
	}
	return wrong
}

// CheckLibraries gives the imports of libraries that another package alone may know.
func CheckLibraries(sole map[string]string, packages []Package) (wrong []string) {
	for _, p := range packages {
		for _, path := range p.Libraries {
			for library, only := range sole {
				if strings.HasPrefix(path, library) && !slices.Contains(strings.Fields(only), p.Path) {
					wrong = append(wrong, fmt.Sprintf("%s imports %s, which only %s may", p.Path, path, strings.Join(strings.Fields(only), " and ")))
				}
			}
		}
	}
	return wrong
}
