package nodetest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/flowrun/flowrun/scheduler"
)

// A sender that waits for a slot of a full channel, under a limit of memory, must sleep.
// One that spun would hold virtual time up.
func TestFullChannelUnderLimitOfMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		b.WriteString(`limits: {memory: 64KB}
nodes:
  a: {use: generate, with: {count: 1000, rate: 1000, set: {n: n, k: '"k"'}}}
  b: {use: balance, in: a, with: {outputs: [x, y]}}
  c: {use: remember, in: b.x, rate: 10/s}
  d: {use: remember, in: b.y}
  z: {use: generate, with: {count: 0}}
`)
		for i := range 30 { // many edges, so that the share of each is small
			fmt.Fprintf(&b, "  z%d: {use: drop, in: z}\n", i)
		}
		got, err := runSketch(t, b.String(), scheduler.Options{Batch: 1}, disturbance{})
		if err != nil || len(got["c"]) != 500 {
			t.Errorf("%d lines: %v", len(got["c"]), err)
		}
	})
}
