package flowtest

import (
	"os"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

func BenchmarkLoad(b *testing.B) {
	reg, _ := nodes.NewRegistry(std.Nodes)
	p := "../../flows/quickstart_test.yaml"
	text, _ := os.ReadFile(p)
	for range b.N {
		f, _ := Load(diag.NewSource(p, text), reg, Options{})
		f.Close()
	}
}
