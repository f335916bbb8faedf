package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/flowrun/flowrun"
)

// This file has the workload of edges that hold a million items in another order.

// queueWorkload: a priority edge and a delay edge that hold a million items. What
// an item costs must grow no faster than the logarithm of how many there are.
func queueWorkload(ctx context.Context, h *harness) error {
	for _, kind := range []string{"priority", "delay"} {
		var perItem []float64
		for _, n := range []int{10_000, 100_000, h.size(1_000_000, 200_000)} {
			all, err := h.compare(ctx, fmt.Sprintf("A %s edge that holds %d items", kind, n), int64(n), 0, h.child("queue", kind, strconv.Itoa(n)))
			if err != nil {
				return err
			}
			of := func(key string) float64 {
				return all[0].median(func(m measurement) float64 { return m.result.More[key] })
			}
			fmt.Fprintf(h.out, "  CPU of an item: %.0f ns in, %.0f ns out; memory of an item: %.0f bytes\n", of("put"), of("take"), of("bytes"))
			perItem = append(perItem, of("put")+of("take"))
		}
		last := len(perItem) - 1
		h.claim(claim{text: kind + " edge: CPU of an item in and out, a million waiting", got: perItem[last], unit: "ns", target: 5000, most: true})
		// Twenty doublings instead of thirteen: a half more comparisons, and what
		// the caches of the processor add.
		h.claim(claim{text: kind + " edge: an item of a million against one of ten thousand", got: perItem[last] / perItem[0], unit: "x", target: 5, most: true})
	}
	return nil
}

type queued struct{ N, Rank int64 }

// queueWork fills an edge before anything is taken off it, then empties it. It
// takes the kind of the edge and the number of items.
func queueWork(args []string) (result, error) {
	kind := args[0]
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return result{}, err
	}
	option := flowrun.Priority("rank")
	if kind == "delay" {
		option = flowrun.Delay(3 * time.Second)
	}
	more := map[string]float64{}
	full := make(chan struct{})
	var filled time.Duration
	g := flowrun.New("queue")
	before, start := memory(), time.Duration(0)
	items := flowrun.Func(g, "items", func(_ context.Context, emit func(queued) error) error {
		start = cpuTime()
		for i := range int64(n) {
			if err := emit(queued{i, (i*2654435761 + 12345) % 1000}); err != nil {
				return err
			}
		}
		close(full)
		return nil
	})
	var once sync.Once
	taken, last := 0, queued{Rank: 1 << 60}
	flowrun.Each(items, "take", func(_ context.Context, q queued) error {
		once.Do(func() {
			<-full
			more["put"] = float64((cpuTime() - start).Nanoseconds()) / float64(n)
			more["bytes"] = float64(memory()-before) / float64(n)
			filled = cpuTime()
		})
		if taken++; taken > 2048 && kind == "priority" && (q.Rank > last.Rank || q.Rank == last.Rank && q.N < last.N) {
			return fmt.Errorf("%v came after %v", q, last)
		}
		last = q
		return nil
	}, option, flowrun.Capacity(2*n), flowrun.Bytes(1<<40))
	r, err := timed(func() (string, error) {
		_, err := g.Run(context.Background())
		return strconv.Itoa(taken), err
	})
	more["take"] = float64((cpuTime() - filled).Nanoseconds()) / float64(n)
	r.More = more
	return r, err
}
