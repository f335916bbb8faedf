package file_test

import (
	"strings"
	"testing"
)

// Rows say where they stand: behind blank lines, comments, bad rows and rows of several lines.
func TestReadPlace(t *testing.T) {
	for _, c := range []struct {
		name, with, text string
		lines            []string // the value of a, and the line
	}{
		{"in.jsonl", "as: {a: string}", "\n{\"a\":\"x\"}\n\n\n{\"a\":1}\n{\"a\":\"y\"}\n", []string{"x 2", "y 6"}},
		{"in.csv", "validate: all, as: {a: string, b: int}, comment: '#'", "# head\na,b\n\n#no\nx,1\n\"y\n\nz\",2\nq,bad\r\n\r\nw,3\r\n", []string{"x 5", `y\n\nz 6`, "w 11"}},
		{"in.csv", "as: {a: 'string?'}", "a\nx\n\n\ny\n", []string{"x 2", "null 3", "null 4", "y 5"}},
		{"in.json", "as: {a: string}", "[\n{\"a\":\n\"x\"},{\"a\":\"y\"}\n\n,\n{\"a\":\"z\"}]", []string{"x 2", "y 3", "z 6"}},
	} {
		w := world{dir: t.TempDir()}
		w.put(t, c.name, c.text)
		var want strings.Builder
		for _, l := range c.lines {
			a, line, _ := strings.Cut(l, " ")
			if a = `"` + a + `"`; a == `"null"` {
				a = "null"
			}
			want.WriteString(`{"a":` + a + `,"place":{"file":"` + c.name + `","line":` + line + "}}\n")
		}
		o := w.run(t, "flow: f\nnodes:\n  r: {use: file.read, with: {place: true, path: "+c.name+", "+c.with+"}, on_error: skip}\n  m: {use: map, in: r, with: {select: [a, place]}}\n  w: {use: file.write, in: m, with: {path: '-', format: jsonl}}\n")
		if o.Err != nil || o.Stdout != want.String() {
			t.Errorf("%s: got\n%swant\n%s%s", c.with, o.Stdout, want.String(), o.Told())
		}
	}
	// Lines without end, in several batches and chunks.
	w := world{dir: t.TempDir()}
	w.put(t, "in.log", strings.Repeat("x\n\n", 200_000)+"end")
	o := w.run(t, `
flow: f
nodes:
  r: {use: file.read, with: {place: true, path: in.log}}
  m: {use: filter, in: r, with: {where: 'line == "end" || place.line % 100000 == 1'}}
  w: {use: file.write, in: m, with: {path: "-", format: jsonl}}
`)
	says(t, o.Stdout, `{"line":"x","place":{"file":"in.log","line":300001}}`, `{"line":"end","place":{"file":"in.log","line":400001}}`)
	w.refused(t, copyFlow("path: in.log, format: jsonl, as: {place: int}, place: true", "path: out.jsonl"), `a field "place"`)
	w.refused(t, copyFlow("path: in.log, format: jsonl, as: int, place: true", "path: out.jsonl"), "only records")
}
