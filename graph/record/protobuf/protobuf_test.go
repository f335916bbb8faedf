package protobuf

import (
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/flowrun/flowrun/graph/record/text"
)

// Messages of the library are read as what it says they are, also two that are merged, and what
// is written of them it reads as the same; one that is cut off leaves nothing behind.
func TestMessagesAndTheLibrary(t *testing.T) {
	for file, name := range map[string]string{"all.proto": "test.All", "old.proto": "test.Old"} {
		x := newReading(t, schemaOf(t, file, name))
		r := rand.New(rand.NewPCG(1, 2))
		var before []byte
		for n := range 1000 {
			m := dynamicpb.NewMessage(x.schema.root)
			fill(r, m, 4)
			raw, err := proto.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if n%3 == 0 { // two messages in a row are one
				other := dynamicpb.NewMessage(x.schema.root)
				fill(r, other, 3)
				for i := range other.Descriptor().Fields().Len() {
					if f := other.Descriptor().Fields().Get(i); f.IsMap() {
						other.Clear(f)
					}
				}
				more, err := proto.Marshal(other)
				if err != nil {
					t.Fatal(err)
				}
				raw = protowire.AppendTag(slices.Concat(raw, more), 900, protowire.StartGroupType)
				raw = protowire.AppendTag(raw, 900, protowire.EndGroupType)
				if err := proto.Unmarshal(raw, m); err != nil {
					t.Fatal(err)
				}
			}
			want, err := modelOf(m)
			if err != nil {
				t.Fatal(err)
			}
			if len(before) > 1 && x.r.ReadRow(append(slices.Clone(before), 0x0f)) == nil {
				t.Fatal("a message that is damaged is read")
			}
			got, err := x.read(raw)
			if twice := err != nil && strings.Contains(err.Error(), "twice"); twice && n%3 == 0 {
				continue // a map in what was merged
			}
			if err != nil || !sameJSON(t, got, want) {
				t.Fatalf("%s %d: %v\n got %s\nwant %v", name, n, err, got, want)
			}
			before = raw
			packed, err := x.w.AppendRow(nil, x.b, x.b.Rows-1)
			if err != nil {
				t.Fatal(err)
			}
			back := dynamicpb.NewMessage(x.schema.root)
			if err := proto.Unmarshal(packed, back); err != nil {
				t.Fatal(err)
			}
			m.SetUnknown(nil)
			if !proto.Equal(m, back) {
				t.Fatalf("%s %d:\n got %v\nwant %v", name, n, back, m)
			}
			if x.b.Rows == 1000 {
				x = newReading(t, x.schema)
			}
		}
	}
}

// FuzzMessage reads any bytes as the library does: both take them, or both do not, and they are the same.
func FuzzMessage(f *testing.F) {
	schemas := []*Schema{schemaOf(f, "all.proto", "test.All"), schemaOf(f, "old.proto", "test.Old")}
	r := rand.New(rand.NewPCG(3, 4))
	for i, s := range schemas {
		for range 20 {
			m := dynamicpb.NewMessage(s.root)
			fill(r, m, 3)
			raw, err := proto.Marshal(m)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), raw)
		}
		for _, raw := range hostile {
			f.Add(uint8(i), []byte(raw))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, raw []byte) {
		x := newReading(t, schemas[int(which)%len(schemas)])
		got, err := x.read(raw)
		m := dynamicpb.NewMessage(x.schema.root)
		theirs := proto.Unmarshal(raw, m)
		var want map[string]any
		if theirs == nil {
			want, theirs = modelOf(m)
		}
		if wrong := (*text.RowError)(nil); errors.As(err, &wrong) && theirs == nil {
			// Here a value must be one also if another one follows that counts. Without it, it is read.
			once, e := proto.Marshal(m)
			if e != nil {
				t.Fatal(e)
			}
			got, err = x.read(once)
		}
		switch {
		case err != nil && strings.Contains(err.Error(), "a key is there twice"):
			return
		case errors.Is(theirs, errNone) && err == nil:
			t.Fatalf("it is read, and is none: %s", got)
		case (theirs == nil) != (err == nil):
			t.Fatalf("we say %v, the library says %v", err, theirs)
		case err != nil:
			return
		case !sameJSON(t, got, want):
			t.Fatalf("\n got %s\nwant %v", got, want)
		}
		packed, err := x.w.AppendRow(nil, x.b, 0)
		if err != nil {
			t.Fatal(err)
		}
		again, err := x.read(packed)
		if err != nil || again != got {
			t.Fatalf("%s is read back as %s, %v", got, again, err)
		}
	})
}

// hostile are messages that say of themselves what is not so.
var hostile = map[string]string{
	"cut off":              "\x72\x05ab",
	"a length of 2^60":     "\x72\x80\x80\x80\x80\x80\x80\x80\x80\x10",
	"a number of 80 bits":  "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	"field 0":              "\x00\x01",
	"the end of no group":  "\x0c",
	"a group without end":  "\xa3\x06\x08\x01",
	"wire type 7":          "\x0f",
	"not UTF-8":            "\x72\x01\xff",
	"packed and cut off":   "\xaa\x01\x01\x80",
	"groups in groups":     strings.Repeat("\xa3\x06", 20_000),
	"a number over an int": "\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	"no such word":         "\x80\x01\x05",
	"a key twice":          "\xda\x01\x03\x0a\x01a\xda\x01\x03\x0a\x01a",
	"a time too late":      "\xc2\x02\x0c\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x10\x00",
}

func TestHostileMessages(t *testing.T) {
	x := newReading(t, schemaOf(t, "all.proto", ""))
	for name, raw := range hostile {
		if got, err := x.read([]byte(raw)); err == nil {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got, err := x.read(nil); err != nil || !strings.Contains(got, `"state":"UNKNOWN"`) {
		t.Error(got, err)
	}
}

// A schema that is nested without end is refused before anybody follows it.
func TestDeepSchema(t *testing.T) {
	text := "syntax = \"proto3\"; " + strings.Repeat("message A { ", 1<<20)
	_, err := ReadSchema("a.proto", "", func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil })
	if err == nil || !strings.Contains(err.Error(), "a.proto is nested too deep") {
		t.Errorf("%.200v", err)
	}
}
