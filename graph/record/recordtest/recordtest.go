// Package recordtest has what the tests of the formats of files share: files of other programs,
// whose bytes are changed, and how the rows of a file are read and written as text.
package recordtest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
)

// Samples are the files of other programs with an extension such as avro, for the tests of a
// package beside this one.
func Samples(t testing.TB, extension string) (all [][]byte) {
	t.Helper()
	files, err := filepath.Glob("../../../nodes/file/testdata/tables/*." + extension)
	if err != nil || len(files) == 0 {
		t.Fatal("no files of other programs", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	return all
}

// most bounds how many rows of a file are read, and how many bytes of their text are kept.
const most = 1 << 20

// A Text is what the rows of a file come to. It is made so that all of their values are looked
// at.
type Text struct {
	Rows int

	lines []byte // of JSON, up to a bound
	of    *types.Type
	enc   *jsonl.Encoder
}

// NewText gives one for rows of a type.
func NewText(t *types.Type) *Text { return &Text{of: t, enc: jsonl.NewEncoder(t)} }

// Full reports whether it takes no more rows.
func (x *Text) Full() bool { return x.Rows >= most }

// Take adds the rows that next puts into batches, until that gives io.EOF or the text is full.
func (x *Text) Take(next func(b *record.Batch) error) error {
	for !x.Full() {
		b := record.New(x.of)
		err := next(b)
		if err == nil {
			x.Rows += b.Rows
			if len(x.lines) < most {
				x.lines = x.enc.AppendBatch(x.lines, b)
			}
		}
		b.Release()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mostAllocated is what reading one of these files may allocate at most, over all.
const mostAllocated = 3 << 30

// Fuzz changes bytes of real files: no panic, no end without an end, and no memory that the
// bytes of the file do not account for.
func Fuzz(f *testing.F, files [][]byte, read func(src []byte)) {
	for i := range files {
		f.Add(uint8(i), uint32(10), []byte{1}, uint32(0))
		f.Add(uint8(i), uint32(len(files[i])-100), []byte{0xff, 0x7f}, uint32(0))
	}
	f.Fuzz(func(t *testing.T, which uint8, at uint32, with []byte, cut uint32) {
		src := bytes.Clone(files[int(which)%len(files)])
		at %= uint32(len(src))
		copy(src[at:], with)
		if cut > 0 { // bytes are taken out
			n := min(cut%64, uint32(len(src))-at)
			src = append(src[:at], src[at+n:]...)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		read(src)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > mostAllocated {
			t.Errorf("%d bytes were allocated", n)
		}
	})
}
