package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/flowrun/flowrun"
)

// This file has the workload that only passes numbers on: what an item costs on its way
// over five edges.

// chainWorkload: a source of 0 ... n-1, four stages x*3+1, a sum; five edges.
func chainWorkload(ctx context.Context, h *harness) error {
	n := h.size(5_000_000, 500_000)
	size := strconv.Itoa(n)
	all, err := h.compare(ctx, fmt.Sprintf("Chain of four trivial stages over %d int64", n), int64(n), 0,
		h.child("flowrun, from a slice", size), h.child("flowrun, from a function", size), h.child("chan int64", size))
	if err != nil {
		return err
	}
	raw := all[2].median(wall)
	perEdge := func(s series) float64 { return 1e9 * s.median(wall) / float64(n) / 5 }
	h.claim(claim{text: "chain: times as fast as stages over chan int64 with a buffer of 128", got: raw / all[0].median(wall), unit: "x", target: 5}, all...)
	h.claim(claim{text: "chain: an item on an edge", got: perEdge(all[0]), unit: "ns", target: 10, most: true}, all...)
	h.claim(claim{text: "chain from a function that emits one by one: times as fast as chan int64", got: raw / all[1].median(wall), unit: "x", target: 5}, all...)
	h.claim(claim{text: "chain from a function that emits one by one: an item on an edge", got: perEdge(all[1]), unit: "ns", target: 10, most: true}, all...)
	return nil
}

func chainFromSlice(args []string) (result, error) {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return result{}, err
	}
	numbers := make([]int64, n)
	for i := range numbers {
		numbers[i] = int64(i)
	}
	return timed(func() (string, error) {
		g := flowrun.New("chain")
		return chain(g, flowrun.Slice(g, "numbers", numbers))
	})
}

func chainFromFunc(args []string) (result, error) {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return result{}, err
	}
	return timed(func() (string, error) {
		g := flowrun.New("chain")
		return chain(g, flowrun.Func(g, "numbers", func(_ context.Context, emit func(int64) error) error {
			for i := range int64(n) {
				if err := emit(i); err != nil {
					return err
				}
			}
			return nil
		}))
	})
}

func chain(g *flowrun.Graph, s flowrun.Stream[int64]) (string, error) {
	for _, id := range []string{"a", "b", "c", "d"} {
		s = flowrun.Map(s, id, func(_ context.Context, x int64) (int64, error) { return x*3 + 1, nil })
	}
	var sum int64
	flowrun.Each(s, "sum", func(_ context.Context, x int64) error { sum += x; return nil })
	_, err := g.Run(context.Background())
	return strconv.FormatInt(sum, 10), err
}

func chainOfChannels(args []string) (result, error) {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return result{}, err
	}
	return timed(func() (string, error) {
		var stages sync.WaitGroup
		in := make(chan int64, 128)
		stages.Go(func() {
			defer close(in)
			for i := range int64(n) {
				in <- i
			}
		})
		last := in
		for range 4 {
			from, to := last, make(chan int64, 128)
			stages.Go(func() {
				defer close(to)
				for x := range from {
					to <- x*3 + 1
				}
			})
			last = to
		}
		var sum int64
		for x := range last {
			sum += x
		}
		stages.Wait()
		return strconv.FormatInt(sum, 10), nil
	})
}
