package flowtest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file runs a case, and compares how it ended with how it must.

// A failText is how a run must fail.
type failText struct {
	Node  config.Name `yaml:"node" doc:"The node that fails."`
	Error string      `yaml:"error" doc:"A part of the message."`

	at diag.Span
}

var failSchema = mustSchema(&failText{})

// DecodeConfig implements config.Decoder.
func (f *failText) DecodeConfig(v *config.Value, list *diag.List) {
	f.at = v.Span
	if v.Kind == config.Scalar {
		f.Error = v.Text
		return
	}
	failSchema.Decode(v, f, list)
}

// ConfigType implements config.Describer.
func (failText) ConfigType() (string, map[string]any) {
	return "text, or {node, error}", map[string]any{"anyOf": []any{map[string]any{"type": "string"}, failSchema.JSONSchema()}}
}

// A spanText is how long a run takes.
type spanText struct {
	Min *duration `yaml:"min" doc:"At least so long."`
	Max *duration `yaml:"max" doc:"At most so long."`

	at diag.Span
}

var spanSchema = mustSchema(&spanText{})

// DecodeConfig implements config.Decoder.
func (s *spanText) DecodeConfig(v *config.Value, list *diag.List) {
	s.at = v.Span
	if v.Kind != config.Scalar {
		spanSchema.Decode(v, s, list)
		return
	}
	var d duration
	d.DecodeConfig(v, list)
	s.Min, s.Max = &d, &d
}

// ConfigType implements config.Describer.
func (spanText) ConfigType() (string, map[string]any) {
	return "duration, or {min, max}", map[string]any{"anyOf": []any{map[string]any{"type": "string"}, spanSchema.JSONSchema()}}
}

// A Result is what came of a case.
type Result struct {
	// Differences are what did not come as expected; none: the case passed.
	Differences diag.List
	// Report is that of the run; its durations are virtual unless the case says
	// clock: real.
	Report metrics.Report
	// Took is the time on the wall.
	Took time.Duration
	// Coverage is what the case went through.
	Coverage Coverage
}

// errOverdue is why a run is ended that takes too long on the wall.
var errOverdue = errors.New("the test takes too long")

// maxVirtual bounds the virtual time of a case: a run that waits for ever ends.
const maxVirtual = 10 * 365 * 24 * time.Hour

// Run runs the case.
func (c *Case) Run() Result {
	begun := time.Now()
	done := make(chan Result, 1)
	overdue := new(atomic.Bool)
	c.overdue = overdue.Load
	defer time.AfterFunc(c.file.options.Limit, func() { overdue.Store(true) }).Stop()
	go func() { done <- c.run() }()
	var r Result
	// Whoever works sees overdue and ends; who waits for something outside does not.
	giveUp := time.NewTimer(c.file.options.Limit + cmp.Or(c.file.options.patience, c.file.options.Limit))
	defer giveUp.Stop()
	select {
	case r = <-done:
	case <-giveUp.C:
		r.Differences.Add(diag.Unexpected, c.text.Name.At, "%s: the run does not end within %s and does not react", c.Name, c.file.options.Limit).
			WithHint("on the virtual clock nothing times out while a node waits for something outside: stub that node, or write clock: real")
	}
	r.Took = time.Since(begun)
	return r
}

// run runs the case on its clock, and compares.
func (c *Case) run() (r Result) {
	var stdout bytes.Buffer
	var failure error
	defer func() {
		for _, e := range c.expects {
			e.release()
		}
	}()
	f := func() { r.Report, failure = c.execute(&stdout) }
	switch {
	case c.text.Clock == "real":
		f()
	case c.Virtual != nil:
		c.Virtual(f)
	default:
		if err := virtual(f); err != nil {
			r.Differences.Add(diag.Unexpected, c.text.Name.At, "%s: %v", c.Name, err)
			return r
		}
	}
	r.Coverage = coverageOf(c, r.Report)
	c.compare(&r, failure, stdout.String())
	return r
}

// execute runs the flow. Everything that a run makes is made here, because channels
// and timers belong to the clock under which they were made.
func (c *Case) execute(stdout *bytes.Buffer) (report metrics.Report, err error) {
	defer func() {
		if p := nodes.Recovered(recover()); p != nil {
			err = fmt.Errorf("%w\n%s", p, p.(*nodes.PanicError).Stack)
		}
	}()
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return report, err
	}
	run, err := scheduler.New(c.flow, c, scheduler.Options{Stdin: c.stdin, Stdout: stdout, SpillDir: c.dir, Partial: true, NoSync: true, NoAcks: true})
	if err != nil {
		return report, err
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), maxVirtual, fmt.Errorf("the run does not end: it waits for ever"))
	defer cancel()
	if c.text.Stop != nil {
		defer time.AfterFunc(time.Duration(*c.text.Stop), run.Stop).Stop()
	}
	report, err = run.Run(ctx)
	if errors.Is(err, scheduler.ErrStopped) { // as the case wants it
		err = nil
	}
	return report, err
}

// bounded makes sources end when the time on the wall is over. A timer of the wall
// cannot do it: nothing outside may touch what belongs to virtual time.
func (c *Case) bounded(ctx context.Context, call nodes.Call, out nodes.Out, next func(context.Context, nodes.Out) error) error {
	if call.Part == nodes.PartNext && c.overdue() {
		return errOverdue
	}
	return next(ctx, out)
}

// compare says what did not come as expected.
func (c *Case) compare(r *Result, failure error, stdout string) {
	list := &r.Differences
	c.compareEnd(list, failure)
	if s := c.text.Takes; s != nil {
		took := r.Report.Took.Round(time.Microsecond)
		switch {
		case s.Min != nil && took < time.Duration(*s.Min) || s.Max != nil && took > time.Duration(*s.Max):
			list.Add(diag.Unexpected, s.at, "the run takes %s, want %s", took, s)
		}
	}
	if failure != nil && c.text.Fails == nil {
		return // what did not come has its reason above
	}
	for _, e := range c.expects {
		*list = append(*list, e.differences()...)
	}
	for _, w := range c.writes {
		w.compare(c, stdout, failure == nil, list)
	}
}

// String gives what is wanted in words.
func (s *spanText) String() string {
	switch {
	case s.Min != nil && s.Max != nil && *s.Min == *s.Max:
		return time.Duration(*s.Min).String()
	case s.Min == nil && s.Max != nil:
		return "at most " + time.Duration(*s.Max).String()
	case s.Max == nil && s.Min != nil:
		return "at least " + time.Duration(*s.Min).String()
	}
	return fmt.Sprintf("%s to %s", time.Duration(*s.Min), time.Duration(*s.Max))
}

// compareEnd holds the end of the run against the one that is expected.
func (c *Case) compareEnd(list *diag.List, failure error) {
	want := c.text.Fails
	switch {
	case want == nil && errors.Is(failure, errOverdue):
		list.Add(diag.Unexpected, c.text.Name.At, "the run does not end within %s", c.file.options.Limit).
			WithHint("`stop: 10s` stops the sources after 10 virtual seconds; --limit gives the test more time")
	case want == nil && failure != nil:
		at := c.text.Name.At
		f, named := errors.AsType[*scheduler.Failure](failure)
		d := list.Add(diag.Unexpected, at, "the run fails: %v", failure)
		if named {
			if n := c.flow.Node(f.Node); n != nil {
				d.WithNote(n.At, "this node")
			}
		}
		d.WithHint("if it should, write `fails: MESSAGE`")
	case want != nil && failure == nil:
		list.Add(diag.Unexpected, want.at, "the run succeeds, but should fail")
	case want != nil:
		f, named := errors.AsType[*scheduler.Failure](failure)
		if want.Node.Value != "" && (!named || f.Node != want.Node.Value) {
			list.Add(diag.Unexpected, want.Node.At, "it is not %s that fails: %v", want.Node.Value, failure)
		}
		if !strings.Contains(failure.Error(), want.Error) {
			list.Add(diag.Unexpected, want.at, "the run fails with another message, want %q", want.Error).
				WithNote(diag.Span{}, "got %v", failure)
		}
	}
}
