package file_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// What the flow of writes reads.
const someRows = "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y, z\"}\n"

// writes runs a flow that writes some rows.
func (w world) writes(t testing.TB, with, rows string) nodetest.Result {
	t.Helper()
	w.put(t, "rows.jsonl", rows)
	return w.run(t, writeFlow(with))
}

func writeFlow(with string) string {
	return copyFlow("path: rows.jsonl, as: {a: int, b: string?}", with)
}

// Every format in every pack is written, to a file and to standard output.
func TestWriteFormats(t *testing.T) {
	for format, text := range twoRows {
		for _, compress := range []string{"none", "gzip", "zstd"} {
			w := world{dir: t.TempDir(), workers: 3}
			name := "new/folder/out." + format + extension[compress]
			if o := w.writes(t, "path: "+name, someRows); o.Err != nil || o.Problems.HasErrors() {
				t.Fatal(o.Told())
			}
			if got := unpacked(t, compress, w.file(name)); got != text {
				t.Errorf("%s: %q", name, got)
			}
			o := w.writes(t, fmt.Sprintf(`path: "-", format: %s, compress: %s`, format, compress), someRows)
			if got := unpacked(t, compress, o.Stdout); got != text {
				t.Errorf("standard output, %s, %s: %q", format, compress, got)
			}
			if len(w.names(t)) != 2 {
				t.Errorf("there are %q", w.names(t))
			}
		}
	}
	for format, text := range map[string]string{"csv": "a,b\n", "tsv": "a\tb\n", "jsonl": "", "json": "[]\n"} {
		w := world{dir: t.TempDir()}
		if o := w.writes(t, "path: out."+format, ""); o.Err != nil || w.file("out."+format) != text {
			t.Errorf("no rows as %s: %q %s", format, w.file("out."+format), o.Told())
		}
		if len(w.names(t)) != 2 {
			t.Errorf("no rows as %s: there are %q", format, w.names(t))
		}
	}
}

func TestWriteOptions(t *testing.T) {
	for with, want := range map[string]string{
		"path: out.csv, delimiter: ';'":                "a;b\n1;x\n2;y, z\n",
		"path: out.csv, header: false":                 "1,x\n2,\"y, z\"\n",
		"path: out.txt, format: tsv":                   "a\tb\n1\tx\n2\ty, z\n",
		"path: out.csv, compress: none, append: false": "a,b\n1,x\n2,\"y, z\"\n",
	} {
		w := world{dir: t.TempDir()}
		o := w.writes(t, with, someRows)
		if got := w.file("out.csv") + w.file("out.txt"); got != want {
			t.Errorf("%s: %q %s", with, got, o.Told())
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	w := world{dir: t.TempDir()}
	w.put(t, "rows.jsonl", someRows)
	w.put(t, "folder/x", "")
	for with, want := range map[string][]string{
		"path: out":                                  {"cannot be told from its name", "format: jsonl"},
		"path: '-'":                                  {"have no name that tells the format"},
		"path: out.txt":                              {"cannot be written as lines", "one text field"},
		"path: out.csv, delimiter: '\"'":             {"two meanings"},
		"path: out.csv, delimiter: '::'":             {"one ASCII character"},
		"path: 'out-*.csv'":                          {"no split says what goes there"},
		"path: out.csv, split: b":                    {"must contain one *"},
		"path: '*/x*.csv', split: a":                 {"must contain one *"},
		"path: '*/x.csv', split: [a, c]":             {"2 stars, one for each value"},
		"path: 'x*.csv', split: b":                   {"never null", "say what null stands for: 'b ?? "},
		"path: 'x*.csv', split: c":                   {`unknown field`},
		"path: out.json, append: true":               {"cannot be appended to", "write jsonl"},
		"path: folder, format: csv":                  {"folder is a folder", "E403"},
		"path: rows.jsonl/out.csv":                   {"rows.jsonl/out.csv cannot be written", "rows.jsonl is a file, not a folder", "E403"},
		"path: rows.jsonl, append: true":             {"appends to the file that is read here", "write another file"},
		"path: 'folder/../rows.jsonl', append: true": {"appends to the file that is read here"},
	} {
		w.refused(t, writeFlow(with), want...)
	}
	if w.file("rows.jsonl") != someRows || len(w.names(t)) != 2 {
		t.Errorf("left %q", w.names(t))
	}
	w.refused(t, copyFlow("path: rows.jsonl, as: {a: int, b: [int]}", "path: out.csv"), `field "b" is [int]`, "write jsonl")
	o := w.run(t, writeFlow("path: out.jsonl, delimiter: ';'"))
	says(t, o.Told(), "W505", "are for csv, not for jsonl")
}

// A field that is wrong already is one mistake, and not another one of the format.
func TestWriteFlawed(t *testing.T) {
	for _, path := range []string{"out.txt", "out.csv", "out.parquet", "out.avro", "out.jsonl"} {
		w := world{dir: t.TempDir()}
		o := w.refused(t, "flow: f\nnodes:\n  g: {use: generate, with: {count: 1, set: {x: nosuch}}}\n  out: {use: file.write, in: g, with: {path: "+path+"}}\n", `unknown field "nosuch"`)
		if n := len(o.Problems); n != 1 {
			t.Errorf("%s: %d problems: %s", path, n, o.Told())
		}
	}
}

// Two nodes do not write one file, whatever they call it.
func TestWriteTwice(t *testing.T) {
	twice := func(one, two string) string {
		return fmt.Sprintf(`
flow: twice
nodes:
  r: {use: file.read, with: {path: rows.jsonl, as: {a: int, b: string}}}
  one: {use: file.write, in: r, with: {%s}}
  two: {use: file.write, in: r, with: {%s}}
`, one, two)
	}
	w := world{dir: t.TempDir()}
	w.put(t, "rows.jsonl", someRows)
	w.put(t, "old.jsonl", "old\n")
	w.refused(t, twice("path: old.jsonl", "path: ./x/../old.jsonl"), "one writes the same file", "merge the two inputs")
	w.refused(t, twice("path: '-', format: csv", "path: '-', format: csv"), "one writes the same file")
	// Which files split makes is known only from its values. Whichever of the two comes
	// later is told who has the file, with a hint and its own path.
	for _, c := range []struct{ two, other string }{
		{"path: 'ol*.jsonl', split: '\"d\"'", "old.jsonl"}, {"path: 'o*.jsonl', split: '\"ld\"'", "ol*.jsonl', split: '\"d\""},
	} {
		o := w.refused(t, twice("path: '"+c.other+"'", c.two), "old.jsonl: node ", " is writing it")
		var told interface {
			Hint() diag.Hint
			Place() diag.Span
		}
		if !errors.As(o.Err, &told) || !strings.Contains(told.Hint().String(), "give one of them another folder") || told.Place().Line < 5 || told.Place().Col < 40 {
			t.Errorf("%s: what to do, and where: %+v", c.two, told)
		}
		if one, two := strings.Contains(o.Told(), "node one is"), strings.Contains(o.Told(), "node two is"); one == two {
			t.Errorf("%s: who has the file: %s", c.two, o.Told())
		}
	}
	if err := os.Symlink("old.jsonl", filepath.Join(w.dir, "link.jsonl")); err == nil {
		w.refused(t, twice("path: old.jsonl", "path: link.jsonl"), "one writes the same file, link.jsonl")
		os.Remove(filepath.Join(w.dir, "link.jsonl"))
	}
	if got := w.names(t); strings.Join(got, " ") != "old.jsonl rows.jsonl" || w.file("old.jsonl") != "old\n" {
		t.Errorf("left %q", got)
	}
	// The claim ends with the run.
	if o := w.run(t, twice("path: old.jsonl", "path: other.jsonl")); o.Err != nil || w.file("old.jsonl") != someRows {
		t.Error(o.Told())
	}
	o := w.run(t, twice("path: '-', format: jsonl", "path: three.jsonl"))
	if o.Err != nil || o.Stdout != someRows {
		t.Error(o.Told())
	}
}

// failing is a flow that fails in its last row.
func (w world) failing(t testing.TB, with string) {
	t.Helper()
	w.put(t, "rows.jsonl", strings.Repeat(someRows, 20_000)+"{\"a\":\n")
	w.refused(t, writeFlow(with), "rows.jsonl:40001")
}

// A flow that fails leaves what was there, and nothing else; see write_keep_test.go for
// files that are added to.
func TestWriteFailure(t *testing.T) {
	for _, with := range []string{"path: out.csv", "path: out.csv.gz", "path: out.csv.zst", "path: 'o*t.csv', split: '\"u\"'"} {
		w := world{dir: t.TempDir()}
		w.failing(t, with)
		if got := w.names(t); len(got) != 1 {
			t.Errorf("%s: there are %q", with, got)
		}
		w.put(t, "out.csv", "a,b\n7,old\n")
		w.put(t, "out.csv.gz", packed(t, "gzip", "a,b\n7,old\n"))
		old := w.file("out.csv.gz")
		w.failing(t, with)
		if got := w.names(t); len(got) != 3 || w.file("out.csv") != "a,b\n7,old\n" || w.file("out.csv.gz") != old {
			t.Errorf("%s: there are %q, %q", with, got, w.file("out.csv"))
		}
	}
}

func TestAppend(t *testing.T) {
	w := world{dir: t.TempDir()}
	for range 2 {
		for _, name := range []string{"out.csv", "out.csv.gz", "out.jsonl.zst"} {
			if o := w.writes(t, "append: true, path: "+name, "{\"a\":1,\"b\":\"x\"}\n"); o.Err != nil || o.Problems.HasErrors() {
				t.Fatal(o.Told())
			}
		}
	}
	if got := w.file("out.csv"); got != "a,b\n1,x\n1,x\n" {
		t.Errorf("%q", got)
	}
	if got := unpacked(t, "gzip", w.file("out.csv.gz")); got != "a,b\n1,x\n1,x\n" {
		t.Errorf("%q", got)
	}
	if got := unpacked(t, "zstd", w.file("out.jsonl.zst")); got != "{\"a\":1,\"b\":\"x\"}\n{\"a\":1,\"b\":\"x\"}\n" {
		t.Errorf("%q", got)
	}
	w.reads(t, "path: out.csv.gz", "{\"a\":1,\"b\":\"x\"}\n{\"a\":1,\"b\":\"x\"}\n")
	w.put(t, "cut.csv", "a,b\n1,x") // no line end
	w.put(t, "empty.csv", "")
	w.put(t, "other.csv", "b,a\nx,1\n")
	for _, name := range []string{"cut", "empty"} {
		w.writes(t, "append: true, path: "+name+".csv", "{\"a\":2,\"b\":\"y\"}\n")
	}
	if w.file("cut.csv") != "a,b\n1,x\n2,y\n" || w.file("empty.csv") != "a,b\n2,y\n" {
		t.Errorf("%q %q", w.file("cut.csv"), w.file("empty.csv"))
	}
	w.refused(t, writeFlow("append: true, path: other.csv"), "other.csv has the columns b, a, and these rows have a, b", "E403")
	if w.file("other.csv") != "b,a\nx,1\n" {
		t.Errorf("%q", w.file("other.csv"))
	}
	if o := w.run(t, writeFlow("append: true, header: false, path: other.csv")); o.Err != nil || w.file("other.csv") != "b,a\nx,1\n2,y\n" {
		t.Errorf("%q", w.file("other.csv"))
	}
}

// A flow may read the file that it writes.
func TestWriteInPlace(t *testing.T) {
	w := world{dir: t.TempDir()}
	rows := strings.Repeat(someRows, 50_000)
	if o := w.writes(t, "path: rows.jsonl", rows); o.Err != nil || w.file("rows.jsonl") != rows || len(w.names(t)) != 1 {
		t.Error(o.Told())
	}
}

func TestSplit(t *testing.T) {
	w := world{dir: t.TempDir(), workers: 3}
	var rows strings.Builder
	want := map[string]string{}
	for i := range 20_000 {
		row := fmt.Sprintf("{\"a\":%d,\"b\":\"v%d\"}\n", i, i%7)
		rows.WriteString(row)
		want[fmt.Sprintf("by/v%d.jsonl", i%7)] += row
	}
	if o := w.writes(t, "path: 'by/*.jsonl', split: 'b ?? \"\"'", rows.String()); o.Err != nil || o.Problems.HasErrors() {
		t.Fatal(o.Told())
	}
	for name, text := range want {
		if w.file(name) != text {
			t.Errorf("%s differs", name)
		}
	}
	o := w.writes(t, "path: 'int/*.csv', split: 'a % 3'", rows.String())
	if len(w.file("int/0.csv"))+len(w.file("int/1.csv"))+len(w.file("int/2.csv")) == 0 || len(o.Report.Files) != 3 {
		t.Errorf("%q %s", o.Report.Files, o.Told())
	}
	w.writes(t, "path: 'j/*.json', split: 'a > 1'", someRows+"{\"a\":3}\n")
	if w.file("j/true.json") != "[\n{\"a\":2,\"b\":\"y, z\"},\n{\"a\":3,\"b\":null}\n]\n" || w.file("j/false.json") != "[\n{\"a\":1,\"b\":\"x\"}\n]\n" {
		t.Errorf("%q %q", w.file("j/true.json"), w.file("j/false.json"))
	}
	w.put(t, "rows.jsonl", rows.String())
	w.refused(t, writeFlow("path: 'many/*.csv', split: a, max_files: 5"), "more than 5 files", "max_files")
	for _, name := range w.names(t) {
		if strings.HasPrefix(name, "many") {
			t.Errorf("left %s", name)
		}
	}
}

// Values that are no name of a file are bad items, and reach no other folder.
func TestSplitBadNames(t *testing.T) {
	long := strings.Repeat("n", 252)
	w := world{dir: filepath.Join(t.TempDir(), "inner")}
	for i, b := range []string{"../up", "..", "", ".", "a/b", `a\b`, "nul\x00", "ok", long, long[:242]} {
		w.put(t, "rows.jsonl", w.file("rows.jsonl")+fmt.Sprintf("{\"a\":%d,\"b\":%s}\n", i, quoted(b)))
	}
	o := w.run(t, `
flow: names
nodes:
  r: {use: file.read, with: {path: rows.jsonl, as: {a: int, b: string}}}
  w: {use: file.write, in: r, with: {path: "*.csv", split: b}, on_error: dead}
  e: {use: file.write, in: w.errors, with: {path: "-", format: jsonl}}
`)
	if o.Err != nil || o.Problems.HasErrors() {
		t.Fatal(o.Told())
	}
	if got := w.names(t); len(got) != 3 || w.file("ok.csv") != "a,b\n7,ok\n" || w.file(long[:242]+".csv") == "" {
		t.Errorf("there are %q", got)
	}
	if n := strings.Count(o.Stdout, "\n"); n != 8 || !strings.Contains(o.Stdout, `split gave \"../up\", which is no file name`) {
		t.Errorf("%d bad items: %s", n, o.Stdout)
	}
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, "\x00", `\u0000`).Replace(s) + `"`
}

// Bytes do not depend on workers, in any format and pack.
func TestWriteWorkers(t *testing.T) {
	var rows strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&rows, "{\"a\":%d,\"b\":%q}\n", i, strings.Repeat("x,", i%40))
	}
	for _, name := range []string{"out.csv", "out.json", "out.jsonl.gz", "out.csv.zst"} {
		var first string
		for _, workers := range []int{1, 2, 7} {
			w := world{dir: t.TempDir(), workers: workers}
			if o := w.writes(t, "path: "+name, rows.String()); o.Err != nil {
				t.Fatal(o.Told())
			}
			switch got := w.file(name); {
			case workers == 1:
				first = got
			case got != first:
				t.Errorf("%s: %d workers write other bytes than one", name, workers)
			}
		}
	}
}

// Long names leave room for the name aside.
func TestWriteLongName(t *testing.T) {
	w := world{dir: t.TempDir()}
	name := strings.Repeat("é", 125) + ".csv"
	if o := w.writes(t, "path: "+name, someRows); o.Err != nil || w.file(name) == "" {
		t.Error(o.Told())
	}
}

// What stands at the final name keeps its permissions; a link stays a link.
func TestWriteKeepsWhatIsThere(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions and links")
	}
	w := world{dir: t.TempDir()}
	path := func(name string) string { return filepath.Join(w.dir, name) }
	w.put(t, "secret.csv", "old")
	if err := os.Chmod(path("secret.csv"), 0o640); err != nil {
		t.Fatal(err)
	}
	w.put(t, "far/real.csv", "old")
	for from, to := range map[string]string{"link.csv": "far/real.csv", "new.csv": "link2.csv", "link2.csv": "far/new.csv"} {
		if err := os.Symlink(to, path(from)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"secret.csv", "link.csv", "new.csv"} {
		if o := w.writes(t, "path: "+name, someRows); o.Err != nil || w.file(name) != twoRows["csv"] {
			t.Errorf("%s: %s", name, o.Told())
		}
	}
	if info, err := os.Stat(path("secret.csv")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if w.file("far/real.csv") != twoRows["csv"] || w.file("far/new.csv") != twoRows["csv"] {
		t.Error("a link was replaced")
	}
	if got := strings.Join(w.names(t), " "); got != "far/new.csv far/real.csv link.csv link2.csv new.csv rows.jsonl secret.csv" {
		t.Errorf("there are %q", got)
	}
}

func TestWriteForbidden(t *testing.T) {
	if runtime.GOOS == "windows" || os.Getuid() == 0 {
		t.Skip("nothing is forbidden to this user")
	}
	w := world{dir: t.TempDir()}
	w.put(t, "rows.jsonl", someRows)
	w.put(t, "closed/old.csv", "old")
	w.put(t, "fixed.csv", "old")
	w.put(t, "hidden.csv", "a\n1\n")
	for name, mode := range map[string]os.FileMode{"closed": 0o555, "fixed.csv": 0o444, "hidden.csv": 0} {
		if err := os.Chmod(filepath.Join(w.dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	w.refused(t, writeFlow("path: closed/new.csv"), "closed/new.csv: no file can be made in its folder: permission denied")
	w.refused(t, writeFlow("path: closed/old.csv"), "closed/old.csv: no file can be made in its folder: permission denied")
	w.refused(t, writeFlow("path: closed/sub/new.csv"), "closed/sub/new.csv: permission denied")
	w.refused(t, writeFlow("path: fixed.csv"), "fixed.csv: permission denied")
	w.refused(t, writeFlow("path: fixed.csv, append: true"), "fixed.csv: permission denied")
	w.refused(t, copyFlow("path: hidden.csv", "path: out.csv"), "hidden.csv cannot be read: permission denied")
	w.refused(t, copyFlow("path: 'h*.csv'", "path: out.csv"), "hidden.csv cannot be read: permission denied")
	if w.file("closed/old.csv") != "old" || w.file("fixed.csv") != "old" || w.file("out.csv") != "" {
		t.Error("something was written")
	}
	os.Chmod(filepath.Join(w.dir, "closed"), 0o755)
}

// errWriter fails after some bytes.
type errWriter struct {
	left int
	err  error
}

func (w *errWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		return w.left, w.err
	}
	w.left -= len(p)
	return len(p), nil
}

func TestStdoutFails(t *testing.T) {
	for _, left := range []int{0, 10, 100_000} {
		for _, serial := range []bool{false, true} {
			w := world{dir: t.TempDir(), stdout: &errWriter{left, errors.New("the line is dead")}, serial: serial}
			w.put(t, "rows.jsonl", strings.Repeat(someRows, 10_000))
			w.refused(t, `
flow: two
nodes:
  r: {use: file.read, with: {path: rows.jsonl, as: {a: int, b: string}}}
  one: {use: file.write, in: r, with: {path: "-", format: csv}}
  two: {use: file.write, in: r, with: {path: out.jsonl}}
`, "standard output: the line is dead")
			if len(w.names(t)) != 1 {
				t.Errorf("there are %q", w.names(t))
			}
		}
	}
}
