package file

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/nodes"
)

// This file writes objects of stores as files are written: an object appears whole, when
// the run has succeeded or, with rotate, when it is complete.

// UseStores implements nodes.StoreUser.
func (k *writer) UseStores(stores map[string]nodes.StoreOpener) { k.stores = stores }

// isObject reports whether the path is an address.
func (k *writer) isObject() bool { return nodes.Scheme(k.Path.Value) != "" }

// An ObjectWriter writes rows to objects for kinds of other packs, as file.write does to
// files. Its methods are those of a settings struct.
type ObjectWriter struct{ writer }

// NewObjectWriter gives one that writes to an address, with stars for the values of split.
func NewObjectWriter(address config.Name, w Writing, store nodes.StoreOpener) *ObjectWriter {
	return &ObjectWriter{writer{Path: address, Writing: w, stores: map[string]nodes.StoreOpener{nodes.Scheme(address.Value): store}}}
}

// An objectTarget is an object that is being written.
type objectTarget struct {
	o     *writeOp
	w     nodes.ObjectWriter
	there bool // it is visible
}

// Write implements io.Writer.
func (t *objectTarget) Write(text []byte) (int, error) {
	if err := t.w.Write(t.o.ctx, text); err != nil {
		return 0, err
	}
	return len(text), nil
}

func (t *objectTarget) commit() error {
	if t.there {
		return nil
	}
	err := t.w.Commit(t.o.ctx)
	t.there = err == nil
	return err
}

func (o *writeOp) openStore() error {
	store, err := o.k.stores[nodes.Scheme(o.k.Path.Value)](o.env)
	if err != nil {
		return named(o.k.Path.Value, err)
	}
	o.store = store
	if o.k.split != nil || o.limits.on() {
		return nil
	}
	t, err := o.target("")
	if err != nil {
		return err
	}
	return t.wrong(t.object.w.Begin(o.ctx))
}

func (o *writeOp) createObject(address string) (*objectTarget, error) {
	w, err := o.store.Create(address, o.limits.on())
	if err != nil {
		return nil, err
	}
	return &objectTarget{o: o, w: w}, nil
}

// path gives a path in full; an address is as it is.
func (o *writeOp) path(p string) string {
	if o.store != nil {
		return p
	}
	return o.env.Path(p)
}

// rotatedObject gives the object that comes next: one with a number that none has.
func (o *writeOp) rotatedObject(address string) (string, error) {
	dir, base := path.Split(address)
	name, ext := splitExt(base)
	last := o.numbers[address]
	if last == 0 { // later, what others write is not looked for again
		found, err := o.store.Find(o.ctx, escapePattern(dir+name+"-")+"*"+escapePattern(ext))
		if err != nil {
			return "", named(address, err)
		}
		for _, object := range found {
			digits := strings.TrimSuffix(strings.TrimPrefix(object.Address, dir+name+"-"), ext)
			if n, err := strconv.ParseUint(digits, 10, 63); err == nil {
				last = max(last, n)
			}
		}
	}
	if o.numbers == nil {
		o.numbers = map[string]uint64{}
	}
	o.numbers[address] = last + 1
	return numbered(address, fmt.Sprintf("%06d", last+1)), nil
}

// escapePattern gives a pattern that a text alone matches.
func escapePattern(text string) string {
	var b strings.Builder
	for _, c := range text {
		if strings.ContainsRune(`*?[]{}\`, c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}

func (o *writeOp) sealObjects() error {
	for _, t := range o.order {
		if !t.object.there && t.whole {
			if err := t.object.w.Seal(o.ctx); err != nil {
				return t.wrong(err)
			}
		}
	}
	return nil
}

// commitObjects makes the objects visible, one after the other: unlike files, several
// objects cannot appear at once.
func (o *writeOp) commitObjects() error {
	var errs []error
	for _, t := range o.order {
		err := t.object.commit()
		if errs = append(errs, t.wrong(err)); err == nil {
			t.fresh = 0
		}
	}
	return errors.Join(append(errs, o.store.Close())...)
}

// abortTime bounds how long a run that has failed tries to take back what it has uploaded.
const abortTime = 10 * time.Second

func (o *writeOp) abortObjects() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.ctx), abortTime)
	defer cancel()
	var errs []error
	if o.store == nil {
		return nil
	}
	for _, t := range o.order {
		if t.object != nil && !t.object.there {
			errs = append(errs, t.wrong(t.object.w.Abort(ctx)))
		}
	}
	return errors.Join(append(errs, o.store.Close())...)
}

// acknowledged reports whether a source of the flow acknowledges.
func acknowledged(f *graph.Flow) bool {
	return slices.ContainsFunc(f.Nodes, func(n *graph.Node) bool { return n.Acknowledges() && n.Engine.Ack != graph.AckEarly })
}

// A holdingWrite is a writeOp behind a source that acknowledges, of objects that are
// rotated: a row is there for good when its object is complete, which may be many cuts
// after the row has come. So it says what it holds, for which it must do all in order.
type holdingWrite struct {
	op     *writeOp
	worker nodes.Worker
	given  int
	since  map[*target]int // items that were given before the first row of an object
}

var (
	_ nodes.Starter   = (*holdingWrite)(nil)
	_ nodes.Ender     = (*holdingWrite)(nil)
	_ nodes.Timed     = (*holdingWrite)(nil)
	_ nodes.Flusher   = (*holdingWrite)(nil)
	_ nodes.Committer = (*holdingWrite)(nil)
	_ nodes.Laster    = (*holdingWrite)(nil)
	_ nodes.Holder    = (*holdingWrite)(nil)
)

// Open implements nodes.Starter.
func (h *holdingWrite) Open(ctx context.Context) (err error) {
	h.since = map[*target]int{}
	if h.worker, err = h.op.NewWorker(ctx); err != nil {
		return err
	}
	return h.op.Open(ctx)
}

// Process implements nodes.Operator.
func (h *holdingWrite) Process(ctx context.Context, in nodes.Input, out nodes.Out) (err error) {
	if in.Made, err = h.worker.Work(ctx, in, out); err != nil {
		return err
	}
	err = h.op.Process(ctx, in, out)
	for _, t := range h.op.order {
		if _, known := h.since[t]; !known && t.rows > 0 {
			h.since[t] = h.given
		}
	}
	h.given += in.Data.Len()
	return err
}

// Held implements nodes.Holder.
func (h *holdingWrite) Held() int {
	first := h.given
	for t, since := range h.since {
		if t.object.there {
			delete(h.since, t)
		} else {
			first = min(first, since)
		}
	}
	return h.given - first
}

// Due implements nodes.Timed.
func (h *holdingWrite) Due() time.Time { return h.op.Due() }

// OnTime implements nodes.Timed.
func (h *holdingWrite) OnTime(ctx context.Context, now time.Time, out nodes.Out) error {
	return h.op.OnTime(ctx, now, out)
}

// End completes the objects at once, so that what is in them can be acknowledged.
func (h *holdingWrite) End(ctx context.Context, _ nodes.EndedEdge, _ nodes.Out) error {
	h.op.ctx = ctx
	for value, t := range h.op.targets {
		if err := h.op.end(value, t); err != nil {
			return err
		}
	}
	h.op.turn = time.Time{}
	return nil
}

// Flush implements nodes.Flusher: what is not held is there.
func (h *holdingWrite) Flush(context.Context) error { return nil }

// Lasts implements nodes.Laster.
func (h *holdingWrite) Lasts() bool { return true }

// Seal implements nodes.Committer.
func (h *holdingWrite) Seal(ctx context.Context, epoch uint64) error { return h.op.Seal(ctx, epoch) }

// Commit implements nodes.Committer.
func (h *holdingWrite) Commit(ctx context.Context, epoch uint64) error {
	return h.op.Commit(ctx, epoch)
}

// Abort implements nodes.Committer.
func (h *holdingWrite) Abort(ctx context.Context) error { return h.op.Abort(ctx) }
