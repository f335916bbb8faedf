package file

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/unicode"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/nodes"
)

// A rowLog is an Out that writes down what it gets. How good and bad rows mix depends
// on the chunks, so it keeps them apart.
type rowLog struct{ text, bad []byte }

func (l *rowLog) Emit(_ int, d record.Data) error {
	b := d.(*record.Batch)
	l.text = jsonl.NewEncoder(b.Type).AppendBatch(l.text, b)
	b.Release()
	return nil
}

func (l *rowLog) Bad(item nodes.BadItem) error {
	l.bad = fmt.Appendf(l.bad, "%s:%d: %v: %s\n", item.File, item.Line, item.Err, item.Raw)
	return nil
}

func (l *rowLog) Filtered(int) {}

// A takenChunk is the rows that were made of it, and the position after it.
type takenChunk struct {
	rows, bad string
	after     nodes.Position
}

// newReadOp makes the operator of a file.read with some settings.
func newReadOp(t *testing.T, dir, with, stdin string) (*readOp, *nodes.Env) {
	t.Helper()
	op, env := newOp(t, dir, with, stdin)
	o := op.(*readOp)
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o, env
}

// newOp makes the operator of a file.read of any format.
func newOp(t *testing.T, dir, with, stdin string) (nodes.Operator, *nodes.Env) {
	t.Helper()
	registry, err := nodes.NewRegistry(Nodes)
	if err != nil {
		t.Fatal(err)
	}
	text := "flow: f\nnodes:\n  r: {use: file.read, with: {" + with + "}}\n  w: {use: file.write, in: r, with: {path: out.jsonl}}\n"
	flow, list := graph.Load(diag.NewSource(filepath.Join(dir, "flow.yaml"), []byte(text)), registry, graph.Options{})
	if list.HasErrors() {
		t.Fatal(printed(list))
	}
	env := &nodes.Env{Node: flow.Node("r"), Flow: flow, Workers: 1, Stdin: strings.NewReader(stdin)}
	op, err := registry.Operator(env.Node, env)
	if err != nil {
		t.Fatal(err)
	}
	return op, env
}

// take reads to the end.
func (o *readOp) take(t *testing.T) []takenChunk {
	t.Helper()
	return take(t, o)
}

// A pullingOp is a source with a parallel part.
type pullingOp interface {
	nodes.Puller
	nodes.Parallel
}

func take(t *testing.T, o pullingOp) (chunks []takenChunk) {
	t.Helper()
	w, err := o.NewWorker(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for {
		p, after, err := o.Next(t.Context())
		if err == io.EOF {
			return chunks
		}
		if err != nil {
			t.Fatal(err)
		}
		var out rowLog
		if _, err := w.Work(t.Context(), nodes.Input{Made: p}, &out); err != nil {
			t.Fatal(err)
		}
		chunks = append(chunks, takenChunk{string(out.text), string(out.bad), after})
	}
}

func rowsOf(chunks []takenChunk) string {
	var rows, bad strings.Builder
	for _, p := range chunks {
		rows.WriteString(p.rows)
		bad.WriteString(p.bad)
	}
	return bad.String() + rows.String()
}

func putFile(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func packedText(t *testing.T, pack func(io.Writer) (io.WriteCloser, error), text string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := pack(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// someRows gives the rows from first on that make a text of about so many chunks. Some of
// them are bad, so that their lines are seen.
func someRows(first, chunks int, good func(i int) string, bad, end string) string {
	var b strings.Builder
	for i := first; b.Len() < chunks*record.ArenaSize; i++ {
		row := good(i)
		if i%1000 == 17 {
			row = bad
		}
		b.WriteString(row)
		b.WriteString(end)
	}
	return b.String()
}

// utf16Text is a text in UTF-16, with a byte order mark; \xff is half of a pair.
func utf16Text(t *testing.T, s string) string {
	t.Helper()
	b, err := unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String(strings.ReplaceAll(s, "\xff", "\U0001F600"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(b, "\xD8\x3D\xDE\x00", "\xD8\x3D")
}

func csvRow(i int) string { return fmt.Sprintf("%d,name %d", i, i*i) }

func quotedRow(i int) string { return fmt.Sprintf("%d,\"name\n\n%d\"", i, i*i) }

func jsonRow(i int) string { return fmt.Sprintf(`{"id":%d,"name":"name %d"}`, i, i*i) }

const badRow = "x,bad"

// What a reader gives behind a position is what the one that was there would have
// given, whatever the format and however many files there are.
func TestPositionsAreTrue(t *testing.T) {
	gz := func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }
	zst := func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }
	const head, bad = "id,name\n", `{"id":"x"}`
	long := strings.Repeat("x", 6_000)
	csvText := head + someRows(0, 3, csvRow, badRow, "\n")
	for _, c := range []struct {
		name, with string
		files      map[string]string
	}{
		{"csv", "path: a.csv", map[string]string{"a.csv": csvText}},
		{"csv without an end", "path: a.csv", map[string]string{"a.csv": strings.TrimSuffix(csvText, "\n")}},
		{"csv with CRLF and a byte order mark", "path: a.csv", map[string]string{
			"a.csv": string(bom) + "id,name\r\n" + someRows(0, 3, csvRow, badRow, "\r\n"),
		}},
		{"csv over several lines", "path: a.csv", map[string]string{"a.csv": head + someRows(0, 2, quotedRow, badRow, "\n")}},
		{"csv with comments", "path: a.csv, comment: '#'", map[string]string{"a.csv": "# one\n\n" + head + someRows(0, 2, csvRow, "#", "\n\n")}},
		{"csv without a header", "path: a.csv, header: false", map[string]string{"a.csv": strings.TrimPrefix(csvText, head)}},
		{"jsonl", "path: a.jsonl", map[string]string{"a.jsonl": string(bom) + someRows(0, 3, jsonRow, bad, "\n")}},
		{"jsonl with CRLF", "path: a.jsonl", map[string]string{"a.jsonl": someRows(0, 2, jsonRow, bad, "\r\n")}},
		{"lines", "path: a.txt", map[string]string{"a.txt": someRows(0, 3, csvRow, "\xff", "\n") + "the last"}},
		{"an array", "path: a.json", map[string]string{"a.json": " [\n" + someRows(0, 3, jsonRow, bad, "\n\n,\n") + "{}\n]\n\n"}},
		{"values", "path: a.json", map[string]string{"a.json": someRows(0, 3, jsonRow, bad, "\n \n")}},
		{"gzip", "path: a.csv.gz", map[string]string{"a.csv.gz": packedText(t, gz, csvText)}},
		{"zstd", "path: a.json.zst", map[string]string{"a.json.zst": packedText(t, zst, "["+someRows(0, 3, jsonRow, bad, ",")+"{}]")}},
		{"several", "path: ['[bc]*.csv', a.csv]", map[string]string{
			"a.csv": csvText, "b.csv": "name,id\nb,1\n", "b2.csv": head, "b3.csv": head + someRows(0, 2, csvRow, badRow, "\n"), "c.csv": head + "3,c",
		}},
		{"several packed", "path: '*.gz', format: jsonl", map[string]string{
			"a.gz": packedText(t, gz, someRows(0, 2, jsonRow, bad, "\n")), "b.gz": packedText(t, gz, someRows(9, 1, jsonRow, bad, "\n")),
		}},
		{"csv with lines that end in CR", "path: a.csv", map[string]string{"a.csv": strings.ReplaceAll(head+someRows(0, 2, quotedRow, badRow, "\n"), "\n", "\r")}},
		{"lines that end in CR", "path: a.txt", map[string]string{"a.txt": someRows(0, 2, csvRow, "\xff", "\r")}},
		{"lines in UTF-16", "path: a.txt, encoding: utf-16", map[string]string{"a.txt": utf16Text(t, someRows(0, 2, csvRow, "\xff", "\r\n"))}},
		{"csv in windows-1252", "path: a.csv, encoding: windows-1252", map[string]string{"a.csv": csvText + "1,\x80\xE9\n"}},
		{"csv with long rows", "path: a.csv, max_record: 5kB", map[string]string{"a.csv": head + someRows(0, 1, csvRow, long, "\n") + "\"open,\n" + someRows(0, 1, csvRow, badRow, "\n")}},
		{"values, some of them long", "path: a.json, max_record: 5kB", map[string]string{"a.json": someRows(0, 1, jsonRow, `["`+long+`"]`, "\n \n")}},
		{"an array, some of it long", "path: a.json, max_record: 5kB", map[string]string{"a.json": "[" + someRows(0, 1, jsonRow, `["`+long+`"]`, ",") + "{}]"}},
		{"gzip with long lines", "path: a.txt.gz, max_record: 5kB", map[string]string{"a.txt.gz": packedText(t, gz, someRows(0, 1, csvRow, long, "\n")+long)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range c.files {
				putFile(t, dir, name, text)
			}
			with := c.with
			if !strings.Contains(with, ".txt") {
				with += ", as: {id: int?, name: string?}"
			}
			first, _ := newReadOp(t, dir, with, "")
			chunks := first.take(t)
			if len(chunks) < 2 {
				t.Fatalf("%d chunks show nothing", len(chunks))
			}
			for k, p := range chunks {
				again, env := newReadOp(t, dir, with, "")
				if err := again.Seek(t.Context(), p.after); err != nil {
					t.Fatalf("after chunk %d: %v", k, err)
				}
				rest := again.take(t)
				if got, want := rowsOf(rest), rowsOf(chunks[k+1:]); got != want {
					t.Fatalf("after chunk %d, %s: got\n%.300s\nwant\n%.300s", k, p.after, got, want)
				}
				if n := len(rest); n > 0 && !bytes.Equal(rest[n-1].after, chunks[len(chunks)-1].after) {
					t.Errorf("after chunk %d it ends at %s, want %s", k, rest[n-1].after, chunks[len(chunks)-1].after)
				}
				if done, total := env.Progress(); done != total {
					t.Errorf("after chunk %d: %d of %d bytes are done at the end", k, done, total)
				}
			}
		})
	}
}

// There is no position to come back to in what can be read only once.
func TestStreamsHaveNoPosition(t *testing.T) {
	o, _ := newReadOp(t, t.TempDir(), "path: '-', format: csv, as: {id: int, name: string}", "id,name\n1,a\n")
	for _, p := range o.take(t) {
		if p.after != nil {
			t.Errorf("the position is %s", p.after)
		}
	}
}

// A position that does not fit the files any more is refused; one in a file that only
// grew is not.
func TestPositionsThatDoNotFit(t *testing.T) {
	const with = "path: '*.csv', as: {id: int?, name: string?}"
	text := "id,name\n" + someRows(0, 2, csvRow, badRow, "\n")
	write := func(name, text string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { putFile(t, dir, name, text) }
	}
	for _, c := range []struct {
		name   string
		k      int // the chunk after which it stops
		change func(t *testing.T, dir string)
		want   string
	}{
		{"nothing", 1, func(*testing.T, string) {}, ""},
		{"grown", 1, write("b.csv", text+"1,new\n"), ""},
		{"shorter", 1, write("b.csv", text[:len(text)-1]), "b.csv: it is shorter"},
		{"another", 1, write("b.csv", strings.Replace(text, "name 0", "name 1", 1)), "b.csv: it is not the file"},
		{"a row more before", 1, write("b.csv", text[:10_000]+"9"+text[10_000:]), "b.csv: the point up to which it was read is inside a line"},
		{"gone", 1, func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "b.csv")); err != nil {
				t.Fatal(err)
			}
		}, "b.csv is not where it was"},
		{"a file more before", 1, write("a2.csv", text), "b.csv is not where it was"},
		{"another file before", 1, func(t *testing.T, dir string) {
			if err := os.Rename(filepath.Join(dir, "a.csv"), filepath.Join(dir, "a2.csv")); err != nil {
				t.Fatal(err)
			}
		}, "b.csv is not where it was"},
		{"a file more behind", 1, write("c2.csv", text), ""},
		{"the last line went on", 3, write("c.csv", "id,name\n3,c\n4,d\n"), "c.csv: the point up to which it was read is inside a line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			putFile(t, dir, "a.csv", "id,name\n1,a\n")
			putFile(t, dir, "b.csv", text)
			putFile(t, dir, "c.csv", "id,name\n3,c")
			o, _ := newReadOp(t, dir, with, "")
			after := o.take(t)[c.k].after
			c.change(t, dir)
			again, _ := newReadOp(t, dir, with, "")
			said := ""
			if err := again.Seek(t.Context(), after); err != nil {
				said = err.Error()
			}
			if c.want == "" && said != "" || !strings.Contains(said, c.want) {
				t.Errorf("%s: got %q, want %q", after, said, c.want)
			}
		})
	}
	dir := t.TempDir()
	putFile(t, dir, "a.csv", text)
	for _, after := range []string{"", "x", "{}", `{"file":"a.csv","index":-1}`, `{"file":"a.csv","index":9}`} {
		o, _ := newReadOp(t, dir, with, "")
		if err := o.Seek(t.Context(), nodes.Position(after)); err == nil {
			t.Errorf("%q is a position", after)
		}
	}
}

// A search in a packed file, which must be unpacked up to there, can be broken off.
func TestSeekEnds(t *testing.T) {
	dir := t.TempDir()
	gz := func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }
	putFile(t, dir, "a.csv.gz", packedText(t, gz, "id,name\n"+someRows(0, 3, csvRow, badRow, "\n")))
	const with = "path: a.csv.gz, as: {id: int?, name: string?}"
	o, _ := newReadOp(t, dir, with, "")
	chunks := o.take(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	again, _ := newReadOp(t, dir, with, "")
	if err := again.Seek(ctx, chunks[len(chunks)-1].after); err == nil {
		t.Error("it was not broken off")
	}
}
