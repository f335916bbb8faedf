//go:build unix

package torture

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A path is what is drawn to lie between a broker and the files: every one of them gives the
// same rows, in whatever order.
//
//	broker -> service -> (sieve, risk, pass, hold in some order) -> left  -> both -> out.jsonl
//	                             |                               \> right -/
//	                             dead -> dead.jsonl
type path struct {
	text  string
	flags []string
}

// Numbers that have no two rows in out.jsonl.
func sieved(n int) bool { return n%13 == 5 && !fails(n) }
func fails(n int) bool  { return n%97 == 3 }

// The files of a path, in its folder.
const (
	acksName = "acks"
	outName  = "out.jsonl"
	deadName = "dead.jsonl"
)

// drawPath draws one for so many numbers; fault is that of the broker, and ack its setting.
func drawPath(r *rand.Rand, items int, ack, fault string) path {
	var b strings.Builder
	stays, serial := r.IntN(2) == 0, r.IntN(5) == 0
	fmt.Fprintf(&b, `flow: acks
nodes:
  broker:
    use: test.broker
    ack: %s
    with: {path: "${DIR}/%s", items: %d, run: '${RUN}', seed: %d, piece: %d, wait: %.1f, stays: %v, fault: "%s"}
`, ack, acksName, items, r.Uint32(), 1+r.IntN(60), 1+3*r.Float64(), stays, fault)
	last := "service"
	node(&b, r, last, "use: test.service", true, "broker")
	for _, stage := range r.Perm(4) {
		id, rest, workers := "hold", "", true
		switch stage {
		case 0:
			id, rest = "sieve", "use: filter\n    with: {where: n % 13 != 5 || n % 97 == 3}"
		case 1:
			id, rest = "risk", `use: map
    on_error: dead
    with: {set: {x: 'n % 97 == 3 ? int("item " + string(n)) : n'}}`
		case 2:
			id, rest = "pass", "use: map\n    with: {set: {n: n + 0}}"
		default:
			rest, workers = drawHold(r, stays, serial), false
		}
		if rest == "" {
			continue
		}
		node(&b, r, id, rest, workers, last)
		if last = id; strings.HasPrefix(rest, "use: batch") {
			last = "taken_apart"
			fmt.Fprintf(&b, "  %s: {use: unbatch, in: %s}\n", last, id)
		}
	}
	for _, side := range sides {
		node(&b, r, side, fmt.Sprintf("use: map\n    with: {set: {side: '\"%s\"', text: '\"%s\"'}}", side, filling), true, last)
	}
	node(&b, r, "both", "use: merge", false, sides...)
	node(&b, r, "out", fmt.Sprintf("use: file.write\n    with: {path: \"${DIR}/%s\", append: true}", outName), false, "both")
	fmt.Fprintf(&b, "  dead:\n    use: file.write\n    with: {path: \"${DIR}/%s\", append: true}\n    in: {from: risk.errors%s}\n", deadName,
		[]string{"", ", on_full: spill, capacity: 1", ", delay: 30ms"}[r.IntN(3)])
	p := path{text: b.String()}
	if serial {
		p.flags = append(p.flags, "--serial")
	}
	if r.IntN(2) == 0 {
		p.flags = append(p.flags, "--no-sync")
	}
	return p
}

// drawHold draws a node that holds items back; "": none. Where the broker stays until all is
// acknowledged it may not wait for items that never come, nor, in a serial run, for a time:
// there nothing is woken while a source waits.
func drawHold(r *rand.Rand, stays, serial bool) string {
	all := []string{
		"",
		"use: delay\n    with: {for: 30ms}",
		"use: delay\n    with: {for: 'duration(string(n % 7 * 10) + \"ms\")', pending: 60}",
		"use: batch\n    with: {count: 40, period: 30ms}",
		"use: batch\n    with: {count: 150}",
	}
	switch {
	case stays && serial:
		return ""
	case stays:
		all = all[:4]
	}
	return all[r.IntN(len(all))]
}

// sides are the branches of the diamond.
var sides = []string{"left", "right"}

// node writes one, with a drawn contract for each of its edges, and drawn settings.
func node(b *strings.Builder, r *rand.Rand, id, rest string, workers bool, from ...string) {
	fmt.Fprintf(b, "  %s:\n    %s\n    in:\n", id, rest)
	for _, f := range from {
		contracts := []string{
			"", "",
			", on_full: spill, capacity: 2",
			", on_full: spill, capacity: 100",
			", capacity: 5",
			", delay: 20ms",
			`, delay: 'duration(string(n % 40) + "ms")'`,
			`, delay: 'duration(string(n % 7 * 10) + "ms")', capacity: 50`,
			", priority: n % 7, capacity: 200",
			", priority: n % 7, aging: 20ms",
			", isolate: true, capacity: 10",
		}
		fmt.Fprintf(b, "      - {from: %s%s}\n", f, contracts[r.IntN(len(contracts))])
	}
	keyed := false
	if workers {
		way := r.IntN(5)
		b.WriteString([]string{"", "    workers: 4\n", "    workers: {min: 1, max: 4}\n", "    workers: 4\n    order: none\n", "    workers: 4\n    order: key\n    key: n\n"}[way])
		keyed = way == 4
	}
	if !keyed && r.IntN(3) == 0 {
		b.WriteString("    batch: {count: 50, period: 30ms}\n")
	}
	if r.IntN(5) == 0 {
		b.WriteString("    rate: {limit: 6000/s, burst: 50}\n") // so that something waits before it
	}
}
