package csv

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
)

const flightType = "{id: int, date: time, origin: string, destination: string, delay: int, distance: int}"

// flights gives rows of 43 bytes.
func flights(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	airports := strings.Fields("ATL LAX ORD DFW DEN SFO SEA PHL LAS")
	var out []byte
	for i := range n {
		out = fmt.Appendf(out, "%d,%s,%s,%s,%d,%d\n",
			100_000+i, text.AppendTime(nil, (978307260+int64(i)*97)*1e9), airports[rng.IntN(9)], airports[rng.IntN(9)], rng.IntN(90)-20, 100+rng.IntN(2900))
	}
	return out
}

// orders gives rows of about 100 bytes, a tenth of them with quotes.
func orders(n int) []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	var out []byte
	for i := range n {
		note := "leave it at the door"
		if i%10 == 0 {
			note = `"ring ""twice"", please"`
		}
		out = fmt.Appendf(out, "%d,%d,%.2f,%.6f,%t,ok,eu-west-%d,customer %06d,München,%s\n",
			i, rng.IntN(20), rng.Float64()*1000, rng.Float64()*90, i%3 == 0, i%4, rng.IntN(1e6), note)
	}
	return out
}

const orderType = "{id: int, qty: int, price: float?, lat: float, paid: bool, status: string, region: string, customer: string, city: string, note: string}"

func BenchmarkScan(b *testing.B) {
	for name, c := range map[string]struct {
		src []byte
		typ string
	}{"flights": {flights(6000), flightType}, "orders": {orders(2600), orderType}} {
		b.Run(name, func(b *testing.B) {
			t := mustType(b, c.typ)
			s, _ := New(t, nil, Options{Dialect: Standard})
			record.Poison(false)
			defer record.Poison(true)
			b.SetBytes(int64(len(c.src)))
			b.ReportAllocs()
			for b.Loop() {
				for p := 0; p < len(c.src); {
					batch := record.New(t)
					next, bad := s.Scan(c.src, p, batch, record.MaxRows)
					if bad != nil {
						b.Fatal(bad)
					}
					p = next
					batch.Release()
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	t := mustType(b, flightType)
	s, _ := New(t, nil, Options{Dialect: Standard})
	batch := record.New(t)
	s.Scan(flights(1000), 0, batch, record.MaxRows)
	enc, _ := NewEncoder(t, Standard)
	dst := enc.AppendBatch(nil, batch)
	b.SetBytes(int64(len(dst)))
	b.ReportAllocs()
	for b.Loop() {
		dst = enc.AppendBatch(dst[:0], batch)
	}
}

func BenchmarkSplit(b *testing.B) {
	src := orders(2600)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		Standard.Split(src, false)
	}
}
