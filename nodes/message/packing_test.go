package message_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// A box has bodies: box.write puts them in, box.read takes them out.
type box struct {
	bodies []message.Content
	given  bool
}

type boxReader struct {
	message.Reading
	b     *box
	shape message.Shape
}

func (k *boxReader) Infer(c *graph.Inference) {
	k.shape = k.Reading.Infer(c, properties)
	c.Out("out", k.shape.Out)
}

func (k *boxReader) Operator(env *nodes.Env) (nodes.Operator, error) {
	d, err := k.NewDecoder(k.shape, env.Needed("out"))
	return &taking{d, k.b}, err
}

// taking gives all bodies at once.
type taking struct {
	d *message.Decoder
	b *box
}

func (t *taking) Next(context.Context) (any, nodes.Position, error) {
	if t.b.given {
		return nil, nil, io.EOF
	}
	t.b.given = true
	return t.b.bodies, nil, nil
}

func (t *taking) Process(_ context.Context, _ nodes.Input, out nodes.Out) error {
	return t.d.Decode(len(t.b.bodies), func(i int) *message.Content { return &t.b.bodies[i] }, func(i int) string { return fmt.Sprint("box@", i) }, out)
}

type boxWriter struct {
	message.Writing
	b *box
}

func (k *boxWriter) Infer(c *graph.Inference) { k.Writing.Infer(c) }

func (k *boxWriter) Operator(env *nodes.Env) (nodes.Operator, error) {
	e, err := k.NewEncoder(env.In("in"), nil, nil)
	return &putting{e, k.b}, err
}

type putting struct {
	e *message.Encoder
	b *box
}

func (p *putting) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	return p.e.Encode(in.Data.(*record.Batch), out, func(ms []*message.Outgoing) error {
		for _, m := range ms {
			p.b.bodies = append(p.b.bodies, message.Content{Body: m.Body})
			m.Batch.Release()
		}
		return nil
	})
}

func (b *box) kit() nodetest.Kit {
	return nodetest.New(std.Nodes, []nodes.Decl{
		nodes.Kind("box.read", "Reads.", &boxReader{Reading: message.Reading{Format: message.FormatJSON}, b: b}, nodes.OutPort(graph.Port{Name: "out"}), nodes.Workers(graph.Single)),
		nodes.Kind("box.write", "Writes.", &boxWriter{Writing: message.Writing{Format: message.FormatJSON}, b: b}, nodes.InPort(graph.Port{Name: "in"}), nodes.Workers(graph.Single)),
	})
}

// schemas are the files of the tests.
var schemas = map[string]string{
	"order.avsc": `{"type": "record", "name": "Order", "fields": [
		{"name": "id", "type": "int"}, {"name": "item", "type": "string"},
		{"name": "price", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}], "default": null}]}`,
	"protos/shop/order.proto": `syntax = "proto3";
package shop;
import "shop/money.proto";
import "google/protobuf/timestamp.proto";
message Order { int32 id = 1; string item = 2; optional Money price = 3; google.protobuf.Timestamp at = 4; message Line { int32 n = 1; } }
message Note { string text = 1; }
`,
	"protos/shop/money.proto": "syntax = \"proto3\"; package shop; message Money { int64 cents = 1; }\n",
	"broken.proto":            "syntax = \"proto3\";\nmessage A { int32 id = 1 }\n",
	"lost.proto":              "syntax = \"proto3\";\nimport \"gone.proto\";\nmessage A { int32 id = 1; }\n",
	"node.proto":              "syntax = \"proto3\";\nmessage Node { int32 id = 1; Node next = 2; }\n",
	"broken.avsc":             `{"type": "record"`,
	"list.avsc":               `{"type": "array", "items": "int"}`,
	"in.jsonl":                `{"id":1,"item":"cup","price":2.5}` + "\n" + `{"id":2,"item":"lamp","price":null}` + "\n",
}

const puts = `flow: f
nodes:
  in:  {use: file.read, with: {path: in.jsonl, as: TYPE}}
  out: {use: box.write, in: in, with: {WITH}}
`

const takes = `flow: f
nodes:
  in:  {use: box.read, on_error: dead, with: {WITH}}
  out: {use: file.write, in: in, with: {path: out.jsonl}}
  bad: {use: file.write, in: in.errors, with: {path: bad.jsonl}}
`

// Items are written by a schema and read back, with and without a header and with some of the
// fields; the header is that of the registry.
func TestPacked(t *testing.T) {
	order := "format: protobuf, schema: protos/shop/order.proto, message: shop."
	for _, c := range []struct{ typ, put, take, header, want string }{
		{"{id: int, item: string, price: 'decimal(8,2)?'}", "format: avro, schema: order.avsc", "format: avro, schema: order.avsc", "\x02\x06cup",
			`{"id":1,"item":"cup","price":2.50}` + "\n" + `{"id":2,"item":"lamp","price":null}` + "\n"},
		{"{id: int, item: string, price: 'decimal(8,2)?'}", "format: avro, schema: order.avsc, framing: confluent, schema_id: 258", "format: avro, schema: order.avsc, framing: confluent", "\x00\x00\x00\x01\x02\x02\x06cup",
			`{"id":1,"item":"cup","price":2.50}` + "\n" + `{"id":2,"item":"lamp","price":null}` + "\n"},
		{"{id: int, item: string}", "format: avro, schema: order.avsc", "format: avro, schema: order.avsc, as: {name: {type: string, from: item}, gone: int?}, meta: {n: at}", "\x02\x06cup\x00",
			`{"name":"cup","gone":null,"n":0}` + "\n" + `{"name":"lamp","gone":null,"n":0}` + "\n"},
		{"{id: int, item: string}", order + "Order", order + "Order", "\x08\x01\x12\x03cup",
			`{"id":1,"item":"cup","price":null,"at":null}` + "\n" + `{"id":2,"item":"lamp","price":null,"at":null}` + "\n"},
		{"{id: int, item: string}", order + "Order, framing: confluent, schema_id: 7", order + "Order, framing: confluent, schema_id: 7, as: '{item: string}'", "\x00\x00\x00\x00\x07\x00\x08\x01\x12\x03cup",
			`{"item":"cup"}` + "\n" + `{"item":"lamp"}` + "\n"},
		{"{text: {type: string, from: item}}", order + "Note, framing: confluent, schema_id: 7", order + "Note, framing: confluent", "\x00\x00\x00\x00\x07\x02\x02\x0a\x03cup",
			`{"text":"cup"}` + "\n" + `{"text":"lamp"}` + "\n"},
		{"{n: {type: int, from: id}}", order + "Order.Line, framing: confluent, schema_id: 7", order + "Order.Line, framing: confluent", "\x00\x00\x00\x00\x07\x04\x00\x00\x08\x01",
			`{"n":1}` + "\n" + `{"n":2}` + "\n"},
	} {
		b := &box{}
		if r := b.kit().Run(t, strings.NewReplacer("TYPE", c.typ, "WITH", c.put).Replace(puts), schemas, nodetest.Setup{}); r.Err != nil {
			t.Fatalf("%s: %v", c.put, r.Err)
		}
		if got := string(b.bodies[0].Body); !strings.HasPrefix(got, c.header) {
			t.Errorf("%s: %q", c.put, got)
		}
		b.given = false
		b.bodies[0].Props, b.bodies[1].Props = make([]message.Value, 1), make([]message.Value, 1)
		r := b.kit().Run(t, strings.Replace(takes, "WITH", c.take, 1), schemas, nodetest.Setup{})
		if r.Err != nil || r.File("out.jsonl") != c.want {
			t.Errorf("%s: %v\n got %s\nwant %s", c.take, r.Err, r.File("out.jsonl"), c.want)
		}
	}
}

// A message that is no item is bad and says why, and those around it are read.
func TestPackedBad(t *testing.T) {
	good := message.Content{Body: []byte("\x00\x00\x00\x00\x07\x02\x06cup\x00")}
	proto := message.Content{Body: []byte("\x00\x00\x00\x00\x07\x00\x08\x01")}
	for _, c := range []struct {
		with string
		good message.Content
		bad  map[string]message.Content
	}{
		{"format: avro, schema: order.avsc, framing: confluent, schema_id: 7", good, map[string]message.Content{
			"the message has no body":                        {Absent: true},
			"it has no header of framing: confluent":         {Body: []byte{}},
			"it has no header of framing: confluent, a zero": {Body: []byte("\x02\x06cup\x00")},
			"it was written by the schema with the id 8":     {Body: []byte("\x00\x00\x00\x00\x08\x02\x06cup\x00")},
			"it ends too early":                              {Body: good.Body[:8]},
			"1 bytes are left behind its end":                {Body: []byte(string(good.Body) + "x")},
		}},
		{"format: avro, schema: order.avsc", message.Content{Body: good.Body[5:]}, map[string]message.Content{
			"it begins as messages with a schema in a registry do": good,
		}},
		{"format: protobuf, schema: protos/shop/order.proto, message: shop.Order, framing: confluent", proto, map[string]message.Content{
			"it is another message of its schema: that with the number [1]": {Body: []byte("\x00\x00\x00\x00\x07\x02\x02\x08\x01")},
			"it has no header of framing: confluent, a zero byte":           {Body: []byte("\x00\x00\x00\x00\x07")},
			"it has no header of framing: confluent":                        {Body: []byte("\x00\x00\x00\x00\x07\xff\xff\xff\xff\xff\x01\x08")},
			"it is cut off":                                                 {Body: []byte("\x00\x00\x00\x00\x07\x00\x08")},
			"the message has no body":                                       {Absent: true},
		}},
	} {
		for want, bad := range c.bad {
			b := &box{bodies: []message.Content{c.good, bad, c.good}}
			r := b.kit().Run(t, strings.Replace(takes, "WITH", c.with, 1), schemas, nodetest.Setup{})
			if r.Err != nil || strings.Count(r.File("out.jsonl"), "\n") != 2 {
				t.Fatalf("%s: %v\n%s", want, r.Err, r.File("out.jsonl"))
			}
			if got := r.File("bad.jsonl"); strings.Count(got, "\n") != 1 || !strings.Contains(got, want) || !strings.Contains(got, "box@1") {
				t.Errorf("want %s, got %s", want, got)
			}
		}
	}
}

// Messages of several versions of a schema are read by the one whose id they have, as items of one
// type.
func TestPackedVersions(t *testing.T) {
	files := map[string]string{
		"v1.avsc": `{"type": "record", "name": "O", "fields": [{"name": "id", "type": "int"}, {"name": "uid", "type": {"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}}]}`,
		"v2.avsc": `{"type": "record", "name": "O", "fields": [{"name": "note", "type": "string"}, {"name": "id", "type": "int"}]}`,
		"v3.avsc": `{"type": "record", "name": "O", "fields": [{"name": "id", "type": "string"}]}`,
	}
	with := "format: avro, schema: v2.avsc, framing: confluent, schema_id: 2, versions: {1: v1.avsc}"
	one := message.Content{Body: []byte("\x00\x00\x00\x00\x01\x02" + "0123456789abcdef")}
	two := message.Content{Body: []byte("\x00\x00\x00\x00\x02\x04hi\x04")}
	b := &box{bodies: []message.Content{two, one, {Body: []byte("\x00\x00\x00\x00\x03\x00")}, two, one, {Body: []byte("\x00\x00\x00\x00\x00\x04hi\x04")}}}
	r := b.kit().Run(t, strings.Replace(takes, "WITH", with, 1), files, nodetest.Setup{})
	first, second := `{"note":null,"id":1,"uid":"30313233-3435-3637-3839-616263646566"}`+"\n", `{"note":"hi","id":2,"uid":null}`+"\n"
	if got, want := r.File("out.jsonl"), second+first+second+first; r.Err != nil || got != want {
		t.Errorf("%v\n got %s\nwant %s", r.Err, got, want)
	}
	if bad := r.File("bad.jsonl"); strings.Count(bad, "\n") != 2 || !strings.Contains(bad, "the id 3, and the settings have [1 2]") || !strings.Contains(bad, "the id 0, and") {
		t.Error(bad)
	}
	for with, want := range map[string]string{
		"format: avro, schema: v2.avsc, versions: {1: v1.avsc}":                                                    "write framing: confluent",
		"format: avro, schema: v2.avsc, framing: confluent, versions: {1: v1.avsc}":                                "the id of v2.avsc must be told",
		"format: avro, schema: v2.avsc, framing: confluent, schema_id: 1, versions: {1: v1.avsc}":                  `"1" is no id of another schema`,
		"format: avro, schema: v2.avsc, framing: confluent, schema_id: 2, versions: {1: gone.avsc}":                "gone.avsc",
		"format: avro, schema: v2.avsc, framing: confluent, schema_id: 2, versions: {3: v3.avsc}":                  `v2.avsc and v3.avsc have items of different types: field "id": int and string`,
		"format: avro, schema: v2.avsc, framing: confluent, schema_id: 2, versions: {3: v3.avsc}, as: '{id: int}'": `v3.avsc: field "id": the schema has string there, which is not int`,
		"as: '{id: int}', versions: {3: v3.avsc}":                                                                  "versions has no effect here",
	} {
		if want == "versions has no effect here" {
			with += ", nix: 1"
		}
		new(box).kit().Refuse(t, strings.Replace(takes, "WITH", with, 1), files, want)
	}
}

// What was deleted has no body, and all its fields are null.
func TestPackedDeleted(t *testing.T) {
	for _, with := range []string{"", "format: avro, schema: order.avsc, ", "format: protobuf, schema: protos/shop/order.proto, message: shop.Order, "} {
		b := &box{bodies: []message.Content{{Deleted: true}}}
		r := b.kit().Run(t, strings.Replace(takes, "WITH", with+"as: '{id: int?, item: string?}'", 1), schemas, nodetest.Setup{})
		if got := r.File("out.jsonl"); r.Err != nil || got != `{"id":null,"item":null}`+"\n" {
			t.Errorf("%s: %v, %s", with, r.Err, got)
		}
	}
}

// A value that the schema cannot hold makes its item bad.
func TestPackedValueTooLarge(t *testing.T) {
	b := &box{}
	files := map[string]string{"order.avsc": schemas["order.avsc"], "in.jsonl": `{"id":1,"item":"a"}` + "\n" + `{"id":3000000000,"item":"b"}` + "\n" + `{"id":3,"item":"c"}` + "\n"}
	flow := strings.NewReplacer("TYPE", "{id: int, item: string}", "WITH", "format: avro, schema: order.avsc").Replace(puts)
	flow = strings.Replace(flow, "in: in, with", "in: in, on_error: dead, with", 1) + "  bad: {use: file.write, in: out.errors, with: {path: bad.jsonl}}\n"
	r := b.kit().Run(t, flow, files, nodetest.Setup{})
	if got := r.File("bad.jsonl"); r.Err != nil || len(b.bodies) != 2 || !strings.Contains(got, `field \"id\": 3000000000 has more than the 32 bits`) {
		t.Errorf("%v, %d bodies, %s", r.Err, len(b.bodies), got)
	}
}

// What does not fit together is told when the flow is checked, at its place and with what to do.
func TestPackedRefused(t *testing.T) {
	read := func(with string) string { return strings.Replace(takes, "WITH", with, 1) }
	write := func(typ, with string) string { return strings.NewReplacer("TYPE", typ, "WITH", with).Replace(puts) }
	for _, c := range []struct {
		flow string
		want []string
	}{
		{read("format: avro"), []string{`the key "schema" is required with format: avro`, "order.avsc"}},
		{read("format: avro, schema: gone.avsc"), []string{"3:69", "there is no file", "gone.avsc"}},
		{read("format: avro, schema: broken.avsc"), []string{"broken.avsc: the schema cannot be read"}},
		{read("format: avro, schema: list.avsc"), []string{"a message must be a record, got [int]"}},
		{read("format: avro, schema: order.avsc, as: '{id: string}'"), []string{`order.avsc: field "id": the schema has int there, which is not string`}},
		{read("format: avro, schema: order.avsc, as: '{id: int, more: int}'"), []string{"the schema has no field \"more\": write `more: int?`"}},
		{read("format: avro, schema: order.avsc, as: {id: {type: int, default: 0}}"), []string{"`from` alone"}},
		{read("format: protobuf, schema: broken.proto"), []string{"broken.proto:2:26: syntax error"}},
		{read("format: protobuf, schema: lost.proto"), []string{"gone.proto"}},
		{read("format: protobuf, schema: node.proto"), []string{`field "next" is a Node in a Node`}},
		{read("format: protobuf, schema: protos/shop/order.proto"), []string{"has several messages", "message: shop.Order; there are shop.Order, shop.Note"}},
		{read("format: protobuf, schema: protos/shop/order.proto, message: shop.Nix"), []string{"it has no message shop.Nix"}},
		{read("format: protobuf, schema: protos/shop/order.proto, message: shop.Order, as: '{id: bool}'"), []string{`field "id": the schema has int32 there, which is not bool`}},
		{read("as: '{id: int}', schema: order.avsc, framing: confluent, message: x, schema_id: 3, nix: 1"), []string{"schema has no effect", "framing has no effect", "message has no effect"}},
		{write("{id: int, item: string, more: int?}", "format: avro, schema: order.avsc"), []string{`order.avsc: field "more": the schema has no such field`, "drop: [more]"}},
		{write("{id: int}", "format: avro, schema: order.avsc"), []string{`field "item": the schema has it, and the items have not`}},
		{write("{id: int?, item: string}", "format: avro, schema: order.avsc"), []string{`field "id": it may be null`, "id ?? 0"}},
		{write("{id: int, item: string}", "format: avro, schema: order.avsc, framing: confluent"), []string{`the key "schema_id" is required with framing: confluent`}},
		{write("{id: int?, item: string}", "format: protobuf, schema: protos/shop/order.proto, message: shop.Order"), []string{`field "id": it may be null, which would be read as the zero of int32`, "optional in the schema"}},
		{write("{id: int, price: {cents: float}}", "format: protobuf, schema: protos/shop/order.proto, message: shop.Order"), []string{`field "price.cents": float cannot be written as int64`}},
		{write("{id: int, extra: int}", "format: protobuf, schema: protos/shop/order.proto, message: shop.Order"), []string{`field "extra": shop.Order has no such field`}},
	} {
		new(box).kit().Refuse(t, c.flow, schemas, c.want...)
	}
}
