package avro

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
)

// samples are the files of other programs.
func samples(t testing.TB) (all [][]byte) {
	files, err := filepath.Glob("../../../nodes/file/testdata/tables/*.avro")
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

// readAll reads a file, up to a million rows, and gives them as text, up to a bound.
func readAll(src []byte) (text []byte, rows int, err error) {
	f, err := Open(bytes.NewReader(src))
	if err != nil {
		return nil, 0, err
	}
	t, err := f.Type(types.Origin{})
	if err != nil {
		return nil, 0, err
	}
	p, err := f.Plan(t)
	if err != nil {
		return nil, 0, err
	}
	e := jsonl.NewEncoder(t)
	for rows < 1<<20 {
		block, err := f.Next()
		if err == io.EOF {
			return text, rows, nil
		}
		if err != nil {
			return text, rows, err
		}
		r, err := p.Rows(block, nil)
		if err != nil {
			return text, rows, err
		}
		for rows < 1<<20 {
			b := record.New(t)
			_, err := r.Next(b, record.MaxRows)
			if err == nil {
				rows += b.Rows
				if len(text) < 1<<20 {
					text = e.AppendBatch(text, b)
				}
			}
			b.Release()
			if err == io.EOF {
				break
			}
			if err != nil {
				return text, rows, err
			}
		}
		r.Close()
	}
	return text, rows, nil
}

// FuzzFile changes bytes of real files: no panic, no end without an end, and no memory that the
// bytes of the file do not account for.
func FuzzFile(f *testing.F) {
	all := samples(f)
	for i := range all {
		f.Add(uint8(i), uint32(10), []byte{1}, uint32(0))
		f.Add(uint8(i), uint32(len(all[i])-100), []byte{0xff, 0x7f}, uint32(0))
	}
	f.Fuzz(func(t *testing.T, which uint8, at uint32, with []byte, cut uint32) {
		src := bytes.Clone(all[int(which)%len(all)])
		at %= uint32(len(src))
		copy(src[at:], with)
		if cut > 0 { // bytes are taken out
			n := min(cut%64, uint32(len(src))-at)
			src = append(src[:at], src[at+n:]...)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		readAll(src)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 3<<30 {
			t.Errorf("%d bytes were allocated", n)
		}
	})
}
