package jsonl

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
)

const flightType = "{id: int, date: time, origin: string, destination: string, delay: int, distance: int}"

// flights gives lines of 106 bytes.
func flights(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	airports := strings.Fields("ATL LAX ORD DFW DEN SFO SEA PHL LAS")
	var out []byte
	for i := range n {
		out = fmt.Appendf(out, `{"id":%d,"date":"%s","origin":"%s","destination":"%s","delay":%d,"distance":%d}`+"\n",
			100_000+i, text.AppendTime(nil, (978307260+int64(i)*97)*1e9), airports[rng.IntN(9)], airports[rng.IntN(9)], rng.IntN(90)-20, 100+rng.IntN(2900))
	}
	return out
}

// orders gives lines of about 190 bytes in ten fields, some with escapes.
func orders(n int) []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	var out []byte
	for i := range n {
		note := "leave it at the door"
		if i%20 == 0 {
			note = `ring \"twice\"\n`
		}
		price := "null"
		if i%10 > 0 {
			price = fmt.Sprintf("%.2f", rng.Float64()*1000)
		}
		out = fmt.Appendf(out, `{"id":%d,"qty":%d,"price":%s,"lat":%.6f,"paid":%t,"status":"ok","region":"eu-west-%d","customer":"customer %06d","city":"München","note":"%s"}`+"\n",
			i, rng.IntN(20), price, rng.Float64()*90, i%3 == 0, i%4, rng.IntN(1e6), note)
	}
	return out
}

const orderType = "{id: int, qty: int, price: float?, lat: float, paid: bool, status: string, region: string, customer: string, city: string, note: string}"

func benchmarkScan(b *testing.B, src []byte, typ string, needed []bool) {
	benchmarkScanWith(b, src, typ, needed, Options{})
}

func benchmarkScanWith(b *testing.B, src []byte, typ string, needed []bool, opts Options) {
	t := mustType(b, typ)
	s, _ := New(t, opts)
	record.Poison(false)
	defer record.Poison(true)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		for p := 0; p < len(src); {
			batch := record.NewNeeded(t, needed)
			next, bad := s.Scan(src, p, batch, record.MaxRows)
			if bad != nil {
				b.Fatal(bad)
			}
			p = next
			batch.Release()
		}
	}
}

func BenchmarkScan(b *testing.B) {
	b.Run("flights", func(b *testing.B) { benchmarkScan(b, flights(2400), flightType, nil) })
	b.Run("flights, 4 of 6 fields", func(b *testing.B) {
		benchmarkScan(b, flights(2400), flightType, []bool{false, true, true, false, true, true})
	})
	b.Run("flights in another order", func(b *testing.B) {
		src := strings.Replace(string(flights(2400)), `{"id"`, `{"x":1,"id"`, 1)
		benchmarkScan(b, []byte(src), flightType, nil)
	})
	b.Run("orders", func(b *testing.B) { benchmarkScan(b, orders(1400), orderType, nil) })
	b.Run("check only", func(b *testing.B) { benchmarkScan(b, flights(2400), "{x: int?}", nil) })
}

func BenchmarkEncode(b *testing.B) {
	for name, c := range map[string]struct {
		src []byte
		typ string
	}{"flights": {flights(1000), flightType}, "orders": {orders(1000), orderType}} {
		b.Run(name, func(b *testing.B) {
			t := mustType(b, c.typ)
			s, _ := New(t, Options{})
			batch := record.New(t)
			s.Scan(c.src, 0, batch, record.MaxRows)
			enc := NewEncoder(t)
			dst := enc.AppendBatch(nil, batch)
			b.SetBytes(int64(len(dst)))
			b.ReportAllocs()
			for b.Loop() {
				dst = enc.AppendBatch(dst[:0], batch)
			}
		})
	}
}

// Records that nobody reads are passed over, and looked into where they may have no
// field that the type does not list.
func BenchmarkSkipRecords(b *testing.B) {
	src := []byte(strings.ReplaceAll(string(orders(1400)), `"qty"`,
		`"actor":{"login":"somebody","id":77,"urls":["a/b/c","d/e/f"],"site_admin":false},"items":[{"sku":"X-1","n":2},{"sku":"Y-2","n":1}],"qty"`))
	typ := strings.Replace(orderType, "qty:", "actor: {login: string, id: int, urls: [string], site_admin: bool}, items: [{sku: string, n: int}], qty:", 1)
	needed := []bool{true, false, false, true, true, true, true, true, true, true, true, true}
	for extra, name := range []string{text.ExtraDrop: "left out", text.ExtraError: "refused"} {
		b.Run(name, func(b *testing.B) { benchmarkScanWith(b, src, typ, needed, Options{Extra: text.Extra(extra)}) })
	}
}
