package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// This file draws which file of a package uses which.

// An arrow is between two rooms, by their places.
type arrow struct{ from, to int }

// drawFiles writes the files of a package from the top down, and the arrows between them
// that run back up, each with what is used.
func drawFiles(out io.Writer, dir, path string) error {
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedDeps | packages.NeedImports,
		Dir:  dir,
	}, path)
	if err != nil {
		return err
	}
	for _, p := range loaded {
		if len(p.Errors) > 0 {
			return p.Errors[0]
		}
		files, uses := arrowsBetweenFiles(p)
		order := fewestUp(len(files), uses)
		above := make([]int, len(files))
		for i, f := range order {
			above[f] = i
		}
		up := 0
		fmt.Fprintf(out, "%s, from the top down:\n", p.PkgPath)
		for _, f := range order {
			fmt.Fprintf(out, "  %s\n", files[f])
			for _, a := range sorted(uses) {
				if a.from == f && above[a.to] < above[f] {
					up++
					fmt.Fprintf(out, "      up to %s: %s\n", files[a.to], strings.Join(uses[a], ", "))
				}
			}
		}
		fmt.Fprintf(out, "%d files, %d arrows, %d run back up\n", len(files), len(uses), up)
	}
	return nil
}

// arrowsBetweenFiles finds what each file of a package uses of the others.
func arrowsBetweenFiles(p *packages.Package) (files []string, uses map[arrow][]string) {
	uses = map[arrow][]string{}
	file := func(at token.Pos) int {
		return slices.Index(files, filepath.Base(p.Fset.Position(at).Filename))
	}
	for _, f := range p.Syntax {
		files = append(files, filepath.Base(p.Fset.Position(f.Pos()).Filename))
	}
	for i, f := range p.Syntax {
		ast.Inspect(f, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			o := origin(p.TypesInfo.Uses[id])
			if o == nil || o.Pkg() != p.Types || !o.Pos().IsValid() || !declared(o, p.Types) {
				return true
			}
			if to := file(o.Pos()); to >= 0 && to != i && !slices.Contains(uses[arrow{i, to}], o.Name()) {
				uses[arrow{i, to}] = append(uses[arrow{i, to}], o.Name())
			}
			return true
		})
	}
	return files, uses
}

// origin is what a use of something generic was declared as.
func origin(o types.Object) types.Object {
	switch o := o.(type) {
	case *types.Func:
		return o.Origin()
	case *types.Var:
		return o.Origin()
	}
	return o
}

// declared tells what a package declares from what stands inside a function.
func declared(o types.Object, p *types.Package) bool {
	switch o := o.(type) {
	case *types.Var:
		return o.IsField() || o.Parent() == p.Scope()
	case *types.Func:
		return true
	}
	return o.Parent() == p.Scope()
}

func sorted(uses map[arrow][]string) []arrow {
	var all []arrow
	for a := range uses {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b arrow) int {
		if a.from != b.from {
			return a.from - b.from
		}
		return a.to - b.to
	})
	return all
}
