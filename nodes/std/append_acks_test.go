package std_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// A countedSource gives numbers, and looks into files whenever it hears of some.
type countedSource struct {
	t     *testing.T
	files []string
	heard *int // times
}

type countedItem struct{ N int64 }

func (s *countedSource) ReadFrom(ctx context.Context, _ nodes.Position, emit func(countedItem, nodes.Position) error) error {
	for n := range int64(200) {
		time.Sleep(time.Duration(n%7) * time.Millisecond)
		if err := emit(countedItem{n}, fmt.Append(nil, n+1)); err != nil {
			return err
		}
	}
	return nil
}

func (s *countedSource) Taken(after nodes.Position) error {
	n, err := strconv.Atoi(string(after))
	*s.heard++
	for _, path := range s.files {
		text, _ := os.ReadFile(path)
		if rows := bytes.Count(text, []byte("\n")); rows < n {
			s.t.Errorf("%d items are acknowledged, and %s has %d rows", n, filepath.Base(path), rows)
		}
	}
	return err
}

// What is acknowledged stands in the files that rows are added to: also what a node wrote
// last that has ended, while others of the run go on.
func TestAppendedBeforeAcknowledged(t *testing.T) {
	for _, suffix := range []string{".jsonl", ".jsonl.gz"} {
		for _, serial := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, serial %v", suffix, serial), func(t *testing.T) {
				dir := t.TempDir()
				heard := 0
				source := &countedSource{t: t, heard: &heard}
				if suffix == ".jsonl" {
					source.files = []string{filepath.Join(dir, "soon"+suffix), filepath.Join(dir, "late"+suffix)}
				}
				more := kit.With([]nodes.Decl{nodes.ReadFrom("test.source", "Makes items.", source)})
				const flow = `
nodes:
  in:    {use: test.source}
  soon:  {use: file.write, in: in, with: {path: soonSUFFIX, append: true}, batch: {count: 30, period: 20ms}}
  held:  {use: delay, in: in, with: {for: 1s}}
  late:  {use: file.write, in: held, with: {path: lateSUFFIX, append: true}}
  other: {use: tick, with: {every: 7ms, count: 500}}
  drop:  {use: drop, in: other}
`
				synctest.Test(t, func(t *testing.T) {
					r := more.Run(t, strings.ReplaceAll(flow, "SUFFIX", suffix), nil, nodetest.Setup{Dir: dir, Serial: serial})
					if r.Err != nil {
						t.Fatal(r.Err)
					}
				})
				if heard < 4 {
					t.Errorf("it hears of something %d times", heard)
				}
			})
		}
	}
}
