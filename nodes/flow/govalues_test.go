package flow_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// An opaque value holds what no record can.
type opaque struct {
	N int
	C chan int
}

type plain struct {
	N int    `json:"n"`
	S string `json:"s"`
}

type counter[T any] struct {
	Count int `yaml:"count" doc:"How many."`

	make func(i int) T
}

func (s *counter[T]) Read(_ context.Context, emit func(T) error) error {
	for i := range s.Count {
		if err := emit(s.make(i)); err != nil {
			return err
		}
	}
	return nil
}

type collector[T any] struct {
	into func(T)
}

func (g *collector[T]) Write(_ context.Context, in []T) error {
	for _, x := range in {
		g.into(x)
	}
	return nil
}

// goPack has sources of Go values, and a sink that keeps the numbers of the opaque
// ones.
func goPack() (pack []nodes.Decl, got func() []int) {
	var mu sync.Mutex
	var seen []int
	return []nodes.Decl{
			nodes.Read("opaque.read", "Makes values.", &counter[opaque]{Count: 2000, make: func(i int) opaque { return opaque{N: i} }}),
			nodes.Read("plain.read", "Makes values.", &counter[plain]{Count: 2000, make: func(i int) plain { return plain{i, fmt.Sprint("s", i)} }}),
			nodes.Write("opaque.write", "Keeps values.", &collector[opaque]{into: func(x opaque) {
				mu.Lock()
				seen = append(seen, x.N)
				mu.Unlock()
			}}),
		}, func() []int {
			mu.Lock()
			defer mu.Unlock()
			return seen
		}
}

func TestGoValuesPass(t *testing.T) {
	for _, c := range []struct {
		nodes string
		want  func(i int) bool
	}{
		{"{use: limit, in: a, with: {count: 1500}}", func(i int) bool { return i < 1500 }},
		{"{use: skip, in: a, with: {count: 500}}", func(i int) bool { return i >= 500 }},
		{"{use: sample, in: a, with: {every: 7}}", func(i int) bool { return i%7 == 0 }},
		{"{use: log, in: a, with: {limit: 1}}", all},
		{"{use: merge, in: [a]}", all},
		{"{use: concat, in: [a]}", all},
	} {
		for _, setup := range nodetest.Few() {
			pack, got := goPack()
			r := kit.With(pack).Run(t, "flow: go\nnodes:\n  a: {use: opaque.read}\n  b: "+c.nodes+"\n  c: {use: opaque.write, in: b}\n", nil, setup)
			if r.Err != nil {
				t.Fatalf("%s: %v", setup, r.Err)
			}
			var want []int
			for i := range 2000 {
				if c.want(i) {
					want = append(want, i)
				}
			}
			if !slices.Equal(got(), want) {
				t.Fatalf("%s, %s: got %d values, want %d", c.nodes, setup, len(got()), len(want))
			}
		}
	}
}

func TestGoValuesAreDealtOut(t *testing.T) {
	flow := `flow: go
nodes:
  a: {use: opaque.read, with: {count: 100}}
  b: {use: balance, in: a, with: {outputs: [x, y, z]}}
  c: {use: opaque.write, in: b.y}
  d: {use: drop, in: b.x}
  e: {use: drop, in: b.z}
`
	pack, got := goPack()
	if r := kit.With(pack).Run(t, flow, nil, nodetest.Setup{}); r.Err != nil {
		t.Fatal(r.Err)
	}
	for i, n := range got() {
		if n != 3*i+1 {
			t.Fatalf("value %d is %d", i, n)
		}
	}
	if len(got()) != 33 {
		t.Fatalf("%d values", len(got()))
	}
}

// Go structs and records of a wider type come together as records.
func TestGoValuesBesideRecords(t *testing.T) {
	flow := `flow: go
types: {R: {n: float, more: bool}}
nodes:
  a:   {use: plain.read, with: {count: 2}}
  b:   {use: file.read, with: {path: b.jsonl, as: R}}
  all: {use: concat, in: [a, b]}
  two: {use: filter, in: all, with: {where: n > 0}}
  zip: {use: zip, in: [two, c], with: {as: [l, r]}}
  c:   {use: plain.read, with: {count: 2}}
  out: {use: file.write, in: zip, with: {path: "-", format: jsonl}}
`
	pack, _ := goPack()
	for _, setup := range nodetest.Few() {
		r := kit.With(pack).Run(t, flow, map[string]string{"b.jsonl": `{"n":1.5,"more":true}` + "\n"}, setup)
		want := `{"l":{"n":1,"s":"s1","more":null},"r":{"n":0,"s":"s0"}}` + "\n" + `{"l":{"n":1.5,"s":null,"more":true},"r":{"n":1,"s":"s1"}}` + "\n"
		if r.Err != nil || r.Stdout != want {
			t.Fatalf("%s: %v\n%s", setup, r.Err, r.Stdout)
		}
	}
}

// Kinds that look into items say so when there is nothing to look into.
func TestOpaqueValuesAreRefused(t *testing.T) {
	pack, _ := goPack()
	for _, node := range []string{
		"{use: filter, in: a, with: {where: N > 1}}", "{use: sort, in: a, with: {by: N}}", "{use: unique, in: a}", "{use: batch, in: a, with: {count: 2}}",
		"{use: map, in: a}", "{use: zip, in: [a, a], with: {as: [x, y]}}", "{use: group, in: a, with: {set: {c: count()}}}", "{use: flatten, in: a, with: {field: N}}",
	} {
		_, list := kit.With(pack).Load(t, "flow: go\nnodes:\n  a: {use: opaque.read}\n  b: "+node+"\n", nil)
		if printed := nodetest.Printed(list); !list.HasErrors() || !strings.Contains(printed, "go:flow_test.opaque") || strings.Count(printed, "[E") != 1 {
			t.Errorf("%s:\n%s", node, printed)
		}
	}
}
