package flow_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

func TestFlatten(t *testing.T) {
	const item = `"{id: int, l: [{a: int, s: string?}?]?, z: bool}"`
	in := `{"id":1,"l":[{"a":1,"s":"x"},{"a":2,"s":null},null],"z":true}
{"id":2,"l":[],"z":false}
{"id":3,"l":null,"z":false}
{"id":4,"l":[{"a":3,"s":"y"}],"z":true}
`
	for with, want := range map[string]string{
		`{field: l}`: `{"id":1,"a":1,"s":"x","z":true}
{"id":1,"a":2,"s":null,"z":true}
{"id":1,"a":null,"s":null,"z":true}
{"id":4,"a":3,"s":"y","z":true}
`,
		`{field: l, keep_empty: true, index: i}`: `{"id":1,"a":1,"s":"x","z":true,"i":0}
{"id":1,"a":2,"s":null,"z":true,"i":1}
{"id":1,"a":null,"s":null,"z":true,"i":2}
{"id":2,"a":null,"s":null,"z":false,"i":null}
{"id":3,"a":null,"s":null,"z":false,"i":null}
{"id":4,"a":3,"s":"y","z":true,"i":0}
`,
		`{field: l, as: e}`: `{"id":1,"e":{"a":1,"s":"x"},"z":true}
{"id":1,"e":{"a":2,"s":null},"z":true}
{"id":1,"e":null,"z":true}
{"id":4,"e":{"a":3,"s":"y"},"z":true}
`,
	} {
		t.Run(with, func(t *testing.T) { kit.CheckOne(t, item, "flatten", with, in, want) })
	}
	t.Run("scalars", func(t *testing.T) {
		kit.CheckOne(t, `"{id: int, l: [string]}"`, "flatten", "{field: l}", `{"id":1,"l":["a","b"]}`+"\n", `{"id":1,"l":"a"}`+"\n"+`{"id":1,"l":"b"}`+"\n")
	})
	t.Run("long list", func(t *testing.T) {
		var list, want []string
		for i := range 5000 {
			list, want = append(list, fmt.Sprint(i)), append(want, fmt.Sprintf("{\"id\":7,\"n\":%d}\n", i))
		}
		kit.CheckOne(t, `"{id: int, l: [int]}"`, "flatten", "{field: l, as: n}", `{"id":7,"l":[`+strings.Join(list, ",")+"]}\n", strings.Join(want, ""))
	})
	none := map[string]string{"in.jsonl": ""}
	kit.Refuse(t, nodetest.One(`"{id: int, l: [{id: int}]}"`, "flatten", "{field: l}"), none, `two fields would be called "id"`, "as: NAME")
	kit.Refuse(t, nodetest.One(`"{id: int, l: [int]}"`, "flatten", "{field: id}"), none, `flatten wants a list, "id" is int`)
	kit.Refuse(t, nodetest.One(`"{id: int, list: [int]}"`, "flatten", "{field: lst}"), none, `did you mean "list"?`)
}

// Only what later nodes read is read of the record around the list.
func TestFlattenOfUnneededFields(t *testing.T) {
	flow := `flow: lazy
types: {Item: {a: int, b: int, l: "[{x: int, y: int}]"}}
nodes:
  in:   {use: file.read, with: {path: in.jsonl, as: Item}}
  one:  {use: flatten, in: in, with: {field: l}}
  two:  {use: map, in: one, with: {select: [y, a]}}
  out:  {use: file.write, in: two, with: {path: "-", format: jsonl}}
`
	kit.Check(t, flow, map[string]string{"in.jsonl": `{"a":1,"b":"no int","l":[{"x":1,"y":2}]}` + "\n"}, map[string]string{"-": `{"y":2,"a":1}` + "\n"})
}
