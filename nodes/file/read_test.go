package file_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// Two rows in every format.
var twoRows = map[string]string{
	"csv":   "a,b\n1,x\n2,\"y, z\"\n",
	"tsv":   "a\tb\n1\tx\n2\ty, z\n",
	"jsonl": "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y, z\"}\n",
	"json":  "[\n{\"a\":1,\"b\":\"x\"},\n{\"a\":2,\"b\":\"y, z\"}\n]\n",
}

const twoRowsJSONL = "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y, z\"}\n"

var extension = map[string]string{"none": "", "gzip": ".gz", "zstd": ".zst"}

// Every format in every pack is read, from a file whose name says all, from one
// whose name says nothing, and from standard input.
func TestReadFormats(t *testing.T) {
	for format, text := range twoRows {
		for _, compress := range []string{"none", "gzip", "zstd"} {
			w := world{dir: t.TempDir()}
			content := packed(t, compress, text)
			name := "in." + format + extension[compress]
			w.put(t, name, content)
			w.put(t, "plain", content)
			w.reads(t, "path: "+name, twoRowsJSONL)
			w.reads(t, fmt.Sprintf("path: plain, format: %s, compress: %s", format, compress), twoRowsJSONL)
			w.stdin = strings.NewReader(content)
			with := fmt.Sprintf(`path: "-", format: %s, compress: %s`, format, compress)
			if compress != "none" {
				with += ", as: {a: int, b: string}"
			}
			w.reads(t, with, twoRowsJSONL)
		}
	}
}

func TestReadLines(t *testing.T) {
	w := world{dir: t.TempDir()}
	w.put(t, "a.txt", "\xEF\xBB\xBFone\r\n\n two\nthree")
	w.reads(t, "path: a.txt", "{\"line\":\"one\"}\n{\"line\":\"\"}\n{\"line\":\" two\"}\n{\"line\":\"three\"}\n")
	w.put(t, "empty.log", "")
	w.reads(t, "path: empty.log", "")
	w.put(t, "bad.log", "good\nb\xffd\nlast\n")
	w.bad(t, "path: bad.log", "line", []string{`bad.log:2 the line is not UTF-8`})
	w.refused(t, copyFlow("path: a.txt, as: {x: int}", `path: "-", format: lines`), "they take no `as`")
}

// bad expects the bad items of a file.read: file:line and reason.
func (w world) bad(t testing.TB, with, field string, want []string) {
	t.Helper()
	for _, workers := range []int{1, 4} {
		w.workers = workers
		o := w.run(t, fmt.Sprintf(`
flow: bad
nodes:
  r: {use: file.read, with: {%s}, on_error: dead}
  good: {use: file.write, in: r, with: {path: good.jsonl}}
  bad: {use: file.write, in: r.errors, with: {path: "-", format: jsonl}}
`, with))
		if o.Err != nil || o.Problems.HasErrors() {
			t.Fatalf("%s: %s", with, o.Told())
		}
		var got []string
		for line := range strings.Lines(o.Stdout) {
			var item struct {
				File, Error string
				Line        int
			}
			if err := json.Unmarshal([]byte(line), &item); err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s:%d %s", filepath.Base(item.File), item.Line, item.Error))
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("%s, %d workers: bad items\n%s\nwant\n%s", with, workers, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// Files come in the order of the paths, those of a pattern in that of their names.
func TestReadOrder(t *testing.T) {
	w := world{dir: filepath.Join(t.TempDir(), "flow [1] {x}*")} // the folder's name is no pattern
	for _, name := range []string{"b.jsonl", "a.jsonl", "sub/c.jsonl", "sub/deep/d.jsonl", ".hidden.jsonl", "x[1].jsonl", "x1.jsonl"} {
		w.put(t, name, fmt.Sprintf("{\"f\":%q}\n", name))
	}
	w.put(t, "sub/e.jsonl.gz", packed(t, "gzip", "{\"f\":\"e\"}\n"))
	for with, want := range map[string]string{
		"path: [b.jsonl, a.jsonl]":                        "b.jsonl a.jsonl",
		"path: '[ab].jsonl'":                              "a.jsonl b.jsonl",
		"path: '{b,a}.jsonl'":                             "a.jsonl b.jsonl",
		"path: ['s*/*.jsonl', '?.jsonl']":                 "sub/c.jsonl a.jsonl b.jsonl",
		"path: '**/*.jsonl'":                              "a.jsonl b.jsonl sub/c.jsonl sub/deep/d.jsonl x1.jsonl x[1].jsonl",
		"path: 'sub/*.jsonl*'":                            "sub/c.jsonl e",
		"path: 'x[1].jsonl'":                              "x[1].jsonl", // a real name comes before the pattern it would be
		"path: './sub/../a.jsonl'":                        "a.jsonl",
		"path: '" + filepath.Join(w.dir, "a.jsonl") + "'": "a.jsonl",
	} {
		var lines strings.Builder
		for _, f := range strings.Fields(want) {
			fmt.Fprintf(&lines, "{\"f\":%q}\n", f)
		}
		w.reads(t, with, lines.String())
	}
}

// What cannot be read is told before the run, with what to do about it.
func TestReadMissing(t *testing.T) {
	w := world{dir: t.TempDir()}
	w.put(t, "data/movies.csv", "a\n1\n")
	w.put(t, "data/other.jsonl", "{}\n")
	w.put(t, "noname", "1\n")
	w.put(t, "empty.csv", "")
	w.put(t, "blank.jsonl", " \n\n")
	w.put(t, "cut.csv.gz", packed(t, "gzip", strings.Repeat("a,b\n", 9999))[:60])
	w.put(t, "wrong.csv.gz", "a,b\n1,2\n")
	w.put(t, "wrong.csv.zst", "a,b\n1,2\n")
	w.put(t, "nothing.csv.gz", "")
	w.put(t, "wide.csv", "\xFF\xFEa\x00\n\x00")
	w.put(t, "gz.csv", packed(t, "gzip", "a\n1\n"))
	w.put(t, "zst.jsonl", packed(t, "zstd", "1\n"))
	for with, want := range map[string][]string{
		"path: wide.csv":                         {"it is UTF-16; say encoding: utf-16"},
		"path: wide.csv, as: {a: int}":           {"wide.csv: it is UTF-16"},
		"path: gz.csv":                           {"it is packed; say compress: gzip"},
		"path: zst.jsonl":                        {"it is packed; say compress: zstd"},
		"path: data/movie.csv":                   {"E401", "there is no file", `did you mean "data/movies.csv"?`},
		"path: zzzzzz/qqqqqq":                    {"there is no file", "relative to the folder of the flow"},
		"path: data":                             {"is a folder", "data/*.csv"},
		"path: data/movies.csv/x":                {"there is no file"},
		"path: 'data/*.tsv'":                     {`no file matches "data/*.tsv"`, "paths are relative to the folder of the flow"},
		"path: 'dada/*.tsv'":                     {`no file matches "dada/*.tsv"`, "there is no folder"},
		"path: 'data/[a.csv'":                    {"is not a valid pattern"},
		"path: 'data/*'":                         {"is jsonl, but", "is csv", "read them by two nodes"},
		"path: noname":                           {"the format of", "cannot be told", "format: csv"},
		"path: '-'":                              {"standard input and output have no name that tells the format", "format: csv"},
		"path: empty.csv":                        {"empty.csv cannot be inferred: it is empty", "declare it"},
		"path: blank.jsonl":                      {"it is empty"},
		"path: empty.csv, as: {a: int}":          {"empty.csv: it is empty"},
		"path: cut.csv.gz":                       {"ends too early"},
		"path: wrong.csv.gz":                     {"this is not a gzip file"},
		"path: wrong.csv.zst":                    {"this is not a zstd file"},
		"path: nothing.csv.gz":                   {"it is empty"},
		"path: ['-', '-'], format: lines":        {"standard input can be read only once"},
		"path: data/movies.csv, delimiter: ab":   {"one ASCII character"},
		"path: data/movies.csv, delimiter: '\"'": {"two meanings"},
		"path: data/movies.csv, comment: ','":    {"two meanings"},
		"path: data/movies.csv, as: '[int]'":     {"rows of a csv file are records"},
		"path: data/movies.csv, as: {zzz: int}":  {"does not fit its type", "zzz"},
		"path: data/movies.csv, as: {a: [int]}":  {"a"},
		"path: data/movies.csv, nulls: ['a\"b']": {"cannot stand for null"},
		"path: data/movies.csv, header: 'maybe'": {"header"},
		"path: '-', format: csv, compress: gzip": {"cannot be inferred", "declare it with `as:`"},
		"path: '-', format: csv":                 {"standard input cannot be inferred: it is empty"},
	} {
		w.refused(t, copyFlow(with, `path: "-", format: jsonl`), want...)
	}
	o := w.run(t, copyFlow("path: data/other.jsonl, delimiter: ';', as: {a: int?}", `path: "-", format: jsonl`))
	says(t, o.Told(), "W505", "are for csv, not for jsonl")
	w.refused(t, `
flow: twice
nodes:
  a: {use: file.read, with: {path: "-", format: lines}}
  b: {use: file.read, with: {path: "-", format: lines}}
  d: {use: drop, in: [a, b]}
`, "standard input is read by", "one reader")
}

// An empty first file does not hide the type of the others.
func TestSampleFirstRows(t *testing.T) {
	w := world{dir: t.TempDir()}
	w.put(t, "1.jsonl", "\n")
	w.put(t, "2.jsonl", "{\"a\":1}\n")
	w.reads(t, "path: '*.jsonl'", "{\"a\":1}\n")
	w.put(t, "1.csv", "a,b\n")
	w.put(t, "2.csv", "a,b\n1,x\n")
	w.reads(t, "path: '*.csv'", "{\"a\":1,\"b\":\"x\"}\n")
	w.reads(t, "path: 1.csv", "")
	w.put(t, "e.json", "[]")
	w.reads(t, "path: e.json, as: {a: int}", "")
	w.put(t, "e.jsonl", "")
	w.reads(t, "path: e.jsonl, as: {a: int}", "")
	// One row, longer than a sample.
	long := fmt.Sprintf("{\"a\":%q}", strings.Repeat("y", 3<<19))
	w.put(t, "long.json", "["+long+"]")
	w.reads(t, "path: long.json", long+"\n")
	w.put(t, "long.csv", "a\n\""+strings.Repeat("y\n", 3<<18)+"\"\n")
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	if err := enc.Encode(map[string]string{"a": strings.Repeat("y\n", 3<<18)}); err != nil {
		t.Fatal(err)
	}
	w.reads(t, "path: long.csv", b.String())
}

func TestReadCSVOptions(t *testing.T) {
	for _, c := range []struct{ with, text, want string }{
		{"delimiter: ';'", "a;b\n1;2,5\n", `{"a":1,"b":"2,5"}`},
		{"format: tsv", "a\tb\n1\tx,y\n", `{"a":1,"b":"x,y"}`},
		{"format: tsv, delimiter: '|'", "a|b\n1|x\ty\n", `{"a":1,"b":"x\ty"}`},
		{"header: false", "1,x\n2,y\n", "{\"column_1\":1,\"column_2\":\"x\"}\n{\"column_1\":2,\"column_2\":\"y\"}"},
		{"header: false, as: {n: int, s: string}", "1,x\n", `{"n":1,"s":"x"}`},
		{"comment: '#'", "# one\n\n# \"two\na,b\n# three\n1,2\n", `{"a":1,"b":2}`},
		{"nulls: NA", "a,b\nNA,1\n2,NA\n", "{\"a\":null,\"b\":1}\n{\"a\":2,\"b\":null}"},
		{"nulls: [NA, '-']", "a,b\nNA,-\n2,\"-\"\n", "{\"a\":null,\"b\":null}\n{\"a\":2,\"b\":\"-\"}"},
		{"header: true", "\xEF\xBB\xBFa,b\r\n1,\"x\r\ny\"\r\n", `{"a":1,"b":"x\r\ny"}`},
		{"header: false", "\xEF\xBB\xBF1,2\r\n", `{"column_1":1,"column_2":2}`},
		{"header: true", "\xEF\xBB\xBF\"a,\",b\n1,2\n", `{"a,":1,"b":2}`},
		{"header: true", "a,b\n1,2", `{"a":1,"b":2}`},
		{"header: true", "a,a,\n1,2,3\n", `{"a":1,"a_2":2,"column_3":3}`},
		{"as: {b: int}", "a,b\n1,2\n", `{"b":2}`},
		{"as: {c: int?, b: int}", "a,b\n1,2\n", `{"c":null,"b":2}`},
		{"as: {a: string}", "a\n001\n", `{"a":"001"}`},
		{"as: {a: float}", "a\n1\n", `{"a":1}`},
		{"header: true", "a\n001\n", `{"a":"001"}`},
	} {
		w := world{dir: t.TempDir()}
		w.put(t, "in.csv", c.text)
		w.reads(t, "path: in.csv, "+c.with, c.want+"\n")
	}
}

// Each file of a pattern has a header of its own. What only some of them have is null in
// the rows of the others; of a declared type, a column that is not there is a problem of
// that file.
func TestReadColumnOrders(t *testing.T) {
	w := world{dir: t.TempDir()}
	w.put(t, "1.csv", "a,b\n1,x\n")
	w.put(t, "2.csv", "b,c,a\ny,?,2\n")
	w.put(t, "3.csv", "a,b\n")
	w.reads(t, "path: '*.csv'", "{\"a\":1,\"b\":\"x\",\"c\":null}\n{\"a\":2,\"b\":\"y\",\"c\":\"?\"}\n")
	says(t, w.run(t, copyFlow("path: '*.csv'", `path: "-", format: jsonl`)).Told(), "W504", `2.csv has column "c" besides`)
	w.reads(t, "path: '*.csv', as: {a: int, b: string}", "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n")
	w.refused(t, copyFlow("path: '*.csv', extra: error, as: {a: int, b: string}", `path: "-", format: jsonl`), "2.csv does not fit", `"c"`)
	w.put(t, "4.csv", "b\nz\n")
	w.reads(t, "path: '*.csv'", "{\"a\":1,\"b\":\"x\",\"c\":null}\n{\"a\":2,\"b\":\"y\",\"c\":\"?\"}\n{\"a\":null,\"b\":\"z\",\"c\":null}\n")
	w.refused(t, copyFlow("path: '*.csv', as: {a: int, b: string}", `path: out.jsonl`), "4.csv does not fit", `"a"`)
	if w.file("out.jsonl") != "" {
		t.Error("a flow that failed has written")
	}
	w.put(t, "4.csv", "")
	w.reads(t, "path: '*.csv', as: {a: int, b: string}", "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n")
	says(t, w.run(t, copyFlow("path: '*.csv', as: {a: int, b: string}", `path: "-", format: jsonl`)).Told(), "4.csv: it is empty")
}

func TestReadJSON(t *testing.T) {
	for text, want := range map[string]string{
		"[{\"a\":1},{\"a\":2}]":             "{\"a\":1}\n{\"a\":2}\n",
		"{\"a\":1}{\"a\":2}\n{\"a\":3}":     "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n",
		"\xEF\xBB\xBF [ {\n\"a\"\n:1 } ]\n": "{\"a\":1}\n",
		"[1,2]":                             "1\n2\n",
	} {
		w := world{dir: t.TempDir()}
		w.put(t, "in.json", text)
		w.reads(t, "path: in.json", want)
	}
	for text, want := range map[string]string{
		"[{\"a\":1},\n{\"a\":2}":      "in.json:2: ",
		"[{\"a\":1},\n\n{\"a\":":      "in.json:3: the file ends inside a value",
		"[{\"a\":1}]\n\n x":           "in.json:3: ",
		"[{\"a\":1}\n {\"a\":2}]":     "in.json:2: ",
		"[{\"a\":1},\n{\"a\":2},\n ]": "in.json:3: ",
	} {
		w := world{dir: t.TempDir()}
		w.put(t, "in.json", text)
		w.refused(t, copyFlow("path: in.json, as: {a: int}", "path: out.jsonl"), want)
		if names := w.names(t); len(names) != 1 {
			t.Errorf("after a failure there are %q", names)
		}
	}
}

// Bad rows have the right file and line: after blank lines, after bad rows, in the
// second file, and far behind the first chunk.
func TestReadBadRows(t *testing.T) {
	w := world{dir: t.TempDir()}
	w.put(t, "1.jsonl", "\n{\"a\":1}\n\n{\"a\":}\n{\"a\":\"x\"}\n\n{\"a\":2,\"a\":3}\n{\"a\":9223372036854775808}\n")
	w.put(t, "2.jsonl", strings.Repeat("{\"a\":5}\n", 100_000)+"{\"a\":1}}\n"+strings.Repeat("{\"a\":6}\n\n", 100_000)+"[]")
	w.bad(t, "path: ['1.jsonl', '2.jsonl'], as: {a: int}", "a", []string{
		`1.jsonl:4 field "a": not JSON at byte 6 of the line: want a value, got "}"`, `1.jsonl:5 field "a": want int, got "x"`, `1.jsonl:8 field "a": want int, got 9223372036854775808`,
		`2.jsonl:100001 not JSON at byte 8 of the line: the line goes on after its value, got "}"`, `2.jsonl:300002 want an object, got an array`,
	})
	if rows := strings.Count(w.file("good.jsonl"), "\n"); rows != 200_002 {
		t.Errorf("%d good rows", rows)
	}
	w.put(t, "1.csv", "a,b\n1,2\n\n1,2,3\n\"x\",2\n\"1\n\",2\n3\n4,5\n")
	w.put(t, "2.csv", "b,a\r\n"+strings.Repeat("\"one\r\ntwo\",5\r\n", 60_000)+"x,y\r\n\"open,1\r\n1,2\r\n")
	w.bad(t, "path: ['1.csv', '2.csv'], as: {a: int, b: string}", "a", []string{
		"1.csv:4 the row has 3 cells, want 2", `1.csv:5 field "a": want int, got "x"`, `1.csv:6 field "a": want int, got "1\n"`,
		"1.csv:8 the row has 1 cells, want 2", `2.csv:120002 field "a": want int, got "y"`, `2.csv:120003 field "b": a quote is not closed`,
	})
	w.put(t, "in.json", "[\n{\"a\":1},\n\n{\"a\":true},{\"a\":2},\n{\"a\"\n:\nnull}]")
	w.bad(t, "path: in.json, as: {a: int}", "a", []string{`in.json:4 field "a": want int, got true`, `in.json:5 field "a" is null, but int is not nullable`})
	w.put(t, "x.jsonl", "{\"a\":1,\"b\":2}\n{\"a\":1}\n")
	w.bad(t, "path: x.jsonl, as: {a: int}, extra: error", "a", []string{`x.jsonl:1 unknown field "b"`})
	w.reads(t, "path: x.jsonl, as: {a: int}", "{\"a\":1}\n{\"a\":1}\n")
	w.refused(t, copyFlow("path: 2.jsonl, as: {a: int}", "path: out.jsonl"), "2.jsonl:100001")
}

// Rows that cross the end of a chunk, in every way, come out as they went in, for any
// number of workers. Each setup has rows of its own, so that the chunks of all setups
// end in more places than those of one.
func TestReadChunkBorders(t *testing.T) {
	for n, setup := range setups {
		var text, want strings.Builder
		text.WriteString("id,text\n")
		for i := range 10_500 {
			cell := strings.Repeat("ab\"c,\n", (i+n)%(37+n))
			fmt.Fprintf(&text, "%d,\"%s\"\r\n", i, strings.ReplaceAll(cell, `"`, `""`))
			quoted, _ := json.Marshal(cell)
			fmt.Fprintf(&want, "{\"id\":%d,\"text\":%s}\n", i, quoted)
		}
		w := world{dir: t.TempDir(), workers: setup.workers, serial: setup.serial}
		w.put(t, "in.csv", text.String())
		w.put(t, "in.jsonl", want.String())
		w.put(t, "in.json", "["+strings.Join(strings.Split(strings.TrimSpace(want.String()), "\n"), " , \n\n")+"]")
		for _, name := range []string{"in.csv", "in.jsonl", "in.json"} {
			w.readsOnce(t, "path: "+name, want.String())
		}
		w.stdin = strings.NewReader(text.String())
		w.readsOnce(t, `path: "-", format: csv`, want.String())
	}
}

// Lines of 2 MB, which is eight chunks, between short ones and at the end, with and
// without a line end.
func TestReadLongLines(t *testing.T) {
	long := fmt.Sprintf("{\"a\":%q}\n", strings.Repeat("0123456789", 200_000))
	text := "{\"a\":\"s\"}\n" + long + "{\"a\":\"t\"}\n" + long
	w := world{dir: t.TempDir()}
	w.put(t, "in.jsonl", text)
	w.put(t, "in.jsonl.gz", packed(t, "gzip", text[:len(text)-1]))
	w.reads(t, "path: in.jsonl", text)
	w.reads(t, "path: in.jsonl.gz", text)
	w.stdin = strings.NewReader(text)
	w.reads(t, `path: "-", format: jsonl, as: {a: string}`, text)
	w.stdin = strings.NewReader(long)
	w.refused(t, copyFlow(`path: "-", format: jsonl`, "path: out.jsonl"), "standard input cannot be inferred: its first row is too long", "declare it")
}

// A gzip file may have several members, a zstd file several frames and a window
// larger than what this program writes.
func TestReadManyMembers(t *testing.T) {
	w := world{dir: t.TempDir()}
	one, two := "{\"a\":1}\n{\"a\"", ":2}\n{\"a\":3}\n"
	want := "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n"
	for _, compress := range []string{"gzip", "zstd"} {
		name := "in.jsonl" + extension[compress]
		w.put(t, name, packed(t, compress, one)+packed(t, compress, two))
		w.reads(t, "path: "+name, want)
	}
	var wide bytes.Buffer
	z, err := zstd.NewWriter(&wide, zstd.WithWindowSize(128<<20), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("{\"a\":7}\n", 1000)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	w.put(t, "wide.jsonl.zst", wide.String())
	w.reads(t, "path: wide.jsonl.zst", text)
	// A pack that is cut off fails the run, with the rows before it unseen.
	w.put(t, "cut.jsonl.gz", packed(t, "gzip", text)[:30])
	w.refused(t, copyFlow("path: cut.jsonl.gz, as: {a: int}", "path: out.jsonl"), "cut.jsonl.gz: the gzip file ends too early")
	damaged := []byte(packed(t, "gzip", text))
	damaged[len(damaged)-6] ^= 1
	w.put(t, "damaged.jsonl.gz", string(damaged))
	w.refused(t, copyFlow("path: damaged.jsonl.gz, as: {a: int}", "path: out.jsonl"), "damaged.jsonl.gz: the gzip file is damaged")
	if w.file("out.jsonl") != "" {
		t.Error("a flow that failed has written")
	}
}

// Fields that nobody reads are not turned into values, but the rows are checked.
func TestReadNeededFields(t *testing.T) {
	w := world{dir: t.TempDir()}
	w.put(t, "in.jsonl", "{\"a\":1,\"b\":\"not an int\"}\n{\"a\":2,\"b\":}\n{\"a\":3}\n")
	o := w.run(t, `
flow: needed
nodes:
  r: {use: file.read, with: {path: in.jsonl, as: {a: int, b: int}}, on_error: skip}
  m: {use: map, in: r, with: {select: [a]}}
  w: {use: file.write, in: m, with: {path: "-", format: jsonl}}
`)
	if o.Err != nil || o.Stdout != "{\"a\":1}\n{\"a\":3}\n" {
		t.Errorf("%s\n%s", o.Stdout, o.Told())
	}
}

// A sampled type is as narrow as the sample allows, and says where values differ.
func TestSampleTypes(t *testing.T) {
	w := world{dir: t.TempDir()}
	w.put(t, "in.csv", "i,f,b,t,s,n\n1,1,true,2024-05-06T07:08:09Z,x,\n-2,2.5,false,2024-05-06T07:08:10Z,1,3\n")
	f, list := kit.Load(t, copyFlow("path: in.csv", `path: "-", format: jsonl`), map[string]string{"in.csv": w.file("in.csv")})
	if list.HasErrors() {
		t.Fatal(nodetest.Printed(list))
	}
	if got := f.Nodes[0].Output("out").Carries.String(); got != "{i: int, f: float, b: bool, t: time, s: string, n: int?}" {
		t.Errorf("sampled %s", got)
	}
	w.put(t, "mixed.jsonl", "{\"a\":1}\n{\"a\":\"x\"}\n")
	o := w.run(t, copyFlow("path: mixed.jsonl", `path: "-", format: jsonl`))
	says(t, o.Told(), "W504", "mixed.jsonl")
}

// Progress counts the bytes of the files as they lie on the disk, and ends at all.
func TestReadProgress(t *testing.T) {
	w := world{dir: t.TempDir()}
	text := strings.Repeat("{\"a\":7}\n", 100_000)
	w.put(t, "1.jsonl", text)
	w.put(t, "2.jsonl.gz", packed(t, "gzip", text))
	w.put(t, "3.jsonl.zst", packed(t, "zstd", text))
	size := int64(len(text) + len(w.file("2.jsonl.gz")) + len(w.file("3.jsonl.zst")))
	o := w.run(t, copyFlow("path: '*.jsonl*'", "path: out.jsonl"))
	if o.Err != nil {
		t.Fatal(o.Told())
	}
	if got := o.Report.Nodes[0]; got.Done != size || got.Total != size {
		t.Errorf("%d of %d bytes, want %d", got.Done, got.Total, size)
	}
}
