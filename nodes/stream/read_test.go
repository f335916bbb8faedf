package stream_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/stream"
)

var lineType = types.Record(types.Field{Name: "line", Type: types.String})

// a taker writes down what a scanner gives.
type taker struct{ got []string }

func (o *taker) Emit(_ int, d record.Data) error {
	b := d.(*record.Batch)
	for i := range b.Len() {
		o.got = append(o.got, strings.Clone(b.Cols[0].Str[b.Row(i)]))
	}
	b.Release()
	return nil
}

func (o *taker) Bad(item nodes.BadItem) error {
	o.got = append(o.got, fmt.Sprintf("bad %d: %s", item.Line, item.Err))
	return nil
}

func (o *taker) Filtered(int) {}

// rows reads a text by a reader and gives the rows, the bad ones and the end.
func rows(t *testing.T, k stream.Reading, frame stream.Frame, src io.Reader) []string {
	t.Helper()
	s, err := k.NewScanner(lineType, []bool{true})
	if err != nil {
		t.Fatal(err)
	}
	before := record.Live()
	r, out := k.NewReader(src, stream.Options{Stream: "it", Frame: frame, Type: lineType}), &taker{}
	for {
		c, err := r.Next()
		if err != nil {
			if left := record.Live() - before; left != 0 {
				t.Errorf("%d batches were not given back", left)
			}
			return append(out.got, err.Error())
		}
		if err := s.Scan(c, out); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLines(t *testing.T) {
	k := stream.Reading{Format: stream.FormatLines, MaxRecord: 10}
	for text, want := range map[string]string{
		"":                    "EOF",
		"a":                   "a|EOF",
		"a\n\nb\r\n":          "a||b|EOF",
		"1234567890\n":        "1234567890|EOF",
		"a\n12345678901\nb\n": "a|bad 2: the row has 11 bytes, more than max_record (10)|b|EOF",
		"12345678901":         "bad 1: the row has 11 bytes, more than max_record (10)|EOF",
		"a\n" + strings.Repeat("x", 300000) + "\nb": "a|bad 2: the row has 300000 bytes, more than max_record (10)|b|EOF",
		"\xff\nb\n": "bad 1: the line is not UTF-8|b|EOF",
	} {
		if got := strings.Join(rows(t, k, stream.FrameLines, strings.NewReader(text)), "|"); got != want {
			t.Errorf("%.40q: got %s, want %s", text, got, want)
		}
	}
	broken := io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(errors.New("reset")))
	if got := strings.Join(rows(t, k, stream.FrameLines, broken), "|"); got != "a|bad 2: it ended within a row|reset" {
		t.Error(got)
	}
}

// How a stream comes, byte by byte or at once, changes nothing.
func FuzzPieces(f *testing.F) {
	f.Add([]byte("a\nbb\n\n"), uint8(0), uint8(0), uint8(3))
	f.Add([]byte("line\n\"a\nb\"\nc,d\n\"open\n"), uint8(1), uint8(0), uint8(9))
	f.Add([]byte("\x00\x00\x00\x02ab\x00\x00\x00\xffx"), uint8(0), uint8(1), uint8(1))
	f.Add([]byte("5 <1>ab<2>cd\n99999999999 x"), uint8(0), uint8(2), uint8(4))
	f.Fuzz(func(t *testing.T, text []byte, format, frame, most uint8) {
		k := stream.Reading{Format: []string{stream.FormatLines, stream.FormatCSV, stream.FormatJSONL}[format%3], Header: format&4 == 0, MaxRecord: 1}
		k.MaxRecord += config.Size(most)
		fr := stream.Frame(frame % 3)
		if fr != stream.FrameLines && k.Format == stream.FormatCSV {
			t.Skip()
		}
		whole := rows(t, k, fr, bytes.NewReader(text))
		for _, r := range []io.Reader{iotest.OneByteReader(bytes.NewReader(text)), iotest.HalfReader(bytes.NewReader(text)), iotest.DataErrReader(bytes.NewReader(text))} {
			got := rows(t, k, fr, r)
			if strings.HasPrefix(got[len(got)-1], "its header") && strings.HasPrefix(whole[len(whole)-1], "its header") {
				continue // which of its mistakes is found first is all one
			}
			slices.Sort(got) // bad rows of a batch come before it
			slices.Sort(whole)
			if strings.Join(got, "|") != strings.Join(whole, "|") {
				t.Errorf("in pieces %q\nat once   %q", got, whole)
			}
		}
	})
}

func TestLength(t *testing.T) {
	k := stream.Reading{Format: stream.FormatLines, MaxRecord: 10}
	frame := func(text string) string {
		return string(binary.BigEndian.AppendUint32(nil, uint32(len(text)))) + text
	}
	for text, want := range map[string]string{
		frame("a\nb") + frame("") + frame("c"): "a\nb||c|EOF",
		frame("12345678901") + frame("c"):      "bad 1: the row has 11 bytes, more than max_record (10)|c|EOF",
		frame("a") + "\xff\xff\xff\xffabc":     "a|bad 2: it ended within a row|EOF",
		frame("a") + "\x00\x00":                "a|bad 2: it ended within a row|EOF",
	} {
		if got := strings.Join(rows(t, k, stream.FrameLength, strings.NewReader(text)), "|"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
