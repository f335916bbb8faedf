package file

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tableOpFor makes the operator of a file.read of tables.
func tableOpFor(t *testing.T, dir, with string) *tableOp {
	t.Helper()
	op, _ := newOp(t, dir, with, "")
	o := op.(*tableOp)
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// A table is read on behind each of its positions as if it had not been left; a file that is
// another one now is told.
func TestPositionsOfTables(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/tables")); err != nil {
		t.Fatal(err)
	}
	for _, with := range []string{"path: [pyarrow-pages-v2.parquet, duckdb.parquet]", "path: [fastavro-null.avro, fastavro-snappy.avro]"} {
		chunks := take(t, tableOpFor(t, dir, with))
		all := rowsOf(chunks)
		if len(chunks) < 3 || strings.Count(all, "\n") != 140 {
			t.Fatalf("%s: %d parts, %d rows", with, len(chunks), strings.Count(all, "\n"))
		}
		for i, c := range chunks {
			o := tableOpFor(t, dir, with)
			if err := o.Seek(t.Context(), c.after); err != nil {
				t.Fatal(err)
			}
			if got := rowsOf(chunks[:i+1]) + rowsOf(take(t, o)); got != all {
				t.Errorf("%s, behind part %d: got\n%.300s\nwant\n%.300s", with, i+1, got, all)
			}
		}
		o, short := tableOpFor(t, dir, with), tableOpFor(t, dir, with)
		name := o.k.files[0].name
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		putFile(t, dir, name, string(text)+"more")
		if err := o.Seek(t.Context(), chunks[0].after); err == nil || !strings.Contains(err.Error(), "it is not the file") {
			t.Errorf("%s: a file that has grown: %v", with, err)
		}
		putFile(t, dir, name, string(text[:len(text)-1]))
		if err := short.Seek(t.Context(), chunks[0].after); err == nil || !strings.Contains(err.Error(), "shorter") {
			t.Errorf("%s: a file that is shorter: %v", with, err)
		}
		putFile(t, dir, name, string(text))
	}
}
