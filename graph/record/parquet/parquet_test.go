package parquet

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/block"
	"github.com/flowrun/flowrun/graph/types"
)

// Runs and groups are read as they were written, here and by the library, in pieces of any size.
func TestHybrid(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		bits := 1 + r.IntN(20)
		var want []uint32
		for len(want) < 3000 {
			v, n := r.Uint32()>>(32-bits), 1
			if r.IntN(4) == 0 {
				n = r.IntN(40)
			}
			for range n {
				want = append(want, v)
			}
		}
		want = want[:r.IntN(len(want))]
		ours := appendHybrid(nil, want, bits)
		var signed []int32
		for _, v := range want {
			signed = append(signed, int32(v))
		}
		theirs, err := (&rle.Encoding{BitWidth: bits}).EncodeInt32(nil, signed)
		if err != nil {
			t.Fatal(err)
		}
		for _, src := range [][]byte{ours, theirs} {
			h, err := newHybrid(src, bits)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]uint32, len(want))
			for at := 0; at < len(got); {
				n := min(1+r.IntN(700), len(got)-at)
				if err := h.read(got[at : at+n]); err != nil {
					t.Fatal(err)
				}
				at += n
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%d bits, %d values", bits, len(want))
			}
		}
	}
}

// Differences are read as the library writes them.
func TestDeltas(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		want := make([]int64, r.IntN(1000))
		shift := r.IntN(64)
		for i := range want {
			want[i] = int64(r.Uint64()) >> shift
		}
		src, err := (&delta.BinaryPackedEncoding{}).EncodeInt64(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		d, err := newDeltas(append(src, "what follows"...))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]int64, len(want))
		for at := 0; at < len(got); {
			n := min(1+r.IntN(300), len(got)-at)
			if err := d.read(got[at : at+n]); err != nil {
				t.Fatal(err)
			}
			at += n
		}
		if !slices.Equal(got, want) || string(d.src) != "what follows" {
			t.Fatalf("%d values, shift %d, %d bytes are left", len(want), shift, len(d.src))
		}
	}
}

// fileOf puts a footer behind some bytes.
func fileOf(t *testing.T, body []byte, meta *format.FileMetaData) []byte {
	t.Helper()
	footer, err := thrift.Marshal(&thrift.CompactProtocol{}, meta)
	if err != nil {
		t.Fatal(err)
	}
	return closed(append([]byte(magic), body...), footer)
}

func closed(file, footer []byte) []byte {
	file = append(file, footer...)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(footer)))
	return append(file, magic...)
}

// A file that claims to be large takes no memory for it, and is refused or read within bounds.
func TestHostileFiles(t *testing.T) {
	page := func(h format.PageHeader, data []byte) []byte {
		b, err := thrift.Marshal(&thrift.CompactProtocol{}, &h)
		if err != nil {
			t.Fatal(err)
		}
		return append(b, data...)
	}
	leaf := func(repetition format.FieldRepetitionType) thrift.Slice[format.SchemaElement] {
		return []format.SchemaElement{{Name: "schema", NumChildren: thrift.New(int32(1))}, {Name: "x", Type: thrift.New(format.Int64), RepetitionType: thrift.New(repetition)}}
	}
	of := func(schema thrift.Slice[format.SchemaElement], rows, values int64, codec format.CompressionCodec, body []byte) []byte {
		return fileOf(t, body, &format.FileMetaData{Version: 1, Schema: schema, NumRows: rows, RowGroups: []format.RowGroup{{NumRows: rows, Columns: []format.ColumnChunk{{
			MetaData: format.ColumnMetaData{Type: format.Int64, Codec: codec, NumValues: values, DataPageOffset: 4, TotalCompressedSize: int64(len(body)), PathInSchema: []string{"x"}},
		}}}}})
	}
	data := func(n int32, raw, packed int32) format.PageHeader {
		return format.PageHeader{Type: format.DataPage, UncompressedPageSize: raw, CompressedPageSize: packed, DataPageHeader: thrift.New(format.DataPageHeader{NumValues: n, DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE})}
	}
	run := func(n uint64, v byte) []byte { return append(binary.AppendUvarint(nil, n<<1), v) }
	level := func(l []byte) []byte { return append(binary.LittleEndian.AppendUint32(nil, uint32(len(l))), l...) }
	const many = 1 << 30
	lists := append(append(level(append(run(1, 0), run(many-1, 1)...)), level(run(many, 1))...), make([]byte, 64)...)
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"a list of two billion columns": {closed([]byte(magic), []byte{0x15, 2, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 7}), "damaged"},
		"structs in structs":            {closed([]byte(magic), bytes.Repeat([]byte{0x1c}, 1<<20)), "damaged"},
		"a footer larger than the file": {append(append([]byte(magic), 0xff, 0xff, 0xff, 0xf), magic...), "damaged"},
		"a column behind the file":      {of(leaf(format.Required), 1<<40, 1<<40, format.Uncompressed, nil), "fewer values"},
		"a page of two gigabytes":       {of(leaf(format.Required), 100, 100, format.Zstd, page(data(100, 1<<31-1, 9), make([]byte, 9))), "too large"},
		"a page that unpacks to more":   {of(leaf(format.Required), 100, 100, format.Zstd, page(data(100, 800, 60), pad(block.Pack(nil, make([]byte, 100<<20), block.Zstd), 60))), ""},
		"a billion elements in a row":   {of(leaf(format.Repeated), 1, many, format.Uncompressed, page(data(many, int32(len(lists)), int32(len(lists))), lists)), ""},
		"fewer values than rows":        {of(leaf(format.Required), 1<<30, 1<<30, format.Uncompressed, page(data(1<<30, 80, 80), make([]byte, 80))), "fewer values"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		rows, err := readAll(c.file)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %d rows, %v", name, rows, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
			t.Errorf("%s: %d bytes were allocated", name, n)
		}
	}
}

// pad makes a text n bytes long.
func pad(b []byte, n int) []byte { return append(b, make([]byte, n)...)[:n] }

// Millions of rows that are null take a few bytes in a file, and no memory.
func TestRunOfNulls(t *testing.T) {
	const rows = 1 << 22
	levels := append(binary.AppendUvarint(nil, rows<<1), 0)
	body := append(binary.LittleEndian.AppendUint32(nil, uint32(len(levels))), levels...)
	h, err := thrift.Marshal(&thrift.CompactProtocol{}, &format.PageHeader{Type: format.DataPage, UncompressedPageSize: int32(len(body)), CompressedPageSize: int32(len(body)),
		DataPageHeader: thrift.New(format.DataPageHeader{NumValues: rows, DefinitionLevelEncoding: format.RLE})})
	if err != nil {
		t.Fatal(err)
	}
	body = append(h, body...)
	src := fileOf(t, body, &format.FileMetaData{Version: 1, NumRows: rows,
		Schema: []format.SchemaElement{{Name: "schema", NumChildren: thrift.New(int32(1))}, {Name: "x", Type: thrift.New(format.Double), RepetitionType: thrift.New(format.Optional)}},
		RowGroups: []format.RowGroup{{NumRows: rows, Columns: []format.ColumnChunk{{
			MetaData: format.ColumnMetaData{Type: format.Double, NumValues: rows, Statistics: format.Statistics{NullCount: rows}, DataPageOffset: 4, TotalCompressedSize: int64(len(body)), PathInSchema: []string{"x"}},
		}}}}})
	f, err := Open(bytes.NewReader(src), int64(len(src)))
	if err != nil {
		t.Fatal(err)
	}
	typ, err := f.Type(types.Origin{})
	if err != nil || typ.String() != "{x: float?}" {
		t.Fatal(typ, err)
	}
	p, err := f.Plan(typ)
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Rows(0, nil, rows-1500, rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1024, 476} {
		b := record.New(typ)
		if _, err := r.Next(b, record.MaxRows); err != nil || b.Rows != want || !b.Cols[0].IsNull(want-1) {
			t.Errorf("%d rows, %v", b.Rows, err)
		}
		b.Release()
	}
}
