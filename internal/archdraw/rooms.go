package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/flowrun/flowrun/internal/arch"
)

// This file writes the table of rooms into ARCHITECTURE.md.

// The table stands between these lines of ARCHITECTURE.md.
const (
	begin = "<!-- rooms: go run ./internal/archdraw -->\n"
	end   = "<!-- end of rooms -->\n"
)

// drawRooms puts the table of rooms into ARCHITECTURE.md. With check it changes nothing, and
// gives an error if the table is another one.
func drawRooms(dir string, check bool) error {
	packages, err := arch.List(dir)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "ARCHITECTURE.md")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(text, []byte(begin))
	_, after, also := bytes.Cut(rest, []byte(end))
	if !ok || !also {
		return fmt.Errorf("%s has no lines %q and %q", path, begin, end)
	}
	drawn := bytes.Join([][]byte{before, []byte(begin + table(packages) + end), after}, nil)
	switch {
	case bytes.Equal(drawn, text):
		return nil
	case check:
		return fmt.Errorf("the table of rooms in %s is not that of the code; to make it: go run ./internal/archdraw", path)
	}
	return os.WriteFile(path, drawn, 0o644)
}

// table lists rooms from the ground up, in the order of their rules: what lives there, and
// what it uses of those above it in the table. It uses nothing else.
func table(packages []arch.Package) string {
	by := map[string]arch.Package{}
	for _, p := range packages {
		by[p.Path] = p
	}
	var b strings.Builder
	b.WriteString("| room | what lives there | what it touches; nothing else may be |\n| --- | --- | --- |\n")
	for _, r := range arch.Rules {
		for _, room := range r.Rooms {
			p := by[room]
			fmt.Fprintf(&b, "| %s | %s | %s |\n", name(room), p.Says(), list(p.Imports))
		}
	}
	return b.String()
}

func list(rooms []string) string {
	var names []string
	for _, r := range rooms {
		names = append(names, name(r))
	}
	return strings.Join(names, ", ")
}

// name is how a room is written: the module's root by its package.
func name(room string) string {
	if room == "." {
		room = "flowrun"
	}
	return "`" + room + "`"
}
