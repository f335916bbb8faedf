package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler"
)

// This file has the workload that reads files with cuts and without: what acknowledging
// costs.

// cutFlows read a file many times, so that it stays in the memory of the system: what it
// costs to read it again would be more than what is measured. Group has state, chain four
// trivial stages. Each has a pulse if it is asked for cuts: see slices.go.
var cutFlows = map[string]string{
	"jsonl": `
flow: late
types:
  Flight: {id: int, date: time, origin: string, destination: string, delay: int, distance: int}
nodes:
  flights: {use: file.read, with: {path: [FILES], as: Flight}}
  late: {use: filter, in: flights, with: {where: delay > 15}}
  cost: {use: map, in: late, with: {set: {cost: delay * distance}}}
  out: {use: file.write, in: cost, with: {path: "${OUT}"}}
`,
	"group": `
flow: group
types:
  Flight: {id: int, date: time, origin: string, destination: string, delay: int, distance: int}
nodes:
  flights: {use: file.read, with: {path: [FILES], as: Flight}}
  sums: {use: group, in: flights, with: {by: [origin, destination], set: {n: count(), delay: sum(delay), far: max(distance)}}}
  out: {use: file.write, in: sums, with: {path: "${OUT}"}}
`,
	"chain": `
flow: chain
nodes:
  numbers: {use: generate, with: {count: COUNT}}
  a: {use: map, in: numbers, with: {set: {n: n * 3 + 1}}}
  b: {use: map, in: a, with: {set: {n: n * 3 + 1}}}
  c: {use: map, in: b, with: {set: {n: n * 3 + 1}}}
  d: {use: map, in: c, with: {set: {n: n * 3 + 1}}}
  out: {use: group, in: d, with: {by: {k: n % 7}, set: {n: count()}}}
  file: {use: file.write, in: out, with: {path: "${OUT}"}}
`,
}

// cutsWorkload: what cuts cost in processor time, by how far they are apart. Time with them
// and time without take turns in runs that go on (see slices.go); the claim is the upper
// bound of the median of the ratios. Besides, a run with cuts gives what one without does.
func cutsWorkload(ctx context.Context, h *harness) error {
	in, _, err := h.flightsFile(h.size(2_000_000, 100_000))
	if err != nil {
		return err
	}
	out := h.output("cuts")
	for _, f := range []struct{ name, in string }{{"jsonl", in}, {"group", in}, {"chain", fmt.Sprint(h.size(5_000_000, 500_000))}} {
		if err := h.sameWithCuts(ctx, f.name, f.in, out); err != nil {
			return err
		}
		if err := h.cutsOf(ctx, f.name, f.in, out); err != nil {
			return err
		}
	}
	return nil
}

// sameWithCuts compares the results of a flow with cuts and without.
func (h *harness) sameWithCuts(ctx context.Context, flow, in, out string) error {
	without := ""
	for _, every := range []string{"0s", "1ms", "10ms"} {
		c := h.child("flowrun with cuts", flow, in, out, every)
		c.check = func() (string, error) { return hashFile(out) }
		m, err := h.run(ctx, c)
		switch {
		case err != nil:
			return err
		case without == "":
			without = m.result.Digest
		case without != m.result.Digest:
			return fmt.Errorf("%s with a cut every %s gave another result", flow, every)
		}
	}
	return nil
}

func (h *harness) cutsOf(ctx context.Context, flow, in, out string) error {
	fmt.Fprintf(h.out, "\n%s: CPU of an item with cuts, over that without\n", flow)
	pairs, each := h.size(20, 2), h.size(40, 4) // slices of each kind in a pair
	for _, e := range []struct {
		every  string
		target float64
	}{{"1s", 1.02}, {"100ms", 1.02}, {"10ms", 1.04}} {
		var ratios []float64
		var noise series
		cuts := 0.0
		for len(ratios) < pairs {
			m, err := h.run(ctx, h.child("cuts on and off", flow, in, out, e.every, fmt.Sprint(min(pairsOfARun, pairs)), fmt.Sprint(each)))
			if err != nil {
				return err
			}
			if err := os.Remove(out); err != nil && !os.IsNotExist(err) {
				return err
			}
			ratios = append(ratios, m.result.Ratios...)
			cuts += m.result.More["cuts"]
			noise = append(noise, m)
		}
		slices.Sort(ratios)
		median, upper := (ratios[(pairs-1)/2]+ratios[pairs/2])/2, upperMedian(ratios)
		fmt.Fprintf(h.out, "  every %-6s %5.0f cuts, %d pairs of %v: median %.3f, at most %.3f with 95 %%  (%.3f to %.3f)  others %.0f %%\n",
			e.every, cuts, pairs, time.Duration(2*each)*slice, median, upper, ratios[0], ratios[pairs-1], noise.median(others))
		h.claim(claim{text: fmt.Sprintf("%s: CPU with a cut every %s, upper bound of the median", flow, e.every), got: upper, unit: "x", target: e.target, most: true}, noise)
	}
	return nil
}

// hashFile hashes a file and removes it.
func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), os.Remove(path)
}

// upperMedian is the upper bound of the median of what sorted numbers are a sample of, with
// 95 %: the one at such a place that so few of n fair coins are hardly ever heads.
func upperMedian(sorted []float64) float64 {
	n := len(sorted)
	p, below := 1.0, 0.0 // of k heads; of fewer
	for range n {
		p /= 2
	}
	for k := range n {
		if below += p; below > 0.05 {
			return sorted[n-max(k, 1)]
		}
		p = p * float64(n-k) / float64(k+1)
	}
	return sorted[n-1]
}

// flowWithCuts takes a flow, its input, its output and the time between two cuts.
func flowWithCuts(args []string) (result, error) {
	every, err := time.ParseDuration(args[3])
	if err != nil {
		return result{}, err
	}
	run, err := cutRun(args[0], args[1], args[2], 4, scheduler.Cuts{Every: every})
	if err != nil {
		return result{}, err
	}
	start := time.Now()
	report, err := run.Run(context.Background())
	r := result{Seconds: time.Since(start).Seconds(), More: map[string]float64{}}
	if report.Cuts != nil {
		r.More["cuts"] = float64(report.Cuts.Complete)
	}
	return r, err
}

// cutRun makes a run of one of cutFlows that reads its input so many times.
func cutRun(name, in, out string, times int, cuts scheduler.Cuts, more ...nodes.Decl) (*scheduler.Run, error) {
	registry, err := nodes.NewRegistry(std.Nodes, more)
	if err != nil {
		return nil, err
	}
	text := strings.ReplaceAll(cutFlows[name], "FILES", strings.TrimSuffix(strings.Repeat(strconv.Quote(in)+", ", times), ", "))
	if n, err := strconv.Atoi(in); err == nil {
		text = strings.ReplaceAll(text, "COUNT", strconv.Itoa(n*times))
	}
	if len(more) > 0 {
		text += "  pulse: {use: pulse}\n"
	}
	f, list := graph.Load(diag.NewSource(name+".yaml", []byte(text)), registry, graph.Options{Set: map[string]string{"OUT": out}})
	if err := list.Err(); err != nil {
		return nil, err
	}
	return scheduler.New(f, registry, scheduler.Options{Cuts: cuts})
}
