package avro

import (
	"strings"
	"testing"
	"time"

	"github.com/hamba/avro/v2"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// BenchmarkDatum reads rows beside the library, which makes Go values of them: the ratio of the two
// is what counts.
func BenchmarkDatum(b *testing.B) {
	lib, err := avro.Parse(orderSchema)
	if err != nil {
		b.Fatal(err)
	}
	raw, err := avro.Marshal(lib, map[string]any{"id": int64(1), "item": "a cup of tea", "qty": 3, "price": nil, "at": time.UnixMilli(1_700_000_000_000), "state": "PAID", "weight": float32(0.5), "tags": []string{"a", "b"}})
	if err != nil {
		b.Fatal(err)
	}
	schema, err := ReadSchema(strings.NewReader(orderSchema))
	if err != nil {
		b.Fatal(err)
	}
	typ, err := schema.Type(types.Origin{})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("columns", func(b *testing.B) {
		reader, err := schema.Reader(typ)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			batch := record.New(typ)
			reader.Start(batch)
			for range record.MaxRows {
				if err := reader.ReadRow(raw); err != nil {
					b.Fatal(err)
				}
				batch.Rows++
			}
			batch.Release()
		}
	})
	b.Run("library", func(b *testing.B) {
		for b.Loop() {
			for range record.MaxRows {
				var v any
				if err := avro.Unmarshal(lib, raw, &v); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
