package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// This file measures what cuts cost within one run, in slices of its time with and
// without them.

// A run with cuts and one without differ by a fifth in processor time on a shared machine
// for reasons of others: what memory costs there changes from second to second. So what a
// cut costs is measured within a run: it goes on, and slices of its time with and without
// cuts take turns. A cut falls into the first half of its slice, or there are many in it,
// so that what it costs is in the slice too.
const (
	slice       = 50 * time.Millisecond
	pairsOfARun = 5 // so that what it writes is little
)

// pulse is a source without items, which hands out what its environment has for asking for
// a cut, and ends when the run is stopped.
type pulse struct{}

// cutNow asks the run of this process for a cut; pulse sets it.
var cutNow func()

func (p *pulse) Operator(env *nodes.Env) (nodes.Operator, error) {
	cutNow = env.Cut
	return p, nil
}

func (*pulse) Process(context.Context, nodes.Input, nodes.Out) error { return nil }
func (*pulse) Endless() bool                                         { return true }

func (*pulse) Next(ctx context.Context) (any, nodes.Position, error) {
	<-ctx.Done()
	return nil, nil, io.EOF
}

// alternation is what the two kinds of slices have cost: without cuts, and with them.
type alternation struct {
	run   *scheduler.Run
	every time.Duration
	next  time.Duration // when the next cut is, from the begin of the next slice with cuts
	cpu   [2]time.Duration
	work  [2]int64
}

// slice lets a slice of one kind go by.
func (a *alternation) slice(with int) {
	cpu, work, begin := cpuTime(), a.done(), time.Now()
	if with == 1 {
		for ; a.next < slice; a.next += a.every {
			time.Sleep(time.Until(begin.Add(a.next)))
			cutNow()
		}
		a.next -= slice
	}
	time.Sleep(time.Until(begin.Add(slice)))
	a.cpu[with] += cpuTime() - cpu
	a.work[with] += a.done() - work
}

// done is what the nodes have taken and given: what they read at first is on its way when a
// slice ends, so it is not the items of the source alone.
func (a *alternation) done() int64 {
	sum := int64(0)
	for _, n := range a.run.Stats().Nodes {
		sum += n.In + n.Out
	}
	return sum
}

// ratio is what an item costs with cuts, over that without, since the last time.
func (a *alternation) ratio() float64 {
	r := float64(a.cpu[1]) / float64(a.work[1]) / (float64(a.cpu[0]) / float64(a.work[0]))
	a.cpu, a.work = [2]time.Duration{}, [2]int64{}
	return r
}

// slicedCuts takes a flow, its input, its output, the time between two cuts, a number of
// pairs, and how many slices of each kind one is. It gives the ratio of each: processor time
// of an item with cuts, over that without. The first second does not count.
func slicedCuts(args []string) (result, error) {
	every, err := time.ParseDuration(args[3])
	if err != nil {
		return result{}, err
	}
	pairs, err := strconv.Atoi(args[4])
	if err != nil {
		return result{}, err
	}
	each, err := strconv.Atoi(args[5])
	if err != nil {
		return result{}, err
	}
	run, err := cutRun(args[0], args[1], args[2], 500, scheduler.Cuts{Every: 1000 * time.Hour},
		nodes.Kind("pulse", "Lets cuts be asked for.", &pulse{}, nodes.OutPort(graph.Port{Name: "out", Any: true, Side: true})))
	if err != nil {
		return result{}, err
	}
	ended := make(chan error, 1)
	go func() {
		_, err := run.Run(context.Background())
		ended <- err
	}()
	a := alternation{run: run, every: every, next: 5 * time.Millisecond}
	r := result{More: map[string]float64{}}
	time.Sleep(time.Second)
	for range pairs {
		for i := range each {
			a.slice(i % 2)
			a.slice(1 - i%2)
		}
		r.Ratios = append(r.Ratios, a.ratio())
	}
	r.More["cuts"] = float64(run.Stats().Cuts.Complete)
	run.Stop()
	if err := <-ended; !errors.Is(err, scheduler.ErrStopped) {
		return r, err
	}
	if r.More["cuts"] < 1 {
		return r, fmt.Errorf("there was no cut")
	}
	return r, nil
}
