package avro

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/hamba/avro/v2"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/block"
	"github.com/flowrun/flowrun/graph/types"
)

// fileOf is a file with a schema and blocks, which are not packed.
func fileOf(schema string, blocks ...string) []byte {
	head := append([]byte(magic), appendLong(nil, 1)...)
	head = appendText(appendText(head, "avro.schema"), schema)
	head = append(appendLong(head, 0), "0123456789abcdef"...)
	for _, b := range blocks {
		head = append(append(head, b...), "0123456789abcdef"...)
	}
	return head
}

// blockOf is a block that says how many rows it has.
func blockOf(rows int64, data string) string { return string(appendText(appendLong(nil, rows), data)) }

// The library reads rows that are written here, and they are read in all codecs.
func TestRowsForTheLibrary(t *testing.T) {
	typ := types.Record(types.Field{Name: "n", Type: types.Int}, types.Field{Name: "s", Type: types.String.Opt()})
	b := record.New(typ)
	defer b.Release()
	for _, c := range b.Cols {
		c.Resize(1000)
	}
	b.Rows = 1000
	for i := range b.Rows {
		b.Cols[0].Int[i], b.Cols[1].Str[i] = int64(i*i-5), fmt.Sprint("text ", i)
		if i%3 == 0 {
			b.Cols[1].SetNull(i)
		}
	}
	for _, codec := range []block.Codec{block.None, block.Deflate, block.Snappy, block.Zstd} {
		e, err := NewEncoder(typ, codec)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := e.AppendRows(nil, b, 0, block.Max)
		_, text, _ := bytes.Cut(e.Header(), []byte("avro.schema"))
		_, n := binary.Uvarint(text)
		text, _, _ = bytes.Cut(text[n:], []byte("\x18"+typeKey))
		schema, err := avro.Parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		d := avro.NewDecoderForSchema(schema, bytes.NewReader(raw))
		for i := range b.Rows {
			var row map[string]any
			if err := d.Decode(&row); err != nil {
				t.Fatal(codec, err)
			}
			if row["n"] != int64(i*i-5) || i%3 == 0 != (row["s"] == nil) {
				t.Fatalf("%s, row %d: %v", codec, i, row)
			}
		}
		if rows, err := readAll(e.AppendBlock(bytes.Clone(e.Header()), raw, b.Len())); rows != 1000 || err != nil {
			t.Errorf("%s: %d rows, %v", codec, rows, err)
		}
	}
}

// Types of a schema, and what has none.
func TestTypes(t *testing.T) {
	for _, c := range []struct{ schema, want string }{
		{`"long"`, "int"},
		{`["null", "string"]`, "string?"},
		{`["int", "double"]`, "float"},
		{`["int", "string"]`, "any"},
		{`{"type": "map", "values": "int"}`, "[{key: string, value: int}]"},
		{`{"type": "record", "name": "R", "fields": [{"name": "a", "type": ["null", "R"]}]}`, `field "a" is a R in a R`},
		{`{"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 2}`, "a decimal of 30 digits"},
		{`{"type": "fixed", "name": "F", "size": 12, "logicalType": "duration"}`, "duration"},
		{`{"type": "long", "logicalType": "timestamp-nanos"}`, "time"},
	} {
		f, err := Open(bytes.NewReader(fileOf(c.schema)))
		if err != nil {
			t.Fatal(c.schema, err)
		}
		typ, err := f.Type(types.Origin{})
		if got := fmt.Sprint(typ, err); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", c.schema, got)
		}
	}
}

// A file that claims to be large takes no memory for it, and is refused.
func TestHostileFiles(t *testing.T) {
	node := `{"type": "record", "name": "R", "fields": [{"name": "a", "type": ["null", "R"]}]}`
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"a header of any size":        {append([]byte(magic), appendLong(appendLong(nil, 1<<40), 1<<50)...), "damaged"},
		"a schema in a schema":        {fileOf(strings.Repeat(`{"type":"array","items":`, 1<<15)), "nested too deep"},
		"a block of any size":         {fileOf(`"long"`, string(appendLong(appendLong(nil, 5), 1<<27))), "cut off"},
		"a block that is too large":   {fileOf(`"long"`, string(appendLong(appendLong(nil, 5), 300<<20))), "a block of 5 rows would have 314572800 bytes: it is too large: flowrun reads blocks of up to 256 MiB"},
		"more rows than bytes":        {fileOf(`"long"`, blockOf(1<<40, "abc")), "cannot have"},
		"rows of nothing":             {fileOf(`"null"`, blockOf(1<<60, "")), "cannot have"},
		"lists of nothing":            {fileOf(`{"type":"array","items":"null"}`, blockOf(1, string(appendLong(nil, 1<<50)))), "more elements than"},
		"a text of any length":        {fileOf(`"string"`, blockOf(1, string(appendLong(nil, 1<<50)))), "less than its rows"},
		"records in records":          {fileOf(`{"type":"record","name":"T","fields":[{"name":"r","type":`+node+`}]}`, blockOf(1, strings.Repeat("\x02", 1<<20))), "nested"},
		"a mark that is another one":  {append(fileOf(`"long"`), append([]byte(blockOf(1, "\x02")), "fedcba9876543210"...)...), "does not end"},
		"bytes behind the rows":       {fileOf(`"long"`, blockOf(1, "\x02\x02")), "more than its rows"},
		"a branch that is not there":  {fileOf(`["null","long"]`, blockOf(1, "\x08")), "no such branch"},
		"a codec that nobody has":     {bytes.Replace(fileOf(`"long"`), []byte("\x16avro.schema\x0c\"long\""), []byte("\x14avro.codec\x04xz"), 1), `packed with "xz"`},
		"a symbol that is not there":  {fileOf(`{"type":"enum","name":"E","symbols":["A"]}`, blockOf(1, "\x02")), "no such symbol"},
		"an int of more than 32 bits": {fileOf(`"int"`, blockOf(1, string(appendLong(nil, 1<<40)))), "32 bits"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := readAny(c.file)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 150<<20 {
			t.Errorf("%s: %d bytes were allocated", name, n)
		}
	}
}

// readAny reads a file as any, where its type is none.
func readAny(src []byte) error {
	_, err := readAll(src)
	if err == nil || !strings.Contains(err.Error(), "has no type for") {
		return err
	}
	f, err := Open(bytes.NewReader(src))
	if err != nil {
		return err
	}
	p, err := f.Plan(types.Record(types.Field{Name: "r", Type: types.Any}))
	if err != nil {
		return err
	}
	b, err := f.Next()
	if err != nil {
		return err
	}
	for _, needed := range [][]bool{nil, {false}} { // read, and skipped
		r, err := p.Rows(b, needed)
		if err != nil {
			return err
		}
		batch := record.NewNeeded(p.t, needed)
		_, err = r.Next(batch, record.MaxRows)
		batch.Release()
		r.Close()
		if err == nil || err == io.EOF {
			return fmt.Errorf("needed %v: no error", needed)
		}
		if needed != nil {
			return err
		}
	}
	return nil
}
