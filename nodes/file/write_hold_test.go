package file_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/internal/durable"
	"github.com/flowrun/flowrun/nodes"
)

// An acker gives rows, and passes on up to which of them it is told that they have arrived.
type acker struct {
	rows  int
	taken func(upTo int) error
}

type ackedRow struct {
	N    int    `flow:"n"`
	Hour string `flow:"hour"`
}

func (a *acker) ReadFrom(ctx context.Context, _ nodes.Position, emit func(ackedRow, nodes.Position) error) error {
	for i := range a.rows {
		if err := emit(ackedRow{i, fmt.Sprint(i / 5_000)}, nodes.Position(strconv.Itoa(i))); err != nil {
			return err
		}
	}
	return nil
}

func (a *acker) Taken(after nodes.Position) error {
	n, err := strconv.Atoi(string(after))
	if err != nil {
		return err
	}
	return a.taken(n)
}

// acked is a world with a source that acknowledges.
func acked(t *testing.T, a *acker) world {
	return world{dir: t.TempDir(), packs: []nodes.Decl{nodes.ReadFrom("numbers", "Gives numbers.", a, nodes.Doc("Gives numbers."), nodes.Acknowledges())}}
}

const ackedFlow = "flow: f\nnodes:\n  in: {use: numbers, rate: 40000/s}\n  out: {use: file.write, in: in, with: {%s}}\n"

// Behind a source that acknowledges, rows are acknowledged when their file is there, under its
// name, and not before.
func TestRotatedFilesAcknowledge(t *testing.T) {
	for _, with := range []string{
		"path: out/x.jsonl, rotate: {bytes: 200kB}",
		"path: out/x.parquet, rotate: {every: 50ms}",
		"path: 'out/*.avro', split: hour, rotate: {every: 50ms}",
	} {
		a := &acker{rows: 40_000}
		w := acked(t, a)
		pattern, _, _ := strings.Cut(strings.TrimPrefix(strings.ReplaceAll(with, "'", ""), "path: "), ",")
		pattern = strings.Replace(strings.Replace(pattern, "x.", "x-*.", 1), "/*.", "/?-*.", 1)
		count := func() (rows int) {
			files, _ := filepath.Glob(filepath.Join(w.dir, pattern))
			for _, f := range files {
				o := w.run(t, copyFlow("path: "+f, `path: "-", format: jsonl`))
				if o.Err != nil || o.Problems.HasErrors() {
					t.Error(o.Told())
				}
				rows += strings.Count(o.Stdout, "\n")
			}
			return rows
		}
		var taken []int
		a.taken = func(upTo int) error {
			taken = append(taken, upTo)
			if there := count(); there <= upTo {
				return fmt.Errorf("%d is acknowledged, and %d are there", upTo, there)
			}
			return nil
		}
		if o := w.run(t, fmt.Sprintf(ackedFlow, with)); o.Err != nil || len(taken) < 3 || taken[len(taken)-1] != a.rows-1 {
			t.Errorf("%s: acknowledged up to %v\n%s", with, taken, o.Told())
		}
		if rows := count(); rows != a.rows {
			t.Errorf("%s: %d rows are in the files", with, rows)
		}
	}
}

// A file that gets its name when the run has ended is refused there, with the remedy.
func TestWithheldFiles(t *testing.T) {
	for with, remedy := range map[string]string{
		"path: x.parquet": "rotate: {every: 10m}", "path: x.json": "rotate: {every: 10m}", "path: x.jsonl": "append: true", "path: 'x-*.csv', split: hour": "append: true",
	} {
		acked(t, &acker{}).refused(t, fmt.Sprintf(ackedFlow, with), "[E207]", remedy)
	}
}

// Two runs that rotate in one place write over none of each other's files: a number that the
// other one has is passed over, also while its file has no name yet.
func TestTwoRunsRotate(t *testing.T) {
	w := world{dir: t.TempDir()}
	w.put(t, "rows.jsonl", numberedRows(0, 8_000))
	other := durable.NewSet(durable.Options{})
	open, err := other.Create(filepath.Join(w.dir, "a-000002.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if o := w.run(t, copyFlow("path: rows.jsonl, as: {a: int, b: string}", "path: a.jsonl, rotate: {bytes: 20kB}")); o.Err != nil || len(o.Report.Files) < 3 {
		t.Fatal(o.Told())
	}
	if w.file("a-000001.jsonl") == "" || w.file("a-000003.jsonl") == "" {
		t.Errorf("there are %q", w.names(t))
	}
	if _, err := open.Write([]byte("of another\n")); err != nil {
		t.Fatal(err)
	}
	if err := other.Finish(open); err != nil || w.file("a-000002.jsonl") != "of another\n" {
		t.Errorf("%q, %v", w.file("a-000002.jsonl"), err)
	}
	if err := other.Commit(); err != nil {
		t.Fatal(err)
	}
}

// Where rotation may end them, more values than files may be open at once come one after the
// other.
func TestRotateMakesRoom(t *testing.T) {
	w := world{dir: t.TempDir()}
	var rows, want strings.Builder
	for i := range 200 {
		fmt.Fprintf(&rows, "{\"a\":%d,\"b\":\"%03d\"}\n", i, i/2)
		fmt.Fprintf(&want, "{\"a\":%d}\n", i)
	}
	w.put(t, "rows.jsonl", rows.String())
	if o := w.run(t, copyFlow("path: rows.jsonl, as: {a: int, b: string}", "path: 'out/*.jsonl', split: b, max_files: 3, rotate: {every: 1h}")); o.Err != nil {
		t.Fatal(o.Told())
	}
	files, err := os.ReadDir(filepath.Join(w.dir, "out"))
	if err != nil || len(files) != 100 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	w.reads(t, "path: 'out/*.jsonl', as: {a: int}", want.String())
}
