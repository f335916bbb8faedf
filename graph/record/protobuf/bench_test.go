package protobuf

import (
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// BenchmarkRead reads messages beside the library, which makes dynamic messages of them: the ratio
// of the two is what counts.
func BenchmarkRead(b *testing.B) {
	s := schemaOf(b, "all.proto", "")
	r := rand.New(rand.NewPCG(7, 8))
	var all [][]byte
	size := 0
	for range 1000 {
		m := dynamicpb.NewMessage(s.root)
		fill(r, m, 2)
		raw, err := proto.Marshal(m)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, raw)
		size += len(raw)
	}
	typ, err := s.Type(types.Origin{})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("columns", func(b *testing.B) {
		reader, err := s.Reader(typ)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(size))
		for b.Loop() {
			batch := record.New(typ)
			reader.Start(batch)
			for _, raw := range all {
				if err := reader.ReadRow(raw); err != nil {
					b.Fatal(err)
				}
				batch.Rows++
			}
			batch.Release()
		}
	})
	b.Run("library", func(b *testing.B) {
		b.SetBytes(int64(size))
		for b.Loop() {
			for _, raw := range all {
				if err := proto.Unmarshal(raw, dynamicpb.NewMessage(s.root)); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
