package std_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// kit runs flows with all kinds that come with flowrun.
var kit = nodetest.New(std.Nodes)

// What the docs show must work, whatever the workers, batches and queues.
func TestExamples(t *testing.T) {
	for _, d := range std.Nodes {
		for _, e := range d.Spec.Examples {
			if e.Peer != "" { // the tests of its pack have one
				continue
			}
			t.Run(d.Spec.Kind+"/"+e.Title, func(t *testing.T) {
				for _, setup := range nodetest.Setups() {
					if e.Answers != nil {
						setup.Server = nodetest.Answering(e.Answers)
					}
					r := kit.Run(t, e.Flow, e.Files, setup)
					if r.Err != nil {
						t.Fatalf("%s: %v", setup, r.Err)
					}
					for _, name := range slices.Sorted(maps.Keys(e.Want)) {
						if got := r.File(name); got != e.Want[name] {
							t.Fatalf("%s: %s is\n%s\nwant\n%s", setup, name, got, e.Want[name])
						}
					}
				}
			})
		}
	}
}

func TestDeclarations(t *testing.T) {
	if _, err := nodes.NewRegistry(std.Nodes); err != nil {
		t.Fatal(err)
	}
	for _, d := range std.Nodes {
		s := d.Spec
		if len(s.Examples) == 0 {
			t.Errorf("%s has no example", s.Kind)
		}
		if s.Lines.Emits == "" || s.Lines.Waits == "" || s.Lines.Ends == "" || s.Lines.Fails == "" {
			t.Errorf("%s does not say when it emits, waits, ends and fails", s.Kind)
		}
	}
}
