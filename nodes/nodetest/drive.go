package nodetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/nodes"
)

// A driver calls an operator itself, without an engine: one call at a time, with one
// worker. What the operator gives is kept as lines, one for each item.
type driver struct {
	parts nodes.Parts
	work  nodes.Worker // nil: the operator has no parallel part
	lines []string
	done  bool // the operator wants no more
}

// operator makes the operator of a node and finds its parts.
func (e *fixture) operator(operators Operators, n *graph.Node) (nodes.Parts, error) {
	op, err := operators.Operator(n, &nodes.Env{
		Node: n, Flow: e.flow, Workers: 1, Stdin: e.stdin, Stdout: io.Discard, Log: slog.New(slog.DiscardHandler),
		Stopping: func() <-chan struct{} { return nil }, Shared: &nodes.Resources{}, Network: e.onNetwork(),
	})
	if err != nil {
		return nodes.Parts{}, err
	}
	return nodes.PartsOf(op)
}

// drive opens the operator of a node. restore, if not nil, is called when it is open and
// before anything else.
func (e *fixture) drive(ctx context.Context, operators Operators, id string, restore func(nodes.Parts) error) (*driver, error) {
	parts, err := e.operator(operators, e.flow.Node(id))
	if err != nil {
		return nil, err
	}
	d := &driver{parts: parts}
	if parts.Starter != nil {
		err = parts.Starter.Open(ctx)
	}
	if err == nil && restore != nil {
		err = restore(parts)
	}
	if err == nil && parts.Parallel != nil {
		d.work, err = parts.Parallel.NewWorker(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// give lets the operator work on an input.
func (d *driver) give(ctx context.Context, in nodes.Input) error {
	if d.work != nil {
		made, err := d.work.Work(ctx, in, d)
		if err != nil || made == nil {
			return err
		}
		in.Made = made
	}
	return d.parts.Process(ctx, in, d)
}

func (d *driver) close() error {
	var errs []error
	if c, ok := d.work.(nodes.Closer); ok {
		errs = append(errs, c.Close())
	}
	if d.parts.Closer != nil {
		errs = append(errs, d.parts.Closer.Close())
	}
	return errors.Join(errs...)
}

// Emit implements nodes.Out.
func (d *driver) Emit(port int, data record.Data) error {
	defer data.Release()
	for i := range data.Len() {
		d.lines = append(d.lines, fmt.Sprintf("%d: %s", port, text(data, i)))
	}
	return nil
}

// Bad implements nodes.Out.
func (d *driver) Bad(item nodes.BadItem) error {
	d.lines = append(d.lines, fmt.Sprintf("bad: %s %s:%d %v", item.Raw, item.File, item.Line, item.Err))
	return nil
}

// Filtered implements nodes.Out.
func (d *driver) Filtered(int) {}

// text gives an item as JSON.
func text(d record.Data, i int) []byte {
	switch d := d.(type) {
	case *record.Batch:
		return jsonl.NewEncoder(d.Type).AppendRow(nil, d, d.Row(i))
	case record.GoItems:
		if line, err := json.Marshal(d.At(i)); err == nil {
			return line
		}
		return fmt.Appendf(nil, "%+v", d.At(i))
	}
	return fmt.Appendf(nil, "%T", d)
}

// A pulledTask is a task that a source gave, with what came of it.
type pulledTask struct {
	lines []string
	after nodes.Position
	at    time.Time
}

// maxWaited bounds how long is waited for a source that has no more, and may have some later.
const maxWaited = time.Hour

// maxPulled bounds the tasks that are asked of a source, which may have no end.
const maxPulled = 40

// pull drives a source from a position on, nil for the beginning. ended says that there
// is no more.
func (e *fixture) pull(operators Operators, id string, from nodes.Position) (tasks []pulledTask, ended bool, err error) {
	ctx, stopWaiting := context.WithTimeout(e.t.Context(), maxWaited)
	defer stopWaiting()
	if e.world != nil {
		e.network = NewNetwork()
		var stop func()
		ctx, stop = context.WithCancel(ctx)
		defer stop()
		defer e.world.begin(e.t.Context(), e.network, stop)()
	}
	d, err := e.drive(ctx, operators, id, func(parts nodes.Parts) error {
		switch {
		case from == nil:
			return nil
		case parts.Seeker == nil:
			return errors.New("it gives positions, and has no method Seek to go on there")
		}
		return parts.Seeker.Seek(ctx, from)
	})
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	for len(tasks) < maxPulled {
		task, after, err := d.parts.Puller.Next(ctx)
		if err == nil {
			d.lines = nil
			err = d.give(ctx, nodes.Input{Made: task})
			tasks = append(tasks, pulledTask{d.lines, after, time.Now().Round(0)})
		}
		switch {
		case err == io.EOF:
			return tasks, true, d.endedForGood(ctx)
		case errors.Is(err, nodes.ErrDone):
			return tasks, true, nil
		case err != nil && ctx.Err() != nil: // its world has stopped it, or it waits
			return tasks, false, nil
		case err != nil:
			return tasks, false, err
		}
	}
	return tasks, false, nil
}

// endedForGood asks a source that has ended once more, as the engine does when the flow is
// stopped meanwhile, to learn whether it was cut short. One that drains, or has no end, is
// not asked.
func (d *driver) endedForGood(ctx context.Context) error {
	if d.parts.Drainer != nil || d.parts.Endless != nil && d.parts.Endless.Endless() {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := d.parts.Puller.Next(ctx); err != io.EOF {
		return fmt.Errorf("it had come to its end, and when it was asked once more, after a stop, it said %v in place of io.EOF", err)
	}
	return nil
}

// resumes compares, for the positions that a source gives, what comes after them with
// what comes of a fresh source that goes on there, at the time of the position.
func (c *conformance) resumes(id string) {
	defer func(before map[string]string) { c.files = before }(c.files)
	c.files = longer(c.files, record.ArenaSize)
	what := fmt.Sprintf("the source %s", id)
	var tasks []pulledTask
	var ended bool
	c.virtual(what, func(e *fixture) bool {
		var err error
		if tasks, ended, err = e.pull(c.registry, id, nil); err != nil {
			c.wrong("%s: %v", what, err)
		}
		return err == nil
	})
	step := 1 + len(tasks)/8
	for i := 0; i < len(tasks) && len(c.problems) == 0; i += step {
		if p := tasks[i]; p.after != nil {
			c.resumesAt(id, p, linesOf(tasks[i+1:]), ended)
		}
	}
}

// resumesAt compares the rest after one position. Where both were cut off, one of them
// has more lines.
func (c *conformance) resumesAt(id string, p pulledTask, want []string, ended bool) {
	what := fmt.Sprintf("the source %s, resumed after %q", id, p.after)
	c.virtual(what, func(e *fixture) bool {
		time.Sleep(time.Until(p.at))
		tasks, alsoEnded, err := e.pull(c.registry, id, p.after)
		got := linesOf(tasks)
		if !ended || !alsoEnded {
			n := min(len(got), len(want))
			got, want = got[:n], want[:n]
		}
		if err != nil {
			c.wrong("%s: %v", what, err)
		} else if wrong := differ(got, want); wrong != "" {
			c.wrong("%s: %s", what, wrong)
		}
		return err == nil
	})
}

func linesOf(tasks []pulledTask) []string {
	var lines []string
	for _, p := range tasks {
		lines = append(lines, p.lines...)
	}
	return lines
}

// differ says where lines differ, "" if they do not.
func differ(got, want []string) string {
	for i := range max(len(got), len(want)) {
		g, w := "the end", "the end"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			return fmt.Sprintf("item %d is\n%s\nwant\n%s", i+1, g, w)
		}
	}
	return ""
}

// longer gives files with their lines as often as it takes to be longer than size.
func longer(files map[string]string, size int) map[string]string {
	many := map[string]string{}
	for name, text := range files {
		one := map[string]string{name: text}
		many[name] = repeated(one, 1+size/max(1, len(text)))[name]
	}
	return many
}
