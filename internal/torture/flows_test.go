//go:build unix

package torture

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A flow is one that the rounds run. What it writes is below the folder of its book.
type flow struct {
	name    string
	nodes   string   // besides the source, rows
	files   []string // that it replaces
	fresh   string   // that it makes, under a name with the round in it, in a folder of its own
	log     bool     // it adds to logName
	endless bool     // it has no end of its own, and adds its rows as they come
	report  bool     // it writes a report, too
}

// Files besides those that one flow alone writes.
const (
	logName    = "log.jsonl"
	reportName = "run.json"
)

// parts is how many files split makes.
const parts = 3

// The flows.
var (
	// Several files in two folders.
	setFlow = &flow{name: "set", nodes: `
  one: {use: file.write, in: rows, with: {path: "${DIR}/one.jsonl"}}
  zip: {use: file.write, in: rows, with: {path: "${DIR}/two/zip.jsonl.gz"}}
  parts: {use: file.write, in: rows, with: {path: "${DIR}/two/part-*.jsonl", split: 'n % 3'}}
`, files: []string{"one.jsonl", "two/zip.jsonl.gz", "two/part-0.jsonl", "two/part-1.jsonl", "two/part-2.jsonl"}}

	// One file, by one rename, and then a report of the run.
	oneFlow = &flow{name: "one", nodes: `
  big: {use: file.write, in: rows, with: {path: "${DIR}/big.jsonl"}}
`, files: []string{"big.jsonl"}, report: true}

	// One file in a folder that is new.
	freshFlow = &flow{name: "fresh", nodes: `
  day: {use: file.write, in: rows, with: {path: "${DIR}/day-${RUN}/one.jsonl"}}
`, fresh: "day-%d/one.jsonl"}

	// A file that others add to as well, and one that it replaces, in another folder, where
	// the journal is: to the others a pointer tells of it.
	addFlow = &flow{name: "add", nodes: `
  log: {use: file.write, in: rows, with: {path: "${DIR}/log.jsonl", append: true}}
  state: {use: file.write, in: rows, with: {path: "${DIR}/all/state.jsonl"}}
`, files: []string{"all/state.jsonl"}, log: true}

	// The others.
	otherFlow = &flow{name: "other", nodes: `
  log: {use: file.write, in: rows, with: {path: "${DIR}/log.jsonl", append: true}}
`, log: true}

	// One that adds to it for ever.
	endlessFlow = &flow{name: "endless", nodes: `
  log: {use: file.write, in: rows, with: {path: "${DIR}/log.jsonl", append: true}}
`, log: true, endless: true}
)

var flows = []*flow{setFlow, oneFlow, freshFlow, addFlow, otherFlow, endlessFlow}

// filling makes rows as long as rows are.
const filling = "the quick brown fox jumps over the lazy dog, and then it does so once more, for good measure"

// text is the file of a flow. Its source gives ROWS rows; it fails at row END.
func (f *flow) text() string {
	source := "count: ${ROWS}"
	if f.endless {
		source = "rate: ${ROWS}"
	}
	return fmt.Sprintf(`flow: %s
nodes:
  rows:
    use: generate
    with:
      %s
      set: {run: '${RUN}', n: 'n < ${END} ? n : int("row " + string(n))', text: '"%s"'}
%s`, f.name, source, filling, strings.TrimLeft(f.nodes, "\n"))
}

// folders are those that a round of the flow looks into, below that of the book.
func (f *flow) folders(number int) []string {
	var all []string
	for _, name := range f.files {
		all = append(all, filepath.Dir(name))
	}
	if f.fresh != "" {
		all = append(all, filepath.Dir(fmt.Sprintf(f.fresh, number)))
	}
	if f.log {
		all = append(all, filepath.Dir(logName))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// appendRow is a row as it is written.
func appendRow(text []byte, number, n int) []byte {
	text = append(text, `{"run":`...)
	text = strconv.AppendInt(text, int64(number), 10)
	text = append(text, `,"n":`...)
	text = strconv.AppendInt(text, int64(n), 10)
	return append(text, `,"text":"`+filling+"\"}\n"...)
}

// content is what a round writes to a file, unpacked.
func content(name string, number, rows int) []byte {
	var text []byte
	part, split := strings.CutPrefix(filepath.Base(name), "part-")
	for n := range rows {
		if !split || part == fmt.Sprintf("%d.jsonl", n%parts) {
			text = appendRow(text, number, n)
		}
	}
	return text
}

// numberOf is the round that a row is of.
func numberOf(text []byte) (number, n int, ok bool) {
	line, _, _ := bytes.Cut(text, []byte{'\n'})
	_, err := fmt.Sscanf(string(line), `{"run":%d,"n":%d,`, &number, &n)
	return number, n, err == nil
}

// unpacked is the content of a file as it was before it was packed.
func unpacked(name string, text []byte) ([]byte, error) {
	if filepath.Ext(name) != ".gz" {
		return text, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
