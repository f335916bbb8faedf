package parquet

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/block"
	"github.com/flowrun/flowrun/graph/types"
)

// benchmarkBatches are rows like those of flights.
func benchmarkBatches() (t *types.Type, all []*record.Batch) {
	t = types.Record(types.Field{Name: "id", Type: types.Int}, types.Field{Name: "at", Type: types.Time}, types.Field{Name: "origin", Type: types.String},
		types.Field{Name: "delay", Type: types.Int}, types.Field{Name: "ratio", Type: types.Float.Opt()})
	for k := range 128 {
		b := record.New(t)
		for _, c := range b.Cols {
			c.Resize(record.MaxRows)
		}
		b.Rows = record.MaxRows
		for i := range b.Rows {
			n := int64(k*b.Rows + i)
			b.Cols[0].Int[i], b.Cols[1].Int[i], b.Cols[3].Int[i] = n, n*60e9, n*7919%200-20
			b.Cols[2].Str[i] = fmt.Sprintf("A%02d", n*31%70)
			if b.Cols[4].Float[i] = float64(n) / 7; n%10 == 0 {
				b.Cols[4].SetNull(i)
			}
		}
		all = append(all, b)
	}
	return t, all
}

// write writes a file of batches.
func write(tb testing.TB, t *types.Type, batches []*record.Batch) []byte {
	var out bytes.Buffer
	s, err := NewSchema(t)
	if err != nil {
		tb.Fatal(err)
	}
	w := NewWriter(&out, s, Options{Codec: block.Zstd})
	for _, b := range batches {
		if err := w.Add(s.Shred(b)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func BenchmarkWrite(b *testing.B) {
	t, batches := benchmarkBatches()
	for b.Loop() {
		write(b, t, batches)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(128*record.MaxRows), "ns/row")
}

func BenchmarkRead(b *testing.B) {
	t, batches := benchmarkBatches()
	src := write(b, t, batches)
	for b.Loop() {
		f, err := Open(bytes.NewReader(src), int64(len(src)))
		if err != nil {
			b.Fatal(err)
		}
		p, err := f.Plan(t)
		if err != nil {
			b.Fatal(err)
		}
		r, err := p.Rows(0, nil, 0, f.GroupRows(0))
		if err != nil {
			b.Fatal(err)
		}
		for {
			batch := record.New(t)
			_, err := r.Next(batch, record.MaxRows)
			batch.Release()
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(128*record.MaxRows), "ns/row")
}
