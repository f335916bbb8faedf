package cli

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/cmd/flowrun/internal/stopsignal"
	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/history"
	"github.com/flowrun/flowrun/scheduler/metrics"
	"github.com/flowrun/flowrun/scheduler/supervise"
)

// A runCall is a call of the verb run.
type runCall struct {
	*call
	set     *assignments
	strict  strictness
	workers int
	serial  bool
	compare bool
	report  string // text, json, none or a file
	json    bool
	quiet   bool
	drain   time.Duration
	keep    bool // the record of the run
	page    pageFlags
	monitor monitorFlags
	events  eventsFlags

	partial bool
	noSync  bool

	path      string
	flow      *graph.Flow
	unwritten bool           // a file that the run should have written is as it was
	stop      chan os.Signal // what stops the run; the page sends some too
}

func runVerb(c *call) *cobra.Command {
	r := &runCall{call: c}
	verb := &cobra.Command{
		Use:     "run FLOW",
		GroupID: groupFlow,
		Short:   "Check a flow and run it, with progress and a report",
		Long: `Checks the flow, runs it on all cores and says what it did. On a terminal a line
for each node shows how it goes.

Data goes to standard output if a node writes to "-"; progress and the report go
to standard error. The first interrupt (ctrl-c) or termination stops the sources
and lets everything on its way finish; the second one ends the run at once.

Files get their names together, when the flow has succeeded and they are safe on the
disk. A flow that was stopped before a source had come to its end has not: its files
stay as they were, unless --partial says otherwise, and the call ends with 130 or 143.
What "append: true" adds to a file stays, also if the flow has failed.
A source that has no end of its own, such as a clock or a pipe, has done its job when it
is stopped.

With --compare-serial the flow runs twice: on one goroutine, one item at a time, and
on all cores. Their times are shown with the speed-up and the ideal, which is every
item at the pace of the slowest part and once the way through the others; what they
wrote must be the same. The files left are those of the second run.

A flow with errors is not run, nor with --strict one with warnings: that ends with 2.`,
		Example: `  flowrun run flows/quickstart.yaml
  flowrun run flow.yaml -s YEAR=2026 --workers 8
  flowrun run flow.yaml --ui
  zcat big.jsonl.gz | flowrun run clean.yaml > clean.jsonl
  flowrun run flow.yaml --report run.json
  flowrun run flow.yaml --metrics 9464 --log json`,
		Args:              wantFlow(false),
		ValidArgsFunction: completeFlows,
		RunE: func(verb *cobra.Command, args []string) error {
			if err := r.validate(verb); err != nil {
				return err
			}
			r.path = args[0]
			heard := r.signals()
			defer heard.mute()
			r.stop = heard.c
			if r.compare {
				return compareCall{r}.compare()
			}
			return r.asEvent(r.run())
		},
	}
	f := verb.Flags()
	r.set = settable(verb)
	f.IntVar(&r.workers, "workers", 0, "workers of every node to which the flow gives no number (default: one, or one a core where the kind says so)")
	f.BoolVar(&r.serial, "serial", false, "run on one goroutine, one item at a time: the baseline to compare with")
	f.BoolVar(&r.compare, "compare-serial", false, "run the flow twice, serial and on all cores, and compare time and output; what it writes and sends, it does twice")
	r.strict.flag(verb)
	f.StringVar(&r.report, "report", "text", "the report at the end: text, json, none, or a `FILE` (.json: as JSON)")
	f.BoolVar(&r.json, "json", false, "the same as --report json")
	f.BoolVarP(&r.quiet, "quiet", "q", false, "print errors only, and what nodes of kind log print")
	durationFlag(f, &r.drain, "drain", 30*time.Second, "how long a stopped flow may take to finish what is on its way")
	f.BoolVar(&r.partial, "partial", false, "give files their names even if the flow was stopped before its end")
	f.BoolVar(&r.noSync, "no-sync", false, "do not wait until files are safe on the disk: faster with many small ones, but a power cut within the next half minute may lose or tear them")
	r.keepFlag(verb)
	r.page.flags(verb, r.command)
	r.monitor.flags(verb)
	r.events.flags(verb)
	verb.RegisterFlagCompletionFunc("report", cobra.FixedCompletions([]string{"text", "json", "none"}, cobra.ShellCompDirectiveDefault))
	return verb
}

func (r *runCall) keepFlag(verb *cobra.Command) {
	verb.Flags().BoolVar(&r.keep, "keep", false, "keep report and timeline in .flowrun/runs beside the flow, where "+r.command+" serve shows the last 50 runs (default: with --ui)")
	verb.Flags().Lookup("keep").DefValue = "false"
}

// validate checks flags against each other.
func (r *runCall) validate(verb *cobra.Command) error {
	given := verb.Flags().Changed
	switch {
	case given("workers") && r.workers < 1:
		return misuse("--workers %d: want 1 or more", r.workers)
	case r.serial && given("workers"):
		return misuse("--serial runs on one goroutine: --workers cannot be used with it")
	case r.compare && r.serial:
		return misuse("--compare-serial runs the flow both ways: --serial cannot be used with it")
	case r.compare && r.page.addr != "":
		return misuse("--compare-serial runs the flow twice, and a page shows one run").or("leave out --ui")
	case r.compare && r.keep:
		return misuse("--compare-serial runs the flow twice, and --keep keeps one run").or("leave out --keep")
	case r.compare && r.toFile():
		return misuse("--compare-serial prints what it found: --report %s cannot be used with it", r.report).or("--json gives it as JSON")
	case r.json && given("report") && r.report != "json":
		return misuse("--json and --report %s cannot be used together", r.report)
	case r.drain <= 0:
		return misuse("--drain %s: want a time such as 30s", r.drain)
	}
	if r.json {
		r.report = "json"
	}
	if r.toFile() && r.report != "-" && !strings.ContainsAny(r.report, `./\`) {
		return oneOf("report", r.report, "text", "json", "none")
	}
	if r.toFile() {
		if ext := strings.ToLower(filepath.Ext(r.report)); slices.Contains(otherReports, ext) {
			return misuse("--report %s: a report is a text, or JSON if the name of the file ends in .json", r.report).
				or("--report %s", shellWord(strings.TrimSuffix(r.report, filepath.Ext(r.report))+".json"))
		}
	}
	if !given("keep") {
		r.keep = r.page.addr != ""
	}
	if err := r.page.validate(given); err != nil {
		return err
	}
	if err := r.monitor.validate(r, given); err != nil {
		return err
	}
	return r.events.validate(r, given)
}

// otherReports are endings of names that promise another format than a report has.
var otherReports = []string{".csv", ".doc", ".docx", ".htm", ".html", ".jsonl", ".md", ".ndjson", ".pdf", ".png", ".svg", ".tsv", ".xls", ".xlsx", ".xml", ".yaml", ".yml", ".zip", ".gz"}

// toFile reports whether the report goes to a file besides standard error.
func (r *runCall) toFile() bool {
	return r.report != "text" && r.report != "json" && r.report != "none"
}

func (r *runCall) run() error {
	stdin := newStandardInput(r.stdin)
	flow, list, err := r.loadUnlessStopped(stdin.ahead())
	if err != nil {
		return err
	}
	if r.strict.forbids(list) {
		return r.refuse(list)
	}
	if r.forPeople() {
		r.print(list)
	} else if r.events.format == "json" {
		r.problems(list)
	}
	r.flow = flow
	out := newPipe(r.data())
	show := newProgress(r, out)
	run, err := scheduler.New(flow, r.registry, scheduler.Options{
		Workers: r.workers, Serial: r.serial, Stdin: stdin, Stdout: show.through(out), Log: r.logger(show), Events: r.eventLog(show),
		Partial: r.partial, NoSync: r.noSync,
	})
	if err != nil {
		return r.failure(err)
	}
	watched, err := openMonitor(r, run, show)
	if err != nil {
		return err
	}
	page, err := openPage(r, run)
	if err != nil {
		watched.end(&metrics.Report{})
		return err
	}
	defer page.close()
	defer page.linger(r)
	keep := newKeeper(r, run)
	report, err := r.drive(run, show, out)
	show.end()
	watched.end(&report)
	keep.save(report, err)
	if err != nil && out.broken.Load() {
		return said(codeBrokenPipe)
	}
	end := r.ending(err)
	if rerr := r.tell(run, report, list, end); rerr != nil && end == nil {
		return rerr
	}
	if end != nil && r.report == "json" {
		return said(end.(*ending).code) // the JSON says it all
	}
	return end
}

// loadPatience is how long a stopped call waits for a flow to be read: standard input, of
// which types are inferred, may be silent for good.
const loadPatience = time.Second

// loadUnlessStopped is loadWith for a call that may be stopped. A signal that comes
// meanwhile is for the run, which then ends before it has begun, and reports that.
func (r *runCall) loadUnlessStopped(stdin *bufio.Reader) (flow *graph.Flow, list diag.List, err error) {
	loaded := make(chan error, 1)
	go func() {
		var err error
		defer func() { loaded <- err }()
		defer caught(&err)
		flow, list = r.asking().loadWith(r.path, *r.set, stdin)
	}()
	select {
	case err := <-loaded:
		return flow, list, err
	case sig := <-r.stop:
		var echo stopsignal.Echo
		echo.Heard(time.Now())
		patience := time.After(loadPatience)
		for {
			select {
			case err := <-loaded:
				r.stop <- sig
				return flow, list, err
			case again := <-r.stop:
				if !echo.Of(time.Now()) {
					return nil, nil, &ending{code: codeOf(again), err: interruptError{again}}
				}
			case <-patience:
				return nil, nil, &ending{code: codeOf(sig), err: stopError{sig}}
			}
		}
	}
}

// refuse reports a flow that cannot run.
func (r *runCall) refuse(list diag.List) error {
	if r.report == "json" {
		r.writeSummary(&summary{Report: metrics.Report{Outcome: "refused", Error: r.strict.errRefused(list)}, Problems: list, Exit: codeOfProblems(list)})
		return said(codeOfProblems(list))
	}
	if r.events.format == "json" {
		r.problems(list)
		return &ending{code: codeOfProblems(list), err: fmt.Errorf("%s; nothing was run", tally(r.path, list))}
	}
	r.print(list)
	fmt.Fprintf(r.stderr, "%s; nothing was run\n", tally(r.path, list))
	return said(codeOfProblems(list))
}

// logger takes what kinds log.
func (r *runCall) logger(show progress) *slog.Logger {
	if events := r.eventLog(show); events != nil {
		return events.With("flow", r.flow.Name)
	}
	lines := newLineHandler(show.through(r.stderr), slog.LevelInfo)
	if r.quiet {
		lines.level = slog.LevelError
		lines.asked = func(node string) bool { // what a flow is to print is no progress
			n := r.flow.Node(node)
			return n != nil && n.Kind == "log"
		}
	}
	return slog.New(lines)
}

// An interruptError is the end of a run by signals before it could drain.
type interruptError struct{ sig os.Signal }

func (i interruptError) Error() string { return "ended by a second signal (" + i.sig.String() + ")" }

// A stopError is a stop of a run before its end.
type stopError struct{ sig os.Signal }

func (s stopError) Error() string {
	return "stopped before its end (" + s.sig.String() + ")"
}
func (s stopError) Unwrap() error { return scheduler.ErrStopped }

// killGrace is how long a killed run may take to end by itself. Then what it would leave
// behind is removed, and the process ends whatever its nodes do.
const killGrace = 100 * time.Millisecond

// drive runs the flow to its end and meanwhile shows how it goes and obeys
// signals.
func (r *runCall) drive(run *scheduler.Run, show progress, out *pipe) (metrics.Report, error) {
	// Caught, a broken pipe is an error of the write and not the end of the
	// process, so that temporary files can be removed.
	pipes := make(chan os.Signal, 1)
	signal.Notify(pipes, syscall.SIGPIPE)
	defer signal.Stop(pipes)

	used := metrics.CPUTime()
	s := supervise.Start(run, supervise.Options{Drain: r.drain, Grace: killGrace, Killed: out.kill})
	tick := time.NewTimer(show.next())
	defer tick.Stop()
	var first os.Signal // that stopped it
	var echo stopsignal.Echo
	for {
		select {
		case <-s.Done():
			result := s.Result()
			if !result.Abandoned {
				result.Report.Cores, result.Report.CPU = runtime.GOMAXPROCS(0), metrics.CPUTime()-used
			}
			r.unwritten = len(result.Report.Unwritten) > 0
			if first != nil && errors.Is(result.Err, scheduler.ErrStopped) {
				result.Err = stopError{first}
			}
			return result.Report, cmp.Or(result.Killed, result.Err)
		case sig := <-r.stop:
			_, page := sig.(pageSignal)
			switch {
			case sig == os.Signal(pageSignal{kill: true}), first != nil && !echo.Of(time.Now()):
				s.Kill(interruptError{sig})
			case first == nil:
				first = sig
				s.Stop()
				show.say(fmt.Sprintf("%s: sources stopped, finishing what is on its way (at most %s); once more to end at once", sig, r.drain))
				if !page {
					echo.Heard(time.Now())
				}
			}
		case <-tick.C:
			show.show(run.Stats())
			tick.Reset(show.next())
		}
	}
}

// ending turns the error of a run into that of the call.
func (r *runCall) ending(err error) error {
	if err == nil {
		return nil
	}
	if i, ok := errors.AsType[interruptError](err); ok {
		return &ending{code: codeOf(i.sig), err: err}
	}
	if s, ok := errors.AsType[stopError](err); ok {
		end := &ending{code: codeOf(s.sig), err: err}
		if r.unwritten {
			end.or("--partial gives files their names all the same")
		}
		return end
	}
	return r.failure(err)
}

// failure says where in the flow it failed, and what could be done about it.
func (r *runCall) failure(err error) *ending {
	end := &ending{code: codeFailed, err: err}
	if unreachable(err) {
		end.code = codeUnreachable
	}
	f, ok := errors.AsType[*scheduler.Failure](err)
	if !ok {
		if errors.Is(err, supervise.ErrNotDrained) {
			end.or("--drain 2m gives it more time")
		}
		return end
	}
	if !f.At.IsZero() {
		end.err, end.excerpt = fmt.Errorf("%s: %w", f.At, err), f.Excerpt()
	}
	end.cause = f.Hint()
	if f.Item != "" {
		end.or("on_error: skip leaves such items out, on_error: dead sends them to %s.%s", f.Node, graph.ErrorPort)
	}
	return end
}

// unreachable reports whether something outside could not be reached.
func unreachable(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	if _, ok := errors.AsType[nodes.AwayError](err); ok {
		return true
	}
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

// tell writes the report.
func (r *runCall) tell(run *scheduler.Run, report metrics.Report, list diag.List, end error) error {
	s := summarize(report)
	s.path, s.command, s.Problems, s.Acks = r.path, r.command, list, acksOf(r.flow)
	s.Failures = history.Failures(run, report)
	if e, ok := errors.AsType[*ending](end); ok {
		s.Exit = e.code
		if s.Outcome == "running" { // the run did not end in time
			s.Outcome = "failed"
		}
		if s.Error == "" {
			s.Error = e.err.Error()
		}
	}
	if r.toFile() {
		if err := r.writeReport(s); err != nil {
			return err
		}
	}
	switch {
	case r.report == "json":
		return r.writeSummary(s)
	case r.report != "none" && r.forPeople():
		return s.writeText(r.stderr, r.ink(r.stderr))
	}
	return nil
}

func (r *runCall) writeReport(s *summary) error {
	write := func(w io.Writer) error { // which was not there when the warnings were printed
		told := *s
		for _, d := range s.Problems {
			told.Warnings = append(told.Warnings, d.Error())
		}
		return told.writeText(w, false)
	}
	if filepath.Ext(r.report) == ".json" || r.report == "-" {
		write = s.writeJSON
	}
	if r.report == "-" {
		return write(r.stdout)
	}
	return writeWhole(r.report, write)
}
