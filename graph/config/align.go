package config

import (
	"bytes"
	"strings"
)

// A beside is a line of a block mapping with a mapping in braces as its value. Such lines
// below each other are often a table: nodes, with what they are.
type beside struct {
	line   int // of the text that is written, from 0
	indent int
	key    int  // with its colon, in bytes
	width  int  // and in characters
	apart  bool // more than one blank followed
}

// alignBraces lines up the braces of lines below each other if their author had begun to,
// for at least one of them.
func alignBraces(text []byte, table []beside) []byte {
	pad := map[int]beside{} // width is that of the blanks then
	for from := 0; from < len(table); {
		to, widest, apart := from, 0, false
		for to < len(table) && table[to].line == table[from].line+to-from && table[to].indent == table[from].indent {
			widest, apart = max(widest, table[to].width), apart || table[to].apart
			to++
		}
		for _, row := range table[from:to] {
			if apart && row.width < widest {
				pad[row.line] = beside{indent: row.indent, key: row.key, width: widest - row.width}
			}
		}
		from = to
	}
	if len(pad) == 0 {
		return text
	}
	var out bytes.Buffer
	i := 0
	for line := range bytes.Lines(text) {
		row, at := pad[i], 0
		if row.width > 0 {
			at = row.indent + row.key
		}
		out.Write(line[:at])
		out.WriteString(strings.Repeat(" ", row.width))
		out.Write(line[at:])
		i++
	}
	return out.Bytes()
}
