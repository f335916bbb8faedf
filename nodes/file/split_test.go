package file_test

import (
	"slices"
	"strings"
	"testing"
)

// Rows go to folders and files by several values. What names no file is a bad item, and what
// a dead run left of any of them goes.
func TestWriteSplitBySeveral(t *testing.T) {
	for _, setup := range setups {
		w := world{dir: t.TempDir(), workers: setup.workers, serial: setup.serial}
		w.put(t, "rows.jsonl", strings.Repeat(`{"y":2025,"m":"01","v":1}
{"y":2025,"m":"02","v":2}
{"y":2026,"m":"01","v":3}
`, 2)+`{"y":2026,"m":"../x","v":4}
{"y":2026,"m":"","v":5}
{"y":2026,"m":"a\u0000b","v":6}
{"y":0,"m":"01","v":7}
`)
		w.put(t, "out/y=2025/m=07/.part.jsonl.flowrun-0", "of a dead run")
		w.put(t, "out/y=2025/other/.part.jsonl.flowrun-0", "of somebody else")
		w.put(t, "out/y=/m=01/.part.jsonl.flowrun-0", "of a dead run")
		o := w.run(t, `
flow: f
nodes:
  r: {use: file.read, with: {path: rows.jsonl, as: {y: int, m: string, v: int}}}
  w: {use: file.write, in: r, with: {path: 'out/y=*/m=*/part.jsonl', split: ['y + 0 * (1 % (7 - v))', m]}, on_error: dead}
  d: {use: map, in: w.errors, with: {select: [error]}}
  e: {use: file.write, in: d, with: {path: "-", format: lines}}
`)
		if o.Err != nil {
			t.Fatal(o.Told())
		}
		names := w.names(t)
		names = slices.DeleteFunc(names, func(n string) bool { return n == "rows.jsonl" })
		want := []string{"out/y=2025/m=01/part.jsonl", "out/y=2025/m=02/part.jsonl", "out/y=2025/other/.part.jsonl.flowrun-0", "out/y=2026/m=01/part.jsonl"}
		if !slices.Equal(names, want) {
			t.Errorf("there are %q", names)
		}
		if got := w.file("out/y=2026/m=01/part.jsonl"); got != strings.Repeat(`{"y":2026,"m":"01","v":3}`+"\n", 2) {
			t.Error(got)
		}
		if n := strings.Count(o.Stdout, "\n"); n != 4 || !strings.Contains(o.Stdout, `split gave "../x", which is no file name`) {
			t.Error(o.Stdout)
		}
		w.refused(t, "flow: f\nnodes:\n  r: {use: file.read, with: {path: rows.jsonl, as: {y: int, m: string, v: int}}}\n  w: {use: file.write, in: r, with: {path: '*/*.csv', split: [y, v], max_files: 3}}\n", "more than 3 files")
	}
}
