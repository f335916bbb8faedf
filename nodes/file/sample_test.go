package file_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// numbered gives lines {"id":0} to {"id":n-1}, with another one in the place of line at,
// counted from 0.
func numbered(n, at int, other string) string {
	var b strings.Builder
	for i := range n {
		if i == at {
			b.WriteString(other)
			continue
		}
		fmt.Fprintf(&b, "{\"id\":%d}\n", i)
	}
	return b.String()
}

// A sample has the beginning, the middle and the end of a file, and of every file.
func TestSampleIsSpread(t *testing.T) {
	const rows = 200_000
	files := map[string]string{}
	refund := "{\"id\":1,\"refund\":12.5}\n"
	files["head.jsonl"] = numbered(rows, 10, refund)
	files["middle.jsonl"] = numbered(rows, rows/2, refund)
	files["tail.jsonl"] = numbered(rows, rows-1, refund)
	files["quarter.jsonl"] = numbered(rows, rows*3/10, refund)
	files["tail.jsonl.gz"] = packed(t, "gzip", numbered(rows, rows-1, refund))
	files["days/1.jsonl"] = "{\"id\":1}\n"
	files["days/2.jsonl"] = "\n"
	files["days/3.jsonl"] = refund + "{\"id\":\"x\"}\n"
	csv := "id,note\n" + strings.Repeat("1,\"a\n2,b\"\n", 150_000) // every other line looks like a row
	files["quoted.csv"] = csv
	files["late.csv"] = csv + "x,\n"
	files["plain.csv"] = "id\n" + strings.Repeat("1\n", 1_000_000) + "\n2.5\n"
	files["one.csv"] = "id\n7\n"
	files["none.csv"] = "id,x\n"
	const wide = "{id: int, refund: float?}"
	const spread = " rows at the beginning, in the middle and at the end of "
	for _, c := range []struct{ with, typ, from string }{
		{"path: head.jsonl", wide, spread + "head.jsonl"},
		{"path: middle.jsonl", wide, spread + "middle.jsonl"},
		{"path: tail.jsonl", wide, spread + "tail.jsonl"},
		{"path: quarter.jsonl", "{id: int}", spread + "quarter.jsonl"},
		{"path: quarter.jsonl, sample: 10MB", wide, "all 200000 rows of quarter.jsonl"},
		{"path: tail.jsonl, sample: 8kB", wide, spread + "tail.jsonl"},
		{"path: tail.jsonl.gz", "{id: int}", " rows at the beginning of tail.jsonl.gz"},
		{"path: tail.jsonl.gz, sample: 10MB", wide, "all 200000 rows of tail.jsonl.gz"},
		{"path: 'days/*.jsonl'", "{id: any, refund: float?}", "all 3 rows of 2 files"},
		{"path: quoted.csv", "{id: int, note: string}", spread + "quoted.csv"},
		{"path: late.csv", "{id: string, note: string?}", spread + "late.csv"},
		{"path: plain.csv", "{id: float}", spread + "plain.csv"},
		{"path: one.csv", "{id: int}", "the only row of one.csv"},
		{"path: none.csv", "{id: string, x: string}", "the header of none.csv"},
	} {
		f, list := kit.Load(t, copyFlow(c.with, `path: "-", format: jsonl`), files)
		if list.HasErrors() {
			t.Fatalf("%s: %s", c.with, nodetest.Printed(list))
		}
		typ, from := f.Nodes[0].Output("out").Carries.String(), f.Nodes[0].Sample.Rows
		if got := strings.ReplaceAll(from, f.Dir+"/", ""); typ != c.typ || !strings.HasSuffix(got, c.from) {
			t.Errorf("%s: %s from %s; want %s from …%s", c.with, typ, got, c.typ, c.from)
		}
	}
}

// What lies behind a sample is never lost: the row is bad, and the message says why and
// what to write.
func TestBehindTheSample(t *testing.T) {
	const rows = 100_000
	at := rows * 3 / 10
	for _, c := range []struct{ name, text, problem, hint string }{
		{"in.jsonl", numbered(rows, at, "{\"id\":1,\"refund\":12.5}\n"), `:30001: unknown field "refund"; the type was sampled from`,
			"`extra: keep` keeps such fields, `extra: drop` leaves them out, `as: '{id: int, refund: float?}'` would take the row"},
		{"in.jsonl", numbered(rows, at, "{\"id\":\"x\"}\n"), `:30001: field "id": want int, got "x"; the type was sampled from`, "`as: '{id: any}'` would take the row"},
		{"in.jsonl", numbered(rows, at, "{\"id\":null}\n"), `:30001: field "id" is null, but int is not nullable; the type was sampled from`, "`as: '{id: int?}'` would take the row"},
		{"in.jsonl", strings.Repeat("{\"x\":0.5}\n", rows) + "{\"x\":12345678901234567890.5}\n" + strings.Repeat("{\"x\":0.5}\n", 2*rows), `:100001: field "x": 12345678901234567890.5 has more digits than a float keeps; the type was sampled from`, "`as: '{x: any}'` would take the row"},
		{"in.csv", "x\n" + strings.Repeat("0.5\n", rows) + "0.12345678901234567890\n" + strings.Repeat("0.5\n", 2*rows), `:100002: field "x": 0.12345678901234567890 has more digits than a float keeps; the type was sampled from`, "`as: '{x: string}'` would take the row"},
		{"in.csv", "id\n" + strings.Repeat("1\n", rows) + "x\n" + strings.Repeat("1\n", 4*rows), `:100002: field "id": want int, got "x"; the type was sampled from`, "`as: '{id: string}'` would take the row"},
		{"in.csv", "id,name\n" + strings.Repeat("1,x\n", rows) + "1,\n" + strings.Repeat("1,\"\"\n", 4*rows), `:100002: field "name" is empty, but string is not nullable; the type was sampled from`, "`as: '{id: int, name: string?}'` would take the row"},
	} {
		w := world{dir: t.TempDir()}
		w.put(t, c.name, c.text)
		o := w.refused(t, copyFlow("path: "+c.name+", sample: 8kB", "path: out.jsonl"), c.problem)
		var hinted interface{ Hint() diag.Hint }
		if !errors.As(o.Err, &hinted) || hinted.Hint().String() != c.hint {
			t.Errorf("%s: the hint of %v\nwant %q", c.problem, hinted, c.hint)
		}
	}
}

// A file among others whose header does not fit is an error where bad items end the run;
// where they do not, the run goes on without its rows, and check says so.
func TestOtherHeaderAmongFiles(t *testing.T) {
	files := map[string]string{"a.csv": "id,n\n1,2\n", "b.csv": "id,m\n3,4\n5,6\n", "c.csv": "id,n\n7,8\n"}
	const flow = "nodes:\n  in: {use: file.read, on_error: HOW, with: {path: \"*.csv\", as: {id: int, n: int}}}\n  out: {use: file.write, in: in, with: {path: \"-\", format: csv}}\n"
	kit.Refuse(t, strings.Replace(flow, "HOW", "fail", 1), files, "E402", `b.csv does not fit its type: field "n": the file has no column "n"`)
	for _, how := range []string{"skip", "dead"} {
		text := strings.Replace(flow, "HOW", how, 1)
		if how == "dead" {
			text += "  bad: {use: file.write, in: in.errors, with: {path: bad.jsonl}}\n"
		}
		r := kit.Run(t, text, files, nodetest.Setup{})
		if r.Err != nil || r.Stdout != "id,n\n1,2\n7,8\n" {
			t.Errorf("%s: %v, %s", how, r.Err, r.Stdout)
		}
		if len(r.Problems) != 1 || r.Problems[0].Code != diag.OtherHeader || !strings.Contains(r.Problems[0].Message, "b.csv does not fit its type, so all its rows are bad items") {
			t.Errorf("%s: %v", how, r.Problems)
		}
		if got := strings.Count(r.File("bad.jsonl"), "\n"); how == "dead" && got != 2 {
			t.Errorf("%d rows of b.csv are bad items, want 2", got)
		}
	}
}
