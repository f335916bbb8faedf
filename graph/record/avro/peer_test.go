package avro

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"github.com/hamba/avro/v2"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
)

// fastavro reads what is written here as what it is, and what it writes is read here.
func TestTablesDatums(t *testing.T) {
	python := os.Getenv("FLOWRUN_TABLES_PYTHON")
	if python == "" {
		t.Skip("FLOWRUN_TABLES_PYTHON names no Python with fastavro: make tables")
	}
	type row struct {
		r    record.RowReader
		typ  *types.Type
		want any
	}
	var rows []row
	var input bytes.Buffer
	for seed := range uint64(200) {
		s := &sampler{Rand: rand.New(rand.NewPCG(seed, 11)), plain: true}
		m := s.record(3)
		_, lib, schema := m.parsed(t)
		typ, r, w := planned(t, schema)
		var packed []string
		b := record.New(typ)
		r.Start(b)
		for range 10 {
			v, want := m.value()
			theirs, err := avro.Marshal(lib, v)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.ReadRow(theirs); err != nil {
				t.Fatal(err)
			}
			ours, err := w.AppendRow(nil, b, b.Rows)
			if err != nil {
				t.Fatal(err)
			}
			b.Rows++
			packed, rows = append(packed, hex.EncodeToString(ours)), append(rows, row{r, typ, want})
		}
		b.Release()
		line, err := json.Marshal(map[string]any{"schema": m.schema, "rows": packed})
		if err != nil {
			t.Fatal(err)
		}
		input.Write(append(line, '\n'))
	}
	c := exec.Command(python, "-B", "testdata/peer.py")
	c.Stdin, c.Stderr = &input, os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(out))
	for i, x := range rows {
		var theirs struct {
			Is     json.RawMessage `json:"is"`
			Packed string          `json:"packed"`
		}
		if err := d.Decode(&theirs); err != nil {
			t.Fatal(i, err)
		}
		if !sameJSON(t, string(theirs.Is), x.want) {
			t.Fatalf("%s: fastavro reads\n%s, want\n%v", x.typ, theirs.Is, x.want)
		}
		raw, err := hex.DecodeString(theirs.Packed)
		if err != nil {
			t.Fatal(err)
		}
		b := record.New(x.typ)
		x.r.Start(b)
		if err := x.r.ReadRow(raw); err != nil {
			t.Fatalf("%s: %v", x.typ, err)
		}
		if got := string(jsonl.NewEncoder(x.typ).AppendRow(nil, b, 0)); !sameJSON(t, got, x.want) {
			t.Fatalf("%s: of fastavro's row we read\n%s, want\n%v", x.typ, got, x.want)
		}
		b.Release()
	}
	t.Logf("%d rows of 200 schemas", len(rows))
}
