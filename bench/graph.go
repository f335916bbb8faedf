package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler"
)

// This file has the workload of a flow with 10,000 nodes: what it costs to check, to
// run and to wait.

// graphWorkload: a generated flow of 10,000 nodes is checked and run.
func graphWorkload(ctx context.Context, h *harness) error {
	all, err := h.compare(ctx, "A generated flow of 10,000 nodes: run", 0, 0,
		h.child("flowrun, 10,000 nodes", strconv.Itoa(h.size(1000, 100))))
	if err != nil {
		return err
	}
	s := all[0]
	of := func(key string) float64 { return s.median(func(m measurement) float64 { return m.result.More[key] }) }
	fmt.Fprintf(h.out, "  text of %.0f kB read and checked in %.3f s; run: %.0f ns for an item at a node\n", of("text"), of("check"), of("item"))
	fmt.Fprintf(h.out, "  a node that waits: %.1f kB, %.2f goroutines, %.2f µs of CPU a second; its start and end: %.1f µs\n",
		of("memory"), of("goroutines"), of("idle"), of("start"))
	h.claim(claim{text: "a flow of 10,000 nodes is read and checked", got: of("check"), unit: "s", target: 2, most: true}, all...)
	return nil
}

const wideNodes = 10_000

// A wideNode is a node of the generated flow: its kind, what it reads, and the
// number it leaves out.
type wideNode struct {
	kind  string
	reads []int
	not   int
	read  bool // by another node
}

// wide makes a flow that branches at random: each node reads one of the hundred
// before it, every twentieth joins two of them, and what nobody reads is dropped.
func wide(items int) []wideNode {
	r := rand.New(rand.NewPCG(42, 0))
	all := make([]wideNode, wideNodes)
	all[0].kind = "gate"
	for i := 1; i < wideNodes; i++ {
		n := &all[i]
		n.kind, n.not, n.reads = "filter", r.IntN(2*items), []int{max(0, i-1-r.IntN(100))}
		if other := max(0, i-1-r.IntN(100)); i%20 == 0 && other != n.reads[0] {
			n.kind, n.reads = "join", append(n.reads, other)
		}
	}
	for i := wideNodes - 1; i > 0; i-- { // those that read come behind those that are read
		n := &all[i]
		if !n.read {
			n.kind, n.reads = "drop", n.reads[:1]
		}
		for _, from := range n.reads {
			all[from].read = true
		}
	}
	return all
}

// wideText writes the flow.
func wideText(all []wideNode, items int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "flow: wide\nnodes:\n  n0: {use: gate, with: {items: %d}}\n", items)
	for i, n := range all {
		switch n.kind {
		case "filter":
			fmt.Fprintf(&b, "  n%d: {use: filter, in: n%d, with: {where: n != %d}}\n", i, n.reads[0], n.not)
		case "join":
			fmt.Fprintf(&b, "  n%d: {use: join, in: {left: n%d, right: n%d}, with: {on: n, kind: semi}}\n", i, n.reads[0], n.reads[1])
		case "drop":
			fmt.Fprintf(&b, "  n%d: {use: drop, in: n%d}\n", i, n.reads[0])
		}
	}
	return b.String()
}

// wideItems computes how many items all nodes together must get.
func wideItems(all []wideNode, items int) int64 {
	var total int64
	gives := make([][]bool, len(all))
	for i, n := range all {
		gives[i] = make([]bool, items)
		for x := range items {
			switch n.kind {
			case "gate":
				gives[i][x] = true
			case "join":
				gives[i][x] = gives[n.reads[0]][x] && gives[n.reads[1]][x]
			default:
				gives[i][x] = gives[n.reads[0]][x] && x != n.not
			}
			for _, from := range n.reads {
				if gives[from][x] {
					total++
				}
			}
		}
	}
	return total
}

// A gate is a source that waits until it is opened, so that a flow can be looked at
// while nothing moves.
type gate struct {
	Items int `yaml:"items" doc:"How many items to give."`
}

var gateOpens = make(chan struct{})

type counted struct{ N int }

func (g *gate) Read(ctx context.Context, emit func(counted) error) error {
	select {
	case <-gateOpens:
	case <-ctx.Done():
		return ctx.Err()
	}
	for i := range g.Items {
		if err := emit(counted{i}); err != nil {
			return err
		}
	}
	return nil
}

// wideGraph takes the number of items of the source.
func wideGraph(args []string) (result, error) {
	items, err := strconv.Atoi(args[0])
	if err != nil {
		return result{}, err
	}
	registry, err := nodes.NewRegistry(std.Nodes, []nodes.Decl{nodes.Read("gate", "Waits, then counts.", &gate{})})
	if err != nil {
		return result{}, err
	}
	all := wide(items)
	text := []byte(wideText(all, items))
	more := map[string]float64{"text": float64(len(text)) / 1e3}

	start := time.Now()
	f, list := graph.Load(diag.NewSource("wide.yaml", text), registry, graph.Options{})
	more["check"] = time.Since(start).Seconds()
	if len(list) > 0 {
		return result{}, list
	}
	before, goroutines := memory(), runtime.NumGoroutine()
	start = time.Now()
	r, err := scheduler.New(f, registry, scheduler.Options{})
	if err != nil {
		return result{}, err
	}
	done := make(chan error)
	var total int64
	go func() {
		report, err := r.Run(context.Background())
		for _, n := range report.Nodes {
			total += n.In
		}
		done <- err
	}()
	started := settle()
	more["memory"] = float64(memory()-before) / 1e3 / wideNodes
	more["goroutines"] = float64(runtime.NumGoroutine()-goroutines) / wideNodes
	more["idle"] = idle(2*time.Second) / wideNodes
	opened := time.Now()
	close(gateOpens)
	if err := <-done; err != nil {
		return result{}, err
	}
	took := time.Since(opened)
	more["item"] = float64(took.Nanoseconds()) / float64(total)
	if want := wideItems(all, items); total != want {
		return result{}, fmt.Errorf("the nodes got %d items, not %d", total, want)
	}
	more["start"] = started.Sub(start).Seconds() * 1e6 / wideNodes
	return result{Seconds: took.Seconds(), Digest: strconv.FormatInt(total, 10), More: more}, nil
}
