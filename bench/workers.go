package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/flowrun/flowrun"
)

// This file has the workloads of many workers: of the CPU, and of waiting.

// spin is work for the CPU: rounds of a hash.
func spin(x int64, rounds int) int64 {
	h := uint64(x)
	for range rounds {
		h = (h ^ h>>29) * 0xbf58476d1ce4e5b9
	}
	return int64(h)
}

// spinRounds gives how many rounds take a microsecond here: the fastest of a few
// tries, since whatever else runs can only slow it down.
func spinRounds() int {
	const rounds = 100_000
	best, sum := time.Hour, int64(0)
	for i := range int64(50) {
		start := time.Now()
		sum += spin(i, rounds)
		best = min(best, time.Since(start))
	}
	if sum == 0 { // keeps the compiler from leaving the work out
		return rounds
	}
	return max(1, int(rounds*time.Microsecond/best))
}

// cpuWorkload: a stage that takes a microsecond of CPU for an item, in order.
func cpuWorkload(ctx context.Context, h *harness) error {
	n, rounds := h.size(1_000_000, 200_000), strconv.Itoa(spinRounds())
	one := h.child("flowrun, workers", "1", strconv.Itoa(n), rounds)
	two := h.child("flowrun, workers", "2", strconv.Itoa(n), rounds)
	one.name, two.name = "flowrun, 1 worker", "flowrun, 2 workers"
	all, err := h.compare(ctx, fmt.Sprintf("A stage of 1 µs CPU over %d items, order kept", n), int64(n), 0, one, two)
	if err != nil {
		return err
	}
	h.claim(claim{text: "1 µs of CPU an item: times as fast with two workers as with one", got: all[0].median(wall) / all[1].median(wall), unit: "x", target: 1.85}, all...)
	return nil
}

// cpuWork takes the number of workers, of items and of rounds. That the items are in
// order is part of the result.
func cpuWork(args []string) (result, error) {
	workers, err := strconv.Atoi(args[0])
	if err != nil {
		return result{}, err
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return result{}, err
	}
	rounds, err := strconv.Atoi(args[2])
	if err != nil {
		return result{}, err
	}
	numbers := make([]int64, n)
	for i := range numbers {
		numbers[i] = int64(i)
	}
	type hashed struct{ x, hash int64 }
	return timed(func() (string, error) {
		g := flowrun.New("cpu")
		s := flowrun.Apply(flowrun.Slice(g, "numbers", numbers), "hash",
			func(x int64) hashed { return hashed{x, spin(x, rounds)} }, flowrun.Workers(workers))
		var next, sum int64
		flowrun.Each(s, "sum", func(_ context.Context, h hashed) error {
			if h.x != next {
				return errors.New("out of order")
			}
			next++
			sum = sum*31 + h.hash
			return nil
		})
		_, err := g.Run(context.Background())
		return strconv.FormatInt(sum, 10), err
	})
}

// sleepWorkload: a stage that waits a millisecond for each item, as a call over the
// network would, with 100 workers. The ideal is what 100 goroutines take that do
// nothing but wait: sleeping for a millisecond takes more than that.
func sleepWorkload(ctx context.Context, h *harness) error {
	n := h.size(100_000, 10_000)
	size := strconv.Itoa(n)
	all, err := h.compare(ctx, fmt.Sprintf("A stage that sleeps 1 ms, 100 workers, %d items, order kept (nominal %.2f s)", n, float64(n)/100_000), int64(n), 0,
		h.child("flowrun, 100 workers", size), h.child("100 goroutines that sleep", size))
	if err != nil {
		return err
	}
	h.claim(claim{text: "1 ms of waiting an item, 100 workers: over the time of the sleeping alone", got: 100 * (all[0].median(wall)/all[1].median(wall) - 1), unit: "%", target: 8, most: true}, all...)
	return nil
}

func sleepWork(args []string) (result, error) {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return result{}, err
	}
	numbers := make([]int, n)
	return timed(func() (string, error) {
		g := flowrun.New("sleep")
		s := flowrun.Apply(flowrun.Slice(g, "numbers", numbers), "sleep", func(x int) int { time.Sleep(time.Millisecond); return x }, flowrun.Workers(100))
		slept := 0
		flowrun.Each(s, "count", func(context.Context, int) error { slept++; return nil })
		_, err := g.Run(context.Background())
		return strconv.Itoa(slept), err
	})
}

func sleepAlone(args []string) (result, error) {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return result{}, err
	}
	return timed(func() (string, error) {
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				for range n / 100 {
					time.Sleep(time.Millisecond)
				}
			})
		}
		all.Wait()
		return strconv.Itoa(n), nil
	})
}
