package file_test

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The types of the rows in testdata/tables, as people would declare them.
const (
	parquetRows = `{i: int, i8: int?, u32: int?, u64: int?, f: float?, d: float?, h: float?, b: bool?, s: string?, w: string?, by: bytes?, fx: bytes?, ` +
		`dec: "decimal(9,2)?", dec18: "decimal(18,4)?", day: date?, tms: time?, tus: time?, tns: time?, dus: duration?, dms: duration?, l: "[int?]?", ll: "[[string?]?]?", ` +
		`st: "{a: int?, s: {x: string?, l: [int?]?}?}?", ls: "[{k: string?, v: float?}?]?", m: "[{key: string, value: int?}]?"}`
	avroRows = `{i: int, i32: int?, f: float?, d: float?, b: bool?, s: string?, by: bytes?, fx: bytes?, e: enum(RED|GREEN), e2: enum(RED|GREEN)?, ` +
		`dec: "decimal(12,3)?", decf: "decimal(9,2)?", day: date?, tms: time?, tus: time?, lms: time?, dms: duration?, dus: duration?, u: string?, ` +
		`l: "[int?]?", m: "[{key: string, value: int}]?", st: "{a: int?, l: [{x: string}]}?", un: any, num: float}`
)

// tables is a folder with the files of testdata/tables, or with others that were made alike.
func tables(t *testing.T) world {
	t.Helper()
	w := world{dir: t.TempDir()}
	if err := os.CopyFS(w.dir, os.DirFS(cmp.Or(os.Getenv("FLOWRUN_TABLES"), "testdata/tables"))); err != nil {
		t.Fatal(err)
	}
	return w
}

// asLines gives the rows of a jsonl file of some type as flowrun writes them.
func (w world) asLines(t *testing.T, file, as string) string {
	t.Helper()
	o := w.run(t, copyFlow("path: "+file+", as: "+as, `path: "-", format: jsonl`))
	if o.Err != nil || o.Problems.HasErrors() {
		t.Fatal(o.Told())
	}
	return o.Stdout
}

// Files of other programs have the rows that those programs say they have, with the type that
// the file says and with one that is declared.
func TestTablesOfOthers(t *testing.T) {
	w := tables(t)
	for _, c := range []struct{ pattern, rows, as string }{{"*.parquet", "rows.jsonl", parquetRows}, {"*.avro", "more.jsonl", avroRows}} {
		want := w.asLines(t, c.rows, c.as)
		files, err := filepath.Glob(filepath.Join(w.dir, c.pattern))
		if err != nil || len(files) < 4 || strings.Count(want, "\n") != 70 {
			t.Fatal(err, files, want)
		}
		for _, file := range files {
			w.reads(t, "path: "+filepath.Base(file), want)
			w.reads(t, "path: "+filepath.Base(file)+", as: "+c.as, want)
		}
		w.reads(t, "path: '"+c.pattern+"'", strings.Repeat(want, len(files)))
	}
}

// What is written is read back as it was, with all codecs, by any number of workers.
func TestTablesRoundTrip(t *testing.T) {
	w := tables(t)
	rows, more := w.asLines(t, "rows.jsonl", parquetRows), w.asLines(t, "more.jsonl", avroRows)
	for _, c := range []struct{ from, as, want string }{{"rows.jsonl", parquetRows, rows}, {"more.jsonl", avroRows, more}} {
		for _, format := range []string{"parquet", "avro"} {
			for _, compress := range []string{"none", "gzip", "snappy", "zstd"} {
				for _, setup := range setups {
					w.workers, w.serial = setup.workers, setup.serial
					o := w.run(t, copyFlow("path: "+c.from+", as: "+c.as, "path: out."+format+", compress: "+compress))
					if o.Err != nil || o.Problems.HasErrors() {
						t.Fatal(o.Told())
					}
				}
				w.reads(t, "path: out."+format, c.want)
			}
		}
	}
}

// Rows that are nothing but nulls, rows without lists, times at the ends of what they can be,
// and no rows at all.
func TestTablesAtTheEdges(t *testing.T) {
	const as = `{n: "int?", i: int, f: float, t: time, day: date, d: duration, x: "decimal(18,0)", s: string, e: "enum(a|b c)", a: any, l: "[{m: [int]}]", r: "{q: int?}"}`
	const rows = `{"n":null,"i":-9223372036854775808,"f":-0,"t":"1677-09-21T00:12:43.145224193Z","day":"0001-01-01","d":"-2562047h47m16.854775808s","x":-999999999999999999,"s":"","e":"a","a":null,"l":[],"r":{"q":null}}
{"n":null,"i":9223372036854775807,"f":1e300,"t":"2262-04-11T23:47:16.854775807Z","day":"9999-12-31","d":"2562047h47m16.854775807s","x":999999999999999999,"s":"\u0000é","e":"b c","a":{"b":[1,"x",null]},"l":[{"m":[]},{"m":[1,2]}],"r":{"q":7}}
`
	for _, format := range []string{"parquet", "avro"} {
		w := world{dir: t.TempDir()}
		w.put(t, "in.jsonl", rows)
		w.put(t, "none.jsonl", "")
		want := w.asLines(t, "in.jsonl", as)
		for _, file := range []string{"in", "none"} {
			if o := w.run(t, copyFlow("path: "+file+".jsonl, as: "+as, "path: "+file+"."+format)); o.Err != nil || o.Problems.HasErrors() {
				t.Fatal(o.Told())
			}
		}
		w.reads(t, "path: in."+format, want)
		w.reads(t, "path: none."+format, "")
		w.reads(t, "path: [none."+format+", in."+format+", none."+format+"], as: {i: int}, place: true", fmt.Sprintf("{\"i\":-9223372036854775808,\"place\":{\"file\":\"in.%s\",\"line\":1}}\n{\"i\":9223372036854775807,\"place\":{\"file\":\"in.%[1]s\",\"line\":2}}\n", format))
		o := w.run(t, copyFlow("path: in."+format+", as: {i: float, n: string?}", "path: x.jsonl"))
		says(t, o.Told(), "in."+format+" does not fit its type", `"n"`)
	}
}

// Rows that cannot be what their type says are bad items with their number; the others are read.
func TestBadRowsOfTables(t *testing.T) {
	for _, format := range []string{"parquet", "avro"} {
		w := world{dir: t.TempDir()}
		w.put(t, "in.jsonl", `{"a":1,"s":"x"}`+"\n"+`{"a":null,"s":"y"}`+"\n"+`{"a":3,"s":"z"}`+"\n")
		if o := w.run(t, copyFlow("path: in.jsonl, as: {a: int?, s: string}", "path: in."+format)); o.Err != nil {
			t.Fatal(o.Told())
		}
		flow := "flow: f\nnodes:\n  r: {use: file.read, with: {path: in." + format + ", as: {a: int, s: enum(x|y)}}, on_error: dead}\n" +
			"  g: {use: file.write, in: r, with: {path: good.jsonl}}\n  m: {use: map, in: r.errors, with: {select: [file, line, error]}}\n  b: {use: file.write, in: m, with: {path: bad.jsonl}}\n"
		if o := w.run(t, flow); o.Err != nil || o.Problems.HasErrors() {
			t.Fatal(o.Told())
		}
		if got := w.file("good.jsonl"); got != "{\"a\":1,\"s\":\"x\"}\n" {
			t.Errorf("%s: good: %s", format, got)
		}
		says(t, w.file("bad.jsonl"), `"line":2,"error":"field \"a\" is null"`, `"line":3,"error":"field \"s\": want enum(x|y), got \"z\""`, "in."+format)
	}
}

// A file that is no table, or is cut off, or was changed, is an error that names it.
func TestDamagedTables(t *testing.T) {
	w := tables(t)
	for _, file := range []string{"pyarrow-pages-v2.parquet", "duckdb.parquet", "fastavro-snappy.avro"} {
		text := w.file(file)
		ext := filepath.Ext(file)
		for _, c := range []struct{ name, text, want string }{
			{"cut" + ext, text[:len(text)*2/3], "cut off"},
			{"text" + ext, "id,name\n1,Rome\n2,Paris\n", "this is not"},
			{"empty" + ext, "", "empty"},
			{"head" + ext, text[:3], "this is not"},
		} {
			w.put(t, c.name, c.text)
			w.refused(t, copyFlow("path: "+c.name, "path: out.jsonl"), c.name, c.want)
			w.refused(t, copyFlow("path: "+c.name+", as: {i: int}", "path: out.jsonl"), c.name, c.want)
		}
	}
	// A byte that was changed is found, where there are checksums, or changes nothing.
	found := 0
	for _, file := range []string{"pyarrow-pages-v2.parquet", "fastavro-snappy.avro"} {
		want := w.run(t, copyFlow("path: "+file, "path: '-', format: jsonl")).Stdout
		for at := 5; at < len(w.file(file)); at += 211 {
			text := []byte(w.file(file))
			text[at] ^= 1
			w.put(t, "x-"+file, string(text))
			o := w.run(t, copyFlow("path: x-"+file, "path: '-', format: jsonl"))
			switch told := o.Told(); {
			case o.Err == nil && !o.Problems.HasErrors():
				if o.Stdout != want && strings.Count(o.Stdout, "\n") != strings.Count(want, "\n") {
					t.Errorf("%s, byte %d: other rows, and no error", file, at)
				}
			case !strings.Contains(told, "x-"+file):
				t.Errorf("%s, byte %d: %s", file, at, told)
			case strings.Contains(told, "checksum"):
				found++
			}
		}
	}
	if found < 20 {
		t.Errorf("%d bytes were found by their checksums", found)
	}
}

// Settings that a table has no use for are told.
func TestSettingsOfTables(t *testing.T) {
	w := tables(t)
	for _, c := range []struct{ with, want string }{
		{"path: duckdb.parquet, follow: true", "cannot be followed"},
		{"path: duckdb.parquet, compress: zstd", "says itself how its blocks are compressed"},
		{"path: duckdb.parquet, extra: keep", "extra: keep is for text"},
		{"path: duckdb.parquet, extra: error, as: {i: int}", `has columns "i8"`},
		{"path: '-', format: parquet", "parquet is read from the end of its file"},
		{"path: '-', format: avro", "known only when the flow runs"},
		{"path: duckdb.parquet, as: {j: int}", `no column "j"`},
		{"path: duckdb.parquet, as: {i: string}", `column "i" is INT_64 in the file, which is not string`},
		{"path: fastavro-null.avro, as: {j: int}", `no field "j"`},
		{"path: fastavro-null.avro, as: {i: string}", `has long there, which is not string`},
		{"path: duckdb.parquet, as: {i: {type: int, default: '3'}}", "default are for text"},
	} {
		w.refused(t, copyFlow(c.with, "path: out.jsonl"), c.want)
	}
	for _, c := range []struct{ with, want string }{
		{"path: out.parquet, append: true", "cannot be appended to"},
		{"path: out.avro, append: true", "cannot be appended to"},
		{"path: out.jsonl, compress: snappy", "snappy packs blocks"},
		{"path: out.parquet.gz", "not packed as a whole"},
	} {
		w.refused(t, copyFlow("path: rows.jsonl, as: {i: int}", c.with), c.want)
	}
	w.put(t, "n.jsonl", "{\"a b\":1}\n")
	w.refused(t, copyFlow("path: n.jsonl", "path: out.avro"), "a name in Avro is of letters")
	w.put(t, "l.jsonl", "[1]\n")
	w.refused(t, copyFlow("path: l.jsonl", "path: out.parquet"), "its rows are no records")
}

// Avro comes from standard input too, and both go to standard output.
func TestTablesInPipes(t *testing.T) {
	w := tables(t)
	want := w.asLines(t, "more.jsonl", "{i: int, s: string?}")
	w.stdin = strings.NewReader(w.file("fastavro-deflate.avro"))
	w.readsOnce(t, `path: "-", format: avro, as: {i: int, s: string?}`, want)
	w.stdin = nil
	for _, format := range []string{"parquet", "avro"} {
		o := w.run(t, copyFlow("path: more.jsonl, as: {i: int, s: string?}", `path: "-", format: `+format))
		if o.Err != nil || o.Problems.HasErrors() {
			t.Fatal(o.Told())
		}
		w.put(t, "piped."+format, o.Stdout)
		w.reads(t, "path: piped."+format, want)
	}
}

// Files are rotated, and divided by value, as those of text are.
func TestTablesRotateAndSplit(t *testing.T) {
	for _, format := range []string{"parquet", "avro"} {
		w := world{dir: t.TempDir()}
		rows := numberedRows(0, 30_000)
		w.put(t, "rows.jsonl", rows)
		if o := w.run(t, copyFlow("path: rows.jsonl, as: {a: int, b: string}", "path: out/a."+format+", compress: none, rotate: {bytes: 50kB}")); o.Err != nil || len(o.Report.Files) < 3 {
			t.Fatal(o.Told())
		}
		w.reads(t, "path: out/a-*."+format, rows)
		if o := w.run(t, copyFlow("path: rows.jsonl, as: {a: int, b: string}", "path: by/*."+format+", split: a % 2")); o.Err != nil {
			t.Fatal(o.Told())
		}
		o := w.run(t, "flow: f\nnodes:\n  r: {use: file.read, with: {path: 'by/1."+format+"'}}\n  g: {use: group, in: r, with: {set: {n: count(), s: sum(a)}}}\n  w: {use: file.write, in: g, with: {path: '-', format: jsonl}}\n")
		if o.Stdout != "{\"n\":15000,\"s\":225000000}\n" {
			t.Errorf("%s: %v, %q: %s", format, o.Err, o.Stdout, o.Told())
		}
	}
}

// What flowrun writes is read by other programs, with equal values. They are there in CI alone,
// and where somebody calls `make tables`.
func TestTablesForOthers(t *testing.T) {
	python := os.Getenv("FLOWRUN_TABLES_PYTHON")
	if python == "" {
		t.Skip("FLOWRUN_TABLES_PYTHON names no Python with pyarrow, duckdb and fastavro: what they read is not compared")
	}
	w := tables(t)
	for _, c := range []struct{ from, as, to string }{{"rows.jsonl", parquetRows, "flowrun.parquet"}, {"more.jsonl", avroRows, "flowrun.avro"}} {
		for _, compress := range []string{"none", "gzip", "snappy", "zstd"} {
			if o := w.run(t, copyFlow("path: "+c.from+", as: "+c.as, "path: "+c.to+", compress: "+compress)); o.Err != nil {
				t.Fatal(o.Told())
			}
			if c.to == "flowrun.parquet" && w.file("flowrun.avro") == "" {
				continue
			}
			out, err := exec.Command(python, filepath.Join(w.dir, "make.py"), w.dir, "--check").CombinedOutput()
			if err != nil {
				t.Errorf("%s, %s: %s\n%s", c.to, compress, err, out)
			}
		}
	}
}

// The flows that the pages of the kinds show of tables run.
func TestFlowsOfTheDocsOfTables(t *testing.T) {
	for page, want := range map[string][]string{"file.read": {"late.avro"}, "file.write": {"out/LAS.parquet", "out/SFO.parquet"}} {
		text, err := os.ReadFile("docs/" + page + ".md")
		if err != nil {
			t.Fatal(err)
		}
		_, flow, _ := strings.Cut(string(text), "```yaml\n")
		flow, _, ok := strings.Cut(flow, "```")
		if !ok {
			t.Fatal(page, "shows no flow")
		}
		w := world{dir: t.TempDir()}
		w.put(t, "flights.csv", "id,origin,delay\n1,LAS,7\n2,SFO,20\n3,LAS,33\n")
		if o := w.run(t, copyFlow("path: flights.csv", "path: flights.parquet")); o.Err != nil {
			t.Fatal(o.Told())
		}
		if o := w.run(t, flow); o.Err != nil || o.Problems.HasErrors() {
			t.Fatal(o.Told())
		}
		for _, file := range want {
			if w.file(file) == "" {
				t.Errorf("%s: there is no %s", page, file)
			}
		}
	}
}
