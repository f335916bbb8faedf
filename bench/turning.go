package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/flowrun/flowrun"
)

// This file has the workload whose items turn slow: what was learnt from the fast ones
// does not hold.

// turningWorkload: items that are fast, and then items that wait 10 ms, with 16 workers.
// What was learnt from the fast ones does not hold for the others, and all 16 are to
// have their share of them.
func turningWorkload(ctx context.Context, h *harness) error {
	fast, slow := 1000, h.size(1600, 320)
	all, err := h.compare(ctx, fmt.Sprintf("%d fast items, then %d that wait 10 ms, 16 workers, order kept", fast, slow), int64(fast+slow), 0,
		h.child("flowrun, 16 workers", strconv.Itoa(fast), strconv.Itoa(slow)),
		h.child("errgroup, 16 at once", strconv.Itoa(fast), strconv.Itoa(slow)))
	if err != nil {
		return err
	}
	h.claim(claim{text: "fast items, then slow ones, 16 workers: over the time of errgroup", got: 100 * (all[0].median(wall)/all[1].median(wall) - 1), unit: "%", target: 10, most: true}, all...)
	return nil
}

// turn waits if an item is one of the slow ones.
func turn(i, fast int) {
	if i >= fast {
		time.Sleep(10 * time.Millisecond)
	}
}

func turningFlow(args []string) (result, error) {
	fast, items, err := turningArgs(args)
	if err != nil {
		return result{}, err
	}
	return timed(func() (string, error) {
		g := flowrun.New("turning")
		s := flowrun.Apply(flowrun.Slice(g, "numbers", items), "work", func(i int) int { turn(i, fast); return i }, flowrun.Workers(16))
		next := 0
		flowrun.Each(s, "count", func(_ context.Context, i int) error {
			if i != next {
				return fmt.Errorf("item %d comes after %d", i, next-1)
			}
			next++
			return nil
		})
		_, err := g.Run(context.Background())
		return strconv.Itoa(next), err
	})
}

func turningGroup(args []string) (result, error) {
	fast, items, err := turningArgs(args)
	if err != nil {
		return result{}, err
	}
	return timed(func() (string, error) {
		var g errgroup.Group
		g.SetLimit(16)
		done := make([]int, len(items))
		for i := range items {
			g.Go(func() error {
				turn(i, fast)
				done[i] = 1
				return nil
			})
		}
		err := g.Wait()
		n := 0
		for _, d := range done {
			n += d
		}
		return strconv.Itoa(n), err
	})
}

func turningArgs(args []string) (fast int, items []int, err error) {
	fast, err = strconv.Atoi(args[0])
	if err != nil {
		return 0, nil, err
	}
	slow, err := strconv.Atoi(args[1])
	items = make([]int, fast+slow)
	for i := range items {
		items[i] = i
	}
	return fast, items, err
}
