package protobuf

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Python's protobuf reads what is written here as what it is, and what it writes is read here.
func TestTablesMessages(t *testing.T) {
	python := os.Getenv("FLOWRUN_TABLES_PYTHON")
	if python == "" {
		t.Skip("FLOWRUN_TABLES_PYTHON names no Python with protobuf: make tables")
	}
	x := newReading(t, schemaOf(t, "all.proto", ""))
	set := &descriptorpb.FileDescriptorSet{}
	gather(set, x.schema.root.ParentFile(), map[string]bool{})
	raw, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	var input bytes.Buffer
	fmt.Fprintf(&input, "%s %x\n", x.schema.Name(), raw)
	r := rand.New(rand.NewPCG(5, 6))
	const n = 1000
	var all []*dynamicpb.Message
	for range n {
		m := dynamicpb.NewMessage(x.schema.root)
		fill(r, m, 4)
		theirs, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.read(theirs); err != nil {
			t.Fatal(err)
		}
		ours, err := x.w.AppendRow(nil, x.b, x.b.Rows-1)
		if err != nil {
			t.Fatal(err)
		}
		text, err := protojson.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(map[string]any{"json": json.RawMessage(text), "packed": hex.EncodeToString(ours)})
		if err != nil {
			t.Fatal(err)
		}
		input.Write(append(line, '\n'))
		all = append(all, m)
	}
	c := exec.Command(python, "-B", "testdata/peer.py")
	c.Stdin, c.Stderr = &input, os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	x = newReading(t, x.schema)
	d := json.NewDecoder(bytes.NewReader(out))
	for i, m := range all {
		var theirs struct {
			JSON   json.RawMessage `json:"json"`
			Packed string          `json:"packed"`
		}
		if err := d.Decode(&theirs); err != nil {
			t.Fatal(i, err)
		}
		read := dynamicpb.NewMessage(x.schema.root)
		if err := protojson.Unmarshal(theirs.JSON, read); err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(m, read) {
			t.Fatalf("%d: Python reads\n%v, want\n%v", i, read, m)
		}
		packed, err := hex.DecodeString(theirs.Packed)
		if err != nil {
			t.Fatal(err)
		}
		want, err := modelOf(m)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := x.read(packed); err != nil || !sameJSON(t, got, want) {
			t.Fatalf("%d: %v: of Python's message we read\n%s, want\n%v", i, err, got, want)
		}
	}
	t.Logf("%d messages", n)
}

// gather puts a file behind those that it imports.
func gather(set *descriptorpb.FileDescriptorSet, f protoreflect.FileDescriptor, seen map[string]bool) {
	if seen[f.Path()] {
		return
	}
	seen[f.Path()] = true
	for i := range f.Imports().Len() {
		gather(set, f.Imports().Get(i), seen)
	}
	set.File = append(set.File, protodesc.ToFileDescriptorProto(f))
}
