package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/advise"
	"github.com/flowrun/flowrun/scheduler/meter"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// An adviseCall is a call of the verb advise.
type adviseCall struct {
	*runCall
	plan   planFlags
	most   int
	length time.Duration
	try    bool
	write  bool

	src   *diag.Source
	input *standardInput // standard input of the flow
	once  *unreadInput   // stands in for the standard input of a flow that runs twice
}

func adviseVerb(c *call) *cobra.Command {
	a := &adviseCall{runCall: &runCall{call: c, drain: 30 * time.Second, report: "text"}}
	verb := &cobra.Command{
		Use:     "advise FLOW",
		GroupID: groupFlow,
		Short:   "Run a flow, say what bounds it, and propose what to change",
		Long: `Runs the flow once, as run does, and measures each node: whether it computes or
waits, and how much of it one worker at a time does. Says what bounds the flow, a
node, the source, the sink or the processor, and proposes workers with the gain that
is to be expected, as text and as a patch.

Files are written and services are called as in any run; only what goes to standard
output is thrown away, for the advice stands there. An endless flow is measured until
ctrl-c, or with --for. With --report nothing is run: the report of an earlier run is
taken, which tells less. Of a run that was stopped, by --for or ctrl-c, no file gets a
name.

A proposal is no guess: workers share the cores, so a node that computes is given no
more than there are, and one that waits as many as it takes for something else to
bound the flow. What queues and batches would gain can only be tried: --try runs the
flow once more, with the changes, and says what they gained.

--write changes the file: a number in its place, or a line; all else stays.`,
		Example: `  flowrun advise flow.yaml
  flowrun advise flow.yaml --for 30s --try
  flowrun advise flow.yaml --report run.json --json
  flowrun advise flow.yaml > advice.patch; patch -p0 < advice.patch`,
		Args:              wantFlow(false),
		ValidArgsFunction: completeFlows,
		RunE: func(verb *cobra.Command, args []string) error {
			if err := a.validate(verb, args[0]); err != nil {
				return err
			}
			a.path = args[0]
			heard := a.signals()
			defer heard.mute()
			a.stop = heard.c
			return a.advise()
		},
	}
	f := verb.Flags()
	a.set = settable(verb)
	a.plan.flags(verb)
	durationFlag(f, &a.length, "for", 0, "stop the sources after this time (default: run to the end)")
	f.IntVar(&a.most, "max-workers", 32, "propose at most this many workers for a node")
	f.BoolVar(&a.try, "try", false, "run the flow once more with the changes, and say what they gained")
	f.BoolVarP(&a.write, "write", "w", false, "make the changes in the file")
	f.BoolVar(&a.json, "json", false, "print JSON")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "show no progress")
	return verb
}

func (a *adviseCall) validate(verb *cobra.Command, path string) error {
	given := verb.Flags().Changed
	switch {
	case given("for") && a.length <= 0:
		return misuse("--for %s: want a time such as 30s", a.length)
	case a.most < 1:
		return misuse("--max-workers %d: want 1 or more", a.most)
	case a.plan.report != "" && (a.try || given("for")):
		return misuse("--report runs nothing: --try and --for cannot be used with it")
	case a.write && path == "-":
		return misuse("standard input cannot be written: --write needs a file")
	case given("cores") && a.plan.report == "":
		return misuse("--cores is for --report: a run uses the cores of this machine")
	}
	return a.plan.validate(verb)
}

// advice is what the verb finds: its JSON.
type advice struct {
	Flow       string          `json:"flow"`
	Cores      int             `json:"cores"`
	Items      int64           `json:"items"` // that the sources gave
	Took       time.Duration   `json:"took_ns"`
	Rate       float64         `json:"per_second"`
	CPU        float64         `json:"cores_used"`
	Bound      string          `json:"bound"`
	Node       string          `json:"node,omitempty"`
	Bottleneck string          `json:"bottleneck"`
	Nodes      []planNode      `json:"nodes"`
	Changes    []advise.Change `json:"changes"`
	Gain       float64         `json:"gain"`           // times faster with all changes whose gain is told
	Then       string          `json:"then,omitempty"` // what bounds the flow with the changes
	Notes      []string        `json:"notes,omitempty"`
	Trial      *trialRun       `json:"trial,omitempty"`
	Patch      string          `json:"patch,omitempty"`
	Written    bool            `json:"written,omitempty"`

	model *advise.Model
}

// A trialRun is a run with the changes.
type trialRun struct {
	Took time.Duration `json:"took_ns"`
	Rate float64       `json:"per_second"`
	Gain float64       `json:"gain"`
}

func (a *adviseCall) advise() error {
	if err := a.open(); err != nil {
		return err
	}
	flow, err := a.compile()
	if err != nil {
		return err
	}
	o, err := a.learn(flow)
	if err != nil {
		return err
	}
	m, err := a.plan.model(flow, o)
	if err != nil {
		return err
	}
	found := newAdvice(flow, m, o.Report, a.most)
	if a.try && len(found.Changes) > 0 {
		if err := a.tryOut(found); err != nil {
			return err
		}
	}
	if err := a.edit(flow, found); err != nil {
		return err
	}
	if a.json {
		return writeJSON(a.stdout, found)
	}
	return found.write(a.stdout, a.ink(a.stdout))
}

// open reads the flow, whose text is needed more than once.
func (a *adviseCall) open() error {
	src, list := a.loader().source(a.path)
	if src == nil {
		return a.refuse(list)
	}
	if a.src = src; a.try {
		a.once = &unreadInput{}
	}
	if a.json {
		a.report = "json"
	}
	return nil
}

// compile loads the flow anew, for each run needs one of its own.
func (a *adviseCall) compile() (*graph.Flow, error) {
	switch {
	case a.path == "-": // the flow came from there, and nothing else
		a.stdin = bytes.NewReader(a.src.Text)
		a.input = newStandardInput(strings.NewReader(""))
	case a.once != nil:
		a.input = newStandardInput(a.once)
	case a.input == nil:
		a.input = newStandardInput(a.stdin)
	}
	flow, list := a.asking().loadWith(a.path, *a.set, a.input.ahead())
	if a.once != nil && a.once.wanted {
		return nil, errOnce
	}
	if list.HasErrors() {
		return nil, a.refuse(list)
	}
	if !a.json && a.flow == nil {
		a.print(list)
	}
	return flow, nil
}

// learn gives what is to be judged by: a report, or a run.
func (a *adviseCall) learn(flow *graph.Flow) (advise.Options, error) {
	if a.plan.report != "" {
		o, err := a.plan.options(nil)
		o.Alone = aloneNodes(a.registry, flow)
		return o, err
	}
	report, gauge, err := a.measure(flow)
	if err != nil {
		return advise.Options{}, err
	}
	if summarize(*report).Rows == 0 {
		return advise.Options{}, misuse("the sources gave nothing, so there is nothing to judge by").or("advise needs a run with data")
	}
	o, err := a.plan.options(report)
	o.Alone, o.Free, o.Queue = gauge.Alone(), gauge.Free(), gauge.Queue()
	return o, err
}

// measure runs the flow with a meter.
func (a *adviseCall) measure(flow *graph.Flow) (*metrics.Report, *meter.Meter, error) {
	a.flow = flow
	gauge := meter.New(a.registry)
	out := newPipe(io.Discard)
	show := newProgress(a.runCall, out)
	run, err := scheduler.New(flow, gauge, scheduler.Options{
		Workers: a.plan.workers, Stdin: a.input, Stdout: out, Log: a.logger(show), Discard: true,
	})
	if err != nil {
		return nil, nil, a.failure(err)
	}
	if a.length > 0 {
		timer := time.AfterFunc(a.length, run.Stop)
		defer timer.Stop()
	}
	report, err := a.drive(run, show, out)
	show.end()
	if a.once != nil && a.once.wanted {
		return nil, nil, errOnce
	}
	if err != nil && !errors.Is(err, scheduler.ErrStopped) {
		end := a.ending(err)
		if terr := a.tell(run, report, nil, end); terr != nil {
			return nil, nil, terr
		}
		return nil, nil, end
	}
	gauge.Fill(&report)
	return &report, gauge, nil
}

// tryOut runs the flow with the changes.
func (a *adviseCall) tryOut(found *advice) error {
	flow, err := a.compile()
	if err != nil {
		return err
	}
	advise.Apply(flow, found.Changes)
	report, gauge, err := a.measure(flow)
	if err != nil {
		return err
	}
	if free := gauge.Free(); free > 0 && free < 0.8*float64(report.Cores) {
		found.Notes = append(found.Notes, fmt.Sprintf("other programs left %s of the %s to the trial", digits(free, false), plural(report.Cores, "core")))
	}
	rate := perSecond(summarize(*report).Rows, report.Took)
	found.Trial = &trialRun{report.Took, rate, rate / max(found.Rate, 1e-9)}
	return nil
}

// edit makes the patch, and the file itself if that is wanted. A change that cannot be
// made in the text without touching anything else is left to its author.
func (a *adviseCall) edit(flow *graph.Flow, found *advice) error {
	if len(found.Changes) == 0 {
		return nil
	}
	editor := newEditor(a.src)
	var made []advise.Change
	for _, c := range found.Changes {
		if c.Gain == 0 && (found.Trial == nil || found.Trial.Gain < 1.05) {
			continue // it may be of no use
		}
		if err := editor.change(c); err != nil {
			found.Notes = append(found.Notes, "not in the patch: "+err.Error())
			continue
		}
		made = append(made, c)
	}
	if len(made) == 0 {
		return nil
	}
	text, patch, err := editor.apply()
	if err != nil || !a.means(text, made) {
		found.Notes = append(found.Notes, "there is no patch: the settings are not written where they are used, so make the changes by hand")
		return nil
	}
	found.Patch = patch
	if !a.write {
		return nil
	}
	found.Written = true
	return writeText(a.path, text)
}

// means reports whether an edited text is the flow with the changes and no others.
func (a *adviseCall) means(text []byte, made []advise.Change) bool {
	load := func(text []byte) (*graph.Flow, bool) {
		flow, list := graph.Load(diag.NewSource(a.src.Name, text), a.registry, graph.Options{Set: *a.set, LookupEnv: lookupVariable, Stdin: a.input.ahead()})
		return flow, !list.HasErrors()
	}
	was, ok := load(a.src.Text)
	is, fine := load(text)
	if !ok || !fine || len(was.Nodes) != len(is.Nodes) || len(was.Edges) != len(is.Edges) {
		return false
	}
	advise.Apply(was, made)
	for i, n := range was.Nodes {
		m := is.Nodes[i]
		if n.ID != m.ID || n.Kind != m.Kind || n.Engine.Workers != m.Engine.Workers || n.Engine.Batch.Count != m.Engine.Batch.Count {
			return false
		}
	}
	for i, e := range was.Edges {
		if e.String() != is.Edges[i].String() || e.Contract.Capacity != is.Edges[i].Contract.Capacity {
			return false
		}
	}
	return true
}
