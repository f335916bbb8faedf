package file_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// crRows are rows of text whose lines end in CR alone.
func crRows(n int) (text, want string) {
	var b, w strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d,n\r", i)
		fmt.Fprintf(&w, "{\"a\":%d,\"b\":\"n\"}\n", i)
	}
	return b.String(), w.String()
}

// Lines may end in CR alone, in every format, with a header or not, sampled or declared,
// in files, packs and standard input. What stands in quotes stays.
func TestReadLinesThatEndInCR(t *testing.T) {
	rows, many := crRows(40_000)
	ab := `{"a":1,"b":"x"}` + "\n" + `{"a":2,"b":"y"}` + "\n"
	for _, c := range []struct{ name, text, with, want string }{
		{"in.csv", "a,b\r1,x\r2,y\r", "", ab},
		{"in.csv", "a,b\r1,x\r2,y", "", ab},
		{"in.csv", "\uFEFFa,b\r1,x\r2,y", "as: {a: int, b: string}", ab},
		{"in.csv", "\uFEFF\"a\",\"b\r\"\r1,x\r2,y", "as: {a: int, c: {type: string, from: \"b\\r\"}}", strings.ReplaceAll(ab, "b", "c")},
		{"in.csv", "\uFEFF\"a\r\",b\r1,x\r2,y", "", strings.ReplaceAll(ab, `"a"`, `"a\r"`)},
		{"in.csv", "# \"c\ra,b\r\r1,x\r#,\"\r2,y\r", "comment: '#'", ab},
		{"in.csv", "1,x\r2,y\r", "header: false, as: {a: int, b: string}", ab},
		{"in.csv", "a\tb\r1\tx\r2\ty\r", `delimiter: "\t"`, ab},
		{"in.tsv", "a\tb\r1\tx\r2\ty\r", "", ab},
		{"in.csv", "a,b\r1,\"x\r\ny\nz\r\"\"\"\r2,\"\"\"\r\"\"\"\r", "", `{"a":1,"b":"x\r\ny\nz\r\""}` + "\n" + `{"a":2,"b":"\"\r\""}` + "\n"},
		{"in.csv", "a,b\r" + rows, "", many},
		{"in.csv", "a,b\n1,\"x\r\"\n2,\"\r\"\r\n", "", `{"a":1,"b":"x\r"}` + "\n" + `{"a":2,"b":"\r"}` + "\n"},
		{"in.jsonl", "{\"a\":1,\"b\":\"x\"}\r{\"a\":2,\"b\":\"y\"}\r", "", ab},
		{"in.jsonl", "{\"a\":1,\"b\":\"x\"}\r{\"a\":2,\"b\":\"y\"}", "as: {a: int, b: string}", ab},
		{"in.jsonl", strings.ReplaceAll(many, "\n", "\r"), "", many},
		{"in.json", "[{\"a\":1,\"b\":\"x\"},\r{\"a\":2,\"b\":\"y\"}]\r", "", ab},
		{"in.txt", "x\ry\r\rz", "", "{\"line\":\"x\"}\n{\"line\":\"y\"}\n{\"line\":\"\"}\n{\"line\":\"z\"}\n"},
		{"in.txt", "x\ry\n", "", "{\"line\":\"x\\ry\"}\n"},
		{"in.txt", strings.Repeat("x\r", 50_000) + "y\r\nz\n", "", strings.Repeat("{\"line\":\"x\"}\n", 50_000) + "{\"line\":\"y\"}\n{\"line\":\"z\"}\n"},
	} {
		w := world{dir: t.TempDir()}
		with := c.with
		if with != "" {
			with = ", " + with
		}
		w.put(t, c.name, c.text)
		w.reads(t, "path: "+c.name+with, c.want)
		w.put(t, c.name+".gz", packed(t, "gzip", c.text))
		w.reads(t, "path: "+c.name+".gz"+with, c.want)
		w.stdin = strings.NewReader(c.text)
		format := c.name[strings.Index(c.name, ".")+1:]
		if format == "txt" {
			format = "lines"
		}
		w.reads(t, `path: "-", format: `+format+with, c.want)
	}
}

// A quote that is open in a file whose lines end in CR takes no more than max_record with
// it.
func TestOpenQuoteInLinesThatEndInCR(t *testing.T) {
	rows, _ := crRows(3_000)
	w := world{dir: t.TempDir()}
	w.put(t, "in.csv", "a,b\r1,x\r2,\"y\r"+rows)
	o := w.run(t, "flow: f\nnodes:\n  r: {use: file.read, with: {path: in.csv, max_record: 5kB}, on_error: skip}\n  w: {use: file.write, in: r, with: {path: out.csv}}\n")
	if got := strings.Count(w.file("out.csv"), "\n"); o.Err != nil || got < 2_000 || got > 2_500 {
		t.Errorf("%d lines; %s", got, o.Told())
	}
}

// A header of one column that has another delimiter in it is never taken in silence.
func TestOtherDelimiter(t *testing.T) {
	for _, c := range []struct{ name, text, with, problem, hint string }{
		{"in.csv", "a;b\n1;2\n", "", `in.csv has one column, "a;b"`, "if it has several: `delimiter: ';'`; if it has one: `delimiter: ','`"},
		{"in.csv", "a\tb\n1\t2\n", "", `has one column, "a\tb"`, "`delimiter: \"\\t\"`"},
		{"in.csv", "a|b\n1|2\n", "", `has one column, "a|b"`, "`delimiter: '|'`"},
		{"in.tsv", "a,b\n1,2\n", "", `has one column, "a,b"`, "`delimiter: ','`; if it has one: `delimiter: \"\\t\"`"},
		{"in.csv", "a;b\n1;2\n", ", as: {a: int?, b: int?}", `in.csv does not fit its type: the header is one column, "a;b", which is no field of the type; is the delimiter ';'?`, ""},
		{"in.csv", "a;b\n1;2\n", ", as: {a: string?}, extra: keep", "", ""},
		{"in.csv", "a;b\n1;2\n", ", delimiter: ','", "", ""},
		{"in.csv", "a;b\n1;2\n", ", as: {'a;b': string}", "", ""},
		{"in.csv", "a;b,c\n1;2,3\n", "", "", ""},
	} {
		w := world{dir: t.TempDir()}
		w.put(t, c.name, c.text)
		_, list := kit.Load(t, copyFlow("path: "+c.name+c.with, "path: out.jsonl"), map[string]string{c.name: c.text})
		told := nodetest.Printed(list)
		if c.problem == "" && told != "" {
			t.Errorf("%q%s: %s", c.text, c.with, told)
		}
		says(t, told, c.problem, c.hint)
		if strings.Contains(c.with, "?") && c.problem != "" {
			w.stdin = strings.NewReader(c.text)
			w.refused(t, copyFlow(`path: "-", format: csv`+c.with, "path: out.jsonl"), c.problem[strings.Index(c.problem, "the header"):])
		}
	}
}

// What is written comes back: null and the empty text of a file with one column, line ends
// in cells, bytes.
func TestCellsComeBack(t *testing.T) {
	for _, c := range []struct{ as, text string }{
		{"{a: string?}", `{"a":null}` + "\n" + `{"a":""}` + "\n" + `{"a":"x"}` + "\n" + `{"a":null}` + "\n" + `{"a":null}` + "\n"},
		{"{a: string?}", `{"a":null}` + "\n"},
		{"{a: string}", `{"a":""}` + "\n"},
		{"{a: string, b: string}", `{"a":"","b":"x"}` + "\n" + `{"a":"y","b":""}` + "\n" + `{"a":"","b":""}` + "\n"},
		{"{a: string?, b: string?}", `{"a":"","b":null}` + "\n" + `{"a":null,"b":""}` + "\n" + `{"a":null,"b":null}` + "\n"},
		{"{a: int?, b: string}", `{"a":null,"b":""}` + "\n" + `{"a":1,"b":""}` + "\n"},
		{"{a: date?, b: string?}", `{"a":null,"b":""}` + "\n" + `{"a":"2001-01-01","b":null}` + "\n"},
		{"{a: string}", `{"a":""}` + "\n" + `{"a":"x"}` + "\n"},
		{"{a: bytes?}", `{"a":null}` + "\n" + `{"a":""}` + "\n" + `{"a":"eA=="}` + "\n"},
		{"{a: int?}", `{"a":null}` + "\n" + `{"a":1}` + "\n"},
		{"{a: string, b: string?}", `{"a":"x\r\ny\rz\n","b":null}` + "\n" + `{"a":"","b":"\r\n"}` + "\n"},
		{"{a: bytes?, b: string?}", `{"a":"","b":null}` + "\n" + `{"a":null,"b":""}` + "\n"},
	} {
		for _, sampled := range []bool{false, true} {
			if sampled && strings.Contains(c.as, "bytes") {
				continue // bytes are text then
			}
			for _, out := range []string{"out.csv", "out.tsv"} {
				w := world{dir: t.TempDir()}
				w.put(t, "in.jsonl", c.text)
				if o := w.run(t, copyFlow("path: in.jsonl, as: "+c.as, "path: "+out)); o.Err != nil {
					t.Fatal(o.Told())
				}
				as := ", as: " + c.as
				if sampled {
					as = ""
				}
				w.reads(t, "path: "+out+as, c.text)
			}
		}
	}
}
