package render_test

import (
	"os"

	"github.com/flowrun/flowrun/graph/render"
)

// A scene can be made by hand. Mermaid needs no layout.
func Example() {
	scene := &render.Scene{
		Cards: []*render.Card{
			{ID: "flights", Kind: "file.read", Detail: "flights.csv", Out: []render.Port{{Name: "out", Type: "Flight"}}},
			{ID: "late", Kind: "filter", Detail: "delay > 15", Workers: "×2", In: []render.Port{{Name: "in", Type: "Flight"}}},
		},
		Wires: []*render.Wire{{From: render.End{Card: 0, Port: 0}, To: render.End{Card: 1, Port: 0}, Capacity: "8192"}},
	}
	if err := render.Mermaid(os.Stdout, scene); err != nil {
		panic(err)
	}
	// Output:
	// flowchart LR
	//   n0(["<b>flights</b><br>file.read flights.csv"])
	//   n1[/"<b>late</b><br>filter delay #62; 15<br>×2"/]
	//   n0 -->|"Flight · 8192"| n1
}
