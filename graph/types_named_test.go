package graph_test

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
)

// The name of a type in what is said of the data, in the words of an enum or in the name of
// a field is no mention of the type.
func TestNamesThatAreNoTypes(t *testing.T) {
	for declared, want := range map[string]string{
		`Order: {total: {type: float, from: "Order Total", default: 0}}`: "",
		`Order: {kind: {type: string, default: Order}}`:                  "",
		`Order: {kind: 'enum(Order|Refund)'}`:                            "",
		`Order: '{Order: int, "Order no": string}'`:                      "",
		`Order: '[{Order: int}]'`:                                        "",
		`Order: {lines: [Line]}, Line: {order: int}`:                     "",
		`Order: {lines: '[Line]'}, Line: '{order: Order?}'`:              "refers to itself",
		`Order: {parent: {type: Order, from: x}}`:                        "refers to itself",
		`Order: {parent: '{x: [Order]}'}`:                                "refers to itself",
	} {
		got := printed(t, "flow.yaml", "types: {"+declared+"}\nnodes:\n  s: {use: generate, with: {count: 1}}\n  o: {use: drop, in: s}\n", graph.Options{})
		if circle := strings.Contains(got, "refers to itself"); circle != (want != "") || strings.Contains(got, "E1") || strings.Contains(got, "E305") {
			t.Errorf("%s:\n%s", declared, got)
		}
	}
}
