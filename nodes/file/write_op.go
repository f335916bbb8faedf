package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/internal/durable"
	"github.com/flowrun/flowrun/nodes"
)

// This file is how file.write runs.

// Operator turns batches into text on all workers and writes in order.
func (k *writer) Operator(env *nodes.Env) (nodes.Operator, error) {
	if err := env.MayWrite(); err != nil {
		return nil, err
	}
	o := &writeOp{k: k, env: env, t: env.In("in"), targets: map[string]*target{}}
	if k.Rotate != nil {
		o.limits = *k.Rotate
	}
	env.Outputs, env.Unkept = o.outputs, o.unkept
	if k.endsAlone() && acknowledged(env.Flow) {
		return &holdingWrite{op: o}, nil
	}
	return o, nil
}

// A writeOp is a running file.write. All but pool belongs to the serial part.
type writeOp struct {
	k       *writer
	env     *nodes.Env
	t       *types.Type
	limits  rotate // of a file; zero: none
	pool    sync.Pool
	set     *durable.Set    // the files of the run
	store   nodes.Store     // of an address; nil: it writes files
	ctx     context.Context // of the call that works on objects now
	release func() error
	targets map[string]*target // by the value of split
	order   []*target          // as they came
	endless *bool              // whether the flow has no end of its own; nil: not asked yet
	due     time.Time          // when rows are published that no end will; zero: there are none
	turn    time.Time          // when the next file has had its time; zero: none will
	ended   []nodes.Output     // files that were rotated
	numbers map[string]uint64  // of objects, by their address without one
	pending int                // bytes of rows that wait for row groups of Parquet
}

// publishTime is how long rows that are added to a file by an endless flow wait at most.
const publishTime = time.Second

var (
	_ nodes.Starter   = (*writeOp)(nil)
	_ nodes.Parallel  = (*writeOp)(nil)
	_ nodes.Ender     = (*writeOp)(nil)
	_ nodes.Timed     = (*writeOp)(nil)
	_ nodes.Flusher   = (*writeOp)(nil)
	_ nodes.Committer = (*writeOp)(nil)
	_ nodes.Keeper    = (*writeOp)(nil)
)

// Open makes the file at once, so that a path that cannot be written stops the
// flow before anything is read.
func (o *writeOp) Open(ctx context.Context) (err error) {
	o.ctx = ctx
	if o.k.isObject() {
		return o.openStore()
	}
	if o.set, o.release, err = filesOf(ctx, o.env); err != nil {
		return err
	}
	if o.k.split != nil || o.limits.on() {
		return o.clear()
	}
	_, err = o.target("")
	if errors.Is(err, nodes.ErrDone) {
		return nil // the first row ends the node
	}
	return err
}

// clear removes what a run left that died, of any values of split.
func (o *writeOp) clear() error {
	path, err := filepath.Abs(o.env.Path(o.k.Path.Value))
	if err != nil {
		return err
	}
	if o.limits.on() {
		path = numbered(path, "*")
	}
	dirs, err := foldersOf(filepath.Dir(path))
	if err != nil {
		return err
	}
	parts := strings.Split(filepath.Base(path), "*")
	for _, dir := range dirs {
		dir = durable.BehindLinks(dir)
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		err = o.set.Clear(dir, func(name string) bool { return fits(name, parts) })
		if err != nil {
			return named(nodes.ShortPath(dir), err)
		}
	}
	return nil
}

// target gives the file for a value of split.
func (o *writeOp) target(value string) (*target, error) {
	if t := o.targets[value]; t != nil {
		return t, nil
	}
	switch {
	case len(o.targets) < o.k.MaxFiles:
	case o.limits.on():
		if err := o.makeRoom(); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("split makes more than %d files; raise max_files if that is intended", o.k.MaxFiles)
	}
	path := o.path(o.k.Path.Value)
	if o.k.split != nil {
		path = o.path(filledIn(o.k.Path.Value, strings.Split(value, separator)))
	}
	size, create := bufferSize, o.create
	if o.k.split != nil {
		size = splitSize
	}
	if o.limits.on() {
		create = o.createNext
	}
	t, err := create(path, size)
	if err != nil {
		return nil, err
	}
	o.targets[value] = t
	o.order = append(o.order, t)
	o.begin(t)
	if o.adds(t) {
		return t, nil
	}
	return t, t.write(o.head(), 0)
}

// adds reports whether rows are added to what a target has.
func (o *writeOp) adds(t *target) bool { return o.k.Append && t.file != nil }

// NewWorker makes what turns batches into parts.
func (o *writeOp) NewWorker(context.Context) (nodes.Worker, error) {
	encode := o.k.encoder(o.t)
	if o.k.split == nil {
		return nodes.WorkFunc(func(_ context.Context, in nodes.Input, _ nodes.Out) (any, error) {
			b := in.Data.(*record.Batch)
			parts, _ := o.pool.Get().(*[]part)
			if parts == nil {
				parts = &[]part{{}}
			}
			p := &(*parts)[0]
			p.rows = b.Len()
			encode(p, b)
			return parts, nil
		}), nil
	}
	return newSplitter(o.k, encode), nil
}

// Process writes parts in the order of the input.
func (o *writeOp) Process(ctx context.Context, in nodes.Input, _ nodes.Out) error {
	o.ctx = ctx
	parts := in.Made.(*[]part)
	for _, p := range *parts {
		t, err := o.target(p.value)
		if err != nil {
			return err
		}
		text := p.text
		if o.k.format == formatJSON {
			text = arrayItems(text, t.rows == 0)
		}
		if o.k.format.isTable() {
			err = o.addTable(t, &p)
		} else {
			err = t.write(text, p.rows)
		}
		if err != nil {
			return err
		}
		if o.env.Staged != nil && o.adds(t) {
			o.env.Staged(int64(len(text)))
		}
		if o.limits.Bytes > 0 && t.size() >= int64(o.limits.Bytes) {
			if err := o.end(p.value, t); err != nil {
				return err
			}
		}
	}
	if o.k.split == nil {
		o.pool.Put(parts)
	}
	if o.k.Append && o.due.IsZero() && o.goesOn() { // also where it is published at cuts: those may be far apart
		o.due = time.Now().Add(publishTime)
	}
	return nil
}

// WholeBatches implements nodes.Gatherer: rows of tables are packed together.
func (o *writeOp) WholeBatches() bool { return o.k.format.isTable() }

// goesOn reports whether the flow has no end of its own.
func (o *writeOp) goesOn() bool {
	if o.endless == nil {
		endless := o.env.Endless != nil && o.env.Endless()
		o.endless = &endless
	}
	return *o.endless
}

// Due implements nodes.Timed: rows of a flow that has no end are added to their file now
// and then, and files are rotated.
func (o *writeOp) Due() time.Time {
	if o.due.IsZero() || !o.turn.IsZero() && o.turn.Before(o.due) {
		return o.turn
	}
	return o.due
}

// OnTime publishes what was written since the last time, and rotates files that have had
// their time.
func (o *writeOp) OnTime(ctx context.Context, now time.Time, _ nodes.Out) error {
	o.ctx = ctx
	if !o.turn.IsZero() && !now.Before(o.turn) {
		if err := o.rotate(now); err != nil {
			return err
		}
	}
	if o.due.IsZero() || now.Before(o.due) {
		return nil
	}
	return o.publish()
}

// publish gives what was written since the last time: it adds rows to their files, those of
// a node that is about to end too, and lets none of what is written directly wait in a
// buffer.
func (o *writeOp) publish() error {
	o.due = time.Time{}
	var added []*target
	for _, t := range o.order {
		if t.object != nil || t.file != nil && !o.k.Append || t.fresh == 0 || t.ended && !t.whole {
			continue
		}
		if !t.ended {
			if err := t.press(); err != nil {
				return t.wrong(err)
			}
			if err := t.goOn(); err != nil {
				return t.wrong(err)
			}
		}
		if t.file != nil {
			added = append(added, t)
		} else {
			t.fresh = 0
		}
	}
	return o.add(added)
}

// add adds what targets hold to their files.
func (o *writeOp) add(targets []*target) error {
	if len(targets) == 0 {
		return nil
	}
	var files []*durable.File
	for _, t := range targets {
		files = append(files, t.file)
	}
	if err := o.set.Publish(files...); err != nil {
		return wrongFile(err)
	}
	for _, t := range targets {
		t.fresh = 0
	}
	return nil
}

// Keep implements nodes.Keeper: rows that were to be added to a file are, as a log has what
// was told before something went wrong, and what is written directly does not end in a
// buffer. A file that could not be written before gets no half rows.
func (o *writeOp) Keep(context.Context) error {
	var errs []error
	var added []*target
	for _, t := range o.order {
		if t.object != nil || t.broken || t.fresh == 0 || t.path == "-" || t.file != nil && !o.k.Append {
			continue
		}
		if !t.ended {
			if err := t.press(); err != nil {
				errs = append(errs, t.wrong(err))
				continue
			}
			t.ended, t.whole = t.file != nil, true
		}
		if t.file != nil {
			added = append(added, t)
		} else {
			t.fresh = 0
		}
	}
	err := errors.Join(append(errs, o.add(added))...)
	if errors.Is(err, nodes.ErrDone) {
		return nil // nobody reads on
	}
	return err
}

// unkept counts the rows of files that are not there.
func (o *writeOp) unkept() (lost, unsure int64) {
	for _, t := range o.order {
		if t.path != "-" {
			lost += t.fresh
		}
	}
	return lost, 0
}

// End completes the files: they are whole then, and still have no name.
func (o *writeOp) End(ctx context.Context, _ nodes.EndedEdge, _ nodes.Out) error {
	o.ctx = ctx
	return o.finish()
}

// finish completes the files that are not. It is ErrDone where somebody did not want
// to read the last of it.
func (o *writeOp) finish() error {
	o.due, o.turn = time.Time{}, time.Time{}
	var done error
	for _, t := range o.order {
		switch err := t.finish(o.tail(t)); {
		case errors.Is(err, nodes.ErrDone):
			done = err
		case err != nil:
			return err
		}
	}
	return done
}

// tail is what ends a file.
func (o *writeOp) tail(t *target) string {
	switch {
	case o.k.format != formatJSON:
		return ""
	case t.rows == 0:
		return "[]\n"
	}
	return "\n]\n"
}

// Lasts implements nodes.Laster: what is added to a file stays there whatever becomes of
// the run.
func (o *writeOp) Lasts() bool {
	_, withholds := o.k.Withholds(o.env.Path)
	return !withholds
}

// Flush implements nodes.Flusher. Where sources acknowledge what was flushed, it is
// published; else it is only safe from those who read along.
func (o *writeOp) Flush(ctx context.Context) error {
	o.ctx = ctx
	if acks := o.env.Acknowledges; acks != nil && acks() {
		if err := o.publish(); !errors.Is(err, nodes.ErrDone) {
			return err
		}
		return nil
	}
	for _, t := range o.order {
		if err := t.flush(); err != nil && !errors.Is(err, nodes.ErrDone) {
			return err
		}
	}
	return nil
}

// Seal completes what a node that was done early has left open, and makes all safe.
func (o *writeOp) Seal(ctx context.Context, _ uint64) error {
	o.ctx = ctx
	if err := o.finish(); err != nil && !errors.Is(err, nodes.ErrDone) {
		return err
	}
	if o.store != nil {
		return o.sealObjects()
	}
	var files []*durable.File
	for _, t := range o.order {
		if t.file != nil && t.whole {
			files = append(files, t.file)
		}
	}
	return wrongFile(o.set.Seal(files...))
}

// Commit gives the files of the run their names: the first node does so for all.
func (o *writeOp) Commit(ctx context.Context, _ uint64) error {
	if o.ctx = ctx; o.store != nil {
		return o.commitObjects()
	}
	err := o.mine(o.set.Commit())
	for _, t := range o.order {
		if err == nil || !o.k.Append && t.named() {
			t.fresh = 0
		}
	}
	return errors.Join(err, o.let())
}

// mine leaves out of the errors of a commit those of other nodes' files, which they
// report themselves.
func (o *writeOp) mine(err error) error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, one := range all.Unwrap() {
			errs = append(errs, o.mine(one))
		}
		return errors.Join(errs...)
	}
	if f, ok := errors.AsType[*durable.FileError](err); ok && !slices.ContainsFunc(o.order, func(t *target) bool { return t.path == f.Path }) {
		return nil
	}
	return wrongFile(err)
}

// Abort takes back what was not committed.
func (o *writeOp) Abort(ctx context.Context) error {
	if o.ctx = ctx; o.k.isObject() {
		return o.abortObjects()
	}
	var errs []error
	if o.set != nil {
		errs = append(errs, wrongFile(o.set.Abort()))
	}
	for _, t := range o.order {
		if t.direct != nil && !t.ended {
			t.direct.Close()
		}
	}
	return errors.Join(append(errs, o.let())...)
}

// let gives up what is shared with other nodes, once.
func (o *writeOp) let() error {
	if o.release == nil {
		return nil
	}
	release := o.release
	o.release = nil
	return release()
}

// wrongFile names a file as its user knows it.
func wrongFile(err error) error {
	if f, ok := errors.AsType[*durable.FileError](err); ok {
		return named(nodes.ShortPath(f.Path), f.Err)
	}
	return err
}

// outputs says what became of the files.
func (o *writeOp) outputs() []nodes.Output {
	all := slices.Clone(o.ended)
	for _, t := range o.order {
		if t.path != "-" && (t.named() || !o.k.Append || t.rows > 0) { // there was something to write
			all = append(all, nodes.Output{Path: shortPath(t.path), Written: t.named()})
		}
	}
	slices.SortFunc(all, func(a, b nodes.Output) int { return strings.Compare(a.Path, b.Path) })
	return all
}
