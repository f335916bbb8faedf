package file_test

import (
	"fmt"
	"strings"
	"testing"
)

// A row that is longer than max_record is a bad item with its place and its length, and
// reading goes on behind its first line, in every format, in the sample as in the run.
func TestMaxRecord(t *testing.T) {
	long := strings.Repeat("x", 300_000)
	open := "\"open,1\n" + strings.Repeat("7,seven\n", 2_000)
	rows := strings.Repeat("1,one\n", 3)
	hint := "; a quote may be open in it, so reading goes on in the next line"
	w := world{dir: t.TempDir()}
	for _, c := range []struct {
		name, text, with, field string
		rows                    int
		bad                     []string
	}{
		{"in.csv", "a,b\n" + rows + "2," + long + "\n" + rows, "", "a", 6, []string{"in.csv:5 the row has 300002 bytes, more than max_record (5kB)" + hint}},
		{"in.csv", "a,b\n" + rows + open + rows, "", "a", 2006, []string{"in.csv:5 the row has no end within max_record (5kB)" + hint}},
		{"in.csv", "a,b\n" + open + open, "", "a", 4000, []string{"in.csv:2 the row has no end within max_record (5kB)" + hint, "in.csv:2003 the row has no end within max_record (5kB)" + hint}},
		{"in.csv", "a,b\n" + rows + "\"open,1\n" + rows, "", "a", 6, []string{`in.csv:5 field "a": a quote is not closed`}},
		{"in.tsv", "a\tb\n1\tx\n" + long + "\n2\ty", "", "a", 2, []string{"in.tsv:3 the row has 300000 bytes, more than max_record (5kB)" + hint}},
		{"in.csv", long + "\n" + rows, "header: false, as: {a: int, b: string}, ", "a", 3, []string{"in.csv:1 the row has 300000 bytes, more than max_record (5kB)" + hint}},
		{"in.csv", long + "\n" + rows, "header: false, ", "column_1", 3, []string{"in.csv:1 the row has 300000 bytes, more than max_record (5kB)" + hint}},
		{"in.jsonl", "{\"a\":1}\n{\"a\":\"" + long + "\"}\n{\"a\":2}\n", "", "a", 2, []string{"in.jsonl:2 the line has 300008 bytes, more than max_record (5kB)"}},
		{"in.jsonl", "{\"a\":\"" + long + "\"}\n{\"a\":2}\n", "", "a", 1, []string{"in.jsonl:1 the line has 300008 bytes, more than max_record (5kB)"}},
		{"in.jsonl.gz", packed(t, "gzip", "{\"a\":\""+long+"\"}\n{\"a\":2}\n"+long), "", "a", 1,
			[]string{"in.jsonl.gz:1 the line has 300008 bytes, more than max_record (5kB)", "in.jsonl.gz:3 the line has 300000 bytes, more than max_record (5kB)"}},
		{"in.json", "[{\"a\":1},\n{\"a\":\n\"" + long + "\"},\n{\"a\":2},{\"a\":true}]", "as: {a: int}, ", "a", 2,
			[]string{"in.json:2 the value has 300009 bytes, more than max_record (5kB)", `in.json:4 field "a": want int, got true`}},
		{"in.txt", "a\n" + long + "\nb", "", "line", 2, []string{"in.txt:2 the line has 300000 bytes, more than max_record (5kB)"}},
	} {
		w.put(t, c.name, c.text)
		with := "path: " + c.name + ", " + c.with + "max_record: 5kB"
		w.bad(t, with, c.field, c.bad)
		if rows := strings.Count(w.file("good.jsonl"), "\n"); rows != c.rows {
			t.Errorf("%s: %d good rows, want %d", with, rows, c.rows)
		}
		w.refused(t, copyFlow(with, "path: out.jsonl"), c.bad[0][:strings.Index(c.bad[0], " ")])
	}
}

// What nothing can be read without fails at once: at the check if the file is there, at
// the run in standard input.
func TestMaxRecordOfHeader(t *testing.T) {
	const told = "the header has no end within max_record (5kB); a quote may be open in it"
	for _, text := range []string{strings.Repeat("x", 6_000) + "\n1\n", "a,\"b\n" + strings.Repeat("1,2\n", 2_000), "# c\n" + strings.Repeat("x", 6_000) + "\n1\n"} {
		w := world{dir: t.TempDir()}
		w.put(t, "in.csv", text)
		for _, as := range []string{"", ", as: {a: int?}"} {
			w.refused(t, copyFlow("path: in.csv, comment: '#', max_record: 5kB"+as, "path: out.jsonl"), told)
		}
		w.stdin = strings.NewReader(text)
		w.refused(t, copyFlow("path: '-', format: csv, comment: '#', max_record: 5kB, as: {a: int?}", "path: out.jsonl"), told)
	}
	w := world{dir: t.TempDir()}
	w.put(t, "in.json", fmt.Sprintf("[%q]", strings.Repeat("x", 6_000)))
	w.refused(t, copyFlow("path: in.json, max_record: 5kB", "path: out.jsonl"), "its first value is longer than max_record (5kB)")
}

// max_record is 16 MB unless it is set.
func TestMaxRecordByDefault(t *testing.T) {
	w := world{dir: t.TempDir()}
	w.put(t, "in.txt", strings.Repeat("x", 16_000_000)+"\n"+strings.Repeat("y", 16_000_001)+"\nz\n")
	w.bad(t, "path: in.txt", "line", []string{"in.txt:2 the line has 16000001 bytes, more than max_record (16MB)"})
	if got := len(w.file("good.jsonl")); got != 16_000_000+2*len(`{"line":""}`)+3 {
		t.Errorf("%d bytes are good", got)
	}
}
