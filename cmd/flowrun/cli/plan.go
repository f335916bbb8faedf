package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/quantity"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler/advise"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file is the verb plan, with the flags that it shares with advise.

// planFlags are what the verbs plan and advise are told of a flow besides its file.
type planFlags struct {
	report  string
	cost    durations
	wait    durations
	rate    numbers
	gives   numbers
	workers int
	cores   int
}

func planVerb(c *call) *cobra.Command {
	p := &planFlags{}
	var asJSON bool
	verb := &cobra.Command{
		Use:     "plan FLOW",
		GroupID: groupFlow,
		Short:   "Predict speed, bottleneck and memory of a flow without running it",
		Long: `Says how a flow would run, and runs nothing: the order of its nodes, their workers,
how each expression is computed, what waits on the edges at most. With costs, from
the report of an earlier run (run --report run.json) or given, it predicts the
highest rate and names what bounds it.

No flow is faster than any of its parts: a node with w workers that takes t for an
item makes w/t a second; one goroutine at a time does the serial part of a node;
all that compute share the cores. A rate is in items of the sources a second. Where
no report says how many items leave a node, one does for each that comes in.

A kernel computes a column of a batch at a time, a closure row by row.`,
		Example: `  flowrun plan flow.yaml
  flowrun run flow.yaml --report run.json && flowrun plan flow.yaml --report run.json
  flowrun plan flow.yaml --cost large=3us --wait result=20ms --rate orders=500
  flowrun plan flow.yaml --report run.json --cores 16`,
		Args:              wantFlow(false),
		ValidArgsFunction: completeFlows,
	}
	set := settable(verb)
	f := verb.Flags()
	p.flags(verb)
	f.Var(&p.cost, "cost", "processor time that a node takes for an item: `NODE=TIME`; may be repeated")
	f.Var(&p.wait, "wait", "time for an item in which a worker of a node only waits: `NODE=TIME`; may be repeated")
	f.Var(&p.rate, "rate", "items a second that a source gives at most: `NODE=NUMBER`; may be repeated")
	f.Var(&p.gives, "gives", "items that leave a node for each that it takes: `NODE=NUMBER`; may be repeated")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	verb.RunE = func(_ *cobra.Command, args []string) error {
		if err := p.validate(verb); err != nil {
			return err
		}
		flow, err := c.need(args[0], *set)
		if err != nil {
			return err
		}
		plan, err := newFlowPlan(c.registry, flow, p)
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(c.stdout, plan)
		}
		return plan.write(c.stdout, c.ink(c.stdout))
	}
	return verb
}

// flags adds the flags that plan and advise share.
func (p *planFlags) flags(verb *cobra.Command) {
	f := verb.Flags()
	f.StringVar(&p.report, "report", "", "take costs from the JSON `FILE` of an earlier run: run --report FILE")
	f.IntVar(&p.workers, "workers", 0, "workers of every node to which the flow gives no number, as for run")
	f.IntVar(&p.cores, "cores", 0, "predict for a machine with this many cores (default: this one)")
	verb.MarkFlagFilename("report", "json")
}

func (p *planFlags) validate(verb *cobra.Command) error {
	given := verb.Flags().Changed
	switch {
	case given("workers") && p.workers < 1:
		return misuse("--workers %d: want 1 or more", p.workers)
	case given("cores") && p.cores < 1:
		return misuse("--cores %d: want 1 or more", p.cores)
	case given("report") && p.report == "":
		return misuse("--report needs the file of a report").orCall(diag.Hint{Verb: "run", Args: []string{"FLOW", "--report", "run.json"}, Rest: " writes one"})
	}
	return nil
}

// options makes those of the model, with the report if there is one.
func (p *planFlags) options(report *metrics.Report) (advise.Options, error) {
	o := advise.Options{
		Cores: p.cores, Workers: p.workers, Report: report,
		Cost: p.cost, Wait: p.wait, Rate: p.rate, Gives: p.gives,
	}
	if p.report != "" {
		r, err := readReport(p.report)
		if err != nil {
			return o, err
		}
		o.Report = r
	}
	if o.Cores == 0 {
		o.Cores = runtime.GOMAXPROCS(0)
	}
	return o, nil
}

// model makes the model of a flow.
func (p *planFlags) model(flow *graph.Flow, o advise.Options) (*advise.Model, error) {
	m, err := advise.New(flow, o)
	if unknown, ok := errors.AsType[*advise.UnknownNode](err); ok {
		return nil, misuse("%w", err).didYouMean(unknown.ID, unknown.Known)
	}
	if err != nil {
		end := misuse("%w", err)
		if p.report != "" {
			end = misuse("%s: %w", p.report, err)
		}
		return nil, end
	}
	return m, nil
}

// readReport reads what `run --report FILE` wrote.
func readReport(path string) (*metrics.Report, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, misuse("--report %s: %s", path, reason(err)).orCall(diag.Hint{Verb: "run", Args: []string{"FLOW", "--report", shellWord(path)}, Rest: " writes it"})
	}
	var r metrics.Report
	if err := json.Unmarshal(text, &r); err != nil || len(r.Nodes) == 0 {
		return nil, misuse("%s is not a report of a run as JSON", path).orCall(diag.Hint{Verb: "run", Args: []string{"FLOW", "--report", "run.json"}, Rest: " writes one"})
	}
	switch items := summarize(r).Rows; {
	case r.Outcome == "failed" || r.Outcome == "refused":
		return nil, misuse("%s: that run failed, so it does not say what the flow can do", path).or("use the report of a run that went well")
	case items == 0 || r.Took <= 0:
		return nil, misuse("%s: the sources of that run gave nothing, so it says nothing about costs", path).or("use the report of a run with data")
	}
	return &r, nil
}

// aloneNodes finds the nodes whose operators work on one goroutine, whatever the flow says.
// It makes the operators and opens none.
func aloneNodes(registry *nodes.Registry, flow *graph.Flow) map[string]bool {
	found := map[string]bool{}
	for _, n := range flow.Nodes {
		env := &nodes.Env{Node: n, Flow: flow, Workers: 1, Stdin: strings.NewReader(""), Stdout: io.Discard, Log: slog.New(slog.DiscardHandler)}
		op, err := registry.Operator(n, env)
		if err != nil {
			continue // run says what is wrong
		}
		_, parallel := op.(nodes.Parallel)
		found[n.ID] = !parallel
	}
	return found
}

// durations is a flag NODE=TIME that may be repeated.
type durations map[string]time.Duration

func (d *durations) String() string { return "" }
func (d *durations) Type() string   { return "NODE=TIME with a time above zero, such as parse=3us" }

func (d *durations) Set(text string) error {
	node, value, ok := strings.Cut(text, "=")
	t, err := quantity.Duration(value)
	if !ok || node == "" || err != nil || t <= 0 {
		return errors.New("want NODE=TIME")
	}
	if *d == nil {
		*d = durations{}
	}
	(*d)[node] = t
	return nil
}

// numbers is a flag NODE=NUMBER that may be repeated.
type numbers map[string]float64

func (n *numbers) String() string { return "" }
func (n *numbers) Type() string   { return "NODE=NUMBER with a number above zero, such as orders=500" }

func (n *numbers) Set(text string) error {
	node, value, ok := strings.Cut(text, "=")
	x, err := strconv.ParseFloat(strings.TrimSuffix(value, "/s"), 64)
	if !ok || node == "" || err != nil || !(x > 0) || math.IsInf(x, 0) {
		return fmt.Errorf("want NODE=NUMBER")
	}
	if *n == nil {
		*n = numbers{}
	}
	(*n)[node] = x
	return nil
}
