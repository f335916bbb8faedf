package cli

import (
	"strings"

	"golang.org/x/text/width"
)

// A table is text in columns.
type table struct {
	heads []head
	rows  [][]cell
}

// A head begins a column.
type head struct {
	text  string
	right bool // numbers stand on the right
	rank  int  // columns with a high rank go first when there is no room; 0 stays
	least int  // width, so that a table that is drawn again does not jump
}

// A cell is a text and how it is painted.
type cell struct {
	text  string
	paint func(string) string // nil: plain
}

func plainRow(texts ...string) []cell {
	row := make([]cell, len(texts))
	for i, t := range texts {
		row[i].text = t
	}
	return row
}

func (t *table) add(row ...cell) { t.rows = append(t.rows, row) }

// lines lays the table out, each line indented by indent and cut to fit into
// room characters; no bound if room is 0. A column in which every cell is empty
// is left out.
func (t *table) lines(indent string, room int, on ink) []string {
	show, wide := t.columns()
	for room > 0 && total(show, wide)+len(indent) > room {
		worst := -1
		for i, h := range t.heads {
			if show[i] && h.rank > 0 && (worst < 0 || h.rank > t.heads[worst].rank) {
				worst = i
			}
		}
		if worst < 0 {
			break
		}
		show[worst] = false
	}
	if over := total(show, wide) + len(indent) - room; room > 0 && over > 0 {
		wide[0] = max(4, wide[0]-over)
	}
	var lines []string
	header := make([]cell, len(t.heads))
	named := false
	for i, h := range t.heads {
		header[i] = cell{h.text, on.dim}
		named = named || h.text != ""
	}
	if named {
		lines = append(lines, t.line(indent, header, show, wide))
	}
	for _, row := range t.rows {
		lines = append(lines, t.line(indent, row, show, wide))
	}
	return lines
}

// columns measures the table.
func (t *table) columns() (show []bool, wide []int) {
	show, wide = make([]bool, len(t.heads)), make([]int, len(t.heads))
	for i, h := range t.heads {
		for _, row := range t.rows {
			if i < len(row) && row[i].text != "" {
				show[i] = true
				wide[i] = max(wide[i], cellsOf(row[i].text))
			}
		}
		wide[i] = max(wide[i], cellsOf(h.text), h.least)
	}
	return show, wide
}

const gap = 2 // between two columns

func total(show []bool, wide []int) int {
	sum := 0
	for i := range show {
		if show[i] {
			sum += wide[i] + gap
		}
	}
	return sum - gap
}

func (t *table) line(indent string, row []cell, show []bool, wide []int) string {
	var b strings.Builder
	b.WriteString(indent)
	pad := 0 // blanks owed; a line does not end in blanks
	for i := range row {
		if !show[i] {
			continue
		}
		text := fit(row[i].text, wide[i])
		room := wide[i] - cellsOf(text)
		if t.heads[i].right {
			pad, room = pad+room, 0
		}
		if text != "" {
			b.WriteString(strings.Repeat(" ", pad))
			pad = 0
			if row[i].paint != nil {
				b.WriteString(row[i].paint(text))
			} else {
				b.WriteString(text)
			}
		} else {
			room += pad
			pad = 0
		}
		pad += room + gap
	}
	return b.String()
}

// cellsOf is how many cells of a terminal a text takes: two for East Asian wide
// characters.
func cellsOf(s string) int {
	n := 0
	for _, r := range s {
		n += cellsOfRune(r)
	}
	return n
}

func cellsOfRune(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// fit cuts a text to a number of cells.
func fit(s string, room int) string {
	if cellsOf(s) <= room {
		return s
	}
	n := 0
	for i, r := range s {
		if n += cellsOfRune(r); n > room-1 {
			return s[:i] + "…"
		}
	}
	return s
}
